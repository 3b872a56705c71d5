"""Faces as a model's inputs: the pictures of all clips of a batch, one after another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from .... import media
from ....content_cache import content_digest, entry_path, read_entry, write_entry
from ....files import digest_of, versions
from ....media.clip_faces import packed, unpacked
from ...followed_faces import FollowedFaces
from ..pictures import Pictures
from .inputs import Recording, Run

if TYPE_CHECKING:
    from transformers import PreTrainedModel

LAYOUT = 2
"""Of the cache's entries: raised when they are written another way."""

Faces = list[np.ndarray | None]
"""The face in each frame of a clip, uint8 [H, H, 3]; None where there is none."""


class PictureInputs:
    """Of a picture model: the face in each frame is found once and kept in the cache, as pictures.

    Args:
        encoder: as which the features were made.
        model: that is trained.
        cache: the folder of the cache; None where no recording is read twice.
    """

    untrained: tuple[str, ...] = ()

    def __init__(self, encoder: Pictures, model: PreTrainedModel, cache: Path | None):
        self._encoder, self._model, self._cache = encoder, model, cache

    def of(self, medium: media.Frames | FollowedFaces) -> Faces:
        """See `Inputs`."""
        faces = self._encoder.faces(medium)
        self._encoder.shown([face is not None for face in faces])  # raises MediaError where none has a face
        return faces

    def of_source(self, source: Recording) -> Faces:
        """See `Inputs`."""
        encoder = self._encoder
        if self._cache is None:
            return self.of(encoder.decode(source.source))
        if encoder.track is not None:  # which the cache keeps already
            return self.of(encoder.decode_cached(source.source, digest=source.digest, root=self._cache))
        path = entry_path(self._cache, self._key(source.digest))
        kept = _kept(path)
        if kept is None:
            kept = self.of(encoder.decode(source.source))
            _keep(path, kept)
        return kept

    def _key(self, digest: str) -> str:
        encoder = self._encoder
        return digest_of(
            {
                "kept": "the face in frames",
                "layout": LAYOUT,
                "media": digest,
                "decoding": encoder.decoding(),
                "frames": encoder.frames,
                "margin": encoder.margin,
                "libraries": versions(("av", "scikit-image")),
            }
        )

    def length(self, source: Recording) -> int:
        """0: nothing is padded."""
        return 0

    def tokens(self, run: Run, batch: Sequence[Faces]) -> tuple[Tensor, Tensor]:
        """See `Inputs`."""
        from PIL import Image

        shown = [self._encoder.shown([face is not None for face in faces]) for faces in batch]
        pictures = [Image.fromarray(face) for face in chain.from_iterable(batch) if face is not None]
        step = self._encoder.batch
        made = torch.cat(
            [
                self._encoder.token_of(self._model, *run(**self._encoder.inputs(pictures[at : at + step])))
                for at in range(0, len(pictures), step)
            ]
        )
        clips, begin = [], 0
        for faces, frames in zip(batch, shown, strict=True):
            there = np.cumsum([face is not None for face in faces])
            clips.append(made[begin + there[frames] - 1])
            begin += int(there[-1])
        x = pad_sequence(clips, batch_first=True)
        own = pad_sequence([x.new_ones(len(each), dtype=torch.bool) for each in clips], batch_first=True)
        return x, own


def _kept(path: Path) -> Faces | None:
    """The faces of an entry; None where there is none that holds."""
    found = read_entry(path)
    if found is None or "said" not in found[1]:
        return None
    arrays, about = found
    said = about["said"]
    if about.get("digest") != content_digest([said], [arrays["packed"]]):
        return None
    pictures = iter(unpacked(arrays["packed"], said["shape"]))
    return [next(pictures)[:side, :side] if side else None for side in said["sides"]]


def _keep(path: Path, faces: Faces) -> None:
    sides = [0 if face is None else len(face) for face in faces]
    # Those of a clip are of one size, but for a pixel where it was rounded: the smaller ones are filled up.
    pictures = np.zeros((np.count_nonzero(sides), max(sides), max(sides), 3), np.uint8)
    for place, face in zip(pictures, (each for each in faces if each is not None), strict=True):
        place[: len(face), : len(face)] = face
    arrays = {"packed": packed(pictures)}
    said = {"shape": list(pictures.shape), "sides": sides}
    write_entry(path, arrays, {"said": said, "digest": content_digest([said], [arrays["packed"]])})
