"""A real HTTP server that answers as a Hugging Face hub does, as far as models are fetched from one."""

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


@dataclass
class Hub:
    """What a hub has: model → path → content, all at one commit; ``gated`` models are given on request alone.

    ``status`` is the answer to everything, where it is not None. ``held``: files of which half is sent, and no more.
    ``logins`` are the tokens that it was sent, ``sent`` the files whose content it gave.
    """

    models: dict[str, dict[str, bytes]] = field(default_factory=dict)
    licences: dict[str, str] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    status: int | None = None
    held: set[str] = field(default_factory=set)
    halted: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    asked: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    logins: set[str] = field(default_factory=set)
    base: str = ""

    def commit(self, model: str) -> str:
        return sha1(model.encode(), usedforsecurity=False).hexdigest()


@contextmanager
def serving_hub():
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            return

        def do_HEAD(self):
            self._answer()

        def do_GET(self):
            self._answer()

        def _answer(self):
            path = unquote(urlsplit(self.path).path)
            hub.asked.append(path)
            if login := self.headers.get("Authorization"):
                hub.logins.add(login)
            if hub.status is not None:
                self._send(hub.status, b"")
                return
            words = path.strip("/").split("/")
            api, words = words[0] == "api", words[2:] if words[0] == "api" else words
            model, rest = "/".join(words[:2]), words[2:]
            if model not in hub.models:
                self._send(404, b"", {"X-Error-Code": "RepoNotFound"})
            elif rest and rest[1] not in ("main", hub.commit(model)):
                self._send(404, b"", {"X-Error-Code": "RevisionNotFound"})
            elif api:
                self._info(model) if not rest or rest[0] == "revision" else self._tree(model)
            elif model in hub.gated:
                self._send(403, b"", {"X-Error-Code": "GatedRepo"})
            else:
                self._file(model, "/".join(rest[2:]))

        def _info(self, model):
            told = {"id": model, "sha": hub.commit(model)}
            told["siblings"] = [{"rfilename": path} for path in hub.models[model]]
            if model in hub.licences:
                told["cardData"] = {"license": hub.licences[model]}
            self._send(200, json.dumps(told).encode(), {"Content-Type": "application/json"})

        def _tree(self, model):
            files = [
                {"type": "file", "path": path, "size": len(content), "oid": sha256(content).hexdigest()}
                for path, content in hub.models[model].items()
            ]
            self._send(200, json.dumps(files).encode(), {"Content-Type": "application/json"})

        def _file(self, model, path):
            if path not in hub.models[model]:
                self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
                return
            content = hub.models[model][path]
            tags = {"ETag": f'"{sha256(content).hexdigest()}"', "X-Repo-Commit": hub.commit(model)}
            self._send(200, content, tags)

        def _send(self, status, body, headers=None):
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "HEAD":
                return
            if self.path.rpartition("/")[2] in hub.held:
                self.wfile.write(body[: len(body) // 2])
                hub.halted.set()
                hub.ended.wait()
                self.close_connection = True
                return
            hub.sent.append(self.path)
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.base = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
