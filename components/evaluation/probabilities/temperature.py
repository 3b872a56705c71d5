"""Temperature scaling (Guo et al., ICML 2017): logits are divided by one number, which is fitted on other speakers.

The classes keep their order, so WA, UA and F1 stay as they are. The models that are tested were refitted on training
and validation rows together, so validation says nothing of their confidence any more. A fold's temperature is therefore
fitted on the test predictions of the other folds, without the utterances of the speakers that the fold tests.
"""

import numpy as np

from ...fusion.calibrated import scaled
from .calibration import nll

BOUNDS = (0.05, 20.0)


def fitted(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """The temperature of the least NLL.

    Args:
        probabilities: ``[N, C]``.
        truth: class codes ``[N]``.
    """
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        return float(nll(scaled(probabilities, np.exp(log_temperature)), truth).mean())

    return float(np.exp(minimize_scalar(loss, bounds=np.log(BOUNDS), method="bounded").x))


def elsewhere(k: int, fold: np.ndarray, speaker: np.ndarray) -> np.ndarray:
    """Which utterances a fold may be calibrated on: of other folds, and of speakers that it does not test.

    Args:
        k: the fold's code.
        fold: codes ``[N]``.
        speaker: codes ``[N]``.

    Returns:
        Boolean ``[N]``.
    """
    tested: np.ndarray = fold == k
    return ~tested & ~np.isin(speaker, speaker[tested])


def cross_fitted(
    probabilities: np.ndarray, truth: np.ndarray, fold: np.ndarray, speaker: np.ndarray
) -> tuple[np.ndarray, list[float]] | None:
    """Scale each fold's probabilities by the temperature of the others.

    Args:
        probabilities: ``[N, C]``.
        truth, fold, speaker: codes ``[N]``.

    Returns:
        The scaled probabilities ``[N, C]``, and the temperature of each fold; None where a fold has no others.
    """
    result, temperatures = np.empty_like(probabilities), []
    for k in range(fold.max() + 1):
        others = elsewhere(k, fold, speaker)
        if not others.any():
            return None
        temperatures.append(fitted(probabilities[others], truth[others]))
        result[fold == k] = scaled(probabilities[fold == k], temperatures[-1])
    return result, temperatures


def helps(probabilities: np.ndarray, truth: np.ndarray, corrected: np.ndarray) -> bool:
    """Whether scaling lowers the NLL; with few speakers, the temperatures of others may be worse than none.

    Args:
        probabilities: ``[N, C]``.
        truth: class codes ``[N]``.
        corrected: the same, scaled by `cross_fitted`, ``[N, C]``.
    """
    return bool(nll(corrected, truth).mean() < nll(probabilities, truth).mean())
