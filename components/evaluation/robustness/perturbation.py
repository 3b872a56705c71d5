"""One condition at one level as a function of what an encoder is about to encode."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ... import media
from ...files import digest_of, versions
from ...schema import CONDITIONS
from . import pace, pictures, sound

VERSION = 1
"""Raised when the same recording is changed otherwise, so that no cache mixes the two."""
LIBRARIES = ("av", "numpy", "pillow", "scipy", "soxr")


@dataclass(frozen=True)
class Perturbation:
    """Changes the sound or the pictures that encoders have decoded of one utterance.

    What is drawn at random depends on the seed, the condition and the utterance. It is the same at every level, so that
    a curve over the levels shows the levels and not the draws.

    Attributes:
        condition: one of ``schema.CONDITIONS`` that changes sound or pictures.
        level: of the condition.
        seed: of the experiment.
        utterance_id: whose recording it is.
        others: the recordings of other people that are heard beside it (babble).
        others_digests: of these recordings.
    """

    condition: str
    level: float
    seed: int
    utterance_id: str
    others: tuple[Path, ...] = ()
    others_digests: tuple[str, ...] = ()

    def digest(self, recording: str) -> str:
        """Of all that decides what becomes of the recording with this digest."""
        return digest_of(
            {
                "recording": recording,
                "version": VERSION,
                "libraries": versions(LIBRARIES),
                "condition": self.condition,
                "level": self.level,
                "seed": self.seed,
                "utterance": self.utterance_id,
                "others": self.others_digests,
            }
        )

    def __call__(self, medium: Any) -> Any:
        """The changed medium: samples in blocks or `media.Frames`, as an encoder's ``decode`` gives it."""
        draws = generator(self.seed, self.condition, self.utterance_id)
        if CONDITIONS[self.condition].modality == "audio":
            return [self._sound(medium, draws)]
        return self._frames(medium, draws)

    def _sound(self, blocks: Iterable[np.ndarray], draws: np.random.Generator) -> np.ndarray:
        samples = np.concatenate(list(blocks))
        if self.condition == "noise":
            return sound.noise(samples, self.level, draws)
        if self.condition == "babble":
            others = [media.decode_audio(other) for other in self.others]
            return sound.babble(samples, others, self.level)
        if self.condition == "reverberation":
            return sound.reverberation(samples, self.level, draws)
        if self.condition == "shift":
            return sound.shift(samples, self.level)
        if self.condition == "pitch":
            return pace.pitch(samples, self.level)
        if self.condition == "tempo":
            return pace.tempo(samples, self.level)
        return sound.codec(samples, self.level)

    def _frames(self, frames: media.Frames, draws: np.random.Generator) -> media.Frames:
        if self.condition == "frame_loss":
            kept = pictures.kept_frames(len(frames.images), self.level, draws)
            return replace(frames, images=frames.images[kept], times_s=frames.times_s[kept])
        if self.condition == "occlusion":
            return replace(frames, images=pictures.occlusion(frames.images, self.level, draws))
        change = pictures.blur if self.condition == "blur" else pictures.brightness
        return replace(frames, images=change(frames.images, self.level))


def generator(seed: int, condition: str, utterance_id: str) -> np.random.Generator:
    """What a condition draws for an utterance; the same on every machine, in whatever order."""
    return np.random.default_rng(int(digest_of([seed, condition, utterance_id]), 16))
