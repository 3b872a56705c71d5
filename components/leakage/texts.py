"""Finds held-out sentences that also occur in training, word for word or nearly so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..artifacts.folds import Finding
from ..errors import listed
from ..protocols import repeats
from .finding import finding
from .fold_roles import ROLES, TEST, TRAIN, VALIDATION, FoldRoles
from .near_duplicates import near_duplicate_pairs

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

LONG = 20
"""Letters from which on a sentence is hardly said twice by chance. Of MELD's held-out rows 466 repeat a training
sentence ("Oh my God!"), and 4 of these sentences are as long."""
BY_DESIGN = 0.1
"""A corpus of which this share says a long sentence that is said again there has its speakers read or act a text."""
WORTH_REFUSING = 0.01
"""The share of a fold's test (or validation) from which on repeated long sentences refuse it, if there are two or more:
fewer move no score, and everyday speech has some."""
_WORD = r"\w+(?:['’]\w+)*"
NEARLY_ALL = 0.95
TELLS_NOTHING = 0.02
"""The share of the label's entropy that the sentence may explain for the text to be called free of emotion."""


@dataclass(frozen=True)
class _Sentences:
    """The utterances' sentences, as numbers."""

    number: np.ndarray
    """Of each row, -1 where it has no text."""
    long: np.ndarray
    """Of each sentence: whether it has at least `LONG` letters."""
    by_design: np.ndarray
    """Of each row: whether its corpus repeats its sentences by design (read or acted text)."""


@dataclass(frozen=True)
class _Repeated:
    """One fold's rows of one role that are in training too, by the sentence or by one like it."""

    fold: int
    role: int
    rows: np.ndarray
    of: int
    """So many rows have the role there."""


def find(fold_roles: FoldRoles) -> list[Finding]:
    numbers = repeats.sentences(fold_roles.table["text"]).to_numpy()
    if (numbers < 0).all():
        return []
    long = _long(fold_roles.table["text"], numbers)
    spoken = _Sentences(numbers, long, _by_design(fold_roles.table["corpus"], numbers, long))
    same, alike = _in_training(fold_roles, spoken)
    return [*_repeated(fold_roles, spoken, same), *_near(fold_roles, spoken, alike)]


def _long(texts: pd.Series, numbers: np.ndarray) -> np.ndarray:
    import numpy as np

    first = np.unique(numbers, return_index=True)
    long = np.zeros(numbers.max() + 1, dtype=bool)
    rows = first[1][first[0] >= 0]
    long[numbers[rows]] = (texts.iloc[rows].str.count(r"\w") >= LONG).to_numpy()
    return long


def _by_design(corpus: pd.Series, numbers: np.ndarray, long: np.ndarray) -> np.ndarray:
    import numpy as np
    import pandas as pd

    rows = pd.DataFrame({"corpus": corpus.to_numpy(), "sentence": numbers})[numbers >= 0]
    again = rows.duplicated(["corpus", "sentence"], keep=False) & long[rows["sentence"]]
    read = again.groupby(rows["corpus"]).mean() >= BY_DESIGN
    return np.isin(corpus.to_numpy(object), read.index[read].to_numpy(object))


def _in_training(fold_roles: FoldRoles, spoken: _Sentences) -> tuple[list[_Repeated], list[_Repeated]]:
    """What is held out and was said in training: word for word, or nearly so and not word for word."""
    import numpy as np

    pairs = _alike(fold_roles.table["text"], spoken)
    same, alike = [], []
    for fold in fold_roles.folds:
        masks = fold_roles.masks(fold)
        trained = np.zeros(len(spoken.long), dtype=bool)
        trained[spoken.number[masks[TRAIN] & (spoken.number >= 0)]] = True
        near = np.zeros(len(spoken.long), dtype=bool)
        near[pairs[trained[pairs[:, 1]], 0]] = near[pairs[trained[pairs[:, 0]], 1]] = True
        for role in (TEST, VALIDATION):
            rows = np.flatnonzero(masks[role] & (spoken.number >= 0))
            of = int(masks[role].sum())
            known = trained[spoken.number[rows]]
            same.append(_Repeated(fold, role, rows[known], of))
            alike.append(_Repeated(fold, role, rows[~known & near[spoken.number[rows]]], of))
    return same, alike


def _alike(texts: pd.Series, spoken: _Sentences) -> np.ndarray:
    """Pairs of long sentences that are alike, by their numbers."""
    import numpy as np

    rows = np.flatnonzero((spoken.number >= 0) & spoken.long[spoken.number])
    sentences, first = np.unique(spoken.number[rows], return_index=True)
    words = texts.iloc[rows[first]].str.casefold().str.findall(_WORD)
    return sentences[near_duplicate_pairs(words.tolist())]


