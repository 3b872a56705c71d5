"""Asking a server whether it answers: the login, and what is reported of one that does not."""

import base64
import http.server
import threading

import pytest
from emoflow import reach


@pytest.fixture
def server(monkeypatch):
    """A server on loopback that answers with the login that it was sent; /gone is not found."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(404 if self.path == "/gone" else 200)
            self.end_headers()
            sent = self.headers.get("Authorization", "").removeprefix("Basic ")
            self.wfile.write(base64.b64decode(sent))

        def log_message(self, *_):
            return

    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # nothing listens there
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield f"127.0.0.1:{running.server_port}"
        running.shutdown()


def test_the_login_is_the_one_given_else_that_of_the_address(server):
    assert reach.get(f"http://{server}/") == b""
    assert reach.get(f"http://ann:s%3Acret@{server}/") == b"ann:s:cret"
    assert reach.get(f"http://ann:other@{server}/", login="bob:a:b") == b"bob:a:b"


def test_what_is_no_success_is_an_oserror(server):
    with pytest.raises(OSError, match="answers 404 Not Found") as raised:
        reach.get(f"http://{server}/gone")
    assert reach.problem(raised.value) == "answers 404 Not Found"
    with pytest.raises(OSError, match="refused"):
        reach.get("http://127.0.0.1:1/")
    for address in ("no address", "http://[/", "ftp://127.0.0.1/"):
        with pytest.raises((OSError, ValueError)):
            reach.get(address)
