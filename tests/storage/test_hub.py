"""Models of a hub: one revision's weights and texts, and what is said where it has none or does not answer."""

import pytest
from emoflow.errors import DownloadError
from emoflow.storage.hub import HubUnreachable, snapshot
from hub_server import serving_hub
from huggingface_hub import constants

FILES = {
    "config.json": b"{}",
    "vocab.txt": b"words",
    "model.safetensors": b"weights",
    "pytorch_model.bin": b"a pickle",
    "modeling_tiny.py": b"1 / 0",
    "README.md": b"text",
    "onnx/config.json": b"{}",
}
TINY = "owner/tiny"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with serving_hub() as each:
        each.models[TINY] = dict(FILES)
        monkeypatch.setattr(constants, "ENDPOINT", each.base)
        template = f"{each.base}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        yield each


def test_weights_and_texts_come_and_no_code(hub):
    hub.licences[TINY] = "mit"
    found = snapshot(TINY)
    assert found.revision == hub.commit(TINY) and found.licence == "mit"
    names = {path.name for path in found.folder.rglob("*")}
    assert names == {"config.json", "vocab.txt", "model.safetensors"}
    assert (found.folder / found.weights).read_bytes() == b"weights"


def test_files_of_two_revisions_are_not_mixed(hub, monkeypatch):
    first, second = "1" * 40, "2" * 40
    commits = iter([first, first, first, second])
    monkeypatch.setattr(hub, "commit", lambda model: next(commits, second))
    with pytest.raises(DownloadError, match="got a newer revision of owner/tiny meanwhile"):
        snapshot(TINY)


def test_what_is_here_is_not_fetched_again(hub):
    snapshot(TINY)
    hub.sent.clear()
    snapshot(TINY)
    assert not [path for path in hub.sent if "resolve" in path]


def test_a_pickle_comes_where_there_is_nothing_else_or_it_is_asked_for(hub):
    assert snapshot(TINY, weights="pytorch_model.bin").weights == "pytorch_model.bin"
    del hub.models[TINY]["model.safetensors"]
    assert snapshot(TINY).weights == "pytorch_model.bin"


def test_a_mirror_gets_no_login(hub, tmp_path, monkeypatch):
    (tmp_path / "token").write_text("hf_secret")
    snapshot(TINY)
    assert hub.logins == {"Bearer hf_secret"}
    hub.logins.clear()
    with serving_hub() as mirror:
        mirror.models[TINY] = dict(FILES)
        snapshot(TINY, mirror=mirror.base)
        assert mirror.asked and not mirror.logins


def test_a_mirror_over_http_is_refused():
    with pytest.raises(DownloadError, match=r"http://models\.example\.org: only https is accepted"):
        snapshot(TINY, mirror="http://models.example.org")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"name": "owner/nothing"}, "the hub has no model owner/nothing"),
        ({"revision": "0" * 40}, f"the hub has no revision {'0' * 40} of owner/tiny"),
    ],
)
def test_what_there_is_not_is_said(hub, asked, said):
    with pytest.raises(DownloadError, match=said) as raised:
        snapshot(**{"name": TINY, **asked})
    assert not isinstance(raised.value, HubUnreachable)


def test_without_weights_it_says_which_there_are(hub):
    del hub.models[TINY]["model.safetensors"]
    with pytest.raises(DownloadError, match=r"has no model\.safetensors of owner/tiny .*pytorch_model\.bin"):
        snapshot(TINY, weights="model.safetensors")


def test_a_gated_model_says_where_to_ask(hub):
    hub.gated.add(TINY)
    with pytest.raises(DownloadError, match="gives owner/tiny on request alone"):
        snapshot(TINY)


def test_a_hub_that_does_not_answer_is_told_apart(hub, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(HubUnreachable, match=r"the hub does not answer \(.*refused"):
        snapshot(TINY)


def test_a_proxy_s_refusal_counts_as_no_answer(hub):
    hub.status = 403
    with pytest.raises(HubUnreachable, match="the hub answers 403"):
        snapshot(TINY)


def test_offline_the_cache_is_used_and_nothing_asked(hub, monkeypatch):
    revision = snapshot(TINY).revision
    hub.asked.clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    for asked in ({}, {"revision": revision}):
        found = snapshot(TINY, **asked)
        assert found.revision == revision and (found.folder / "model.safetensors").is_file()
    for asked in ({"name": "owner/other"}, {"weights": "pytorch_model.bin"}):
        with pytest.raises(HubUnreachable, match=r"HF_HUB_OFFLINE is set, and .* is not in the hub's cache"):
            snapshot(**{"name": TINY, **asked})
    assert not hub.asked
