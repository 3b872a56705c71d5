"""Fetching one file: whole or not there; cut off it goes on; the wrong bytes never get its name."""

import os
from hashlib import md5, sha256

import httpx
import pytest
from emoflow.errors import DownloadError
from emoflow.storage.download import ATTEMPTS, Remote, download, http_client, post_json
from file_server import serving
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CONTENT = os.urandom(300_000)
SIZE = len(CONTENT)
SHA256 = f"sha256:{sha256(CONTENT).hexdigest()}"
MD5 = f"md5:{md5(CONTENT, usedforsecurity=False).hexdigest()}"
NAME = "Audio.zip"


@pytest.fixture
def served():
    with serving() as server:
        server.files[NAME] = CONTENT
        yield server


@pytest.fixture
def client():
    with http_client() as each:
        yield each


def remote(served, *, digest=SHA256, size=SIZE):
    return Remote(NAME, (f"{served.base}/{NAME}?download=1",), digest, size)


def get(wanted, folder, client):
    return download(wanted, folder, client=client, show_progress=False, pause_s=0)


@pytest.mark.parametrize("digest", [SHA256, MD5, None], ids=["sha256", "md5", "none"])
def test_whole_and_nothing_beside_it(served, client, tmp_path, digest):
    path = get(remote(served, digest=digest), tmp_path, client)
    assert path == tmp_path / NAME and path.read_bytes() == CONTENT
    assert list(tmp_path.iterdir()) == [path]
    get(remote(served, digest=digest), tmp_path, client)
    assert len(served.asked) == 1  # what is there is not asked for again


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 120_000), max_size=4), tagged=st.booleans(), ranges=st.booleans())
def test_cut_connections_are_gone_on_with(served, client, tmp_path_factory, cuts, tagged, ranges):
    served.cuts[NAME], served.tagged, served.ranges = list(cuts), tagged, ranges
    path = get(remote(served), tmp_path_factory.mktemp("cut"), client)
    assert path.read_bytes() == CONTENT


def test_a_cut_asks_only_for_the_rest(served, client, tmp_path):
    served.cuts[NAME] = [100_000]
    get(remote(served), tmp_path, client)
    assert served.asked == [(NAME, None), (NAME, "bytes=100000-")]


def test_given_up_it_keeps_what_it_has_and_another_run_goes_on(served, client, tmp_path):
    served.cuts[NAME] = [100_000] + [0] * ATTEMPTS
    with pytest.raises(DownloadError, match=r"0\.1 MB of Audio\.zip are kept: run the same command again"):
        get(remote(served), tmp_path, client)
    assert not (tmp_path / NAME).exists()
    served.asked.clear()
    served.cuts.clear()
    assert get(remote(served), tmp_path, client).read_bytes() == CONTENT
    assert served.asked == [(NAME, "bytes=100000-")]


def test_a_file_that_changed_meanwhile_is_fetched_anew(served, client, tmp_path):
    served.cuts[NAME] = [100_000] + [0] * ATTEMPTS
    with pytest.raises(DownloadError):
        get(remote(served, digest=None, size=None), tmp_path, client)
    served.files[NAME] = changed = os.urandom(200_000)
    served.cuts.clear()
    assert get(remote(served, digest=None, size=None), tmp_path, client).read_bytes() == changed


def test_without_a_tag_or_a_digest_nothing_is_gone_on_with(served, client, tmp_path):
    served.tagged = False
    served.cuts[NAME] = [100_000]
    assert get(remote(served, digest=None, size=None), tmp_path, client).read_bytes() == CONTENT
    assert served.asked == [(NAME, None), (NAME, None)]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"digest": "md5:" + "0" * 32}, r"md5:\w{32}, expected md5:0{32}"),
        ({"size": 5}, "300000 bytes, expected 5"),
    ],
)
def test_other_bytes_are_thrown_away(served, client, tmp_path, wrong, said):
    with pytest.raises(DownloadError, match=said):
        get(remote(served, **wrong), tmp_path, client)
    assert list(tmp_path.iterdir()) == []


def test_what_is_complete_but_unchecked_is_checked(served, client, tmp_path):
    (tmp_path / f"{NAME}.part").write_bytes(CONTENT)
    assert get(remote(served), tmp_path, client).read_bytes() == CONTENT
    assert served.asked == [(NAME, "bytes=300000-")]


def test_a_part_longer_than_the_file_is_begun_anew(served, client, tmp_path):
    (tmp_path / f"{NAME}.part").write_bytes(CONTENT + b"more")
    assert get(remote(served), tmp_path, client).read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(served, client, tmp_path):
    served.busy[NAME] = [503, 429]
    assert get(remote(served), tmp_path, client).read_bytes() == CONTENT


def test_not_there_is_said_at_once_and_the_next_address_is_tried(served, client, tmp_path):
    gone = Remote(NAME, (f"{served.base}/gone.zip",))
    with pytest.raises(DownloadError, match=r"gone\.zip: the server answers 404 Not Found"):
        get(gone, tmp_path, client)
    assert len(served.asked) == 1
    both = Remote(NAME, (f"{served.base}/gone.zip", f"{served.base}/{NAME}"))
    assert get(both, tmp_path, client).read_bytes() == CONTENT


def test_nobody_there(client, tmp_path):
    with serving() as served:
        base = served.base
    with pytest.raises(DownloadError, match="run the same command again"):
        get(Remote(NAME, (f"{base}/{NAME}",)), tmp_path, client)


def test_a_redirection_is_followed(served, client, tmp_path):
    served.redirects["here"] = f"{served.base}/{NAME}"
    assert get(Remote(NAME, (f"{served.base}/here",)), tmp_path, client).read_bytes() == CONTENT


@pytest.mark.parametrize(
    "way", [["http://a/2"], ["http://a/2", "https://a/3"], ["https://a/2", "HTTP://a/3"]]
)
def test_https_never_leads_over_http(tmp_path, monkeypatch, way):
    asked = []

    def answer(_, request):
        asked.append(str(request.url))
        step = len(asked) - 1
        to = way[step : step + 1]
        return (
            httpx.Response(302, headers={"Location": to[0]}) if to else httpx.Response(200, content=CONTENT)
        )

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", answer)
    with (
        http_client() as client,
        pytest.raises(DownloadError, match=r"redirects to (?i:http)://a/\d: only https is accepted"),
    ):
        get(Remote(NAME, ("https://a/1",)), tmp_path, client)
    assert all(url.startswith("https:") for url in asked)
    assert not (tmp_path / NAME).exists()
    asked.clear()
    with http_client() as client, pytest.raises(DownloadError, match="only https"):
        post_json("https://a/1", {}, headers={}, client=client)


def test_more_than_the_disk_holds_is_not_begun(served, client, tmp_path):
    with pytest.raises(DownloadError, match="are free in"):
        get(remote(served, size=10**18), tmp_path, client)
    assert served.asked == []
