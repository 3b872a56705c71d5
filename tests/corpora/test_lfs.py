"""What a Git LFS server may answer, and what is refused of it."""

import httpx
import pytest
from emoflow.corpora.acquire.download import session
from emoflow.corpora.acquire.lfs import fetch_objects
from emoflow.corpora.pointers import Pointer
from emoflow.errors import CorpusError

OID = "a" * 64
HTTP = {"oid": OID, "actions": {"download": {"href": "http://files/a"}}}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({}, r"lfs/objects/batch: the answer is none of Git LFS's: \{\}"),
        ({"objects": [{"id": OID}]}, "none of Git LFS's"),
        ({"objects": [{"oid": OID, "actions": {"download": "https://files/a"}}]}, "none of Git LFS's"),
        ({"objects": [None]}, "none of Git LFS's"),
        ({"objects": []}, r"lfs does not give 1 object\(s\): a{12}… \(no address\)"),
        ({"objects": [{"oid": OID, "error": {"message": "gone"}}]}, r"a{12}… \(gone\)"),
        ({"objects": [HTTP]}, "lfs leads to http://files/a: corpora are fetched by https alone"),
    ],
)
def test_answers_that_give_nothing(tmp_path, monkeypatch, answer, said):
    asked = []

    def server(_, request):
        asked.append(request.url.host)
        return httpx.Response(200, json=answer)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", server)
    with session() as client, pytest.raises(CorpusError, match=said):
        fetch_objects([Pointer(OID, 1)], tmp_path, server="https://git/lfs", client=client)
    assert asked == ["git"] and not any(tmp_path.iterdir())
