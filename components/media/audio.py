"""Decoding audio: any recording to mono float32 at one sampling rate, or the reason why not."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import numpy as np
import soxr

from ..errors import MediaError
from .container import Source, opened
from .segment import cut_of
from .sound import LONGEST_S, Sound, too_long
from .sound_file import is_sound_file, sound_file
from .sound_track import count_tracks, sound_track

VERSION = 2
"""Of the decoding: raised when the same recording gives other samples, so that no cache mixes the two."""

RATE = 16_000

SILENCE = 1e-3
"""A recording whose peak stays below this (−60 dBFS) is silent. RAVDESS's quietest clip peaks at −47 dBFS."""

SHORTEST_S = 0.1
"""Shorter than two analysis windows of openSMILE: no feature set has anything to say."""

LOUDEST = 4.0
"""Float files overshoot full scale (1) a little; beyond this they hold another scale, such as 16-bit integers."""


@dataclass(frozen=True)
class AudioFacts:
    """What a recording's header says of its sound.

    Attributes:
        rate: sampling rate in Hz.
        channels: how many.
        duration_s: in seconds; of a part of a recording, the part's.
        codec: as the decoder names it: ``PCM_16``, ``FLOAT``, ``FLAC``, ``aac`` …
    """

    rate: int
    channels: int
    duration_s: float
    codec: str


def audio_facts(source: Source) -> AudioFacts:
    """Read a recording's header alone.

    Args:
        source: a path, or the file's bytes; a sound file, or a video with a sound track.

    Returns:
        What it states.

    Raises:
        MediaError: no such file, 0 bytes, not a media file, no sound track, an unknown codec, a wav shorter than its
            header says, a rate, number of channels or duration outside the limits.
    """
    with _opened(source) as sound:
        return AudioFacts(sound.rate, sound.channels, sound.duration_s, sound.codec)


def decode_audio(source: Source, *, rate: int = RATE) -> np.ndarray:
    """Decode, mix to mono (the mean of the channels), resample (soxr, high quality).

    Args:
        source: a path, or the file's bytes; a sound file, or a video with a sound track.
        rate: of the result, in Hz.

    Returns:
        float32 [samples], within ±1.

    Raises:
        MediaError: missing, 0 bytes, not a media file, truncated, no sound track, an unknown codec, NaN or Inf,
            silent, too short, a rate, number of channels or duration outside the limits.
    """
    return np.concatenate(list(sound_blocks(source, rate=rate)))


def sound_blocks(source: Source, *, rate: int = RATE) -> Iterator[np.ndarray]:
    """What ``decode_audio`` gives, in blocks, as it is decoded: the memory taken does not grow with the recording.

    Args:
        source: a path, or the file's bytes; a sound file, or a video with a sound track.
        rate: of the result, in Hz.

    Yields:
        float32 [samples], within ±1.

    Raises:
        MediaError: as ``decode_audio``. What only the whole recording tells (silent, too short, NaN, truncated) is
            raised after the last block.
    """
    with _opened(source) as sound:
        resampler = None
        if sound.rate != rate:
            resampler = soxr.ResampleStream(sound.rate, rate, 1, dtype="float32", quality="HQ")
        heard = _Heard(sound.rate)
        for block in sound.blocks:
            mono = heard.mixed(block)
            if mono is not None:
                yield np.clip(resampler.resample_chunk(mono) if resampler else mono, -1, 1)
        heard.check(source)
        if resampler:
            yield np.clip(resampler.resample_chunk(np.empty(0, np.float32), last=True), -1, 1)


@contextmanager
def _opened(source: Source) -> Iterator[Sound]:
    cut = cut_of(source)
    with opened(source) as file:
        reader = sound_file if is_sound_file(file) else sound_track
        with reader(file, cut) as sound:
            yield sound


def _other_track(source: Source) -> str:
    """What to say of the first sound track that is not silent, where the very first is."""
    cut = cut_of(source)
    with opened(source) as file:
        count = 1 if is_sound_file(file) else count_tracks(file)
    for number in range(1, count):
        with opened(source) as file, suppress(MediaError), sound_track(file, cut, number) as sound:
            if any(np.abs(block).max() >= SILENCE for block in sound.blocks):
                return (
                    f"; sound track {number + 1} of {count} is not: keep it alone (ffmpeg -i FILE -map 0:v? "
                    f"-map 0:a:{number} -c copy NEW)"
                )
    return ""


class _Heard:
    """Mixes blocks to mono, and keeps what the verdict on the whole needs."""

    def __init__(self, rate: int):
        self.rate = rate
        self.count = self.not_finite = 0
        self.peak = 0.0

    def mixed(self, block: np.ndarray) -> np.ndarray | None:
        """float32 [samples] of a block [samples, channels]; None once the recording cannot be used any more."""
        self.count += len(block)
        if self.count > LONGEST_S * self.rate:  # where the header states no duration
            raise too_long(self.count / self.rate)
        self.not_finite += int((~np.isfinite(block)).any(1).sum())
        if self.not_finite:
            return None
        mono = block.mean(1, dtype=np.float32)
        self.peak = max(self.peak, float(np.abs(mono).max()))
        return mono

    def check(self, source: Source) -> None:
        """Raise MediaError where the whole recording cannot be used."""
        if self.not_finite:
            raise MediaError(f"holds NaN or Inf: {self.not_finite} of {self.count} samples")
        if self.count < SHORTEST_S * self.rate:
            raise MediaError(
                f"too short: {self.count / self.rate * 1e3:.0f} ms, at least {SHORTEST_S * 1e3:.0f} are needed"
            )
        if self.peak < SILENCE:
            raise MediaError(
                f"silent: its peak is {self.peak:.1e} of full scale, below {SILENCE:.0e} (-60 dBFS)"
                + _other_track(source)
            )
        if self.peak > LOUDEST:
            raise MediaError(f"samples reach {self.peak:.4g} where full scale is 1: scale the file to ±1")
