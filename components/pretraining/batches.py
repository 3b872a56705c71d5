"""The stream of batches: clips of like length, cut to the longest that is allowed; a function of the seed alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ..encoders.av_hubert.clip import SIDE
from .store import AUDIO, InputStore

if TYPE_CHECKING:
    from torch import Tensor

    from ..encoders.av_hubert.configuration import AvHubertConfig


@dataclass(frozen=True)
class Batch:
    """B clips of at most T frames.

    Attributes:
        audio: float32 [B, T, 104], zero where there is no sound.
        pictures: uint8 [B, T, 88, 88]; None where the store has none.
        heard: bool [B, T], whether there is sound.
        seen: bool [B, T], whether there is a picture of what it is to show.
        frames: int64 [B, T], the number of each frame in the store; -1 beyond a clip's end.
    """

    audio: np.ndarray
    pictures: np.ndarray | None
    heard: np.ndarray
    seen: np.ndarray
    frames: np.ndarray

    @property
    def there(self) -> np.ndarray:
        """bool [B, T], False beyond a clip's end."""
        return self.frames >= 0

    @property
    def lengths(self) -> list[int]:
        """Frames of each clip."""
        return [int(each) for each in self.there.sum(axis=1)]


class Batches:
    """Batch after batch without end; each epoch has every clip once, in another order."""

    def __init__(self, store: InputStore, *, frames: int, longest: int, seed: int):
        """The stream over a store.

        Args:
            store: of the clips.
            frames: of a batch, filled ones included, at most; one clip may have more.
            longest: frames of a clip; of a longer one another part is taken each time.
            seed: of all that is drawn.
        """
        self._store, self._frames, self._longest, self._seed = store, frames, longest, seed
        self._lengths = np.minimum(store.lengths, longest)
        self._epoch = lru_cache(2)(self._batches)

    def at(self, number: int) -> Batch:
        """The batch of a number, from 0 on."""
        epoch, place = divmod(
            number, len(self._epoch(0))
        )  # each epoch has the same lengths, so as many batches
        return self._read(self._epoch(epoch)[place], np.random.default_rng([self._seed, 1, number]))

    def _batches(self, epoch: int) -> list[np.ndarray]:
        draws = np.random.default_rng([self._seed, 0, epoch])
        order = draws.permutation(len(self._store))
        order = order[np.argsort(self._lengths[order], kind="stable")]
        batches, first = [], 0
        for place in range(1, len(order) + 1):
            full = place < len(order) and (place - first + 1) * self._lengths[order[place]] > self._frames
            if full or place == len(order):
                batches.append(order[first:place])
                first = place
        return [batches[each] for each in draws.permutation(len(batches))]

    def _read(self, clips: np.ndarray, draws: np.random.Generator) -> Batch:
        begins = [int(draws.integers(self._store.lengths[clip] - self._lengths[clip] + 1)) for clip in clips]
        parts = [
            (clip, begin, begin + int(self._lengths[clip])) for clip, begin in zip(clips, begins, strict=True)
        ]
        return _batch(self._store, parts, mirrored=draws.random(len(parts)) < 0.5)


def batch_of(store: InputStore, clips: Sequence[int]) -> Batch:
    """Clips as they are, whole, in this order."""
    parts = [(clip, 0, int(store.lengths[clip])) for clip in clips]
    return _batch(store, parts, mirrored=np.zeros(len(parts), bool))


def seen(config: AvHubertConfig, batch: Batch, streams: str) -> dict[str, Tensor]:
    """What a network is given of a batch, by the names of its arguments; pictures are as its configuration has them.

    Args:
        config: of the network.
        batch: of clips.
        streams: ``a`` (sound), ``v`` (pictures) or ``av``.
    """
    import torch

    given = {"attention_mask": torch.from_numpy(batch.there)}
    if "a" in streams:
        given |= {"audio": torch.from_numpy(batch.audio), "audio_present": torch.from_numpy(batch.heard)}
    if "v" in streams and batch.pictures is not None:
        there = torch.from_numpy(batch.seen)
        grey = torch.from_numpy(batch.pictures).float() / 255
        normal = (grey - config.image_mean) / config.image_std * there[..., None, None]
        given |= {"video": normal, "video_present": there}
    return given


def _batch(store: InputStore, parts: Sequence[tuple[int, int, int]], *, mirrored: np.ndarray) -> Batch:
    """Parts of clips (number, first frame, the one after the last), some mirrored."""
    total = max(end - begin for _, begin, end in parts)
    audio = np.zeros((len(parts), total, AUDIO), np.float32)
    pictures = np.zeros((len(parts), total, SIDE, SIDE), np.uint8) if store.pictures else None
    heard, seen = np.zeros((2, len(parts), total), bool)
    frames = np.full((len(parts), total), -1, np.int64)
    for row, (clip, begin, end) in enumerate(parts):
        length = end - begin
        audio[row, :length] = store.read("audio", clip, begin, end)
        heard[row, :length] = store.heard[clip]
        frames[row, :length] = store.begins[clip] + np.arange(begin, end)
        if pictures is not None:
            cut = store.read("pictures", clip, begin, end)
            pictures[row, :length] = cut[..., ::-1] if mirrored[row] else cut
            seen[row, :length] = store.read("present", clip, begin, end)
    return Batch(audio, pictures, heard, seen, frames)
