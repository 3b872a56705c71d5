"""Calibration: how far confidences are from the accuracy that they promise, and proper scores.

- **ECE**, the expected calibration error (Naeini et al., AAAI 2015): utterances are put into bins by the confidence in
  their predicted class; the mean over the bins of how far the bin's mean confidence is from its accuracy, each bin by
  its size. The bins have equally many utterances (Nixon et al., CVPR workshops 2019), since few confidences are low. It
  is never negative, so a perfectly calibrated model has a little more than 0 on few utterances.
- **Brier score** (1950): the squared distance between the probabilities and the truth, summed over the classes: 0 to 2.
- **NLL**: the mean negative logarithm of the probability that the true class was given, in nats.
"""

import numpy as np

from ...fusion.calibrated import FAINTEST

LEAST_PER_BIN, MOST_BINS = 20, 15


def bins_of(confidence: np.ndarray) -> np.ndarray:
    """Codes ``[N]`` of bins of equally many utterances, from the least to the most confident.

    Args:
        confidence: ``[N]``.
    """
    count = min(max(len(confidence) // LEAST_PER_BIN, 1), MOST_BINS)
    codes = np.empty(len(confidence), int)
    codes[np.argsort(confidence, kind="stable")] = np.arange(len(confidence)) * count // len(confidence)
    return codes


def bin_sums(probabilities: np.ndarray, truth: np.ndarray, speaker: np.ndarray) -> np.ndarray:
    """What ECE and the reliability diagram are computed from.

    Args:
        probabilities: ``[N, C]``.
        truth: class codes ``[N]``.
        speaker: codes ``[N]``.

    Returns:
        ``[S, B, 3]``: of each speaker and bin the number of utterances, the sum of their confidences, and how many are
        right.
    """
    confidence = probabilities.max(1)
    codes = bins_of(confidence)
    sums = np.zeros((speaker.max() + 1, codes.max() + 1, 3))
    right = probabilities.argmax(1) == truth
    np.add.at(sums, (speaker, codes), np.stack([np.ones(len(truth)), confidence, right], axis=1))
    return sums


def ece(sums: np.ndarray) -> np.ndarray:
    """Expected calibration error, from `bin_sums`: ``[..., B, 3] → [...]``, 0 to 1."""
    apart: np.ndarray = np.abs(sums[..., 1] - sums[..., 2]).sum(-1) / sums[..., 0].sum(-1)
    return apart


def brier(probabilities: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The Brier score of each utterance, 0 to 2: ``[N, C], [N] → [N]``."""
    scores: np.ndarray = ((probabilities - np.eye(probabilities.shape[1])[truth]) ** 2).sum(1)
    return scores


def nll(probabilities: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The negative log-likelihood of each utterance in nats: ``[N, C], [N] → [N]``."""
    given = np.take_along_axis(probabilities, truth[:, None], axis=1)[:, 0]
    logarithms: np.ndarray = -np.log(np.maximum(given, FAINTEST))
    return logarithms
