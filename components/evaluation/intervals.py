"""95 % intervals by bootstrap over speakers.

Utterances of one speaker are not independent, so speakers are what is resampled (with replacement), and the
speakers' confusion counts are added up; percentile intervals (Efron & Tibshirani, "An Introduction to the
Bootstrap", 1993, ch. 13). What a training set would have changed is not in them: the models stay as they are.
"""

from dataclasses import dataclass

import numpy as np

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A figure and the bounds of its 95 % interval; None where there is only one speaker to resample."""

    mean: float
    low: float | None
    high: float | None

    def as_dict(self) -> dict[str, float | None]:
        return {"mean": self.mean, "low": self.low, "high": self.high}


def draws(speakers: int, *, resamples: int, seed: int) -> np.ndarray:
    """How often each speaker is drawn in each resample, ``[R, S]``; each row adds up to S.

    Use the same draws for every strategy: then differences between strategies are paired.
    """
    generator = np.random.default_rng(seed)
    return generator.multinomial(speakers, np.full(speakers, 1 / speakers), size=resamples)


def resample(by_speaker: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Confusion counts of each resample, ``[R, C, C]`` (float64), from the speakers' ``[S, C, C]``."""
    speakers, classes, _ = by_speaker.shape
    flat = by_speaker.reshape(speakers, classes * classes).astype(float)
    return (drawn.astype(float) @ flat).reshape(len(drawn), classes, classes)


def percentile(point: float, resampled: np.ndarray, *, speakers: int) -> Interval:
    """The interval of a figure from its values ``[R]`` over the resamples; NaN ones (nothing drawn) are left out."""
    resampled = resampled[~np.isnan(resampled)]
    if speakers < 2 or not len(resampled):
        return Interval(float(point), None, None)
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(point), float(low), float(high))
