"""Conformal prediction sets: so many classes that the true one is among them for 90 % of new speakers' utterances.

Adaptive prediction sets (Romano, Sesia & Candès, NeurIPS 2020): classes enter in the order of their probability, until
their sum passes a threshold, which is fitted on utterances that the model was not trained on. Utterances of one speaker
are alike, so each speaker counts the same, however many utterances there are (pooled distribution functions, Dunn,
Wasserman & Ramdas, JASA 2022). The coverage then holds for speakers who are drawn like those, whatever the model is, as
their number grows; in simulation (`tests/evaluation/probabilities`) it is .89 with 6 speakers and .90 with 24. A
threshold whose coverage is guaranteed for any number of them (Lee, Barber & Willett, 2023) would name every class below
nine speakers, and cover .94 with 24.

As with `temperature`, a fold's threshold is fitted on the other folds' test predictions, which may be scaled first.
"""

from collections.abc import Sequence

import numpy as np

from ...fusion.calibrated import scaled, set_scores
from .temperature import elsewhere

LEVEL = 0.9


def threshold(found: np.ndarray, speaker: np.ndarray, *, level: float = LEVEL) -> float:
    """The score up to which classes enter.

    Args:
        found: scores ``[N]`` of the true classes.
        speaker: codes ``[N]``.
        level: of the coverage.
    """
    _, place, counts = np.unique(speaker, return_inverse=True, return_counts=True)
    order = np.argsort(found)
    reached = (1 / (len(counts) * counts[place]))[order].cumsum()
    return float(found[order][np.searchsorted(reached, level - 1e-9)])


def cross_conformal(
    probabilities: np.ndarray,
    truth: np.ndarray,
    fold: np.ndarray,
    speaker: np.ndarray,
    *,
    temperatures: Sequence[float] | None = None,
    seed: int,
    level: float = LEVEL,
) -> np.ndarray | None:
    """Each utterance's set, by a threshold of speakers whom neither the model nor the fold knows.

    Args:
        probabilities: ``[N, C]``.
        truth, fold, speaker: codes ``[N]``.
        temperatures: of each fold, by which its threshold's probabilities are scaled; None: as they are.
        seed: of what is drawn.
        level: of the coverage.

    Returns:
        Boolean ``[N, C]``; the most probable class is always in its set. None where a fold has no others.
    """
    uniform = np.random.default_rng(seed).random(len(truth))
    sets = np.zeros(probabilities.shape, bool)
    for k in range(fold.max() + 1):
        others, mine = elsewhere(k, fold, speaker), fold == k
        if not others.any():
            return None
        shares = scaled(probabilities, temperatures[k]) if temperatures else probabilities
        of_classes = set_scores(shares, uniform)
        true = np.take_along_axis(of_classes, truth[:, None], axis=1)[:, 0]
        sets[mine] = of_classes[mine] <= threshold(true[others], speaker[others], level=level)
    sets[np.arange(len(truth)), probabilities.argmax(1)] = True
    return sets
