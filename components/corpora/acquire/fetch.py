"""Downloading the corpora that are freely available, each from its owner's server, into data/raw."""

from __future__ import annotations

import difflib
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...artifacts.corpora import RAW
from ...errors import CorpusError, DownloadError, listed
from ...files import WORK, locked, read_json
from ...process import run_group
from ...schema import CORPORA, UNSTATED, Layout
from ...storage.download import Remote, download, http_client
from ..lfs_pointers import pointer
from . import sources
from .copy_files import files_of
from .git_lfs import download_objects
from .raw_data import elsewhere, grow, project_of
from .sources import PARTS
from .unpack import unpack

if TYPE_CHECKING:
    import httpx


@dataclass(frozen=True)
class Addresses:
    """The servers that the corpora are downloaded from."""

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
    """Download a corpus, or more parts of one, into ``root`` and let DVC track it.

    Downloads are kept in .emoflow/fetch/<corpus>/ until the corpus is in place, so that the same command resumes
    after an interruption. The corpus's folder changes as a whole or not at all.

    Args:
        corpus: a key of ``sources.PARTS``.
        parts: names of its parts in ``sources.PARTS``; empty for the first.
        stated: what params.yaml states of the corpus's layout.
        addresses: the servers to download from.
        say: called with each message for the user.

    Returns:
        The corpus's folder.

    Raises:
        CorpusError: the corpus or a part of it cannot be downloaded, or is unknown; or the folder holds other files.
        DownloadError: the server cannot be reached or serves other bytes than expected, or the disk is full.
    """
    chosen = _chosen(corpus, parts)
    root = Path(root)
    target = root / corpus
    project_of(root)
    elsewhere(target)
    todo = [part for part in chosen if not _is_here(corpus, part, target)]
    for part in chosen:
        if part not in todo:
            say(f"{part}: already in {target}")
    if not todo:
        return target
    say(f"{CORPORA[corpus].title}: {CORPORA[corpus].licence}")
    folder = WORK / "fetch" / corpus
    with locked(folder), http_client() as client:
        files = _RECIPES[corpus](todo, folder, addresses, client)
        grow(corpus, files, root=root, stated=stated, say=say)
        shutil.rmtree(folder)
    left = [part for part in PARTS[corpus] if not _is_here(corpus, part.name, target)]
    if left:
        say("further parts: " + "; ".join(f"--part {part.name} ({part.holds})" for part in left))
    return target


def _chosen(corpus: str, parts: Sequence[str]) -> list[str]:
    """The parts to download, with those that they need, in the corpus's own order."""
    if corpus not in PARTS:
        close = difflib.get_close_matches(corpus, CORPORA, n=1)
        raise CorpusError(
            f"{corpus!r} cannot be downloaded; these can: {listed(PARTS)} (`emoflow corpora list` says how to get "
            "the others)" + (f"; did you mean {close[0]!r}?" if close else "")
        )
    known = {part.name: part for part in PARTS[corpus]}
    unknown = [part for part in parts if part not in known]
    if unknown:
        known_parts = "; ".join(f"{part.name} ({part.holds})" for part in PARTS[corpus])
        raise CorpusError(f"{corpus} has no part {listed(unknown)}; it has: {known_parts}")
    wanted = set(parts) or {PARTS[corpus][0].name}
    for name in list(wanted):
        wanted.update(known[name].needs)
    return [name for name in known if name in wanted]


_SAMPLES = {
    ("crema-d", "speech"): "AudioWAV/*.wav",
    ("crema-d", "video"): "VideoFlash/*.flv",
    ("meld", "text"): "train_sent_emo.csv",
    ("meld", "media"): "*/dia*_utt*.mp4",
    ("ravdess", "speech"): "**/Actor_*/03-01-*",
    ("ravdess", "song"): "**/Actor_*/03-02-*",
    ("ravdess", "video"): "**/Actor_*/01-01-*.mp4",
    ("ravdess", "video-song"): "**/Actor_*/01-02-*.mp4",
}
"""A file of each part: parts are installed as a whole, so it is there if the part is."""


def _is_here(corpus: str, part: str, target: Path) -> bool:
    found = next(target.glob(_SAMPLES[corpus, part]), None) if target.is_dir() else None
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
    """The archives with the digests and sizes that Zenodo's description of the record states."""
    url = f"{where.zenodo}/api/records/{sources.RAVDESS_RECORD}"
    record = download(Remote("record.json", (url,)), folder, client=client, show_progress=False)
    try:
        stated = {each["key"]: (each["checksum"], each["size"]) for each in read_json(record)["files"]}
    except (ValueError, KeyError, TypeError):
        record.unlink()
        raise DownloadError(
            f"{url} is not a description of a record; run the same command again later"
        ) from None
    missing = [remote.name for remote in remotes if remote.digest is None and remote.name not in stated]
    if missing:
        raise DownloadError(f"{url} does not list {listed(missing)}")
    return [
        remote
        if remote.digest
        else replace(remote, digest=stated[remote.name][0], size=stated[remote.name][1])
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
    download_objects(pointers.values(), objects, server=where.crema_d_lfs, client=client)
    return files | {name: objects / found.oid for name, found in pointers.items()}


def _archive(repository: str, commit: str, folder: Path, archive: Path) -> None:
    """Write a commit of a Git repository as a tar, with large files as their Git LFS pointers.

    Git verifies what it receives against the commit's id.
    """
    git = shutil.which("git")
    if git is None:
        raise DownloadError("git is not on PATH; it downloads this corpus's index: install it")
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
            raise DownloadError(f"git could not fetch {commit} of {repository}: {' '.join(lines[-3:])}")
    partial.replace(archive)
    shutil.rmtree(bare)


_RECIPES = {"crema-d": _crema_d, "meld": _meld, "ravdess": _ravdess}
