"""The active speaker: of several faces in a clip the one whose mouth moves with the sound.

The measure is the correlation of two signals, 25 values of each a second: how fast the inner lips change their shape,
and the level of the sound from 800 to 2200 Hz, where the second formant is. That mouth and sound of one person
correlate while those of others do not is what Hershey & Movellan (1999), Audio vision: using audio-visual synchrony to
locate sounds, locate a talker by. Of the bands of speech that of the second formant follows the lips' opening most
closely: Grant & Seitz (2000), The use of visible speech cues for improving auditory detection of spoken sentences.
The numbers below were set on films of two of three talkers of GRID at a time, and are untested on other recordings.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np

from ..errors import MediaError
from .audio import RATE, sound_blocks
from .container import Source
from .face import Box
from .face_detector import Detector, Face, same_place
from .face_geometry import INNER_LIPS, MEAN_FACE, STABLE, similarities
from .face_track import FPS, LONGEST_GAP_S, FaceTrack, follow, track_face
from .video import pictures

VERSION = 1
"""Of the choice: raised when another face of the same clip is chosen."""

BAND_HZ = 800, 2200
RANGE_DB = 40
"""Of the sound's level: what is more below its peak counts as that."""
LONGEST_LAG_S = 0.2
"""By which mouth and sound may be apart, one way or the other."""
LEAST = 0.3
"""Correlation below which nobody in the picture is taken to speak."""
MARGIN = 0.01
"""By which the speaker's correlation is above that of any other face."""
SHORTEST_S = 1.0
"""Faces that are both found in fewer frames altogether are not compared."""

_HOP = round(RATE / FPS)
_WINDOW = 2 * _HOP


def track_active_speaker(source: Source, detector: Detector) -> FaceTrack:
    """Follow the face of whoever is heard through a clip, at ``FPS``.

    All faces are followed, each until it is lost for longer than ``LONGEST_GAP_S``. Two that are in the picture
    together are compared over the frames in which both are found: by the correlation (Pearson's) of mouth and sound at
    the lag, within ``LONGEST_LAG_S``, at which it is highest. A face is the speaker's where it was compared, its
    correlation is at least ``LEAST``, and greater by ``MARGIN`` than that of every face that it was compared with.
    After a cut there are other faces, of which one may be the speaker's, too.

    In all other frames the face is that of `track_face`, and so is the whole track of a clip with one face, without
    sound that can be used, or in which no face stands out.

    Args:
        source: a path, or the file's bytes; its own sound is what is listened to.
        detector: finds the faces, and their landmarks.

    Returns:
        The track; `FaceTrack.speaker_found` says whether mouth and sound decided.

    Raises:
        MediaError: the pictures cannot be read; see ``video.frames``.
        ValueError: the detector finds no landmarks.
    """
    count, faces = _all_faces(source, detector)
    pairs = [
        (a, b)
        for a, b in combinations(faces, 2)
        if len(np.intersect1d(a.frames, b.frames)) >= SHORTEST_S * FPS
    ]
    level = _level_of(source, count) if pairs else None
    if level is None:
        return track_face(source, detector)
    speakers = _speakers(pairs, level)
    if not speakers:
        return track_face(source, detector)
    wanted: list[Box | None] = [None] * count
    for each in speakers:
        for frame, box in zip(each.frames, each.boxes, strict=True):
            wanted[frame] = box
    return replace(follow(source, detector, fps=FPS, wanted=wanted), speaker_found=True)


@dataclass(eq=False)
class _Seen:
    """A face in the frames in which it is found.

    Attributes:
        frames: which they are.
        boxes: where it is in each of them.
        lips: the inner lips on the mean face, complex128 [8], in each of them.
    """

    frames: list[int] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    lips: list[np.ndarray] = field(default_factory=list)

    def movement(self, count: int) -> np.ndarray:
        """How fast the inner lips change their shape, float64 [count]; NaN where the face is not found."""
        shapes = np.full((count, len(INNER_LIPS)), np.nan, np.complex128)
        shapes[self.frames] = self.lips
        return np.linalg.norm(np.gradient(shapes, axis=0), axis=1)


def _all_faces(source: Source, detector: Detector) -> tuple[int, list[_Seen]]:
    """How many frames a clip has, and every face in it."""
    faces: list[_Seen] = []
    recent: list[_Seen] = []
    patience = round(LONGEST_GAP_S * FPS)
    image, found, count = None, [], 0
    with detector.opened() as search:
        for shown in pictures(source, fps=FPS):
            if shown is not image:  # else it is the same picture, on show for longer than a frame
                image = shown
                found = search.all(image)
            rest = list(found)
            recent = [seen for seen in recent if count - seen.frames[-1] <= patience + 1]
            for seen in recent:
                if (at := _nearest(seen.boxes[-1], rest)) is not None:
                    _add(seen, rest.pop(at), count)
            for face in rest:
                seen = _Seen()
                _add(seen, face, count)
                faces.append(seen)
                recent.append(seen)
            count += 1
    return count, faces


