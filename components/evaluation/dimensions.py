"""How well valence, arousal and dominance are predicted, of strategies that learned them beside the emotion.

All figures are of sums over utterances, so that a jackknife over speakers is one array operation.
"""

from typing import TYPE_CHECKING

import numpy as np

from ..artifacts.reports import DimensionFigures
from ..errors import EvaluationError, listed
from . import intervals
from .predictions import Predictions

if TYPE_CHECKING:
    import pandas as pd

NAMES = ("valence", "arousal", "dominance")


def figures(
    predictions: Predictions, predicted: "pd.DataFrame", truth: "pd.DataFrame"
) -> dict[str, dict[str, DimensionFigures]]:
    """CCC, Pearson's correlation and mean absolute error, with intervals over speakers.

    Args:
        predictions: whose test utterances, folds and speakers they are.
        predicted: by strategies, see `artifacts.model.DIMENSIONS`.
        truth: valence, arousal and dominance of the N test utterances, in the order of ``predictions``; null where
            unknown.

    Returns:
        Strategy → dimension → figures, over the utterances that have a truth and a prediction; dimensions without two
        of them are left out.

    Raises:
        EvaluationError: what was predicted is not of these test utterances.
    """
    import pandas as pd

    tested = pd.MultiIndex.from_arrays(
        [np.array(predictions.folds)[predictions.fold], predictions.utterance_ids]
    )
    place = tested.get_indexer(pd.MultiIndex.from_frame(predicted[["fold", "utterance_id"]]))
    strange = predicted["utterance_id"][place < 0].tolist()
    if strange or predicted.duplicated(["strategy", "fold", "utterance_id"]).any():
        fault = (
            f"of utterances that are not tested: {listed(strange)}" if strange else "twice of an utterance"
        )
        raise EvaluationError(
            f"valence, arousal or dominance were predicted {fault}; run the stage `train` again"
        )
    known = truth[list(NAMES)].to_numpy(float, na_value=np.nan)  # [N, 3]
    found: dict[str, dict[str, DimensionFigures]] = {}
    for strategy, rows in predicted.reset_index(drop=True).groupby("strategy"):
        said = np.full(known.shape, np.nan)
        said[place[rows.index]] = rows[list(NAMES)].to_numpy(float)
        each = {
            name: _figures(predictions, said[:, n], known[:, n])
            for n, name in enumerate(NAMES)
            if (~np.isnan(said[:, n] + known[:, n])).sum() > 1
        }
        if each:
            found[str(strategy)] = each
    return found


def _figures(predictions: Predictions, said: np.ndarray, known: np.ndarray) -> DimensionFigures:
    both = ~np.isnan(said + known)
    p, t = said[both], known[both]
    terms = np.stack([np.ones_like(p), p, t, p * p, t * t, p * t, np.abs(p - t)], axis=1)
    speakers = np.unique(predictions.speaker[both], return_inverse=True)[1]
    sums = np.zeros((speakers.max() + 1, terms.shape[1]))
    np.add.at(sums, speakers, terms)
    return DimensionFigures(
        utterances=int(both.sum()),
        speakers=len(sums),
        ccc=intervals.of_signed(concordance, sums),
        pearson=intervals.of_signed(correlation, sums),
        mae=intervals.of_positive(absolute_error, sums),
    )


def concordance(sums: np.ndarray) -> np.ndarray:
    """Lin's concordance correlation coefficient (Lin 1989): 2 cov / (var + var + squared difference of the means).

    Args:
        sums: ``[..., 7]``: of 1, p, t, p², t², pt and abs(p - t) over utterances, p being predicted and t true.

    Returns:
        ``[...]``, -1 to 1; 0 where nothing varies, since a constant does not agree with anything.
    """
    mean_p, mean_t, var_p, var_t, covariance = _moments(sums)
    spread = var_p + var_t + (mean_p - mean_t) ** 2
    return _over(2 * covariance, spread)


def correlation(sums: np.ndarray) -> np.ndarray:
    """Pearson's correlation of the same sums; 0 where one of the two does not vary."""
    _, _, var_p, var_t, covariance = _moments(sums)
    return _over(covariance, np.sqrt(var_p * var_t))


def absolute_error(sums: np.ndarray) -> np.ndarray:
    """Mean absolute error of the same sums, on the scale of -1 to 1."""
    return np.asarray(sums[..., 6] / sums[..., 0])


def _moments(sums: np.ndarray) -> tuple[np.ndarray, ...]:
    mean_p, mean_t, square_p, square_t, product = np.moveaxis(sums[..., 1:6] / sums[..., :1], -1, 0)
    var_p, var_t = _variance(mean_p, square_p), _variance(mean_t, square_t)
    return mean_p, mean_t, var_p, var_t, product - mean_p * mean_t


def _variance(mean: np.ndarray, square: np.ndarray) -> np.ndarray:
    """Of a mean and a mean square; 0 where nothing but rounding is left."""
    variance = square - mean**2
    return np.where(variance > 1e-12 * square, variance, 0.0)


def _over(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Their quotient; 0 where what is below is 0."""
    return np.asarray(np.divide(above, below, out=np.zeros(np.shape(above)), where=below > 0))
