"""Inputs of pre-training with structure: clips of phones, each of which sounds and looks like itself."""

from pathlib import Path

import numpy as np
from emoflow.pretraining.store import AUDIO, Clip, InputStore, write

PHONES = 6


def made_clips(
    count: int, *, seed: int = 0, frames: tuple[int, int] = (40, 60), film: bool = True
) -> list[Clip]:
    """Clips of phones of three to six frames in the order of a Markov chain, with noise."""
    draws = np.random.default_rng(seed)
    sounds, coefficients = draws.normal(size=(PHONES, AUDIO)), 3 * draws.normal(size=(PHONES, 39))
    faces = draws.integers(0, 255, (PHONES, 88, 88))
    clips = []
    for number in range(count):
        length, units, phone = int(draws.integers(*frames)), [], 0
        while len(units) < length:
            phone = (phone + int(draws.integers(1, 3))) % PHONES
            units += [phone] * int(draws.integers(3, 7))
        said = np.array(units[:length])
        pictures = np.clip(faces[said] + draws.normal(0, 5, (length, 88, 88)), 0, 255).astype(np.uint8)
        clips.append(
            Clip(
                f"made/{number}",
                (sounds[said] + 0.3 * draws.normal(size=(length, AUDIO))).astype(np.float16),
                (coefficients[said] + draws.normal(size=(length, 39))).astype(np.float32),
                pictures if film else None,
                np.ones(length, bool) if film else None,
                said,
            )
        )
    return clips


def made_store(folder: Path, count: int = 12, **options) -> InputStore:
    """A store of `made_clips`."""
    film = options.get("film", True)
    write(folder, made_clips(count, **options), pictures=film)
    return InputStore([folder])
