"""Pre-training's inputs on disk: frames of clips in memory-mapped shards, with an index of clips.

<folder>/<number>.safetensors    audio [frames, 104] float16; pictures [frames, 88, 88] uint8, unless there are none of
                                 any clip; present [frames] bool: a picture shows what it is to show;
                                 mfcc [frames, 39] float32. A stream that a clip lacks is zero.
                                 units [frames] int16: what is known to be said, -1 where nothing is
<folder>/index.parquet           utterance_id, shard, offset, length, heard (the clip has sound)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..encoders.av_hubert.clip import SIDE
from ..encoders.av_hubert.filterbank import FILTERS, STACKED
from ..errors import FeatureError
from ..files import as_new, write_table
from .mfcc import SIZE

AUDIO = FILTERS * STACKED
SHARD = 8192
"""Frames from which on a shard is full: 63 MB of pictures."""
INDEX = "index.parquet"


@dataclass(frozen=True)
class Clip:
    """What is kept of a clip of T frames, 25 a second.

    Attributes:
        utterance_id: its id.
        audio: normalised filter-bank frames, [T, 104]; None: it has no sound.
        mfcc: float32 [T, 39]; None likewise.
        pictures: grey, uint8 [T, 88, 88]; None: it has no film.
        present: bool [T], whether a picture shows what it is to show; None likewise.
        units: int [T], a number for the phone planted in each frame, -1 where none was; None: nothing is known.
    """

    utterance_id: str
    audio: np.ndarray | None
    mfcc: np.ndarray | None
    pictures: np.ndarray | None
    present: np.ndarray | None
    units: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.audio) if self.audio is not None else len(self.pictures)  # type: ignore[arg-type]


def write(folder: Path, clips: Iterable[Clip], *, pictures: bool) -> int:
    """Write clips as shards, in the order given.

    Args:
        folder: is made.
        clips: each is let go of once its shard is written.
        pictures: keep a place for pictures.

    Returns:
        How many were written.
    """
    import pandas as pd

    folder.mkdir(parents=True)
    waiting: list[Clip] = []
    rows: list[dict[str, Any]] = []
    frames = shards = 0
    for clip in clips:
        rows.append(
            {
                "utterance_id": clip.utterance_id,
                "shard": shards,
                "offset": frames,
                "length": len(clip),
                "heard": clip.audio is not None,
            }
        )
        waiting.append(clip)
        frames += len(clip)
        if frames >= SHARD:
            _write_shard(folder / f"{shards}.safetensors", waiting, pictures)
            waiting, frames, shards = [], 0, shards + 1
    if waiting:
        _write_shard(folder / f"{shards}.safetensors", waiting, pictures)
    if rows:
        write_table(folder / INDEX, pd.DataFrame(rows))
    return len(rows)


def _write_shard(path: Path, clips: Sequence[Clip], pictures: bool) -> None:
    from safetensors.numpy import save_file

    def joined(name: str, shape: tuple[int, ...], dtype: type, missing: int = 0) -> np.ndarray:
        parts = [getattr(clip, name) for clip in clips]
        filled = [
            np.full((len(clip), *shape), missing, dtype) if part is None else part.astype(dtype, copy=False)
            for clip, part in zip(clips, parts, strict=True)
        ]
        return np.concatenate(filled)

    tensors = {"audio": joined("audio", (AUDIO,), np.float16), "mfcc": joined("mfcc", (SIZE,), np.float32)}
    tensors["units"] = joined("units", (), np.int16, missing=-1)
    if pictures:
        tensors["pictures"] = joined("pictures", (SIDE, SIDE), np.uint8)
        tensors["present"] = joined("present", (), np.bool_)
    save_file(tensors, path)
    as_new(path)


class InputStore:
    """Clips of one corpus or several, by number; their frames follow one another.

    Attributes:
        ids: of the clips.
        lengths: int64 [clips], frames of each.
        begins: int64 [clips], the number of each clip's first frame among all.
        heard: bool [clips], whether a clip has sound.
        pictures: there are some.
    """

    def __init__(self, folders: Sequence[Path]):
        """Open the inputs.

        Args:
            folders: of the corpora; all with pictures, or none.

        Raises:
            FeatureError: one is missing or broken, or some have pictures and others do not.
        """
        import pandas as pd
        from safetensors import SafetensorError, safe_open

        self._shards: list[Any] = []
        places, tables = [], []
        for folder in folders:
            try:
                index = pd.read_parquet(folder / INDEX)
                opened = [
                    safe_open(folder / f"{number}.safetensors", framework="numpy")
                    for number in range(index["shard"].max() + 1)
                ]
            except (OSError, SafetensorError, KeyError, ValueError) as error:
                raise FeatureError(
                    f"{folder} holds no inputs of pre-training ({error}); make them again with: "
                    f"dvc repro -f pretrain/dvc.yaml:inputs@{folder.name}"
                ) from None
            places += [
                (len(self._shards) + shard, offset) for shard, offset in index[["shard", "offset"]].to_numpy()
            ]
            self._shards += opened
            tables.append(index)
        table = pd.concat(tables, ignore_index=True)
        self._places = [(int(shard), int(offset)) for shard, offset in places]
        self.ids: list[str] = table["utterance_id"].tolist()
        self.lengths = table["length"].to_numpy(np.int64)
        self.begins = np.cumsum(self.lengths) - self.lengths
        self.heard = table["heard"].to_numpy(bool)
        with_pictures = {"pictures" in shard.keys() for shard in self._shards}  # noqa: SIM118  (it is no mapping)
        if len(with_pictures) > 1:
            raise FeatureError(
                "some corpora's inputs have pictures and others' do not: make them again with one `inputs.roi`: "
                "dvc repro pretrain/dvc.yaml:inputs"
            )
        self.pictures = with_pictures == {True}

    def __len__(self) -> int:
        return len(self.ids)

    def only(self, clips: Sequence[int]) -> InputStore:
        """Some of the clips, in this order, as a store of its own; frames are numbered anew."""
        chosen = copy(self)
        chosen.__dict__.pop("units", None)  # what was read of all clips
        chosen.ids = [self.ids[clip] for clip in clips]
        chosen._places = [self._places[clip] for clip in clips]
        where = np.asarray(clips, np.int64)
        chosen.lengths, chosen.heard = self.lengths[where], self.heard[where]
        chosen.begins = np.cumsum(chosen.lengths) - chosen.lengths
        return chosen

    @property
    def frames(self) -> int:
        """Of all clips."""
        return int(self.lengths.sum())

    @cached_property
    def units(self) -> np.ndarray:
        """int16 [frames], the unit that is known of each frame of all clips; -1 where none is."""
        return np.concatenate([self.read("units", clip) for clip in range(len(self))])

    def read(self, name: str, clip: int, begin: int = 0, end: int | None = None) -> np.ndarray:
        """Frames ``begin`` to ``end`` of a clip: of ``audio``, ``mfcc``, ``pictures``, ``present`` or ``units``."""
        shard, offset = self._places[clip]
        end = int(self.lengths[clip]) if end is None else end
        found: np.ndarray = self._shards[shard].get_slice(name)[offset + begin : offset + end]
        return found
