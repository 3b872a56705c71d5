"""Where a model is found, what of it is refused, and what decides its digest."""

import json
import socket
import subprocess
import sys

import huggingface_hub
import pytest
import torch
from emoflow.encoders import ModelFiles, make
from emoflow.encoders.model_files import NO_MODELS
from emoflow.encoders.pretrained.folder import find
from emoflow.encoders.pretrained.spec import PretrainedSpec
from emoflow.errors import ParamsError, SettingsError
from emoflow.files import file_digest
from safetensors.torch import load_file, save_file
from tiny_models import one, save, voice

NAME = "owner/tiny-hubert"


@pytest.fixture
def folder(tmp_path):
    return save("hubert", tmp_path / "tiny-hubert")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Hugging Face's cache is an empty folder, and there is no network."""

    def refuse(*_):
        raise AssertionError("no encoder reaches for the network")

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(socket.socket, "connect", refuse)
    return tmp_path / "hub"


def stated(hf=NAME, **others):
    return {"hf": str(hf), "pooling": "mean"} | others


def change(folder, **keys):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | keys))


def in_cache(cache, folder, revision="c0ffee", branch="main"):
    """``folder`` as the hub's client keeps it."""
    repository = cache / f"models--{NAME.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True, exist_ok=True)
    (repository / "refs" / branch).write_text(revision)
    (repository / "snapshots").mkdir(exist_ok=True)
    return folder.rename(repository / "snapshots" / revision)


def test_a_folder_by_its_path(folder, monkeypatch):
    assert find(PretrainedSpec(str(folder), "mean"), NO_MODELS).path == folder
    monkeypatch.chdir(folder.parent)
    assert find(PretrainedSpec("tiny-hubert", "mean"), NO_MODELS).path.resolve() == folder
    assert find(PretrainedSpec("./tiny-hubert", "mean"), NO_MODELS).path.resolve() == folder


def test_fetched_encoders_come_before_the_cache(folder, cache, tmp_path):
    models, spec = ModelFiles(pretrained=tmp_path / "encoders"), PretrainedSpec(NAME, "mean")
    snapshot = in_cache(cache, folder)
    assert find(spec, models).path == snapshot
    fetched = save("hubert", tmp_path / "encoders" / NAME)
    assert find(spec, models).path == fetched


def test_a_model_of_which_the_cache_has_no_weights_is_absent(folder, cache):
    (folder / "model.safetensors").unlink()
    in_cache(cache, folder)
    with pytest.raises(SettingsError, match="emoflow encoders fetch"):
        find(PretrainedSpec(NAME, "mean"), NO_MODELS)


