"""Sentences on two sides of a fold: read by everybody by design, said again by chance, or copied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..artifacts.folds import Finding
from ..errors import listed
from ..protocols import repeats
from .alike import pairs_alike
from .dealt import ROLES, TEST, TRAIN, VALIDATION, Dealt
from .finding import finding

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
class _Told:
    """The utterances' texts as numbers of sentences. ``read``: rows of a corpus that repeats its text by design."""

    said: np.ndarray
    """Of each row, -1 where it has no text."""
    long: np.ndarray
    """Of each sentence."""
    read: np.ndarray
    """Of each row."""


@dataclass(frozen=True)
class _Held:
    """One fold's rows of one role that are in training too, by the sentence or by one like it."""

    fold: int
    role: int
    rows: np.ndarray
    of: int
    """So many rows have the role there."""


def find(dealt: Dealt) -> list[Finding]:
    said = repeats.sentences(dealt.table["text"]).to_numpy()
    if (said < 0).all():
        return []
    long = _long(dealt.table["text"], said)
    told = _Told(said, long, _by_design(dealt.table["corpus"], said, long))
    same, alike = _in_training(dealt, told)
    return [*_repeated(dealt, told, same), *_near(dealt, told, alike)]


def _long(texts: pd.Series, said: np.ndarray) -> np.ndarray:
    import numpy as np

    first = np.unique(said, return_index=True)
    long = np.zeros(said.max() + 1, dtype=bool)
    rows = first[1][first[0] >= 0]
    long[said[rows]] = (texts.iloc[rows].str.count(r"\w") >= LONG).to_numpy()
    return long


def _by_design(corpus: pd.Series, said: np.ndarray, long: np.ndarray) -> np.ndarray:
    import numpy as np
    import pandas as pd

    rows = pd.DataFrame({"corpus": corpus.to_numpy(), "said": said})[said >= 0]
    again = rows.duplicated(["corpus", "said"], keep=False) & long[rows["said"]]
    read = again.groupby(rows["corpus"]).mean() >= BY_DESIGN
    return np.isin(corpus.to_numpy(object), read.index[read].to_numpy(object))


def _in_training(dealt: Dealt, told: _Told) -> tuple[list[_Held], list[_Held]]:
    """What is held out and was said in training: word for word, or nearly so and not word for word."""
    import numpy as np

    pairs = _alike(dealt.table["text"], told)
    same, alike = [], []
    for fold in dealt.folds:
        masks = dealt.masks(fold)
        trained = np.zeros(len(told.long), dtype=bool)
        trained[told.said[masks[TRAIN] & (told.said >= 0)]] = True
        near = np.zeros(len(told.long), dtype=bool)
        near[pairs[trained[pairs[:, 1]], 0]] = near[pairs[trained[pairs[:, 0]], 1]] = True
        for role in (TEST, VALIDATION):
            rows = np.flatnonzero(masks[role] & (told.said >= 0))
            of = int(masks[role].sum())
            known = trained[told.said[rows]]
            same.append(_Held(fold, role, rows[known], of))
            alike.append(_Held(fold, role, rows[~known & near[told.said[rows]]], of))
    return same, alike


def _alike(texts: pd.Series, told: _Told) -> np.ndarray:
    """Pairs of long sentences that are alike, by their numbers."""
    import numpy as np

    rows = np.flatnonzero((told.said >= 0) & told.long[told.said])
    sentences, first = np.unique(told.said[rows], return_index=True)
    words = texts.iloc[rows[first]].str.casefold().str.findall(_WORD)
    return sentences[pairs_alike(words.tolist())]


