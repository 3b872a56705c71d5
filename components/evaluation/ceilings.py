"""What no honest strategy can do: beat the oracle of its modalities, or tell emotion from a text that has none.

A corpus with planted truth knows, for each subset of modalities, what the best possible reader of the displays
would have answered. A strategy that is better than that beyond sampling error has seen what it must not see.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import EvaluationError, listed
from .comparison import ALPHA, holm, mcnemar_above

if TYPE_CHECKING:
    import pandas as pd

CHANCE_MARGIN = 0.03
"""UA of text alone may be so far from chance where the sentences say nothing of the emotion."""


@dataclass(frozen=True)
class Ceiling:
    """One strategy beside the oracle of its modalities on the same utterances; accuracies from 0 to 1."""

    strategy: str
    subset: str
    accuracy: float
    oracle: float
    utterances: int
    p: float
    p_holm: float

    @property
    def above(self) -> bool:
        return self.p_holm < ALPHA


def subset_name(modalities: list[str] | tuple[str, ...]) -> str:
    """A subset of modalities in one spelling: ``audio+face+text``, sorted."""
    return "+".join(sorted(modalities))


def modalities_of(strategy: str, modalities: list[str]) -> list[str]:
    """The modalities that a strategy looks at: a baseline is named by its only one, any other looks at all."""
    return [strategy] if strategy in modalities else sorted(modalities)


def oracle_right(oracle: "pd.DataFrame", utterance_ids: np.ndarray) -> dict[str, np.ndarray]:
    """Whether each subset's oracle has each utterance right: subset → bool ``[N]``.

    Args:
        oracle: utterance_id, subset, prediction, correct (see ``data/ceilings/<corpus>/oracle.parquet``).

    Raises:
        EvaluationError: where a subset lacks an utterance or holds it twice.
    """
    right = {}
    for subset, rows in oracle.groupby("subset", sort=True):
        held = rows.set_index("utterance_id")["correct"]
        twice = sorted(held.index[held.index.duplicated()].unique())
        missing = [name for name in utterance_ids if name not in held.index] if not twice else []
        if twice or missing:
            fault = f"holds twice: {listed(twice)}" if twice else f"lacks: {listed(missing)}"
            raise EvaluationError(f"the oracle of {subset} {fault}; run the stage `utterances` again")
        right[subset_name(str(subset).split("+"))] = held.loc[utterance_ids].to_numpy(bool)
    return right


def compare(
    right: dict[str, np.ndarray], oracle: dict[str, np.ndarray], subsets: dict[str, str]
) -> list[Ceiling]:
    """Test each strategy against the oracle of its subset, Holm-corrected over the strategies.

    The test is McNemar's, exact and one-sided, over utterances: given the displays, an honest strategy's chance
    to be right is at most the oracle's for each utterance on its own, so utterances need no grouping here.

    Args:
        right: strategy → bool ``[N]``; oracle: subset → bool ``[N]``, the same utterances in the same order.
        subsets: strategy → its subset. A strategy whose subset has no oracle is left out.
    """
    names = [name for name in right if subsets[name] in oracle]
    pairs = [(right[name], oracle[subsets[name]]) for name in names]
    p_values = [mcnemar_above(int((ours & ~best).sum()), int((best & ~ours).sum())) for ours, best in pairs]
    return [
        Ceiling(name, subsets[name], float(ours.mean()), float(best.mean()), len(ours), p, p_holm)
        for name, (ours, best), p, p_holm in zip(names, pairs, p_values, holm(p_values), strict=True)
    ]


def text_at_chance(ua: dict[str, float | None], classes: int) -> bool:
    """Whether the UA of text alone is chance: within three points of 1 / C, or 1 / C lies in its interval."""
    chance = 1 / classes
    if abs(ua["mean"] - chance) <= CHANCE_MARGIN:
        return True
    return ua["low"] is not None and ua["low"] <= chance <= ua["high"]
