"""A real HTTP server of some files, that can cut connections, be busy, change a file, and answer Git LFS."""

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Served:
    """What a server gives, and what it was asked.

    ``cuts``: path → after how many bytes each of the next answers ends, in turn. ``busy``: path → statuses of the
    next answers. ``tagged``: whether answers have an entity tag.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    cuts: dict[str, list[int]] = field(default_factory=dict)
    busy: dict[str, list[int]] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    tagged: bool = True
    ranges: bool = True
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    base: str = ""

    def object(self, content: bytes) -> bytes:
        """Keep a large file; returns its Git LFS pointer."""
        oid = sha256(content).hexdigest()
        self.objects[oid] = content
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n".encode()


@contextmanager
def serving():
    served = Served()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            return

        def do_GET(self):
            path, asked = self.path.partition("?")[0].lstrip("/"), self.headers.get("Range")
            served.asked.append((path, asked))
            if self._is_busy(path):
                return
            if path in served.redirects:
                self.send_response(302)
                self.send_header("Location", served.redirects[path])
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            held = {**served.files, **{f"objects/{oid}": each for oid, each in served.objects.items()}}
            if path not in held:
                self.send_error(404)
                return
            self._give(path, held[path], asked)

        def _is_busy(self, path):
            if not served.busy.get(path):
                return False
            self.send_response(served.busy[path].pop(0))
            self.send_header("Retry-After", "0")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return True

        def _give(self, path, content, asked):
            tag = f'"{sha256(content).hexdigest()[:8]}"'
            same = self.headers.get("If-Range") in (None, tag)
            start = (
                int(asked.removeprefix("bytes=").rstrip("-")) if asked and same and served.ranges else None
            )
            if start is not None and start >= len(content):
                self.send_error(416)
                return
            self.send_response(200 if start is None else 206)
            body = content[start or 0 :]
            self.send_header("Content-Length", str(len(body)))
            if served.tagged:
                self.send_header("ETag", tag)
            if start is not None:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.end_headers()
            if served.cuts.get(path):
                body = body[: served.cuts[path].pop(0)]
                self.close_connection = True
            self.wfile.write(body)

        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            served.asked.append((self.path.lstrip("/"), None))
            if self._is_busy(self.path.lstrip("/")):
                return
            told = [self._object(each) for each in asked["objects"]]
            body = json.dumps({"transfer": "basic", "objects": told}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/vnd.git-lfs+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _object(self, each):
            if each["oid"] not in served.objects:
                return {**each, "error": {"code": 404, "message": "Object does not exist"}}
            return {**each, "actions": {"download": {"href": f"{served.base}/objects/{each['oid']}"}}}

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.base = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
