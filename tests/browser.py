"""A headless Chromium that opens a page, as a reader does, and keeps what is downloaded from it."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE_S = 60


class Browser:
    """A page that is open.

    Attributes:
        downloads: the folder of what is downloaded.
    """

    def __init__(self, connection, downloads: Path):
        self._connection, self._count, self.downloads = connection, 0, downloads

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A method of the DevTools protocol."""
        self._count += 1
        self._connection.send(json.dumps({"id": self._count, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._connection.recv(timeout=PATIENCE_S))
            if answer.get("id") == self._count:
                assert "error" not in answer, answer
                return answer["result"]

    def run(self, script: str) -> Any:
        """The value of an expression in the page, evaluated as if the reader had clicked."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, userGesture=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def downloaded(self, count: int) -> list[Path]:
        """The files, once there are so many and each is whole."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            found = sorted(self.downloads.iterdir())
            if len(found) >= count and not any(path.suffix == ".crdownload" for path in found):
                return found
            time.sleep(0.05)
        raise AssertionError(f"{len(list(self.downloads.iterdir()))} of {count} files were downloaded")


@contextmanager
def opened(page: Path, folder: Path) -> Iterator[Browser]:
    """Chromium with a file open in it; ``folder`` is for its profile and downloads."""
    assert CHROMIUM
    profile, downloads = folder / "profile", folder / "downloads"
    downloads.mkdir(parents=True)
    started = subprocess.Popen(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--no-first-run",
         "--disable-background-networking", f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        with connect(_address(profile), proxy=None, max_size=None) as connection:
            browser = Browser(connection, downloads)
            browser.call(
                "Browser.setDownloadBehavior", behavior="allow", downloadPath=str(downloads.resolve())
            )
            browser.call("Page.navigate", url=page.resolve().as_uri())
            end = time.monotonic() + PATIENCE_S
            while browser.run("location.protocol + document.readyState") != "file:complete":
                assert time.monotonic() < end, "the page is not loaded"
                time.sleep(0.05)
            yield browser
    finally:
        started.kill()
        started.wait()


def _address(profile: Path) -> str:
    """Where the page can be spoken to, once Chromium listens."""
    from urllib.request import ProxyHandler, build_opener

    end, port = time.monotonic() + PATIENCE_S, profile / "DevToolsActivePort"
    while time.monotonic() < end:
        if port.is_file() and (lines := port.read_text().split()):
            listing = build_opener(ProxyHandler({})).open(
                f"http://127.0.0.1:{lines[0]}/json/list", timeout=PATIENCE_S
            )
            for page in json.loads(listing.read()):
                if page["type"] == "page":
                    return page["webSocketDebuggerUrl"]
        time.sleep(0.05)
    raise AssertionError("Chromium does not listen")
