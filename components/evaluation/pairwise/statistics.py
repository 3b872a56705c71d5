"""Paired figures, tests and effect size of two experiments on the same utterances; differences are B minus A."""

from typing import Any, Literal

import numpy as np

from ...artifacts.model import CHOSEN
from ...artifacts.reports import Metric, Variation
from ...errors import EvaluationError, listed
from .. import intervals
from ..comparison import least, sign_flip, ua_shares
from ..metrics import METRICS, confusion_by, recalls
from ..predictions import Predictions
from ..scores import by_fold_and_seed
from ..variation import held_out_ratio, over_folds, paired
from .answer import sentence
from .findings import ClassRecall, Comparison, Effect, Measured, Named, Outcomes, Pair, SpeakerUA
from .sides import Side, on_common_utterances

COMPARED: tuple[Metric, ...] = ("ua", "wa", "wf1")
SEED = 0
"""Of the sign patterns that are drawn where there are more than 14 speakers: the same comparison, the same p-value."""


def compare(a: Side, b: Side, *, strategy: str | None = None, common: bool = False) -> Comparison:
    """Compare two experiments of one protocol.

    Args:
        a, b: the experiments.
        strategy: compared in both; where None, the nested choices are compared, and the registered strategies.
        common: whether experiments whose folds differ are compared on the utterances that both test.

    Returns:
        What was found.

    Raises:
        EvaluationError: they cannot be compared (see `sides.on_common_utterances`), or one lacks the strategy.
    """
    first, second = on_common_utterances(a, b, common=common)
    same_folds = a.protocol.digest == b.protocol.digest
    ratio = held_out_ratio(a.folds) if same_folds else None
    pairs: list[Pair] = []
    for kind, one, other in _pairs(a, b, strategy):
        if pairs and _alike(first, pairs[0].a, one) and _alike(second, pairs[0].b, other):
            continue  # every fold chose the registered strategy
        pairs.append(of_strategies(first, second, one, other, kind=kind, ratio=ratio))
    stated = sorted({*a.params, *b.params})
    return Comparison(
        a=_named(a),
        b=_named(b),
        protocol=a.protocol.protocol,
        inflated=a.protocol.inflated,
        utterances=len(first.truth),
        speakers=len(first.speakers),
        same_folds=same_folds,
        pairs=pairs,
        params={
            key: (a.params.get(key), b.params.get(key))
            for key in stated
            if a.params.get(key) != b.params.get(key)
        },
    )


def of_strategies(
    first: Predictions,
    second: Predictions,
    a: str,
    b: str,
    *,
    kind: Literal["nested", "registered", "named"],
    ratio: float | None,
) -> Pair:
    """Compare one strategy of A with one of B.

    Args:
        first, second: predictions of A and of B; the same utterances in the same places.
        a, b: the strategies.
        kind: why these are compared.
        ratio: n_test / n_train of the folds that both have (`variation.held_out_ratio`); None where the folds differ.
    """
    counts = [_by_speaker(first, a), _by_speaker(second, b)]
    right = [first.predicted(a) == first.truth, second.predicted(b) == second.truth]
    same = bool((first.predicted(a) == second.predicted(b)).all())
    shares = ua_shares(counts[1]) - ua_shares(counts[0])
    (p,), _ = sign_flip([shares], seed=SEED)
    figures = {
        name: Measured(
            a=intervals.of_figure(METRICS[name], counts[0]),
            b=intervals.of_figure(METRICS[name], counts[1]),
            difference=intervals.of_difference(METRICS[name], counts[1], counts[0]),
        )
        for name in COMPARED
    }
    folds = None if ratio is None else _over_folds(first, second, a, b, ratio=ratio)
    speakers, smallest = len(first.speakers), least(len(first.speakers))
    speaker_ua = _speakers(first, counts)
    return Pair(
        kind=kind,
        a=a,
        b=b,
        same=same,
        figures=figures,
        p=float(p),
        least_p=smallest,
        effect=_effect(shares, speaker_ua),
        folds=folds,
        outcomes=Outcomes(
            both=int((right[0] & right[1]).sum()),
            only_a=int((right[0] & ~right[1]).sum()),
            only_b=int((~right[0] & right[1]).sum()),
            neither=int((~right[0] & ~right[1]).sum()),
        ),
        recall=_recall(first.classes, counts),
        speakers=speaker_ua,
        answer=sentence(
            figures["ua"].difference, p=float(p), least_p=smallest, speakers=speakers, same=same, folds=folds
        ),
    )