def _repeated(dealt: Dealt, told: _Told, same: list[_Held]) -> list[Finding]:
    """Of what is repeated word for word: copies, where no corpus means it; and the rest."""
    import numpy as np

    suspect = [
        row for held in same for row in held.rows[told.long[told.said[held.rows]] & ~told.read[held.rows]]
    ]
    copied = np.isin(dealt.table["corpus"].to_numpy(object), dealt.table["corpus"].iloc[suspect].unique())
    findings = []
    if suspect:
        parts = [_Held(held.fold, held.role, held.rows[copied[held.rows]], held.of) for held in same]
        long = [
            _Held(held.fold, held.role, held.rows[told.long[told.said[held.rows]]], held.of) for held in parts
        ]
        rows = _rows(parts)
        shown = _rows(long)
        findings.append(
            finding(
                "duplicate-text",
                "critical" if _worth_refusing(long) else "warning",
                fold=None,
                rows=dealt.ids[rows],
                explanation=f"said word for word in training too: {_shares(parts)}; in sentences of {LONG} letters or "
                f"more {len(shown):,}: {_quoted(dealt, shown)}.",
                advice="If these clips are copies, remove them; if everybody was given these words, waive it.",
            )
        )
    rest = [_Held(held.fold, held.role, held.rows[~copied[held.rows]], held.of) for held in same]
    return findings + _by_heart(dealt, told, same, [held for held in rest if held.role == TEST])


def _by_heart(dealt: Dealt, told: _Told, same: list[_Held], rest: list[_Held]) -> list[Finding]:
    """Sentences that a model can learn by heart; where they tell nothing of the label, text is no evidence."""
    import numpy as np

    repeated = _rows(rest)
    if not len(repeated):
        return []
    tests = [held for held in same if held.role == TEST]
    share = sum(len(held.rows) for held in rest) / sum(held.of for held in rest)
    tested = np.unique(dealt.row[dealt.role == TEST])
    tested = tested[told.said[tested] >= 0]
    words, free = "", False
    if all(len(held.rows) >= NEARLY_ALL * held.of for held in tests):
        tells = _share_of_label_told(told.said[tested], dealt.label[tested])
        words = f", and the sentence tells {tells:.0%} of the label"
        free = tells <= TELLS_NOTHING
    return [
        finding(
            "repeated-text",
            "info" if free else "warning",
            fold=None,
            rows=dealt.ids[repeated],
            explanation=f"{share:.0%} of the test utterances' sentences also occur in training "
            f"({len(np.unique(told.said[tested])):,} different sentences in all){words}.",
            advice="Text carries no emotion here, so text alone must score at chance; anything above is a leak."
            if free
            else "A model can learn these sentences' labels by heart: read scores of text with that in mind.",
        )
    ]


def _near(dealt: Dealt, told: _Told, alike: list[_Held]) -> list[Finding]:
    rows = _rows(alike)
    if not len(rows):
        return []
    unread = [_Held(held.fold, held.role, held.rows[~told.read[held.rows]], held.of) for held in alike]
    return [
        finding(
            "near-duplicate-text",
            "critical" if _worth_refusing(unread) else "warning",
            fold=None,
            rows=dealt.ids[rows],
            explanation=f"said nearly word for word in training too: {_shares(alike)}: {_quoted(dealt, rows)}.",
            advice="If these clips are copies, remove them; if everybody was given these words, waive it.",
        )
    ]


def _worth_refusing(parts: list[_Held]) -> bool:
    return any(len(held.rows) >= max(2, WORTH_REFUSING * held.of) for held in parts)


def _rows(parts: list[_Held]) -> np.ndarray:
    import numpy as np

    return np.unique(np.concatenate([held.rows for held in parts])).astype(np.int64)


def _shares(parts: list[_Held]) -> str:
    """``331 of 2,610 test and 135 of 1,109 validation utterances``, over all folds."""
    said = []
    for role in (TEST, VALIDATION):
        count = sum(len(held.rows) for held in parts if held.role == role)
        if count:
            said.append(f"{count:,} of {sum(held.of for held in parts if held.role == role):,} {ROLES[role]}")
    return f"{' and '.join(said)} utterances"


def _quoted(dealt: Dealt, rows: np.ndarray) -> str:
    texts = dealt.table["text"]
    shown = [f"{dealt.ids[row]} “{texts.iloc[row]}”" for row in rows[:10]]
    return listed(shown) + (f" … and {len(rows) - 10} more" if len(rows) > 10 else "")


def _share_of_label_told(sentence: np.ndarray, label: np.ndarray) -> float:
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
