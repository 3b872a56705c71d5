"""Whether folds keep to what others have stated: a published protocol's counts, a corpus's own split."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..artifacts.folds import Finding
from ..protocols import Protocol, declares_split
from .finding import ROWS_AT_MOST, finding

if TYPE_CHECKING:
    import pandas as pd


def unexpected_counts(plan: Protocol, rows: pd.DataFrame) -> list[Finding]:
    """Compare the utterances with the published protocol's; scores differ where their number does.

    Args:
        plan: the protocol; one that nobody published expects nothing.
        rows: ``utterance_id, speaker``, one row per labelled utterance.

    Returns:
        One warning where the numbers differ, otherwise nothing.
    """
    expected = plan.published.counts if plan.published else None
    if expected is None:
        return []
    counts = rows.groupby("speaker").size()
    other = counts[counts != expected.per_speaker] if expected.per_speaker else counts[:0]
    if not other.empty:
        found = ", ".join(f"{speaker}: {count}" for speaker, count in other.items())
        difference = f"{expected.per_speaker} utterances of each speaker; here it is {found}"
    elif expected.utterances not in (None, len(rows)) and not expected.per_speaker:
        difference = f"{expected.utterances:,} utterances; here there are {len(rows):,}"
    else:
        return []
    named = rows.loc[rows["speaker"].isin(other.index), "utterance_id"]
    return [
        Finding(
            kind="count",
            severity="warning",
            fold=None,
            rows=named.tolist()[:ROWS_AT_MOST],
            count=len(named) or abs(len(rows) - (expected.utterances or 0)),
            explanation=f"{plan.id} has {difference}.",
            advice="Complete the corpus, or say so beside the scores: they are not quite the published protocol's.",
        )
    ]


def ignored_split(plan: Protocol, rows: pd.DataFrame) -> list[Finding]:
    """Say that a rule makes the folds although the corpus declares who trains and who is tested.

    Args:
        plan: the protocol.
        rows: ``utterance_id, split_official``, one row per labelled utterance.

    Returns:
        One warning, or nothing where no split is declared or the protocol keeps to it.
    """
    if plan.published is not None or plan.scheme.test == "official" or not declares_split(rows):
        return []
    sizes = rows["split_official"].value_counts()
    tested = rows.loc[rows["split_official"] == "test", "utterance_id"]
    return [
        finding(
            "split",
            "warning",
            fold=None,
            rows=tested.tolist(),
            explanation=f"the corpus declares a split ({', '.join(f'{name} {sizes[name]}' for name in sizes.index)}) "
            f"that {plan.id} does not use.",
            advice="Take protocol official, or make sure that nothing which came with the corpus (features, models) "
            "was fitted on its training rows: these are in the test of some folds.",
        )
    ]
