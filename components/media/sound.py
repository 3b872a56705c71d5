"""A sound track that is being decoded, and the limits of what is read at all."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..errors import MediaError

LOWEST_HZ, HIGHEST_HZ = 2_000, 768_000
"""Sampling rates that recordings have: telephones 8,000 Hz, studios 192,000. A header outside them is damaged."""

MOST_CHANNELS = 64

LONGEST_S = 4 * 3600
"""Of one recording or part of one, in seconds."""

TRIVIAL_S = 0.05
"""A sound file that lacks less than this of its stated length, in seconds, is whole: many a writer miscounts."""


@dataclass(frozen=True)
class Sound:
    """A sound track, decoded block by block as it is read.

    Attributes:
        rate: sampling rate in Hz.
        channels: how many.
        duration_s: as the header states it, in seconds; of a part of a recording, the part's.
        codec: as the decoder names it.
        blocks: float32 [samples, channels] each, full scale is 1. Reading on raises MediaError where the recording is
            damaged or ends early.

    Raises:
        MediaError: a rate, a number of channels or a duration outside the limits; before anything is decoded.
    """

    rate: int
    channels: int
    duration_s: float
    codec: str
    blocks: Iterator[np.ndarray]

    def __post_init__(self):
        if not LOWEST_HZ <= self.rate <= HIGHEST_HZ:
            raise MediaError(
                f"its header states a sampling rate of {self.rate} Hz; {LOWEST_HZ} to {HIGHEST_HZ} are read"
            )
        if not 1 <= self.channels <= MOST_CHANNELS:
            raise MediaError(f"its header states {self.channels} channels; 1 to {MOST_CHANNELS} are read")
        if self.duration_s > LONGEST_S:
            raise too_long(self.duration_s)


def too_long(duration_s: float) -> MediaError:
    """What to say of a recording that goes beyond ``LONGEST_S``."""
    return MediaError(
        f"too long: {duration_s / 3600:.1f} h, at most {LONGEST_S // 3600} are read at once; cut it into utterances"
    )
