"""Features that differ by test fold: a table with a column ``fold``, or a folder with a file or folder for each fold.

A fold's rows are what one model made of the utterances: the one that was trained on speakers of the fold's training.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import CorpusError, listed
from ...schema import OFF_BY, POSTERIORS, TABLE
from .declaration import FOLD
from .feature_files import TABLES, Clips, clips_of_table, read_clips, read_numbers

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np

    from ...artifacts.fold_features import FoldFeatures
    from .features import Attached

_NAME = re.compile(r"(?:fold[_-]?)?(\d+)")
"""What a fold's file or folder is called, without its suffix: ``0``, ``fold0``, ``fold-0``."""


@dataclass(frozen=True)
class AttachedByFold:
    """One modality's features that differ by test fold, joined to a corpus.

    Attributes:
        declared: what was declared of them.
        folds: fold → its features; all of the same dimensions.
    """

    declared: FoldFeatures
    folds: Mapping[int, Attached]

    @property
    def encoder(self) -> str:
        """What stands for their encoder in the feature store."""
        return POSTERIORS if self.declared.kind == "posteriors" else TABLE

    @property
    def names(self) -> tuple[str, ...]:
        """Of the D dimensions."""
        return next(iter(self.folds.values())).names

    @cached_property
    def index(self) -> list[str]:
        """The utterances that have features in some fold, sorted."""
        return sorted({name for each in self.folds.values() for name in each.tokens})

    @property
    def unusable(self) -> dict[str, str]:
        """Utterance id → why nothing of what came for it can be used in any fold."""
        every = {name: why for each in self.folds.values() for name, why in each.unusable.items()}
        for name in self.index:
            every.pop(name, None)
        return every

    def rows(self) -> Iterator[tuple[int | None, str, np.ndarray]]:
        """Fold, utterance and its tokens, float32 ``[T, D]``."""
        for fold, each in self.folds.items():
            for name, tokens in each.tokens.items():
                yield fold, name, tokens

    def coverage(self, ids: Iterable[str]) -> str:
        """In a sentence, how many of these utterances have features in each fold."""
        ids, said = set(ids), {}
        for fold, each in self.folds.items():
            facts = [f"{len(each.names)} features of {len(ids & set(each.tokens))} of {len(ids)} utterances"]
            facts += [f"{each.foreign} clip(s) are not of this corpus"] if each.foreign else []
            said.setdefault("; ".join((*facts, *each.notes)), []).append(fold)
        return "; ".join(f"of fold {listed(folds, 20)}: {what}" for what, folds in said.items())


def clips_by_fold(path: Path, declared: FoldFeatures, is_clip: Callable[[str], bool]) -> dict[int, Clips]:
    """Every fold's features.

    Args:
        path: the table, or the folder.
        declared: what was declared of them.
        is_clip: whether a text is the name of one of the corpus's clips.

    Returns:
        Fold → its clips' features, not joined to the corpus yet; sorted.

    Raises:
        CorpusError: no column ``fold``, folds other than those declared, posteriors of other columns than the classes
            declared or that are no probabilities; and as `read_clips`.
    """
    found = _of_folder(path, is_clip) if path.is_dir() else _of_table(path, declared, is_clip)
    stated = set(declared.training_speakers)
    if missing := sorted(stated - set(found)):
        raise CorpusError(f"{path}: there is nothing of fold {listed(missing)}, which the declaration names")
    if strange := sorted(set(found) - stated):
        raise CorpusError(
            f"{path}: the declaration says nothing of fold {listed(strange)}; name it under folds"
        )
    first = found[min(found)]
    for fold, clips in found.items():
        if clips.names != first.names:
            raise CorpusError(
                f"{path}: fold {fold} has the features {listed(clips.names, 8)}, and fold {min(found)} has "
                f"{listed(first.names, 8)}; all have the same ones, in the same order"
            )
        if declared.kind == "posteriors":
            _check_posteriors(fold, clips, declared.classes)
    return dict(sorted(found.items()))


def _of_table(path: Path, declared: FoldFeatures, is_clip: Callable[[str], bool]) -> dict[int, Clips]:
    import pandas as pd

    if path.suffix.lower() not in TABLES:
        raise CorpusError(
            f"{path}: features that differ by fold are a table ({', '.join(TABLES)}) with a column {FOLD!r}, or a "
            "folder with a file or folder for each fold: 0.npz, 1.npz and so on"
        )
    table = read_numbers(path)
    if FOLD not in table:
        raise CorpusError(
            f"{path} has no column {FOLD!r}, and the declaration beside it says that its features differ by fold: add "
            "the column, or take the declaration away"
        )
    folds = pd.to_numeric(table.pop(FOLD), errors="coerce")
    if bad := int((folds.isna() | (folds % 1 != 0)).sum()):
        raise CorpusError(f"{path}: {bad} row(s) whose {FOLD} is not a whole number")
    if declared.kind == "posteriors":
        if lacking := [name for name in declared.classes if name not in table]:
            raise CorpusError(f"{path} has no column for the declared class(es) {listed(lacking)}")
        others = [name for name in table if name not in declared.classes]
        table = table[[*others, *declared.classes]]  # the columns of the file may be in any order
    return {
        int(fold): clips_of_table(path, rows.reset_index(drop=True), is_clip)
        for fold, rows in table.groupby(folds.astype("int64"), sort=True)
    }


def _of_folder(path: Path, is_clip: Callable[[str], bool]) -> dict[int, Clips]:
    found: dict[int, Clips] = {}
    for each in sorted(each for each in path.iterdir() if not each.name.startswith(".")):
        match = _NAME.fullmatch(each.name if each.is_dir() else each.stem)
        if match is None or int(match[1]) in found:
            raise CorpusError(
                f"{each}: features that differ by fold are a file or a folder for each fold, which its number names: "
                "0.csv, 1.csv and so on"
            )
        found[int(match[1])] = read_clips(each, is_clip)
    return found


def _check_posteriors(fold: int, clips: Clips, classes: list[str]) -> None:
    import numpy as np

    generic = tuple(f"f{at}" for at in range(len(classes)))  # arrays have no names of their own
    if clips.names == generic:
        clips.names = tuple(classes)
    if list(clips.names) != classes:
        raise CorpusError(
            f"{clips.path}: posteriors have a column for each declared class ({listed(classes, 12)}), in the order "
            f"declared where there is a file for each fold; fold {fold} has {listed(clips.names, 12)}"
        )
    several = [name for name, tokens in clips.tokens.items() if len(tokens) > 1]
    if several:
        raise CorpusError(
            f"{clips.path}: {len(several)} clip(s) of fold {fold} have several rows of posteriors: {listed(several)}; "
            "average them to one"
        )
    bad = [
        name
        for name, tokens in clips.tokens.items()
        if np.isfinite(tokens).all() and (tokens.min() < 0 or abs(float(tokens.sum()) - 1) > OFF_BY)
    ]
    if bad:
        raise CorpusError(
            f"{clips.path}: {len(bad)} row(s) of fold {fold} are no probabilities (from 0 on, of sum 1): {listed(bad)}"
            "; give the softmax of the model's logits"
        )
