"""AV-HuBERT as an encoder: of speech by its sound alone, or of films by pictures, with their sound or without it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ... import media
from ...errors import MediaError, ParamsError, SettingsError
from ..audio import Audio, overlapping_pieces
from ..face import Face
from ..followed_faces import notice_of
from ..pretrained.architecture import configuration
from ..pretrained.folder import ModelFolder
from ..pretrained.model import Pretrained
from ..pretrained.spec import PretrainedSpec, Roi
from .clip import SIDE, AudioVisualClip, frames_of_sound, joined, pictures_of, sound_of
from .filterbank import FRAMES_PER_S

PIECE_S = 30
"""Attention over a whole recording would fill the memory: a longer one is read in pieces of at most this."""
CONTEXT_S = 2
"""Of each neighbour a piece is given so much, whose tokens are dropped."""


class AvHubertEncoder(Pretrained):
    """Hidden states of an AV-HuBERT (Shi et al. 2022), 25 tokens a second; its output by default."""

    def __init__(self, spec: PretrainedSpec, folder: ModelFolder):
        """An encoder of one model.

        Raises:
            ParamsError: the model does not have the layers asked for, or has seen another region than ``roi`` says.
            SettingsError: its pictures are of another size than an AV-HuBERT's.
        """
        super().__init__(spec, folder)
        self.config = configuration(folder.path)
        self.roi: Roi = self.config.roi
        if spec.roi not in (None, self.roi):
            raise ParamsError(
                f"the encoder {spec.hf}: roi is {spec.roi!r}, and the model was trained on another region (roi is "
                f"{self.roi!r} in its config.json): leave roi out"
            )
        if self.config.image_size != SIDE:
            raise SettingsError(
                f"{folder.path}: image_size is {self.config.image_size}, and pictures are cut out with {SIDE} pixels "
                "a side"
            )

    def default_layers(self) -> int:
        """The output."""
        return self.depth

    @property
    def extra_parameters(self) -> dict[str, Any]:
        """What it reads, and how a long recording is cut."""
        return {"streams": self.spec.streams, "piece_s": PIECE_S, "context_s": CONTEXT_S}

    def of_clip(self, clip: AudioVisualClip) -> np.ndarray:
        """Tokens of a clip; one beyond ``PIECE_S`` is read in pieces that overlap, which know nothing of one another.

        Returns:
            As `pooled`.
        """
        cut = overlapping_pieces(
            [np.arange(len(clip))], most=PIECE_S * FRAMES_PER_S, context=CONTEXT_S * FRAMES_PER_S, step=1
        )
        return self.pooled(self._of_frames(clip, int(at[0]), int(at[-1]) + 1)[own] for at, own in cut)

    def _of_frames(self, clip: AudioVisualClip, begin: int, end: int) -> np.ndarray:
        """What is taken of some frames, read alone: float32 [end - begin, width · D]."""
        import torch

        inputs = {}
        if clip.audio is not None:
            inputs["audio"] = torch.from_numpy(clip.audio[begin:end])[None]
        if clip.pictures is not None and clip.present is not None:
            present = torch.from_numpy(clip.present[begin:end])
            grey = torch.from_numpy(clip.pictures[begin:end]).float() / 255
            shown = (grey - self.config.image_mean) / self.config.image_std
            inputs["video"] = (shown * present[:, None, None])[None]
            inputs["video_present"] = present[None]
        taken, _ = self.taken(**inputs)
        return taken[0].numpy()


class AvHubertSpeech(AvHubertEncoder, Audio):
    """By sound alone: the pictures are absent, as they were in a part of its training."""

    version = 1
    libraries = (*Pretrained.libraries, "soxr")

    def encode_decoded(self, medium: Iterable[np.ndarray]) -> np.ndarray:
        """Encode a recording.

        Args:
            medium: float32 [samples] each, mono at 16 kHz, within ±1; one after the other they are the recording.

        Returns:
            float32 [T, D] at 25 Hz; [1, D] where pooled.

        Raises:
            MediaError: as ``decode`` and `pooled` do.
        """
        return self.of_clip(AudioVisualClip(frames_of_sound(medium), None, None))


class AvHubertFilms(AvHubertEncoder, Face):
    """By the mouth or the face in every frame, and by the sound of the film where ``streams`` is ``av``.

    A stream that a film lacks is absent, as in training with dropped modalities.
    """

    version = 1
    libraries = (*Pretrained.libraries, "av", "scipy", "soxr")

    def __init__(self, spec: PretrainedSpec, folder: ModelFolder, **of_faces: Any):
        """An encoder of films.

        Args:
            spec: of the encoder.
            folder: of the model.
            of_faces: as any encoder of faces takes them; all frames are looked at, whatever ``frames`` says.

        Raises:
            ParamsError: no face is followed; and as `AvHubertEncoder` does.
            SettingsError: as `AvHubertEncoder` does.
        """
        Face.__init__(self, **of_faces)
        AvHubertEncoder.__init__(self, spec, folder)
        self.decoded_as = f"av_hubert {self.roi} {spec.streams}"
        self.hears_films = spec.streams == "av"
        if self.track is None:
            raise ParamsError(
                f"the encoder {spec.hf} looks at the {self.roi} in every frame, which needs a face that is followed "
                "through the clip: set features.face.track to mediapipe or cascade"
            )

    @property
    def extra_parameters(self) -> dict[str, Any]:
        """What it reads, and how the face is followed."""
        return super().extra_parameters | {"track": self._track_facts()}

    def _region_facts(self, version: int) -> Any:
        return [version, SIDE, self.roi]

    @classmethod
    def decoding(cls) -> int:
        from ...media.audio import VERSION

        return super().decoding() * 1000 + VERSION

    def files(self) -> dict[str, Path]:
        """The model's folder, and what follows the face."""
        return Pretrained.files(self) | Face.files(self)

    def decode(self, source: media.Source) -> AudioVisualClip:
        """The pictures of a film, and its sound. Raises MediaError: the film cannot be read."""
        return self._read(media.ClipFaces(source, self._detector(), followed=self.follow))

    def decode_cached(self, source: Any, *, digest: str, root: Path) -> AudioVisualClip:
        """As `decode`; the track and the pictures are kept."""
        faces = media.CachedFaces(source, self._detector(), digest=digest, root=root, followed=self.follow)
        return self._read(faces)

    def _read(self, faces: media.ClipFaces) -> AudioVisualClip:
        pictures, present = pictures_of(faces, self.roi)
        sound = None
        if self.spec.streams == "av":
            with suppress(MediaError):  # which `notice` says
                sound = sound_of(faces.source)
        track = faces.track
        return replace(
            joined(sound, pictures, present), coverage=track.coverage, speaker_found=track.speaker_found
        )

    def encode_decoded(self, medium: AudioVisualClip) -> np.ndarray:
        """Encode a film.

        Returns:
            float32 [T, D], a token for each frame; [1, D] where pooled.

        Raises:
            MediaError: no face in any frame, and no sound that is to be heard and can be.
        """
        if _shows_a_face(medium):
            return self.of_clip(medium)
        if medium.audio is None:
            without = " and no sound that can be used" if self.spec.streams == "av" else ""
            raise MediaError(f"no face found in {len(medium)} frames{without}")
        return self.of_clip(replace(medium, pictures=None, present=None))

    def notice(self, medium: AudioVisualClip) -> str | None:
        """Which stream is absent, or whether the face is in few frames only."""
        if not _shows_a_face(medium):
            return "without a face, encoded by sound alone"
        if self.spec.streams == "av" and medium.audio is None:
            return "without sound that can be used, encoded by pictures alone"
        return notice_of(medium.coverage, medium.speaker_found)

    def coverage(self, medium: AudioVisualClip) -> float | None:
        """Of the track."""
        return medium.coverage


def _shows_a_face(clip: AudioVisualClip) -> bool:
    return clip.present is not None and bool(clip.present.any())