def test_nothing_heavy_is_imported_before_a_model_is_asked_for():
    code = (
        "import sys, emoflow.encoders, emoflow.encoders.pretrained.folder\n"
        "heavy = {'torch', 'transformers', 'huggingface_hub', 'PIL'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_revision_is_that_which_was_fetched_or_is_cached(folder, cache, tmp_path):
    models = ModelFiles(pretrained=tmp_path / "encoders")
    fetched = save("hubert", tmp_path / "encoders" / NAME)
    (fetched / "encoder.json").write_text(json.dumps({"revision": "v1"}))
    assert find(PretrainedSpec(NAME, "mean", revision="v1"), models).path == fetched
    with pytest.raises(
        SettingsError, match=r"at revision v2 is not here.*holds revision 'v1'.*encoders fetch"
    ):
        find(PretrainedSpec(NAME, "mean", revision="v2"), models)
    snapshot = in_cache(cache, folder, "c0ffee", "v2")
    assert find(PretrainedSpec(NAME, "mean", revision="v2"), models).path == snapshot
    assert find(PretrainedSpec(NAME, "mean", revision="c0ffee"), models).path == snapshot
    with pytest.raises(SettingsError, match="a folder, which has no revision"):
        find(PretrainedSpec(str(fetched), "mean", revision="v1"), models)


def test_an_absent_model_names_where_it_was_looked_for_and_the_command(tmp_path):
    models = ModelFiles(pretrained=tmp_path / "encoders")
    with pytest.raises(SettingsError) as caught:
        make([stated()], {}, modality="audio", models=models)
    said = str(caught.value)
    assert NAME in said and str(tmp_path / "encoders" / NAME) in said and "cache of Hugging Face" in said
    assert said.endswith(f"emoflow encoders fetch {NAME}")
    with pytest.raises(SettingsError, match="a folder that does not exist"):
        make([stated(tmp_path / "nowhere")], {})
    (tmp_path / "empty").mkdir()
    with pytest.raises(SettingsError, match=r"has no config\.json"):
        make([stated(tmp_path / "empty")], {})


def test_a_pickle_is_refused_with_a_safe_way(folder):
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    with pytest.raises(SettingsError, match=r"has no model\.safetensors$"):
        make([stated(folder)], {})
    torch.save(weights, folder / "pytorch_model.bin")
    with pytest.raises(
        SettingsError, match=r"model\.bin: a pickle.*weights_only=True.*emoflow encoders add .* --convert"
    ):
        make([stated(folder)], {})


@pytest.mark.parametrize(
    ("name", "modality", "reason"),
    [
        ("hubert", "text", r"features\.text\.encoders: tiny.* \(of audio\) cannot encode text"),
        ("bert", "audio", r"\(of text\) cannot encode audio"),
        ("vit", "audio", r"\(of face\) cannot encode audio"),
    ],
)
def test_a_model_of_another_modality_is_refused(name, modality, reason, tmp_path):
    with pytest.raises(ParamsError, match=reason):
        make([stated(save(name, tmp_path / "tiny"))], {}, modality=modality)


def test_an_architecture_that_is_not_for_encoding_is_refused(folder):
    change(folder, model_type="gpt2")
    with pytest.raises(
        SettingsError, match=r"architecture 'gpt2', which is not used.*wav2vec2.*dinov2.*BERT"
    ):
        make([stated(folder)], {})


def test_code_of_a_models_own_is_never_run(folder, tmp_path):
    (folder / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    change(folder, model_type="mine", auto_map={"AutoConfig": "code.Config", "AutoModel": "code.Model"})
    with pytest.raises(SettingsError, match=r"trust_remote_code\) are not run"):
        make([stated(folder)], {})
    assert not (tmp_path / "ran").exists()


def test_weights_of_another_architecture_are_refused(folder, tmp_path):
    other = save("bert", tmp_path / "bert")
    (folder / "model.safetensors").write_bytes((other / "model.safetensors").read_bytes())
    with pytest.raises(SettingsError, match=r"not those of the architecture 'hubert'.*are missing"):
        one(folder).encode_decoded([voice(1)])


def test_weights_of_another_size_are_named(folder):
    change(folder, hidden_size=32)
    with pytest.raises(SettingsError, match=r"of another shape: encoder\.layer_norm\.bias, "):
        one(folder).encode_decoded([voice(1)])


@pytest.mark.parametrize(
    ("layers", "reason"), [(4, "states 0 to 3"), (-5, "-1 to -4"), ({"last": 4}, "3 layers")]
)
def test_layers_that_the_model_does_not_have_are_refused(layers, reason, folder):
    with pytest.raises(ParamsError, match=reason):
        make([stated(folder, layers=layers)], {})[0].digest()


def test_a_name_is_a_folders_and_no_two_encoders_share_one(tmp_path):
    specs = [
        PretrainedSpec(hf, pooling, layers, revision)
        for hf in (
            NAME,
            "owner/tiny",
            "tiny",
            "owner--tiny/x",
            "./tiny",
            "models/own/tiny",
            f"{tmp_path}/tiny",
            "../tiny",
        )
        for pooling in ("mean", "mean-std", "none")
        for layers in (None, 1, -1, [1], [1, -1], {"last": 1}, "weighted")
        for revision in (None, "main", "refs/pr/1")
    ]
    names = [spec.name for spec in specs]
    assert len(set(names)) == len(names)
    for name in names:
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789._-@") and not name.startswith(".")
    assert PretrainedSpec(NAME, "mean-std", 8).name == "owner--tiny-hubert.layer8.mean-std"
    for spec in specs:
        assert PretrainedSpec(**spec.mapping()) == spec


def test_what_decides_the_tokens_decides_the_digest(folder, monkeypatch):
    first = one(folder).digest()
    assert first == one(folder).digest()
    assert one(folder).weights == file_digest(folder / "model.safetensors")
    assert one(folder, pooling="mean").digest() != first
    assert one(folder, layers=1).digest() != first
    monkeypatch.setattr("emoflow.media.audio.VERSION", 99)
    assert one(folder).digest() != first
    monkeypatch.undo()
    extractor = folder / "preprocessor_config.json"
    extractor.write_text(json.dumps(json.loads(extractor.read_text()) | {"do_normalize": False}))
    second = one(folder).digest()
    assert second != first
    weights = load_file(folder / "model.safetensors")
    next(iter(weights.values())).add_(1)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    assert one(folder).digest() not in (first, second)


def test_weights_that_are_not_those_that_were_fetched_are_refused(folder):
    right = file_digest(folder / "model.safetensors")
    (folder / "encoder.json").write_text(json.dumps({"name": "tiny", "sha256": right}))
    before = one(folder).digest()
    (folder / "encoder.json").write_text(json.dumps({"name": "tiny", "sha256": right, "licence": "MIT"}))
    assert one(folder).digest() == before  # what is said of a model does not change its tokens
    (folder / "encoder.json").write_text(json.dumps({"sha256": "0" * 64}))
    with pytest.raises(SettingsError, match="is not the file that was fetched"):
        one(folder).digest()


def test_weights_in_shards_are_one_model(folder, tmp_path):
    import transformers

    whole = one(folder).encode_decoded([voice(1)])
    parts = tmp_path / "parts"
    transformers.AutoModel.from_pretrained(folder).save_pretrained(parts, max_shard_size="20KB")
    (parts / "preprocessor_config.json").write_bytes((folder / "preprocessor_config.json").read_bytes())
    assert not (parts / "model.safetensors").exists()
    encoder = one(parts)
    assert (encoder.encode_decoded([voice(1)]) == whole).all()
    names = {path.name for path in encoder.folder.files}
    assert "model.safetensors.index.json" in names and len(encoder.folder.weights_files) > 2
    assert len(encoder.weights) == 64 and encoder.weights != one(folder).weights


def test_missing_files_of_the_processor_are_named(folder):
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(SettingsError, match="AutoFeatureExtractor finds no file that it can read"):
        one(folder).encode_decoded([voice(1)])


@pytest.mark.parametrize(
    ("stated", "near"),
    [
        ("whisper-tinny.en", "'whisper-tiny.en'"),
        ("min", "'mine'"),
        ("minilm-l6", None),  # known, and not here
        ("openai/whisper-tinny.en", None),  # a hub's names differ in a letter
        ("something-else", None),
    ],
)
def test_a_name_that_is_nowhere_found_is_told_the_nearest(tmp_path, monkeypatch, stated, near):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text("{}")
    with pytest.raises(SettingsError, match=f"emoflow encoders fetch {stated}$") as caught:
        find(PretrainedSpec(stated, pooling="mean"), ModelFiles(pretrained=tmp_path))
    assert ("Did you mean" in str(caught.value)) is (near is not None)
    assert (near or "") in str(caught.value)