def _nearest(box: Box, faces: Sequence[Face]) -> int | None:
    """Which of the faces in the same place has its centre nearest; None where there is none."""

    def distance(at: int) -> float:
        return float(np.hypot(*np.subtract(faces[at].box.centre, box.centre)))

    return min((at for at, face in enumerate(faces) if same_place(face.box, box)), key=distance, default=None)


def _add(seen: _Seen, face: Face, frame: int) -> None:
    if face.landmarks is None:
        raise ValueError("the active speaker is found by the lips, and the detector gives no landmarks")
    points = face.landmarks[:, :2].astype(np.float64)
    scale, _ = similarities(points[None, STABLE], MEAN_FACE)
    lips = points[INNER_LIPS, 0] + 1j * points[INNER_LIPS, 1]
    seen.frames.append(frame)
    seen.boxes.append(face.box)
    seen.lips.append(scale * (lips - lips.mean()))


def _speakers(pairs: Sequence[tuple[_Seen, _Seen]], level: np.ndarray) -> list[_Seen]:
    """The faces that stand out among those that they are in the picture with."""
    stands_out: dict[_Seen, bool] = {}
    moves: dict[_Seen, np.ndarray] = {}
    for pair in pairs:
        for face in pair:
            if face not in moves:
                moves[face] = face.movement(len(level))
        both = np.isfinite(moves[pair[0]] + moves[pair[1]])
        one, other = (_correlation(np.where(both, moves[face], np.nan), level) for face in pair)
        for face, own, others in zip(pair, (one, other), (other, one), strict=True):
            better = own >= LEAST and own - others >= MARGIN
            stands_out[face] = stands_out.get(face, True) and better
    return [face for face, does in stands_out.items() if does]


def _correlation(movement: np.ndarray, level: np.ndarray) -> float:
    """The highest correlation at any lag; 0 where nothing moves, or there are too few frames.

    Args:
        movement: [n], NaN where it is not known.
        level: [n].
    """
    highest, most = 0.0, round(LONGEST_LAG_S * FPS)
    for lag in range(-most, most + 1):
        mouth = movement[max(0, lag) : len(movement) + min(0, lag)]
        sound = level[max(0, -lag) : len(level) + min(0, -lag)]
        known = np.isfinite(mouth)
        if known.sum() > 2 * most and mouth[known].std() > 0 and sound[known].std() > 0:
            highest = max(highest, float(np.corrcoef(mouth[known], sound[known])[0, 1]))
    return highest


def _level_of(source: Source, count: int) -> np.ndarray | None:
    """The level of a clip's sound; None: there is none that can be used."""
    try:
        return sound_level(sound_blocks(source), count)
    except MediaError:
        return None


def sound_level(blocks: Iterable[np.ndarray], count: int) -> np.ndarray:
    """The level of the sound in ``BAND_HZ``, in windows of 80 ms around the frames' middles.

    Args:
        blocks: float32 [samples] each, mono at 16 kHz; one after the other they are the sound.
        count: of frames, 25 a second.

    Returns:
        float64 [count], in dB; where the sound is shorter, what lacks is silence.
    """
    frequencies = np.fft.rfftfreq(_WINDOW, 1 / RATE)
    band = (frequencies >= BAND_HZ[0]) & (frequencies < BAND_HZ[1])
    powers = []
    rest = np.zeros((_WINDOW - _HOP) // 2, np.float32)
    for block in _with_end(blocks):
        rest = np.concatenate([rest, block])
        whole = max(0, (len(rest) - _WINDOW) // _HOP + 1)
        if whole:
            windows = np.lib.stride_tricks.sliding_window_view(rest, _WINDOW)[: whole * _HOP : _HOP]
            spectra = np.fft.rfft(windows * np.hanning(_WINDOW), axis=1)
            powers.append((np.abs(spectra[:, band]) ** 2).sum(1))
            rest = rest[whole * _HOP :]
    power = np.concatenate(powers)[:count]
    power = np.pad(power, (0, count - len(power)))
    floor = power.max() * 10 ** (-RANGE_DB / 10)
    return 10 * np.log10(np.maximum(power, floor)) if floor > 0 else np.zeros(count)


def _with_end(blocks: Iterable[np.ndarray]) -> Iterable[np.ndarray]:
    """The blocks, and silence that fills the last window."""
    yield from blocks
    yield np.zeros(_WINDOW, np.float32)