def _repeated(fold_roles: FoldRoles, spoken: _Sentences, same: list[_Repeated]) -> list[Finding]:
    """Of what is repeated word for word: copies, where no corpus means it; and the rest."""
    import numpy as np

    suspect = [
        row
        for part in same
        for row in part.rows[spoken.long[spoken.number[part.rows]] & ~spoken.by_design[part.rows]]
    ]
    copied = np.isin(
        fold_roles.table["corpus"].to_numpy(object), fold_roles.table["corpus"].iloc[suspect].unique()
    )
    findings = []
    if suspect:
        parts = [_Repeated(part.fold, part.role, part.rows[copied[part.rows]], part.of) for part in same]
        long = [
            _Repeated(part.fold, part.role, part.rows[spoken.long[spoken.number[part.rows]]], part.of)
            for part in parts
        ]
        rows = _rows(parts)
        shown = _rows(long)
        findings.append(
            finding(
                "duplicate-text",
                "critical" if _worth_refusing(long) else "warning",
                fold=None,
                rows=fold_roles.ids[rows],
                explanation=f"said word for word in training too: {_shares(parts)}; in sentences of {LONG} letters or "
                f"more {len(shown):,}: {_quoted(fold_roles, shown)}.",
                advice="If these clips are copies, remove them; if everybody was given these words, waive it.",
            )
        )
    rest = [_Repeated(part.fold, part.role, part.rows[~copied[part.rows]], part.of) for part in same]
    return findings + _by_heart(fold_roles, spoken, same, [part for part in rest if part.role == TEST])


def _by_heart(
    fold_roles: FoldRoles, spoken: _Sentences, same: list[_Repeated], rest: list[_Repeated]
) -> list[Finding]:
    """Sentences that a model can learn by heart; where they tell nothing of the label, text is no evidence."""
    import numpy as np

    repeated = _rows(rest)
    if not len(repeated):
        return []
    tests = [part for part in same if part.role == TEST]
    share = sum(len(part.rows) for part in rest) / sum(part.of for part in rest)
    tested = np.unique(fold_roles.row[fold_roles.role == TEST])
    tested = tested[spoken.number[tested] >= 0]
    words, free = "", False
    if all(len(part.rows) >= NEARLY_ALL * part.of for part in tests):
        tells = _share_of_label_explained(spoken.number[tested], fold_roles.label[tested])
        words = f", and the sentence tells {tells:.0%} of the label"
        free = tells <= TELLS_NOTHING
    return [
        finding(
            "repeated-text",
            "info" if free else "warning",
            fold=None,
            rows=fold_roles.ids[repeated],
            explanation=f"{share:.0%} of the test utterances' sentences also occur in training "
            f"({len(np.unique(spoken.number[tested])):,} different sentences in all){words}.",
            advice="Text carries no emotion here, so text alone must score at chance; anything above is a leak."
            if free
            else "A model can learn these sentences' labels by heart: read scores of text with that in mind.",
        )
    ]


def _near(fold_roles: FoldRoles, spoken: _Sentences, alike: list[_Repeated]) -> list[Finding]:
    rows = _rows(alike)
    if not len(rows):
        return []
    unread = [
        _Repeated(part.fold, part.role, part.rows[~spoken.by_design[part.rows]], part.of) for part in alike
    ]
    return [
        finding(
            "near-duplicate-text",
            "critical" if _worth_refusing(unread) else "warning",
            fold=None,
            rows=fold_roles.ids[rows],
            explanation=f"said nearly word for word in training too: {_shares(alike)}: {_quoted(fold_roles, rows)}.",
            advice="If these clips are copies, remove them; if everybody was given these words, waive it.",
        )
    ]


def _worth_refusing(parts: list[_Repeated]) -> bool:
    return any(len(part.rows) >= max(2, WORTH_REFUSING * part.of) for part in parts)


def _rows(parts: list[_Repeated]) -> np.ndarray:
    import numpy as np

    return np.unique(np.concatenate([part.rows for part in parts])).astype(np.int64)


def _shares(parts: list[_Repeated]) -> str:
    """``331 of 2,610 test and 135 of 1,109 validation utterances``, over all folds."""
    counts = []
    for role in (TEST, VALIDATION):
        count = sum(len(part.rows) for part in parts if part.role == role)
        if count:
            counts.append(
                f"{count:,} of {sum(part.of for part in parts if part.role == role):,} {ROLES[role]}"
            )
    return f"{' and '.join(counts)} utterances"


def _quoted(fold_roles: FoldRoles, rows: np.ndarray) -> str:
    texts = fold_roles.table["text"]
    shown = [f"{fold_roles.ids[row]} “{texts.iloc[row]}”" for row in rows[:10]]
    return listed(shown) + (f" … and {len(rows) - 10} more" if len(rows) > 10 else "")


def _share_of_label_explained(sentence: np.ndarray, label: np.ndarray) -> float:
    """Mutual information of sentence and label over the label's entropy, less what chance adds (Miller 1955).

    Where sentences are few-fold the correction is too small, so that the share errs upwards: no false calm.
    """
    import numpy as np
    import pandas as pd

    counts = pd.crosstab(sentence, label).to_numpy(float)
    count = counts.sum()
    joint = counts / count
    rows, columns = joint.sum(1, keepdims=True), joint.sum(0, keepdims=True)
    entropy = -(columns * np.log(columns)).sum()
    if entropy == 0:
        return 0.0
    filled = joint > 0
    information = (joint[filled] * np.log((joint / (rows * columns))[filled])).sum()
    by_chance = (filled.sum() + 1 - sum(joint.shape)) / (2 * count)
    return float(np.clip((information - by_chance) / entropy, 0, 1))
