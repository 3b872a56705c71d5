"""Each strategy's figures from its test predictions: pooled with intervals, by fold, by seed, by class."""

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np

from ..artifacts.reports import ClassFigures, Comparison, Figures, Interval, Spread, Variation
from ..schema import BASELINES
from . import intervals
from .comparison import ALPHA, holm, sign_flip, ua_shares
from .metrics import LOWEST, METRICS, confusion_by, f1, precisions, recalls
from .predictions import Predictions
from .variation import over_folds, paired


def by_speaker(predictions: Predictions) -> dict[str, np.ndarray]:
    """Confusion counts of each test speaker.

    Returns:
        Strategy → ``[S, C, C]``, the speakers in the order of ``predictions.speakers``.
    """
    return {
        name: confusion_by(
            predictions.speaker,
            predictions.truth,
            predictions.predicted(name),
            groups=len(predictions.speakers),
            classes=len(predictions.classes),
        )
        for name in predictions.strategies
    }


def figures(
    predictions: Predictions,
    strategy: str,
    counts: np.ndarray,
    *,
    ratio: float,
    params: int | None,
    operations: int | None,
    modalities: list[str],
) -> Figures:
    """One strategy's figures, all from 0 to 1, MCC from -1.

    Args:
        predictions: of every strategy.
        strategy: the one.
        counts: the strategy's confusion counts ``[S, C, C]`` of each speaker, see `by_speaker`.
        ratio: n_test / n_train, see `variation.held_out_ratio`.
        params: its trained parameters, where it is one model.
        operations: of one answer, where it is one model.
        modalities: those that it looks at.
    """
    classes = len(predictions.classes)
    by_fold = confusion_by(
        predictions.fold,
        predictions.truth,
        predictions.predicted(strategy),
        groups=len(predictions.folds),
        classes=classes,
    )
    recall = recalls(counts.sum(0))
    single = by_fold_and_seed(predictions, strategy)
    by_seed = single.sum(0)
    return Figures(
        **{
            name: intervals.of_figure(metric, counts, lowest=LOWEST[name]) for name, metric in METRICS.items()
        },
        fold_mean={name: _spread(metric(by_fold)) for name, metric in METRICS.items()},
        single_seed={name: _spread(metric(by_seed)) for name, metric in METRICS.items()},
        over_folds={
            name: over_folds(metric(single), ratio=ratio, lowest=LOWEST[name])
            for name, metric in METRICS.items()
        },
        recall={
            label: None if np.isnan(value) else float(value)
            for label, value in zip(predictions.classes, recall, strict=True)
        },
        diverged=predictions.diverged(strategy),
        baseline=strategy in BASELINES,
        params=params,
        operations=operations,
        modalities=modalities,
    )


def by_class(counts: np.ndarray, classes: Sequence[str]) -> dict[str, ClassFigures]:
    """One strategy's figures on each class.

    Args:
        counts: its confusion counts ``[S, C, C]`` of each speaker, see `by_speaker`.
        classes: their names.
    """

    def interval(metric: Callable[[np.ndarray], np.ndarray], c: int) -> Interval | None:
        defined = not np.isnan(metric(counts.sum(0))[c])
        return intervals.of_figure(lambda held: metric(held)[..., c], counts) if defined else None

    seen = counts.sum((0, 1)) + counts.sum((0, 2)) > 0
    return {
        label: ClassFigures(
            utterances=int(counts[:, c].sum()),
            recall=interval(recalls, c),
            precision=interval(precisions, c),
            f1=interval(f1, c) if seen[c] else None,
        )
        for c, label in enumerate(classes)
    }


def against(
    first: str,
    others: list[str],
    predictions: Predictions,
    counts: dict[str, np.ndarray],
    *,
    seed: int,
    ratio: float,
) -> list[Comparison]:
    """Compare one strategy's UA with each other's.

    Paired by speaker: a sign-flip permutation test, and the jackknife's interval. Paired by fold and seed: the
    corrected resampled t (`variation.over_folds`). Validation named the first, and the validation of all folds is of
    the same utterances as their test. So the p-values are corrected over all pairs of strategies, not over those of
    the first alone: whichever had been named, its comparisons would be among them.

    Args:
        counts: strategy → confusion counts ``[S, C, C]`` of each speaker, see `by_speaker`.
        seed: of the sign patterns.
        ratio: n_test / n_train, see `variation.held_out_ratio`.
    """
    ua = METRICS["ua"]
    names = [first, *others]
    pairs = list(combinations(names, 2))  # those of the first come first
    shares = {name: ua_shares(counts[name]) for name in names}
    p_values, corrected = sign_flip([shares[one] - shares[other] for one, other in pairs], seed=seed)
    by_fold = {name: ua(by_fold_and_seed(predictions, name)) for name in names}
    varied = [over_folds(paired(by_fold[one], by_fold[other]), ratio=ratio) for one, other in pairs]
    varied_corrected = _holm_where_known([each.p for each in varied])
    comparisons = []
    for n, other in enumerate(others):
        difference = intervals.of_difference(ua, counts[first], counts[other])
        comparisons.append(
            Comparison(
                first=first,
                second=other,
                difference=difference.mean,
                low=difference.low,
                high=difference.high,
                p=float(p_values[n]),
                p_corrected=float(corrected[n]),
                folds=varied[n],
                folds_p_corrected=varied_corrected[n],
                significant=bool(corrected[n] < ALPHA),
                significant_over_folds=_agrees(varied[n], varied_corrected[n], difference.mean),
            )
        )
    return comparisons


def _holm_where_known(p_values: list[float | None]) -> list[float | None]:
    """Holm's adjusted p-values; None throughout where nothing varies, so that there is no p-value."""
    known = [p for p in p_values if p is not None]
    return list(holm(known)) if len(known) == len(p_values) else [None] * len(p_values)


def _agrees(folds: Variation, p_corrected: float | None, difference: float) -> bool:
    """Whether the folds and seeds show a difference of the same sign as the pooled one."""
    return p_corrected is not None and p_corrected < ALPHA and folds.mean * difference > 0


def by_fold_and_seed(predictions: Predictions, strategy: str) -> np.ndarray:
    """Confusion counts ``[F, S, C, C]`` of each seed on its own in each fold; zeros where it diverged."""
    folds, seeds, classes = len(predictions.folds), len(predictions.seeds), len(predictions.classes)
    scored = predictions.scored(strategy)
    cell = predictions.fold[None, :] * seeds + np.arange(seeds)[:, None]
    counts = confusion_by(
        cell[scored],
        np.broadcast_to(predictions.truth, scored.shape)[scored],
        predictions.predicted_by_seed(strategy)[scored],
        groups=folds * seeds,
        classes=classes,
    )
    return counts.reshape(folds, seeds, classes, classes)


def _spread(values: np.ndarray) -> Spread:
    values = values[~np.isnan(values)]
    deviation = float(values.std(ddof=1)) if len(values) > 1 else None
    return Spread(mean=float(values.mean()), sd=deviation, values=values.tolist())
