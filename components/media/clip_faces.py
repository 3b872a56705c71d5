"""The face in one clip, its track and frames of its regions: made from the clip, or read from a cache."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..content_cache import content_digest, entry_path, read_entry, write_entry
from ..files import digest_of, versions
from . import active_speaker, audio, face, face_track, video
from .active_speaker import track_active_speaker
from .container import Source
from .face_detector import Detector
from .face_regions import Region, cut_regions
from .face_track import FaceTrack, track_face

LAYOUT = 1
"""Of the cache's entries: raised when they are written another way."""

Followed = Literal["largest", "active-speaker"]
"""Which of several faces a track follows: that of `track_face`, or that of `track_active_speaker`."""


class ClipFaces:
    """A face in a clip, followed as `track_face` or `track_active_speaker` does, and cut out as `cut_regions` does."""

    def __init__(self, source: Source, detector: Detector, *, followed: Followed = "largest"):
        """The faces of one clip; nothing is read yet.

        Args:
            source: a path, or the file's bytes.
            detector: finds the faces.
            followed: which of several.
        """
        self.source, self.detector, self.followed = source, detector, followed

    @cached_property
    def track(self) -> FaceTrack:
        """The whole track. Raises MediaError: the clip cannot be read."""
        if self.followed == "active-speaker":
            return track_active_speaker(self.source, self.detector)
        return track_face(self.source, self.detector)

    def cut(self, *regions: Region, frames: Sequence[int] | None = None) -> list[np.ndarray]:
        """Frames of regions of the track; arguments, result and errors are those of `cut_regions`."""
        return cut_regions(self.source, self.track, *regions, frames=frames)


class CachedFaces(ClipFaces):
    """The same, read from a cache where it is there, and kept there where it is not.

    The track is one entry, the frames of each region another, so that other regions, or other frames, are cut by the
    track that is there. A clip that cannot be read leaves no entry.
    """

    def __init__(
        self,
        source: Source,
        detector: Detector,
        *,
        digest: str,
        root: Path,
        followed: Followed = "largest",
    ):
        """The faces of one clip; nothing is read yet.

        Args:
            source: a path, or the file's bytes.
            detector: finds the faces.
            digest: of the recording, or of the part of it that ``source`` names.
            root: the cache's folder, which any number of processes may share.
            followed: which of several faces.
        """
        super().__init__(source, detector, followed=followed)
        self._root = root
        self._track_key = digest_of(
            {
                "kept": "face track",
                "layout": LAYOUT,
                "media": digest,
                "decoding": video.VERSION,
                "track": face_track.VERSION,
                "fps": face_track.FPS,
                "detector": detector.name,
                "detector_facts": detector.facts(),
                "libraries": _versions("av", *detector.libraries),
            }
            | self._followed_facts()
        )

    @cached_property
    def track(self) -> FaceTrack:
        """The whole track.

        Raises:
            MediaError: the clip cannot be read.
            OSError: the track cannot be written to the cache; names the file.
        """
        kept = self._read(self._track_key)
        if kept is not None:
            arrays, said = kept
            return FaceTrack(
                said["fps"], said["detector"], **arrays, speaker_found=said.get("speaker_found", False)
            )
        track = super().track
        arrays = {
            name: array
            for name in ("boxes", "found", "present", "landmarks", "blendshapes", "poses")
            if (array := getattr(track, name)) is not None
        }
        said = {"fps": track.fps, "detector": track.detector}
        self._write(self._track_key, arrays, said | ({"speaker_found": True} if track.speaker_found else {}))
        return track

    def cut(self, *regions: Region, frames: Sequence[int] | None = None) -> list[np.ndarray]:
        """Frames of regions of the track; the clip is decoded only where those of a region are not in the cache.

        Args:
            regions: of this track.
            frames: which of the track's n frames, in order; all by default.

        Returns:
            As `cut_regions`.

        Raises:
            MediaError: the clip cannot be read.
            OSError: the frames cannot be written to the cache; names the file.
        """
        chosen = None if frames is None else [int(each) for each in frames]
        keys = [self._region_key(region, chosen) for region in regions]
        kept = {key: self._read(key) for key in keys}
        images = {
            key: unpacked(found[0]["packed"], found[1]["shape"]) for key, found in kept.items() if found
        }
        missing = {key: region for key, region in zip(keys, regions, strict=True) if key not in images}
        if missing:
            fresh = super().cut(*missing.values(), frames=chosen)
            for key, cut in zip(missing, fresh, strict=True):
                self._write(key, {"packed": packed(cut)}, {"shape": list(cut.shape)})
                images[key] = cut
        return [images[key] for key in keys]

    def _followed_facts(self) -> dict[str, Any]:
        """What decides which face is followed, where it is not the largest."""
        if self.followed == "largest":
            return {}
        return {
            "followed": self.followed,
            "followed_version": active_speaker.VERSION,
            "sound": audio.VERSION,
            "sound_libraries": _versions("soxr"),
        }

    def _region_key(self, region: Region, frames: list[int] | None) -> str:
        return digest_of(
            {
                "kept": "frames of a region",
                "track": self._track_key,
                "region": region.facts,
                "cutting": face.VERSION,
                "libraries": _versions("scipy"),
                "frames": frames,
            }
        )

    def _read(self, key: str) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """The arrays of an entry and what is said of them; None where there is none that holds."""
        found = read_entry(entry_path(self._root, key))
        if found is None or "said" not in found[1]:
            return None
        arrays, about = found
        holds = about.get("digest") == _digest(arrays, about["said"])
        return (arrays, about["said"]) if holds else None

    def _write(self, key: str, arrays: dict[str, np.ndarray], said: dict[str, Any]) -> None:
        write_entry(entry_path(self._root, key), arrays, {"said": said, "digest": _digest(arrays, said)})


def _digest(arrays: dict[str, np.ndarray], said: dict[str, Any]) -> str:
    names = sorted(arrays)
    return content_digest([said, names], [arrays[name] for name in names])


def packed(images: np.ndarray) -> np.ndarray:
    """Images [n, H, W, …] without loss: each pixel less its neighbours', which deflate makes a third of their bytes.

    That is as small as PNG and a third of its time to write.
    """
    for axis in (1, 2):
        images = np.diff(images, axis=axis, prepend=np.uint8(0))
    return np.frombuffer(zlib.compress(np.ascontiguousarray(images), level=1), np.uint8)


def unpacked(deflated: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """The images ``uint8 [n, H, W, …]`` of what `packed` made of them."""
    images = np.frombuffer(zlib.decompress(deflated), np.uint8).reshape(shape)
    for axis in (2, 1):
        images = np.cumsum(images, axis=axis, dtype=np.uint8)
    return images


@cache
def _versions(*packages: str) -> dict[str, str]:
    """Looking up a version takes milliseconds, and a key is asked for with each clip."""
    return versions(packages)
