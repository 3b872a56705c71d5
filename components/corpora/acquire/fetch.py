"""Fetching the corpora that their owners give to anyone, and saying how to have the others."""

from __future__ import annotations

import difflib
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...artifacts.corpora import RAW
from ...errors import CorpusError, listed
from ...files import WORK, locked, read_json
from ...process import run_group
from ...schema import CORPORA, UNSTATED, Layout
from ..pointers import pointer
from . import sources
from .copying import files_of
from .download import Remote, download, session
from .lfs import fetch_objects
from .placing import elsewhere, grow, project_of
from .sources import PARTS
from .unpack import unpack

if TYPE_CHECKING:
    import httpx


@dataclass(frozen=True)
class Addresses:
    """Where the corpora are asked for."""

    zenodo: str = sources.ZENODO
    meld_annotations: str = sources.MELD_ANNOTATIONS
    meld_media: tuple[str, ...] = sources.MELD_MEDIA
    crema_d: str = sources.CREMA_D
    crema_d_commit: str = sources.CREMA_D_COMMIT
    crema_d_lfs: str = f"{sources.CREMA_D}/info/lfs"


OWNERS = Addresses()


def fetch(
    corpus: str,
    parts: Sequence[str] = (),
    *,
    root: Path = RAW,
    stated: Layout = UNSTATED,
    addresses: Addresses = OWNERS,
    say: Callable[[str], None] = print,
) -> Path:
    """Fetch a corpus, or more parts of one, into ``root`` and let DVC track it.

    What has been fetched lies in .emoflow/fetch/<corpus>/ until the corpus is in its place: cut off or killed, the
    same command goes on. The corpus's folder changes whole or not at all.

    Args:
        parts: of ``sources.PARTS``; the first of them where none is named.

    Returns:
        The corpus's folder.

    Raises:
        CorpusError: not to be fetched, no such part, no connection, other bytes than those known, a full disk.
    """
    chosen = _chosen(corpus, parts)
    root = Path(root)
    target = root / corpus
    project_of(root)
    elsewhere(target)
    todo = [part for part in chosen if not _is_here(corpus, part, target)]
    for part in chosen:
        if part not in todo:
            say(f"{part}: in {target} already")
    if not todo:
        return target
    say(f"{CORPORA[corpus].title}: {CORPORA[corpus].licence}")
    folder = WORK / "fetch" / corpus
    with locked(folder), session() as client:
        files = _RECIPES[corpus](todo, folder, addresses, client)
        grow(corpus, files, root=root, stated=stated, say=say)
        shutil.rmtree(folder)
    left = [part for part in PARTS[corpus] if not _is_here(corpus, part.name, target)]
    if left:
        say("there is more: " + "; ".join(f"--part {part.name} ({part.holds})" for part in left))
    return target


def _chosen(corpus: str, parts: Sequence[str]) -> list[str]:
    """The parts to be fetched, with what they need, in the corpus's own order."""
    if corpus not in PARTS:
        close = difflib.get_close_matches(corpus, CORPORA, n=1)
        raise CorpusError(
            f"{corpus!r} is not to be fetched; these are: {listed(PARTS)} (emoflow corpora list tells how to have "
            "the others)" + (f"; did you mean {close[0]!r}?" if close else "")
        )
    known = {part.name: part for part in PARTS[corpus]}
    strange = [part for part in parts if part not in known]
    if strange:
        may_be = "; ".join(f"{part.name} ({part.holds})" for part in PARTS[corpus])
        raise CorpusError(f"{corpus} has no part {listed(strange)}; it has: {may_be}")
    wanted = set(parts) or {PARTS[corpus][0].name}
    for name in list(wanted):
        wanted.update(known[name].needs)
    return [name for name in known if name in wanted]


_SIGNS = {
    ("crema-d", "speech"): "AudioWAV/*.wav",
    ("crema-d", "video"): "VideoFlash/*.flv",
    ("meld", "text"): "train_sent_emo.csv",
    ("meld", "media"): "*/dia*_utt*.mp4",
    ("ravdess", "speech"): "**/Actor_*/03-01-*",
    ("ravdess", "song"): "**/Actor_*/03-02-*",
    ("ravdess", "video"): "**/Actor_*/01-01-*.mp4",
    ("ravdess", "video-song"): "**/Actor_*/01-02-*.mp4",
}
"""What is there of a part if anything is; parts are put there whole."""


def _is_here(corpus: str, part: str, target: Path) -> bool:
    found = next(target.glob(_SIGNS[corpus, part]), None) if target.is_dir() else None
    return found is not None and (not found.is_file() or pointer(found) is None)


