"""Each strategy's figures from its test predictions: pooled with intervals, by fold, by seed, by class."""

from dataclasses import dataclass

import numpy as np

from . import intervals
from .comparison import Comparison, holm, sign_flip, ua_shares
from .metrics import METRICS, confusion_by, recalls
from .predictions import Predictions
from .variation import over_folds


@dataclass(frozen=True)
class Bootstrap:
    """Resampled confusion counts ``[R, C, C]`` of each strategy, from the same draws of speakers."""

    drawn: np.ndarray
    by_speaker: dict[str, np.ndarray]
    resampled: dict[str, np.ndarray]


def bootstrap(predictions: Predictions, *, resamples: int, seed: int) -> Bootstrap:
    """Draw the speakers once, and resample each strategy's confusion counts by them."""
    drawn = intervals.draws(len(predictions.speakers), resamples=resamples, seed=seed)
    by_speaker = {
        name: confusion_by(
            predictions.speaker,
            predictions.truth,
            predictions.predicted(name),
            groups=len(predictions.speakers),
            classes=len(predictions.classes),
        )
        for name in predictions.strategies
    }
    resampled = {name: intervals.resample(counts, drawn) for name, counts in by_speaker.items()}
    return Bootstrap(drawn, by_speaker, resampled)


def figures(predictions: Predictions, strategy: str, boot: Bootstrap, *, ratio: float) -> dict:
    """One strategy's figures, all from 0 to 1.

    ``wa``, ``ua``, ``macro_f1``, ``wf1``: pooled over all test utterances, seeds averaged, with 95 % intervals;
    ``fold_mean``: mean and standard deviation (ddof 1) over the test folds, and each fold's value;
    ``single_seed``: mean and standard deviation over the seeds, each on its own; ``over_folds``: mean and 95 %
    interval over folds and seeds (`variation.over_folds`); ``recall``: of each class (None for one without an
    utterance); ``confusion``: counts, rows are the true classes.

    Args:
        ratio: n_test / n_train, see `variation.held_out_ratio`.
    """
    speakers, classes = len(predictions.speakers), len(predictions.classes)
    pooled = boot.by_speaker[strategy].sum(0)
    by_fold = confusion_by(
        predictions.fold,
        predictions.truth,
        predictions.predicted(strategy),
        groups=len(predictions.folds),
        classes=classes,
    )
    seeds = len(predictions.seeds)
    by_seed = confusion_by(
        np.repeat(np.arange(seeds), len(predictions.truth)),
        np.tile(predictions.truth, seeds),
        predictions.predicted_by_seed(strategy).ravel(),
        groups=seeds,
        classes=classes,
    )
    result = {}
    for name, metric in METRICS.items():
        resampled = metric(boot.resampled[strategy])
        result[name] = intervals.percentile(float(metric(pooled)), resampled, speakers=speakers).as_dict()
    recall = recalls(pooled)
    single = _by_fold_and_seed(predictions, strategy)
    return result | {
        "fold_mean": {name: _spread(metric(by_fold), "folds") for name, metric in METRICS.items()},
        "single_seed": {name: _spread(metric(by_seed), "seeds") for name, metric in METRICS.items()},
        "over_folds": {
            name: over_folds(metric(single), ratio=ratio, lowest=0.0).as_dict()
            for name, metric in METRICS.items()
        },
        "recall": {
            label: None if np.isnan(value) else float(value)
            for label, value in zip(predictions.classes, recall, strict=True)
        },
        "confusion": pooled.tolist(),
    }


def against(
    first: str, others: list[str], predictions: Predictions, boot: Bootstrap, *, seed: int, ratio: float
) -> list[Comparison]:
    """Compare one strategy's UA with each other's, each of two tests Holm-corrected over these comparisons.

    Paired by speaker: a sign-flip permutation over speakers, the interval of the paired bootstrap over speakers. Paired
    by fold and seed: the corrected resampled t (`variation.over_folds`).
    """
    ua = METRICS["ua"]
    by_fold = {name: ua(_by_fold_and_seed(predictions, name)) for name in (first, *others)}
    varied = [over_folds(by_fold[first] - by_fold[other], ratio=ratio) for other in others]
    varied_holm = holm([each.p for each in varied]) if others and varied[0].over else [None] * len(others)
    p_values = [
        sign_flip(ua_shares(boot.by_speaker[first]) - ua_shares(boot.by_speaker[other]), seed=seed)
        for other in others
    ]
    comparisons = []
    for other, p, p_holm, folds, folds_p_holm in zip(
        others, p_values, holm(p_values), varied, varied_holm, strict=True
    ):
        difference = intervals.percentile(
            float(ua(boot.by_speaker[first].sum(0)) - ua(boot.by_speaker[other].sum(0))),
            ua(boot.resampled[first]) - ua(boot.resampled[other]),
            speakers=len(predictions.speakers),
        )
        comparisons.append(
            Comparison(
                first, other, difference.mean, difference.low, difference.high, p, p_holm, folds, folds_p_holm
            )
        )
    return comparisons


def _by_fold_and_seed(predictions: Predictions, strategy: str) -> np.ndarray:
    """Confusion counts ``[F, S, C, C]`` of each seed on its own in each fold."""
    folds, seeds, classes = len(predictions.folds), len(predictions.seeds), len(predictions.classes)
    counts = confusion_by(
        (predictions.fold[None, :] * seeds + np.arange(seeds)[:, None]).ravel(),
        np.tile(predictions.truth, seeds),
        predictions.predicted_by_seed(strategy).ravel(),
        groups=folds * seeds,
        classes=classes,
    )
    return counts.reshape(folds, seeds, classes, classes)


def _spread(values: np.ndarray, of: str) -> dict:
    values = values[~np.isnan(values)]
    deviation = float(values.std(ddof=1)) if len(values) > 1 else None
    return {"mean": float(values.mean()), "sd": deviation, of: values.tolist()}
