"""All figures of every strategy's probabilities."""

from collections.abc import Sequence

import numpy as np

from ...artifacts.model import Correction, ProbabilityCalibration
from ...artifacts.reports import (
    Calibration,
    PredictionSets,
    Probabilities,
    ReliabilityBin,
    TemperatureScaled,
)
from ...fusion.calibrated import scaled, set_scores
from ...schema import BASELINES
from .. import intervals
from ..ceilings import subset_name
from ..contributions.coalitions import Coalitions
from ..predictions import Predictions
from .abstention import SHARES, accuracy_by_share
from .calibration import bin_sums, brier, ece, nll
from .prediction_sets import LEVEL, cross_conformal, threshold
from .speaker_means import mean, sums
from .temperature import cross_fitted, fitted, helps


def of_strategies(predictions: Predictions, *, seed: int) -> dict[str, Probabilities]:
    """Of each strategy but baselines.

    Args:
        predictions: of every strategy.
        seed: of what the prediction sets draw.
    """
    return {
        name: _of_strategy(predictions, name, seed=seed)
        for name in predictions.strategies
        if name not in BASELINES
    }


def registered(
    predictions: Predictions,
    strategy: str,
    coalitions: Coalitions | None,
    *,
    modalities: Sequence[str],
    seed: int,
) -> ProbabilityCalibration:
    """What the registered model's probabilities are corrected by, for each subset of its modalities.

    It is a refit on all rows, which leaves nothing to fit this on, so the test predictions of the models that chose it
    stand in, those of all folds together.

    Args:
        predictions: of every strategy.
        strategy: of the registered model.
        coalitions: its predictions with each subset of its modalities; None where it looks at one.
        modalities: that it looks at.
        seed: of what is drawn.
    """
    if coalitions is None:
        everyone = np.ones(len(predictions.truth), dtype=bool)
        given = {subset_name(list(modalities)): (predictions.of_model(strategy), everyone)}
    else:
        given = {
            coalitions.name(k): (coalitions.probabilities[k], coalitions.having_all(k))
            for k in range(1, len(coalitions.probabilities))
        }
    return ProbabilityCalibration(
        level=LEVEL,
        given={
            name: _correction(predictions, probabilities, having, seed=seed)
            for name, (probabilities, having) in given.items()
            if having.any()
        },
    )


def _correction(
    predictions: Predictions, probabilities: np.ndarray, having: np.ndarray, *, seed: int
) -> Correction:
    """Of probabilities ``[N, C]``, fitted on some of the utterances, bool ``[N]``."""
    given, truth, speaker, fold = (
        each[having] for each in (probabilities, predictions.truth, predictions.speaker, predictions.fold)
    )
    corrected = cross_fitted(
        given, truth, fold, speaker
    )  # None: of one fold it cannot be tried whether it helps
    temperature = fitted(given, truth) if corrected is None or helps(given, truth, corrected[0]) else 1.0
    of_classes = set_scores(scaled(given, temperature), np.random.default_rng(seed).random(len(truth)))
    true = np.take_along_axis(of_classes, truth[:, None], axis=1)[:, 0]
    return Correction(
        temperature=temperature,
        threshold=threshold(true, speaker),
        utterances=len(truth),
        speakers=len(np.unique(speaker)),
    )


def _of_strategy(predictions: Predictions, strategy: str, *, seed: int) -> Probabilities:
    given = predictions.of_model(strategy)
    truth, speaker, fold = predictions.truth, predictions.speaker, predictions.fold
    bins = bin_sums(given, truth, speaker).sum(0)
    corrected = cross_fitted(given, truth, fold, speaker)
    temperatures = corrected[1] if corrected and helps(given, truth, corrected[0]) else None
    sets = cross_conformal(given, truth, fold, speaker, temperatures=temperatures, seed=seed)
    return Probabilities(
        calibration=_calibration(given, truth, speaker),
        scaled=corrected
        and TemperatureScaled(
            temperatures=corrected[1], calibration=_calibration(corrected[0], truth, speaker)
        ),
        auc=_auc(given, truth),
        reliability=[
            ReliabilityBin(utterances=int(count), confidence=confidence / count, accuracy=right / count)
            for count, confidence, right in bins.tolist()
        ],
        answered=dict(
            zip((f"{share:.2f}" for share in SHARES), accuracy_by_share(given, truth), strict=True)
        ),
        sets=None if sets is None else _sets(sets, truth, speaker),
    )


def _calibration(probabilities: np.ndarray, truth: np.ndarray, speaker: np.ndarray) -> Calibration:
    return Calibration(
        ece=intervals.of_figure(ece, bin_sums(probabilities, truth, speaker)),
        brier=intervals.of_positive(mean, sums(brier(probabilities, truth), speaker)),
        nll=intervals.of_positive(mean, sums(nll(probabilities, truth), speaker)),
    )


def _sets(sets: np.ndarray, truth: np.ndarray, speaker: np.ndarray) -> PredictionSets:
    covered, sizes = sets[np.arange(len(truth)), truth], sets.sum(1)
    single = sizes == 1
    return PredictionSets(
        level=LEVEL,
        coverage=intervals.of_figure(mean, sums(covered, speaker)),
        size=float(sizes.mean()),
        sizes=np.bincount(sizes, minlength=sets.shape[1] + 1)[1:].tolist(),
        single_right=float(covered[single].mean()) if single.any() else None,
    )


def _auc(probabilities: np.ndarray, truth: np.ndarray) -> float | None:
    """The mean over the classes of the area under the curve of one against the rest; None where only one occurs.

    The area is the probability that an utterance of the class gets more than one of another (Hanley & McNeil 1982), so
    it follows from ranks: for all classes at once this is many times as fast as scikit-learn's curves.
    """
    from scipy.stats import rankdata

    occurring, counts = np.unique(truth, return_counts=True)
    if len(occurring) < 2:
        return None
    ranks = rankdata(probabilities[:, occurring], axis=0)
    own = ((truth[:, None] == occurring) * ranks).sum(0)
    areas = (own - counts * (counts + 1) / 2) / (counts * (len(truth) - counts))
    return float(areas.mean())
