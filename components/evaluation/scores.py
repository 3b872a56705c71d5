"""Each strategy's figures from its test predictions: pooled with intervals, by fold, by seed, by class."""

from itertools import combinations

import numpy as np

from . import intervals
from .comparison import Comparison, holm, sign_flip, ua_shares
from .metrics import METRICS, confusion_by, recalls
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


def figures(predictions: Predictions, strategy: str, counts: np.ndarray, *, ratio: float) -> dict:
    """One strategy's figures, all from 0 to 1.

    ``wa``, ``ua``, ``macro_f1``, ``wf1``: pooled over all test utterances, seeds averaged, with 95 % intervals;
    ``fold_mean``: mean and standard deviation (ddof 1) over the test folds, and each fold's value;
    ``single_seed``: mean and standard deviation over the seeds, each on its own and pooled over the folds in which it
    did not diverge; ``over_folds``: mean and 95 % interval over folds and seeds (`variation.over_folds`); ``recall``:
    of each class (None for one without an utterance); ``confusion``: counts, rows are the true classes; ``diverged``:
    fold and seed of the refits that were left out.

    Args:
        counts: the strategy's confusion counts ``[S, C, C]`` of each speaker, see `by_speaker`.
        ratio: n_test / n_train, see `variation.held_out_ratio`.
    """
    classes, pooled = len(predictions.classes), counts.sum(0)
    by_fold = confusion_by(
        predictions.fold,
        predictions.truth,
        predictions.predicted(strategy),
        groups=len(predictions.folds),
        classes=classes,
    )
    single = _by_fold_and_seed(predictions, strategy)
    by_seed = single.sum(0)
    pooled_figures = {name: intervals.of_figure(metric, counts).as_dict() for name, metric in METRICS.items()}
    recall = recalls(pooled)
    return pooled_figures | {
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
        "diverged": predictions.diverged(strategy),
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
    by_fold = {name: ua(_by_fold_and_seed(predictions, name)) for name in names}
    varied = [over_folds(paired(by_fold[one], by_fold[other]), ratio=ratio) for one, other in pairs]
    tested = [n for n, each in enumerate(varied) if each.p is not None]
    varied_corrected = dict(zip(tested, holm([varied[n].p for n in tested]), strict=True))
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
                folds_p_corrected=varied_corrected.get(n),
            )
        )
    return comparisons


def _by_fold_and_seed(predictions: Predictions, strategy: str) -> np.ndarray:
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


def _spread(values: np.ndarray, of: str) -> dict:
    values = values[~np.isnan(values)]
    deviation = float(values.std(ddof=1)) if len(values) > 1 else None
    return {"mean": float(values.mean()), "sd": deviation, of: values.tolist()}
