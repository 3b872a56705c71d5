"""What a Git LFS server may answer, and what is refused of it."""

import httpx
import pytest
from emoflow.corpora.acquire.git_lfs import download_objects
from emoflow.corpora.lfs_pointers import Pointer
from emoflow.errors import DownloadError
from emoflow.storage.download import http_client

OID = "a" * 64
HTTP = {"oid": OID, "actions": {"download": {"href": "http://files/a"}}}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({}, r"lfs/objects/batch: the answer is not that of a Git LFS server: \{\}"),
        ({"objects": [{"id": OID}]}, "not that of a Git LFS server"),
        (
            {"objects": [{"oid": OID, "actions": {"download": "https://files/a"}}]},
            "not that of a Git LFS server",
        ),
        ({"objects": [None]}, "not that of a Git LFS server"),
        ({"objects": []}, r"lfs does not serve 1 object\(s\): a{12}… \(no address\)"),
        ({"objects": [{"oid": OID, "error": {"message": "gone"}}]}, r"a{12}… \(gone\)"),
        ({"objects": [HTTP]}, "lfs refers to http://files/a: only https is accepted"),
    ],
)
def test_answers_that_give_nothing(tmp_path, monkeypatch, answer, said):
    asked = []

    def server(_, request):
        asked.append(request.url.host)
        return httpx.Response(200, json=answer)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", server)
    with http_client() as client, pytest.raises(DownloadError, match=said):
        download_objects([Pointer(OID, 1)], tmp_path, server="https://git/lfs", client=client)
    assert asked == ["git"] and not any(tmp_path.iterdir())
