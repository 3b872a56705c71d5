"""Audio encoders: openSMILE's feature sets, and log-mel frames.

Eyben et al. (2016), The Geneva minimalistic acoustic parameter set (GeMAPS) for voice research and affective
computing; Schuller et al. (2016), The INTERSPEECH 2016 computational paralinguistics challenge (ComParE).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice

import numpy as np

from .. import media
from ..errors import MediaError
from .base import Encoder, checked

RATE = 16_000
"""Everything is heard at 16 kHz, so that copies of a corpus at 16 and 48 kHz give comparable features."""


BLOCK_S = 60
"""Samples are decoded, and log-mel frames computed, in blocks of so many seconds; a multiple of every frame's step."""

PIECE_S = 300
"""openSMILE keeps all frames of what it is given: a longer recording is given to it in pieces."""


class Samples:
    """A recording's samples in blocks of ``BLOCK_S``, the last one shorter: memory does not grow with its length.

    A recording of one block is decoded once; a longer one anew each time that it is iterated over.

    Args:
        source: a path, or the file's bytes.

    Raises:
        MediaError: it cannot be used. Of a longer recording this may only be known at its end, while iterating.
    """

    def __init__(self, source: media.Source):
        self._source = source
        beginning = list(islice(self._decoded(), 2))
        self._only = beginning if len(beginning) == 1 else None

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self._only or self._decoded())

    def _decoded(self) -> Iterator[np.ndarray]:
        return _regrouped(media.sound_blocks(self._source, rate=RATE), BLOCK_S * RATE)


class Audio(Encoder):
    modality = "audio"

    def __init__(self):
        self.parameters = {}

    @classmethod
    def decoding(cls) -> int:
        from ..media.audio import VERSION

        return VERSION

    def decode(self, source: media.Source) -> Samples:
        """The samples of a recording, mono at ``RATE``. Raises MediaError."""
        return Samples(source)


class _OpenSmile(Audio):
    version = 1
    libraries = ("opensmile", "soxr")
    feature_set: str
    level = "Functionals"

    def feature_names(self) -> list[str]:
        """openSMILE's own names."""
        return list(_smile(self.feature_set, self.level).feature_names)

    def encode_decoded(self, medium: Iterable[np.ndarray]) -> np.ndarray:
        """One token of functionals: of a recording beyond ``PIECE_S`` their mean over its pieces, by duration.

        Args:
            medium: float32 [samples] each, mono at ``RATE``, within ±1; one after the other they are the recording.

        Returns:
            float32 [1, D].

        Raises:
            MediaError: features that are not finite; and as ``decode`` does.
        """
        encoded = [(self._frames(piece), len(piece)) for piece in pieces(medium)]
        if len(encoded) == 1:
            return encoded[0][0]
        tokens, weights = zip(*encoded, strict=True)
        return np.average(np.concatenate(tokens), axis=0, weights=weights)[None].astype(np.float32)

    def _frames(self, samples: np.ndarray) -> np.ndarray:
        """What openSMILE gives for one piece: float32 [T, D]."""
        smile = _smile(self.feature_set, self.level)
        # openSMILE is handed 16-bit integers, and full scale itself would wrap round to the most negative one.
        samples = np.minimum(samples, np.float32(32767 / 32768))
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
    """The 25 low-level descriptors of eGeMAPSv02, of every 10 ms, averaged to 20 frames per second.

    Those of a recording beyond ``PIECE_S`` are those of its pieces, one after the other.
    """

    name = "egemaps-lld"
    kind = "sequence"
    dimensions = 25
    feature_set = "eGeMAPSv02"
    level = "LowLevelDescriptors"

    def encode_decoded(self, medium: Iterable[np.ndarray]) -> np.ndarray:
        """float32 [T, 25]; see ``Egemaps`` for what it takes and raises."""
        return np.concatenate([_averaged(self._frames(piece), 5) for piece in pieces(medium)])