def _pairs(
    a: Side, b: Side, strategy: str | None
) -> list[tuple[Literal["nested", "registered", "named"], str, str]]:
    if strategy is not None:
        for side in (a, b):
            if strategy not in side.predictions.strategies:
                raise EvaluationError(
                    f"{side.name} has no predictions of the strategy {strategy}; it has "
                    f"{listed(side.predictions.strategies, 20)}"
                )
        return [("named", strategy, strategy)]
    nested = all(CHOSEN in side.predictions.strategies for side in (a, b))
    registered: tuple[Literal["registered"], str, str] = ("registered", a.registered, b.registered)
    return [("nested", CHOSEN, CHOSEN), registered] if nested else [registered]


def _named(side: Side) -> Named:
    return Named(
        name=side.name,
        source=side.source,
        registered=side.registered,
        utterances=len(side.predictions.truth),
        seeds=len(side.predictions.seeds),
    )


def _alike(predictions: Predictions, one: str, other: str) -> bool:
    return bool((predictions.predicted(one) == predictions.predicted(other)).all())


def _by_speaker(predictions: Predictions, strategy: str) -> np.ndarray:
    """Confusion counts ``[S, C, C]``."""
    return confusion_by(
        predictions.speaker,
        predictions.truth,
        predictions.predicted(strategy),
        groups=len(predictions.speakers),
        classes=len(predictions.classes),
    )


def _over_folds(first: Predictions, second: Predictions, a: str, b: str, *, ratio: float) -> Variation:
    """The difference over folds and seeds; where the seeds are not the same, of each fold's mean over its seeds."""
    ua = METRICS["ua"]
    mine, other = ua(by_fold_and_seed(first, a)), ua(by_fold_and_seed(second, b))
    if first.seeds != second.seeds:
        mine, other = (np.nanmean(values, axis=1, keepdims=True) for values in (mine, other))
    return over_folds(paired(other, mine), ratio=ratio)


def _effect(shares: np.ndarray, speakers: list[SpeakerUA]) -> Effect:
    deviation = float(shares.std(ddof=1)) if len(shares) > 1 else 0.0
    differences = np.array([each.difference for each in speakers])
    return Effect(
        d_z=float(shares.mean()) / deviation if deviation > 1e-12 else None,
        better=int((differences > 1e-12).sum()),
        worse=int((differences < -1e-12).sum()),
        equal=int((np.abs(differences) <= 1e-12).sum()),
    )


def _speakers(predictions: Predictions, counts: list[np.ndarray]) -> list[SpeakerUA]:
    one, other = (METRICS["ua"](each) for each in counts)
    return [
        SpeakerUA(
            speaker=name,
            utterances=int(counts[0][k].sum()),
            a=float(one[k]),
            b=float(other[k]),
            difference=float(other[k] - one[k]),
        )
        for k, name in enumerate(predictions.speakers)
    ]


def _recall(classes: tuple[str, ...], counts: list[np.ndarray]) -> list[ClassRecall]:
    support = counts[0].sum((0, 2))
    one, other = (recalls(each.sum(0)) for each in counts)
    rows = []
    for k, label in enumerate(classes):
        found: dict[str, Any] = dict.fromkeys(("a", "b", "difference"))
        if support[k]:
            difference = intervals.of_difference(_recall_of(k), counts[1], counts[0])
            found = {"a": float(one[k]), "b": float(other[k]), "difference": difference}
        rows.append(ClassRecall(label=label, utterances=int(support[k]), **found))
    return rows


def _recall_of(k: int) -> intervals.Metric:
    return lambda confusion: recalls(confusion)[..., k]
