"""What no honest strategy can do: beat the oracle of its modalities, or tell emotion from a text that has none.

A corpus with planted truth knows, for each subset of modalities, what the best possible reader of the displays
would have answered. A strategy that is better than that beyond sampling error has seen what it must not see.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..artifacts.reports import BesideOracle, Interval
from ..errors import EvaluationError, listed
from ..schema import BASELINES, CLASSIFIERS
from .comparison import ALPHA, holm, mcnemar_above

if TYPE_CHECKING:
    import pandas as pd

CHANCE_MARGIN = 0.03
"""UA of text alone may be so far from chance where the sentences say nothing of the emotion."""


def subset_name(modalities: list[str] | tuple[str, ...]) -> str:
    """A subset of modalities in one spelling: ``audio+face+text``, sorted."""
    return "+".join(sorted(modalities))


def modalities_of(strategy: str, modalities: Sequence[str], posteriors: Sequence[str]) -> list[str]:
    """The modalities that a strategy looks at: one is named by its only one, majority and chance look at none, any
    other looks at all; but a classifier, which learns from training rows, not at posteriors.

    Args:
        modalities: those that the corpora have.
        posteriors: those of them that are class probabilities of a model of others.
    """
    if strategy in BASELINES:
        return []
    if strategy in CLASSIFIERS:
        return sorted(set(modalities) - set(posteriors))
    return [strategy] if strategy in modalities else sorted(modalities)


def oracle_right(oracle: "pd.DataFrame", utterance_ids: np.ndarray) -> dict[str, np.ndarray]:
    """Whether each subset's oracle has each utterance right: subset → bool ``[N]``.

    Args:
        oracle: utterance_id, subset, correct.

    Raises:
        EvaluationError: where a subset lacks an utterance or holds it twice.
    """
    right = {}
    for subset, rows in oracle.groupby("subset", sort=True):
        correct = rows.set_index("utterance_id")["correct"]
        twice = sorted(correct.index[correct.index.duplicated()].unique())
        missing = [name for name in utterance_ids if name not in correct.index] if not twice else []
        if twice or missing:
            fault = f"holds twice: {listed(twice)}" if twice else f"lacks: {listed(missing)}"
            raise EvaluationError(f"the oracle of {subset} {fault}; run the stage `utterances` again")
        right[subset_name(str(subset).split("+"))] = correct.loc[utterance_ids].to_numpy(bool)
    return right


def in_classes(oracle: "pd.DataFrame", classes: dict[str, str]) -> "pd.DataFrame":
    """The oracle's answers in the classes that a model tells apart, which may merge the planted labels or lack some.

    As probable as the labels that it merges is a class; that an utterance has one of these labels, the oracle knows.

    Args:
        oracle: utterance_id, subset, label, and how probable each label is, in a column of its name (see
            ``data/ceilings/<corpus>/oracle.parquet``); other rows are left out.
        classes: utterance id → class.

    Returns:
        utterance_id, subset, correct; an utterance's class is that of its label.

    Raises:
        EvaluationError: one planted label is several classes, so that nothing is known of them.
    """
    rows = oracle[oracle["utterance_id"].isin(classes.keys())]
    truth = rows["utterance_id"].map(classes)
    merged = rows[["label"]].assign(name=truth).drop_duplicates().sort_values(["name", "label"])
    several = sorted(merged.loc[merged["label"].duplicated(), "label"].unique())
    if several:
        raise EvaluationError(f"what was planted as {listed(several)} is of several classes")
    names = merged["name"].unique()
    probable = np.stack(
        [rows[merged.loc[merged["name"] == name, "label"].tolist()].sum(axis=1) for name in names], axis=1
    )
    best = probable.max(axis=1, keepdims=True)
    answer = names[(probable >= best * (1 - 1e-9)).argmax(axis=1)]  # the first of those equal up to rounding
    return rows[["utterance_id", "subset"]].assign(correct=answer == truth.to_numpy())


def together(oracles: list["pd.DataFrame"], subsets: set[str]) -> "pd.DataFrame":
    """The answers of several corpora's oracles to every subset that tells something of each of them.

    Of a corpus that lacks some modality of a subset, the rest of the subset answers.

    Args:
        oracles: utterance_id, subset, correct, of one corpus each; subsets: further ones that are asked for.
    """
    import pandas as pd

    named = [
        oracle.assign(subset=oracle["subset"].map(lambda name: subset_name(name.split("+"))))
        for oracle in oracles
    ]
    by_subset = [dict(list(each.groupby("subset"))) for each in named]
    parts = [named[0][:0]]
    for subset in sorted(subsets.union(*by_subset)):
        asked = set(subset.split("+"))
        there = [subset_name(list(asked & set("+".join(each).split("+")))) for each in by_subset]
        if all(name in each for name, each in zip(there, by_subset, strict=True)):
            parts += [each[name].assign(subset=subset) for name, each in zip(there, by_subset, strict=True)]
    return pd.concat(parts, ignore_index=True)


def compare(
    right: dict[str, np.ndarray], oracle: dict[str, np.ndarray], subsets: dict[str, str], truth: np.ndarray
) -> list[BesideOracle]:
    """Test each strategy against the oracle of its subset, Holm-corrected over the strategies.

    The test is McNemar's, exact and one-sided, over utterances: given the displays, an honest strategy's chance
    to be right is at most the oracle's for each utterance on its own, so utterances need no grouping here.

    Args:
        right: strategy → bool ``[N]``.
        oracle: subset → bool ``[N]``, the same utterances in the same order.
        subsets: strategy → its subset. A strategy whose subset has no oracle is left out.
        truth: class codes ``[N]``.

    Returns:
        One comparison per strategy, in the order of ``right``.
    """
    names = [name for name in right if subsets[name] in oracle]
    pairs = [(right[name], oracle[subsets[name]]) for name in names]
    p_values = [mcnemar_above(int((ours & ~best).sum()), int((best & ~ours).sum())) for ours, best in pairs]
    return [
        BesideOracle(
            strategy=name,
            subset=subsets[name],
            accuracy=float(ours.mean()),
            oracle=float(best.mean()),
            oracle_ua=float(np.mean([best[truth == label].mean() for label in np.unique(truth)])),
            utterances=len(ours),
            p=p,
            p_holm=p_holm,
            above=p_holm < ALPHA,
        )
        for name, (ours, best), p, p_holm in zip(names, pairs, p_values, holm(p_values), strict=True)
    ]


def text_at_chance(ua: Interval, classes: int) -> bool:
    """Whether the UA of text alone is chance: within three points of 1 / C, or 1 / C lies in its interval."""
    chance = 1 / classes
    if abs(ua.mean - chance) <= CHANCE_MARGIN:
        return True
    return ua.low is not None and ua.high is not None and ua.low <= chance <= ua.high
