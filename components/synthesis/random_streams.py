"""Independent random streams of a control corpus: draws from one do not shift another."""

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What a stream is for. The numbers are part of every corpus that was made: they do not change."""

    PLAN = 0  # by speaker: labels, displays, sentences
    VOICE = 1  # by speaker
    LOOK = 2  # by speaker
    SETTING = 3  # by speaker and session
    SOUND = 4  # by speaker and take
    FILM = 5  # by speaker and take
    RATING = 6  # by speaker and take: intensity, dimensions, raters
    LOSS = 7  # by speaker and take: which modalities are missing
    NOISE = 8  # by speaker and take: what is heard behind the speech
    ROOM = 9  # by the first take: what is heard between the takes of one recording


def draw(seed: int, stream: Stream, *numbers: int) -> np.random.Generator:
    """The generator of one stream of a corpus, for one speaker, session or take."""
    return np.random.default_rng([seed, int(stream), *numbers])