class LogMel(Audio):
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
    averaged = 4

    def encode_decoded(self, medium: Iterable[np.ndarray]) -> np.ndarray:
        """One token for every four windows, the last for what is left.

        Args:
            medium: float32 [samples] each, mono at ``RATE``, within ±1; one after the other they are the recording.

        Returns:
            float32 [T, 64].

        Raises:
            MediaError: shorter than a window; and as ``decode`` does.
        """
        step = self.averaged * self.hop  # samples from token to token
        tokens, left = [], np.empty(0, np.float32)
        for block in medium:
            left = np.concatenate([left, block])
            if len(left) > BLOCK_S * RATE:  # what fits into one block is computed at once
                ready = (len(left) - self.window + self.hop) // step  # tokens whose windows are all there
                tokens.append(self._tokens(left[: ready * step - self.hop + self.window]))
                left = left[ready * step :]
        if len(left) >= self.window:
            tokens.append(self._tokens(left))
        if not tokens:
            raise MediaError(f"shorter than one window of {self.window} samples")
        return checked(np.concatenate(tokens), self.feature_names())

    def _tokens(self, samples: np.ndarray) -> np.ndarray:
        windows = np.lib.stride_tricks.sliding_window_view(samples, self.window)[:: self.hop]
        shape = np.hanning(self.window + 1)[:-1]
        power = np.abs(np.fft.rfft(windows * shape, self.bins)) ** 2 / shape.sum() ** 2
        return _averaged(np.log(power @ mel_bands().T + 1e-10), self.averaged)


@lru_cache
def _smile(feature_set: str, level: str):
    import opensmile

    # opensmile asks audobject for the distribution that it is from, and audobject would look through all installed
    # ones, which takes a second in every process; the answer is put where audobject keeps it.
    known = getattr(sys.modules.get("audobject.core.utils"), "PACKAGES_DISTRIBUTIONS", {})
    known.setdefault("opensmile", ["opensmile"])
    return opensmile.Smile(opensmile.FeatureSet[feature_set], opensmile.FeatureLevel[level])


@lru_cache(maxsize=1)
def mel_bands() -> np.ndarray:
    """Triangles over the power spectrum, of height one: float64 [64, 257]."""
    top, bottom = (2595 * np.log10(1 + hertz / 700) for hertz in (7600, 60))
    edges = 700 * (10 ** (np.linspace(bottom, top, LogMel.dimensions + 2) / 2595) - 1)
    hertz = np.arange(LogMel.bins // 2 + 1) * RATE / LogMel.bins
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return np.clip(np.minimum((hertz - low) / (middle - low), (high - hertz) / (high - middle)), 0, None)


def _regrouped(blocks: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """The same samples in blocks of ``size``, the last one shorter."""
    parts, count = [], 0
    for block in blocks:
        while count + len(block) > size:
            parts.append(block[: size - count])
            yield np.concatenate(parts)
            parts, count, block = [], 0, block[size - count :]
        parts.append(block)
        count += len(block)
    if count:
        yield np.concatenate(parts)


def pieces(blocks: Iterable[np.ndarray], most: int | None = None) -> Iterator[np.ndarray]:
    """A recording in pieces; the last two are of one length, so that none is too short.

    Args:
        blocks: float32 [samples] each, mono at ``RATE``.
        most: samples of a piece; ``PIECE_S`` by default.

    Yields:
        float32 [samples]
    """
    most = most or PIECE_S * RATE
    held: list[np.ndarray] = []
    for block in blocks:
        held.append(block)
        if sum(map(len, held)) > 2 * most:
            samples = np.concatenate(held)
            while len(samples) > 2 * most:
                yield samples[:most]
                samples = samples[most:]
            held = [samples]
    samples = np.concatenate(held)
    yield from np.array_split(samples, 2) if len(samples) > most else [samples]


def overlapping_pieces(
    blocks: Iterable[np.ndarray], *, most: int, context: int, step: int
) -> Iterator[tuple[np.ndarray, slice]]:
    """A recording in pieces that share ``context`` samples on each side of a seam.

    Args:
        blocks: float32 [samples] each, mono at ``RATE``.
        most: samples of a piece, more than 3 · ``context``. A recording of no more is one piece.
        context: samples; a multiple of ``step``, and no shorter than a token's receptive field.
        step: samples from token to token.

    Yields:
        float32 [samples], and which of the piece's tokens are its own. Those of all pieces, one after the other, are
        as many as the whole recording has.
    """
    own = (most - 2 * context) // step * step
    held, before = np.empty(0, np.float32), 0
    for block in blocks:
        held = np.concatenate([held, block])
        while len(held) > most:
            end = before + own
            yield held[: end + context], slice(before // step, end // step)
            held, before = held[end - context :], context
    yield held, slice(before // step, None)


def _averaged(tokens: np.ndarray, count: int) -> np.ndarray:
    """Means of each ``count`` tokens; of what is left at the end too."""
    starts = np.arange(0, len(tokens), count)
    sizes = np.diff([*starts, len(tokens)])
    return (np.add.reduceat(tokens, starts, dtype=np.float64) / sizes[:, None]).astype(np.float32)
