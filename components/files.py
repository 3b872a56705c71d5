"""Atomic writing of files (temporary name, flush, rename), digests, locks, and folders for unfinished work."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

from .errors import WRITE_FAILURES, CorpusError

WORK = Path(".emoflow")
PARTIAL = ".partial"


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place when the block ends well, and is removed otherwise.

    The block may make a file or a folder at the path it is given. A folder that stood at ``path`` is replaced
    whole. Two processes that write the same path do not mix: the later one wins. What a killed process leaves
    beside it ends in ``.partial``, which DVC is told to ignore: a folder's digest does not change by it.

    Args:
        path: of the file or folder; its parents are made.

    Yields:
        The temporary path.

    Raises:
        OSError: it cannot be written; names ``path``, whichever library wrote.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    shown = path.name.encode()[:64].decode(errors="ignore")  # a name may be as long as names can be
    holder = Path(tempfile.mkdtemp(prefix=f".{shown}.", suffix=PARTIAL, dir=path.parent))
    temporary = holder / path.name
    try:
        with naming(path):
            yield temporary
        if temporary.is_file():
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
        if path.is_dir() and not path.is_symlink():
            path.rename(holder / "replaced")
        temporary.replace(path)
    finally:
        shutil.rmtree(holder, ignore_errors=True)


def as_new(path: Path) -> None:
    """Give a file the permissions of a new one, by the umask: safetensors writes files for their owner alone.

    Args:
        path: in a folder that nobody else writes to now.
    """
    new = path.with_name(f".{path.name}{PARTIAL}")
    try:
        new.touch()
        shutil.copymode(new, path)
    finally:
        new.unlink(missing_ok=True)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Errors of writing as an OSError with the path: pyarrow's lacks it, and safetensors has an error of its own."""
    try:
        yield
    except OSError as error:
        if error.filename is not None or error.errno not in WRITE_FAILURES:
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
    except Exception as error:
        from safetensors import SafetensorError

        number = re.search(r"\(os error (\d+)\)", str(error)) if isinstance(error, SafetensorError) else None
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error


def write_text(path: str | Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any) -> None:
    """JSON with sorted keys and no NaN, so that the same value is the same bytes and any reader can read it."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: str | Path) -> Any:
    return json.loads(Path(path).read_text(encoding="utf-8"))


def parse_yaml(text: str | bytes) -> Any:
    """A YAML 1.2 document, parsed as DVC parses it, which writes params.yaml and dvc.lock in this version.

    YAML 1.1 takes ``no`` and ``on`` for truth values, and DVC writes these words without quotes.

    Args:
        text: the document.

    Returns:
        Its value; None for an empty document.

    Raises:
        ValueError: it is not YAML, or names a key twice; says where.
    """
    from ruamel.yaml import YAML, YAMLError

    try:
        return YAML(typ="safe").load(text)
    except YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ValueError(f"{where}{problem or error}") from None


def yaml_word(word: str) -> str:
    """A word as a user should write it in YAML, in a list or a mapping of one line.

    Args:
        word: any text.

    Returns:
        The word, in double quotes where YAML 1.1 or 1.2 would take it for something else than this text.
    """
    import yaml

    plain = re.fullmatch(r"\w[\w-]*", word) and parse_yaml(word) == yaml.safe_load(word) == word
    return word if plain else json.dumps(word, ensure_ascii=False)


def write_table(path: str | Path, table) -> None:
    """A pandas table as Parquet, without its index. The same table is the same bytes."""
    with replacing(path) as temporary:
        table.to_parquet(temporary, index=False, engine="pyarrow", compression="zstd")


def csv_text(table, **options: Any) -> str:
    """A pandas table as CSV, without its index, safe to open in a spreadsheet.

    A text that a spreadsheet would run as a formula, since it begins with ``=``, ``+``, ``-``, ``@``, a tab or a line
    end, gets an apostrophe before it (OWASP, CSV injection). Numbers stay as they are.

    Args:
        table: the table.
        options: more of `pandas.DataFrame.to_csv`.

    Returns:
        The text, with ``\\n`` at the end of each line.
    """
    names = [name for name in table.columns if table[name].map(type).eq(str).any()]
    safe = {name: table[name].map(_not_a_formula) for name in names}
    return table.assign(**safe).to_csv(index=False, lineterminator="\n", **options)


def _not_a_formula(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    text = cell.replace("\r\n", "\n").replace(
        "\r", "\n"
    )  # pandas quotes no carriage return, which ends a line
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\n")) else text


def digest_of(value: Any) -> str:
    """The SHA-256 of a JSON value, keys sorted: 64 hexadecimal digits."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: str | Path) -> str:
    """The SHA-256 of a file's bytes: 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tree_digest(paths: list[str | Path]) -> str:
    """One SHA-256 over files and folders: their names, relative to each path given, and their bytes."""
    entries = []
    for path in map(Path, paths):
        files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
        entries += [
            [path.name, file.relative_to(path).as_posix() if file != path else "", file_digest(file)]
            for file in files
            if "__pycache__" not in file.parts
        ]
    return digest_of(entries)


def versions(packages: Iterable[str]) -> dict[str, str]:
    """The installed version of each distribution, "absent" for one that is not installed: part of a resume digest."""
    found = {}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "absent"
    return found


def work_folder(stage: str, digest: str) -> Path:
    """Where a stage keeps unfinished work, outside the outputs that DVC deletes before a re-run.

    ``digest`` covers everything the work depends on (inputs, params, code), so that work left behind by a
    killed run is taken up exactly where it still holds.
    """
    folder = WORK / "work" / f"{stage}-{digest[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for one process, making it; the lock goes with the process, however it ends.

    Raises:
        CorpusError: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CorpusError(f"{folder} is being written by another process; wait for it to end") from None
        yield
    finally:
        os.close(descriptor)
