"""Audio encoders: openSMILE's feature sets, and log-mel frames.

Eyben et al. (2016), The Geneva minimalistic acoustic parameter set (GeMAPS) for voice research and affective
computing; Schuller et al. (2016), The INTERSPEECH 2016 computational paralinguistics challenge (ComParE).
"""

import sys
from functools import lru_cache

import numpy as np

from .. import media
from ..errors import MediaError
from .base import Encoder, checked

RATE = 16_000
"""Everything is heard at 16 kHz, so that copies of a corpus at 16 and 48 kHz give comparable features."""


class _Audio(Encoder):
    modality = "audio"

    def __init__(self):
        self.parameters = {}

    @classmethod
    def decoding(cls) -> int:
        from ..media.audio import VERSION

        return VERSION

    def decode(self, source) -> np.ndarray:
        return media.decode_audio(source, rate=RATE)


class _OpenSmile(_Audio):
    version = 1
    libraries = ("opensmile", "soxr")
    feature_set: str
    level = "Functionals"

    def feature_names(self) -> list[str]:
        return list(_smile(self.feature_set, self.level).feature_names)

    def encode_decoded(self, medium: np.ndarray) -> np.ndarray:
        smile = _smile(self.feature_set, self.level)
        # openSMILE is handed 16-bit integers, and full scale itself would wrap round to the most negative one.
        samples = np.minimum(medium, np.float32(32767 / 32768))
        return checked(smile(samples, RATE)[0].T, smile.feature_names)


class Egemaps(_OpenSmile):
    """The 88 functionals of eGeMAPSv02."""

    name = "egemaps"
    kind = "pooled"
    dimensions = 88
    feature_set = "eGeMAPSv02"


class Compare(_OpenSmile):
    """The 6,373 functionals of ComParE_2016."""

    name = "compare"
    kind = "pooled"
    dimensions = 6373
    feature_set = "ComParE_2016"


class EgemapsFrames(_OpenSmile):
    """The 25 low-level descriptors of eGeMAPSv02, of every 10 ms, averaged to 20 frames per second."""

    name = "egemaps-lld"
    kind = "sequence"
    dimensions = 25
    feature_set = "eGeMAPSv02"
    level = "LowLevelDescriptors"

    def encode_decoded(self, medium: np.ndarray) -> np.ndarray:
        return _averaged(super().encode_decoded(medium), 5)


class LogMel(_Audio):
    """64 bands from 60 to 7,600 Hz on the mel scale (HTK's), windows of 25 ms every 10 ms, averaged to 25 per second.

    The natural logarithm of the power, with a floor at −100 dB of full scale.
    """

    name = "logmel"
    kind = "sequence"
    version = 1
    libraries = ("soxr",)
    dimensions = 64
    window = 400
    hop = 160
    bins = 512

    def encode_decoded(self, medium: np.ndarray) -> np.ndarray:
        if len(medium) < self.window:
            raise MediaError(f"shorter than one window of {self.window} samples")
        windows = np.lib.stride_tricks.sliding_window_view(medium, self.window)[:: self.hop]
        shape = np.hanning(self.window + 1)[:-1]
        power = np.abs(np.fft.rfft(windows * shape, self.bins)) ** 2 / shape.sum() ** 2
        return checked(_averaged(np.log(power @ _mel_bands().T + 1e-10), 4), self.feature_names())


@lru_cache
def _smile(feature_set: str, level: str):
    import opensmile

    # opensmile asks audobject for the distribution that it is from, and audobject would look through all installed
    # ones, which takes a second in every process; the answer is put where audobject keeps it.
    known = getattr(sys.modules.get("audobject.core.utils"), "PACKAGES_DISTRIBUTIONS", {})
    known.setdefault("opensmile", ["opensmile"])
    return opensmile.Smile(opensmile.FeatureSet[feature_set], opensmile.FeatureLevel[level])


@lru_cache(maxsize=1)
def _mel_bands() -> np.ndarray:
    """Triangles [64, 257] over the power spectrum, of height one."""
    top, bottom = (2595 * np.log10(1 + hertz / 700) for hertz in (7600, 60))
    edges = 700 * (10 ** (np.linspace(bottom, top, LogMel.dimensions + 2) / 2595) - 1)
    hertz = np.arange(LogMel.bins // 2 + 1) * RATE / LogMel.bins
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return np.clip(np.minimum((hertz - low) / (middle - low), (high - hertz) / (high - middle)), 0, None)


def _averaged(tokens: np.ndarray, count: int) -> np.ndarray:
    """Means of each ``count`` tokens; of what is left at the end too."""
    starts = np.arange(0, len(tokens), count)
    sizes = np.diff([*starts, len(tokens)])
    return (np.add.reduceat(tokens, starts, dtype=np.float64) / sizes[:, None]).astype(np.float32)
