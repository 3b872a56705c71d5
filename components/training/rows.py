"""Folds and stored features as the tensors that are trained on."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..errors import ProtocolError, listed
from ..fusion.preparation import Layout, Preparation, plan
from ..fusion.reduction import Reduction
from .data import UNLABELLED, Rows

if TYPE_CHECKING:
    import pandas as pd

Reader = Callable[[str, Sequence[str], Sequence[int | None]], tuple[np.ndarray, np.ndarray]]
"""``(modality, utterance ids, folds) → tokens [N, T, D], present [N, T]``: the feature store's `tokens`."""


@dataclass(frozen=True)
class Part:
    """Utterances and their classes, `UNLABELLED` where the class is unknown.

    Attributes:
        folds: the test fold of which each one's features are read, where features differ by fold; None: it lacks such
            features.
    """

    ids: tuple[str, ...]
    target: tuple[int, ...]
    folds: tuple[int | None, ...] = ()

    def __post_init__(self) -> None:
        if not self.folds:
            object.__setattr__(self, "folds", (None,) * len(self.ids))

    def __add__(self, other: "Part") -> "Part":
        return Part(self.ids + other.ids, self.target + other.target, self.folds + other.folds)

    @property
    def labelled(self) -> "Part":
        """The utterances whose class is known."""
        return self._where([target != UNLABELLED for target in self.target])

    def without(self, ids: Collection[str]) -> "Part":
        """All utterances but these."""
        return self._where([name not in ids for name in self.ids])

    def _where(self, kept: Sequence[bool]) -> "Part":
        return Part(
            tuple(compress(self.ids, kept)),
            tuple(compress(self.target, kept)),
            tuple(compress(self.folds, kept)),
        )


@dataclass(frozen=True)
class Fold:
    """The utterances of one fold.

    Attributes:
        number: as in the fold table.
        train: those with a label, then those without one that may be learned from.
        validation: all with a label.
        test: all with a label.
    """

    number: int
    train: Part
    validation: Part
    test: Part

    @property
    def seen(self) -> Part:
        """All that a model may learn from once everything has been chosen: never a row of the test.

        Validation and test share rows where a protocol says that validation is the test.
        """
        return (self.train + self.validation).without(set(self.test.ids))


def unlabelled(folds: Sequence[Fold]) -> Part:
    """The rows without a label of all folds, each once."""
    ids = sorted({name for fold in folds for name in fold.train.without(set(fold.train.labelled.ids)).ids})
    return Part(tuple(ids), (UNLABELLED,) * len(ids))


def out_of_fold(part: Part, folds: Sequence[Fold]) -> Part:
    """The part, each utterance with the features of a fold whose models were not trained on it.

    That is the fold that tests it, as in stacked generalisation (Wolpert, Neural Networks 5(2), 1992); of an utterance
    that none tests the first that validates on it. What has a part in no test and no validation lacks such features.
    """
    held: dict[str, int] = {}
    for fold in folds:
        held = dict.fromkeys(fold.test.ids, fold.number) | held
    for fold in folds:
        held = dict.fromkeys(fold.validation.ids, fold.number) | held
    return replace(part, folds=tuple(held.get(name) for name in part.ids))


def folds_of(table: "pd.DataFrame", classes: Sequence[str], *, unseen: Collection[str] = ()) -> list[Fold]:
    """The folds of a fold table (utterance_id, fold, label, role), in their order, ids sorted.

    Args:
        table: the folds, one row per fold and utterance.
        classes: the class names, in the order of the targets.
        unseen: classes that no training row shows, since the protocol is zero-shot.

    Raises:
        ProtocolError: a part without rows, a class that no training row of a fold has, or an unseen one that some
            training or validation row has.
    """
    folds = []
    for number, rows in table.sort_values("utterance_id").groupby("fold", sort=True):
        parts = {}
        for role in ("train", "validation", "test"):
            having = rows[rows["role"] == role]
            if having.empty:
                raise ProtocolError(
                    f"fold {number} has no {role} rows: use a protocol with more speakers or folds"
                )
            target = tuple(classes.index(label) for label in having["label"])
            parts[role] = Part(tuple(having["utterance_id"]), target, (int(number),) * len(having))
        shown = {classes[i] for part in ("train", "validation") for i in parts[part].target}
        if shown & set(unseen):
            raise ProtocolError(
                f"fold {number}: {listed(sorted(shown & set(unseen)))} is to be unseen, and is in training or "
                "validation; make the folds again: dvc repro folds"
            )
        trained = {classes[i] for i in parts["train"].target} | set(unseen)
        missing = [name for name in classes if name not in trained]
        if missing:
            raise ProtocolError(
                f"fold {number}: no training row is of class {listed(missing)}; choose a label space without it, "
                "a protocol with other folds, or add speakers who show it"
            )
        bare = tuple(rows.loc[rows["role"] == "unlabelled", "utterance_id"])
        parts["train"] += Part(bare, (UNLABELLED,) * len(bare), (int(number),) * len(bare))
        folds.append(Fold(int(number), **parts))
    return folds


def read(reader: Reader, part: Part, modalities: Sequence[str]) -> Rows:
    """Read the utterances' features as they are stored.

    Returns:
        The rows, in the order of the part's ids, with targets and without votes, side targets and speakers.

    Raises:
        FeatureError: features that are not finite; the message names the utterances.
    """
    tokens, present = {}, {}
    for name in modalities:
        x, mask = reader(name, part.ids, part.folds)
        tokens[name], present[name] = torch.from_numpy(x), torch.from_numpy(mask)
    return Rows(tokens, present, torch.tensor(part.target, dtype=torch.int64))


def fit_preparation(rows: Rows, layouts: dict[str, Layout], reduction: Reduction) -> Preparation:
    """Fit scaling and reduction on the rows that have a label; rows without one do not influence it.

    Args:
        rows: training rows, as `read` gives them.
        layouts: ``{modality: [(block, size), …]}``, which features of a token come from which encoder.
        reduction: how wide blocks are reduced.
    """
    labelled = rows.at(rows.target != UNLABELLED)
    return Preparation(plan(layouts, reduction)).fit(labelled.tokens, labelled.present)


def prepare(preparation: Preparation, rows: Rows) -> Rows:
    """The rows with scaled and reduced tokens; all else stays."""
    return replace(
        rows,
        tokens=preparation(rows.tokens, rows.present),
        layers=preparation.layers,
        posteriors=preparation.posteriors,
    )


def lacking(
    ids: Callable[[int], Collection[str]], folds: Sequence[Fold], *, posteriors: bool = False
) -> list[int]:
    """The numbers of the folds that cannot use a modality.

    Args:
        ids: fold → the utterances that have the modality there.
        folds: those to check.
        posteriors: whether the modality is class probabilities of a model of others.

    Returns:
        The folds of whose labelled training rows none has it; of posteriors, which are not trained on, of whose
        validation rows.
    """
    return [
        fold.number
        for fold in folds
        if set(ids(fold.number)).isdisjoint(fold.validation.ids if posteriors else fold.train.labelled.ids)
    ]
