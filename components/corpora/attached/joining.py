"""Joining pre-computed features to a corpus's utterances by the clip names that the feature files use."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from ...errors import CorpusError, listed
from ..adapter_interface import OURS
from ..media_files import leading_out
from ..names import nfc
from .by_fold import AttachedByFold, clips_by_fold
from .declaration import SUFFIX, declaration_of, read_declaration
from .feature_files import SUFFIXES, Clips, feature_files, read_clips
from .features import Attached


def read_features(
    path: Path, corpus: str, local_id: Callable[[str], str | None], ids: Iterable[str]
) -> Attached | AttachedByFold:
    """A file of features, or a folder of them (see ``feature_files``), joined to a corpus by name.

    Where a declaration stands beside them (see ``declaration``) they differ by test fold.

    Args:
        path: of the file or folder.
        corpus: the corpus's name.
        local_id: what the features call a clip → its id within the corpus.
        ids: the corpus's utterance ids.

    Returns:
        The features of the corpus's utterances.

    Raises:
        CorpusError: no such file, no names, names that are no names of this corpus, twice the same clip, no clip of
            the corpus, numbers that are not finite, dimensions that differ, a declaration that they do not keep to;
            names the clips.
    """
    known = set(ids)
    by_name = _by_name(corpus, local_id, known)

    def is_clip(name: str) -> bool:
        return by_name(name).utterance in known

    declaration = declaration_of(path)
    if declaration is None:
        return join(read_clips(path, is_clip), corpus, local_id, known)
    declared = read_declaration(declaration)
    by_fold = clips_by_fold(path, declared, is_clip)
    return AttachedByFold(
        declared, {fold: join(clips, corpus, local_id, known) for fold, clips in by_fold.items()}
    )


def join(clips: Clips, corpus: str, local_id: Callable[[str], str | None], ids: Iterable[str]) -> Attached:
    """Features joined to a corpus by name.

    Args:
        clips: the features, by what they call a clip.
        corpus: the corpus's name.
        local_id: what the features call a clip → its id within the corpus.
        ids: the corpus's utterance ids.

    Returns:
        The features of the corpus's utterances.

    Raises:
        CorpusError: as ``read_features``.
    """
    import numpy as np

    path, known = clips.path, set(ids)
    named = _named(clips, corpus, local_id, known)
    if not known & set(named.values()):
        raise CorpusError(
            f"{path}: none of its clips is in the corpus: {listed(sorted(named.values()))}; a table has a column of "
            "clips' names as the corpus has them, or is one clip's, in a folder, under the file's own name"
        )
    bad = {name: ~np.isfinite(tokens) for name, tokens in clips.tokens.items()}
    bad = {name: wrong for name, wrong in bad.items() if wrong.any()}
    if bad:
        places = listed(
            f"{name}: {clips.names[column]}"
            for name, wrong in bad.items()
            for column in np.flatnonzero(wrong.any(0))
        )
        raise CorpusError(
            f"{path}: {sum(int(wrong.sum()) for wrong in bad.values())} cell(s) without a finite number: {places}; "
            "correct the rows, or leave them out"
        )
    here = sorted((utterance, name) for name, utterance in named.items() if utterance in known)
    notes = []
    if clips.dropped:
        notes.append(f"{clips.dropped} row(s) of frames without a face are left out")
    if clips.crowded:
        notes.append(f"of {clips.crowded} clip(s) with several faces the most confident is taken")
    if clips.others:
        notes.append(f"{clips.others} file(s) beside them hold no features")
    return Attached(
        clips.names,
        {utterance: clips.tokens[name] for utterance, name in here if len(clips.tokens[name])},
        {utterance: f"no token in {name}" for utterance, name in here if not len(clips.tokens[name])},
        len(named) - len(here),
        tuple(notes),
    )


def to_attach(modality: str, path: Path) -> dict[str, Path]:
    """Where in a corpus's folder its features are kept, and the declaration beside them.

    Args:
        modality: its name.
        path: the file or folder of features.

    Returns:
        Relative POSIX path → the file that goes there.

    Raises:
        CorpusError: nothing there, or no feature file.
    """
    declaration = declaration_of(path)
    declared = {f"{OURS}/{modality}{SUFFIX}": declaration} if declaration else {}
    if path.is_dir():
        return declared | {f"{OURS}/{modality}/{name}": file for name, file in feature_files(path)[0].items()}
    if not path.is_file():
        raise CorpusError(f"{path} does not exist")
    return declared | {f"{OURS}/{modality}{path.suffix.lower()}": path}


def attached_paths(root: Path) -> dict[str, Path]:
    """The features that were attached to a corpus.

    Args:
        root: the corpus's folder.

    Returns:
        Modality → the file or folder, sorted.

    Raises:
        CorpusError: two of one modality; links that lead out of the corpus.
    """
    found: dict[str, Path] = {}
    folder = root / OURS
    links = [path.relative_to(root).as_posix() for path in folder.rglob("*") if path.is_symlink()]
    if out := leading_out(root, links):
        raise CorpusError(f"{root}: link(s) that lead out of the corpus: {listed(out)}; put the files there")
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.name.startswith(".") or not (path.is_dir() or path.suffix.lower() in SUFFIXES):
            continue
        modality = path.name if path.is_dir() else path.stem
        if modality in found:
            raise CorpusError(
                f"{folder} has {found[modality].name} and {path.name}, both of modality {modality}: leave one"
            )
        found[modality] = path
    return found


@dataclass(frozen=True)
class _Named:
    """The utterance that a name means, in the corpus or as it would be there; None for what is no name of the corpus.

    ``alike`` are the utterances of the corpus that it may mean, where it fits several.
    """

    utterance: str | None
    alike: tuple[str, ...] = ()


def _by_name(corpus: str, local_id: Callable[[str], str | None], known: set[str]) -> Callable[[str], _Named]:
    """What the features call a clip → the utterance that it means."""
    by_name = {nfc(utterance): utterance for utterance in known} | {
        utterance: utterance for utterance in known
    }
    stems: dict[str, list[str]] = {}
    for utterance in known:
        stems.setdefault(nfc(utterance.rsplit("/", 1)[1]), []).append(utterance)

    def named(name: str) -> _Named:
        local = local_id(name)
        if local is None:
            return _Named(None)
        candidates = [f"{corpus}/{local}", local]
        parts = local.split("/")
        candidates += [f"{corpus}/{posixpath.join(*parts[at:])}" for at in range(1, len(parts))]
        written = (form for each in candidates for form in (each, nfc(each)))
        utterance = next((by_name[each] for each in written if each in by_name), None)
        if utterance is None and len(parts) == 1:  # a bare name, where ids are paths
            alike = sorted(stems.get(nfc(local), []))
            if alike:
                return _Named(alike[0], tuple(alike) if len(alike) > 1 else ())
        return _Named(utterance or candidates[0])

    return named


def _named(
    clips: Clips, corpus: str, local_id: Callable[[str], str | None], known: set[str]
) -> dict[str, str]:
    """The features' names of clips → utterance ids, in the corpus or as they would be there."""
    by_name = _by_name(corpus, local_id, known)
    meant = {name: by_name(name) for name in clips.tokens}
    strange = [repr(name) for name, each in meant.items() if each.utterance is None]
    unclear = [f"{name} ({listed(each.alike, 3)})" for name, each in meant.items() if each.alike]
    found = {name: each.utterance for name, each in meant.items() if each.utterance is not None}
    if strange:
        raise CorpusError(
            f"{clips.path}: {len(strange)} row(s) whose name is none of {corpus}'s: {listed(strange)}"
        )
    if unclear:
        raise CorpusError(
            f"{clips.path}: {len(unclear)} name(s) fit several utterances: {listed(unclear, 3)}; name them by their "
            "paths in the corpus"
        )
    matched = sorted(found.values())
    twice = sorted({one for one, other in pairwise(matched) if one == other})
    if twice:
        raise CorpusError(f"{clips.path}: {len(twice)} clip(s) named more than once: {listed(twice)}")
    return found
