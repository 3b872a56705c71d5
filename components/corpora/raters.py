"""Rater agreement: soft labels, their entropy, and agreement coefficients from each rater's votes.

The column ``raters`` of the utterance table holds, as JSON, rater → labels; a rater may have given several, which
then share that rater's one vote.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_NUMBERED = re.compile(r"(.*?)[-_ ]?\d+")
_TIE = 1e-9


@dataclass(frozen=True)
class Ceiling:
    """How well a person agrees with the majority of the others.

    Attributes:
        accuracy: leave-one-rater-out; see :func:`human_ceiling`.
        ua: the same as the mean of the recalls of the labels.
        utterances: how many were rated by two raters or more; the others do not count.
        raters: of such an utterance, in the mean.
    """

    accuracy: float
    ua: float
    utterances: int
    raters: float


@dataclass(frozen=True)
class Votes:
    """Every rating as one row.

    Attributes:
        utterance: ``[N]`` place of the rating's utterance in ``ids``.
        rater: ``[N]`` who rated.
        shares: float64 ``[N, L]``, each row's sum is 1: how the rater's vote is shared among ``labels``.
        ids: the utterances that were rated, sorted.
        labels: sorted.
    """

    utterance: np.ndarray
    rater: tuple[str, ...]
    shares: np.ndarray
    ids: tuple[str, ...]
    labels: tuple[str, ...]


def votes(table: pd.DataFrame) -> Votes:
    """The ratings of an utterance table's columns ``utterance_id`` and ``raters``; unrated utterances are left out."""
    import numpy as np

    rated = table.loc[table["raters"].notna(), ["utterance_id", "raters"]].sort_values("utterance_id")
    parsed = [json.loads(each) for each in rated["raters"]]
    ratings = [
        (place, rater, labels)
        for place, raters in enumerate(parsed)
        for rater, labels in sorted(raters.items())
        if labels
    ]
    names = sorted({label for _, _, labels in ratings for label in labels})
    column = {label: number for number, label in enumerate(names)}
    shares = np.zeros((len(ratings), len(names)))
    for row, (_, _, labels) in enumerate(ratings):
        for label in labels:
            shares[row, column[label]] += 1 / len(labels)
    return Votes(
        utterance=np.array([place for place, _, _ in ratings], dtype=np.int64),
        rater=tuple(rater for _, rater, _ in ratings),
        shares=shares,
        ids=tuple(rated["utterance_id"]),
        labels=tuple(names),
    )


def soft_labels(table: pd.DataFrame) -> pd.DataFrame:
    """Each rated utterance's distribution over the labels that raters gave: the mean of the raters' votes.

    p(c | u) = 1/R · Σ_r [c ∈ L_r] / |L_r|, with R raters of u, of whom r gave the labels L_r.

    Returns:
        float64 columns, one a label, each row's sum is 1; index ``utterance_id``, sorted.
    """
    import pandas as pd

    cast = votes(table)
    total, count = totals(cast)
    index = pd.Index(cast.ids, name="utterance_id", dtype="str")
    soft = pd.DataFrame(total / count.clip(1)[:, None], index=index, columns=list(cast.labels))
    return soft[count > 0]


def entropy(soft: pd.DataFrame) -> pd.Series:
    """How divided the raters are over each utterance, in bits: H = −Σ_c p(c) log₂ p(c); 0 where all agree."""
    import numpy as np

    shares = soft.to_numpy()
    logs = np.log2(shares, where=shares > 0, out=np.zeros_like(shares))
    return (soft * -logs).sum(axis=1).clip(lower=0)


def human_ceiling(table: pd.DataFrame) -> Ceiling | None:
    """How often a rater says what most of the others say: what a person would score as a recogniser.

    For each utterance with two raters or more, each rater r is compared with the sum of the others' votes,
    O = Σ_{s≠r} v_s. r is right by the share of its vote that lies on the labels with the highest O, divided by how
    many of them there are (ties are broken at random, in expectation). The accuracy is the mean over an utterance's
    raters, then over utterances. The recall of a label is taken over all ratings in which it has the highest O.

    Returns:
        None where no utterance has two raters.
    """
    import numpy as np

    cast = votes(table)
    total, count = totals(cast)
    several = count[cast.utterance] >= 2
    if not several.any():
        return None
    utterance, mine = cast.utterance[several], cast.shares[several]
    others = total[utterance] - mine
    first = highest(others)
    weight = first / first.sum(axis=1, keepdims=True)  # of each label as the majority's
    right = (mine * weight).sum(axis=1)
    seen = np.unique(utterance)
    by_utterance = np.bincount(utterance, right)[seen] / count[seen]
    asked = weight.sum(axis=0)
    recall = (mine * weight).sum(axis=0)[asked > 0] / asked[asked > 0]
    return Ceiling(
        accuracy=float(by_utterance.mean()),
        ua=float(recall.mean()),
        utterances=len(seen),
        raters=float(count[seen].mean()),
    )


def ceilings(table: pd.DataFrame) -> dict[str, Ceiling]:
    """The human ceiling of each kind of rater: those whose names differ only in the number that they end with.

    So CREMA-D's ``audio-…``, ``face-…`` and ``both-…`` are apart, and IEMOCAP's evaluators (``C-E…``) from the
    actors' own reports. Raters without numbers are one kind, ``""``. A kind without two raters of one utterance is
    left out.
    """
    import pandas as pd

    rated = table.loc[table["raters"].notna(), ["utterance_id", "raters"]]
    by_kind: dict[str, dict[str, str]] = {}
    for utterance, cell in zip(rated["utterance_id"], rated["raters"], strict=True):
        split: dict[str, dict] = {}
        for rater, labels in json.loads(cell).items():
            split.setdefault(kind_of(rater), {})[rater] = labels
        for kind, raters in split.items():
            by_kind.setdefault(kind, {})[utterance] = json.dumps(raters)
    found = {}
    for kind, by_utterance in sorted(by_kind.items()):
        part = pd.DataFrame({"utterance_id": list(by_utterance), "raters": list(by_utterance.values())})
        if ceiling := human_ceiling(part):
            found[kind] = ceiling
    return found


def kind_of(rater: str) -> str:
    """A rater's name without the number at its end; ``""`` where it has none."""
    match = _NUMBERED.fullmatch(rater)
    return match[1] if match else ""


def totals(cast: Votes) -> tuple[np.ndarray, np.ndarray]:
    """Of each utterance the sum of its raters' votes, float64 ``[U, L]``, and how many they are, int64 ``[U]``."""
    import numpy as np

    total = np.zeros((len(cast.ids), len(cast.labels)))
    np.add.at(total, cast.utterance, cast.shares)
    return total, np.bincount(cast.utterance, minlength=len(cast.ids)).astype(np.int64)


def highest(total: np.ndarray) -> np.ndarray:
    """Which labels have most of an utterance's votes, bool ``[U, L]``; several of a row where they are equal."""
    return total >= total.max(axis=1, keepdims=True) - _TIE
