"""The logs of the servers that `emoflow ui` runs: appended to, rotated, and searched for errors that keep coming."""

import logging
import re
from collections import Counter
from itertools import chain
from logging.handlers import RotatingFileHandler
from pathlib import Path
from threading import Thread
from typing import IO

LOGS = Path(".emoflow/logs")
LARGEST = 5_000_000
"""Bytes after which a log becomes ``NAME.log.1``; that of before is dropped."""

STARTED = "--- started"
"""The line with which each start of the server begins: what stands above it is over."""

LATEST = 64_000
"""Bytes at a log's end that are searched."""

REPEATED = 3
"""How often an error must stand among them to be one that keeps coming."""

_FORMAT = logging.Formatter("%(asctime)s %(message)s")
_ERROR = re.compile(r"^(?:[\w.]+\.)?(?:\w*(?:Error|Exception))\b|\b(?:ERROR|CRITICAL)\b")


def write(lines: IO[str], path: Path) -> Thread:
    """Append lines to a log as they come, each with the time, in a thread of its own.

    Args:
        lines: a process's output; closed at its end.
        path: the log.

    Returns:
        The thread, which ends with the lines.
    """
    thread = Thread(target=_write, args=(lines, path), name=path.stem, daemon=True)
    thread.start()
    return thread


def _write(lines: IO[str], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    log = RotatingFileHandler(path, maxBytes=LARGEST, backupCount=1, encoding="utf-8")
    log.setFormatter(_FORMAT)
    try:
        with lines:
            for line in chain([STARTED], lines):
                log.emit(logging.makeLogRecord({"msg": line.rstrip("\n")}))
    finally:
        log.close()


def recurring_errors(path: Path) -> list[str]:
    """Errors that a server reports again and again.

    Args:
        path: its log.

    Returns:
        The lines that name an error and stand at least `REPEATED` times in the latest part of the log, since the
        server was started last, without their time; the most frequent first. Empty where there is no log.
    """
    if not path.is_file():
        return []
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LATEST))
        latest = file.read().decode("utf-8", errors="replace").rpartition(STARTED)[2].splitlines()
    errors = Counter(words for line in latest if _ERROR.search(words := _words(line)))
    return [words for words, count in errors.most_common() if count >= REPEATED]


def _words(line: str) -> str:
    """A line without what differs between two reports of the same error: times, and ids."""
    line = re.sub(r"\d{4}-\d\d-\d\d[ T][\d:,.]+|\b\d\d:\d\d:\d\d(?:[.,]\d+)?", "", line)
    return re.sub(r"\b[0-9a-f]{8}-[0-9a-f-]{27}\b|0x[0-9a-f]+", "…", line).strip(" |")