def _ravdess(parts: list[str], folder: Path, where: Addresses, client: httpx.Client) -> dict[str, Path]:
    remotes = [
        sources.zenodo_archive(name, base=where.zenodo)
        for part in parts
        for name in sources.RAVDESS_ARCHIVES[part]
    ]
    if any(remote.digest is None for remote in remotes):
        remotes = _described(remotes, folder, where, client)
    files: dict[str, Path] = {}
    for remote in remotes:
        archive = download(remote, folder, client=client)
        unpacked = unpack(archive, folder / f"{remote.name}.unpacked")
        files |= files_of(unpacked)
    return files


def _described(remotes: list[Remote], folder: Path, where: Addresses, client: httpx.Client) -> list[Remote]:
    """The archives with the digests and sizes that Zenodo's own description of the record gives."""
    url = f"{where.zenodo}/api/records/{sources.RAVDESS_RECORD}"
    record = download(Remote("record.json", (url,)), folder, client=client, shown=False)
    try:
        told = {each["key"]: (each["checksum"], each["size"]) for each in read_json(record)["files"]}
    except (ValueError, KeyError, TypeError):
        record.unlink()
        raise CorpusError(f"{url} is no description of a record; run the same command again later") from None
    lacking = [remote.name for remote in remotes if remote.digest is None and remote.name not in told]
    if lacking:
        raise CorpusError(f"{url} does not name {listed(lacking)}")
    return [
        remote if remote.digest else replace(remote, digest=told[remote.name][0], size=told[remote.name][1])
        for remote in remotes
    ]


def _meld(parts: list[str], folder: Path, where: Addresses, client: httpx.Client) -> dict[str, Path]:
    files: dict[str, Path] = {}
    if "text" in parts:
        for remote in sources.meld_annotations(base=where.meld_annotations):
            files[remote.name] = download(remote, folder, client=client)
    if "media" in parts:
        archive = download(sources.meld_media(bases=where.meld_media), folder, client=client)
        outer = unpack(archive, folder / "archives.unpacked", placed=sources.meld_place)
        for inner in sorted(outer.glob("*.tar.gz")):
            unpacked = unpack(inner, folder / f"{inner.name}.unpacked", placed=sources.meld_place)
            files |= files_of(unpacked)
    return files


def _crema_d(parts: list[str], folder: Path, where: Addresses, client: httpx.Client) -> dict[str, Path]:
    archive = folder / "repository.tar"
    if not archive.is_file():
        _archive(where.crema_d, where.crema_d_commit, folder, archive)
    shutil.rmtree(folder / "tree", ignore_errors=True)  # another run may have asked for other parts
    tree = unpack(archive, folder / "tree", placed=lambda name: sources.crema_d_place(name, tuple(parts)))
    files = files_of(tree)
    pointers = {name: found for name, path in files.items() if (found := pointer(path))}
    objects = folder / "objects"
    fetch_objects(pointers.values(), objects, server=where.crema_d_lfs, client=client)
    return files | {name: objects / found.oid for name, found in pointers.items()}


def _archive(repository: str, commit: str, folder: Path, archive: Path) -> None:
    """A commit of a Git repository as a tar, large files as their Git LFS pointers.

    Git checks what it gets against the commit's id.
    """
    git = shutil.which("git")
    if git is None:
        raise CorpusError("no git on PATH, which fetches this corpus's index; install it")
    bare = folder / "repository.git"
    plain = [
        "filter.lfs.smudge=",
        "filter.lfs.process=",
        "filter.lfs.required=false",
        "core.hooksPath=/dev/null",
    ]
    options = [part for each in plain for part in ("-c", each)]
    environment = os.environ | {"GIT_LFS_SKIP_SMUDGE": "1", "GIT_TERMINAL_PROMPT": "0"}
    partial = archive.with_name(f"{archive.name}.part")
    lines: list[str] = []
    for command in (
        ["init", "--quiet", "--bare", str(bare)],
        ["--git-dir", str(bare), "fetch", "--quiet", "--depth=1", repository, commit],
        ["--git-dir", str(bare), "archive", "--format=tar", "--output", str(partial.resolve()), commit],
    ):
        if run_group([git, *options, *command], on_line=lines.append, env=environment) != 0:
            raise CorpusError(f"git could not fetch {commit} of {repository}: {' '.join(lines[-3:])}")
    partial.replace(archive)
    shutil.rmtree(bare)


_RECIPES = {"crema-d": _crema_d, "meld": _meld, "ravdess": _ravdess}
