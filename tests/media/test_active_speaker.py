"""Of several faces the one whose mouth moves with the sound."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from emoflow import media
from emoflow.media import active_speaker
from emoflow.media.active_speaker import sound_level, track_active_speaker
from emoflow.media.face_detector import Face, same_place
from emoflow.media.face_geometry import INNER_LIPS, MEAN_FACE, STABLE
from films import Squares, drawn, film
from hypothesis import given
from hypothesis import strategies as st
from test_clip_faces import same

FRAMES = 60
LARGE, SMALL = (20, 10, 50), (30, 80, 36)
"""The left square is the larger one."""
TALKERS = ["bbaf2n.mpg", "brbk7n.mpg", "lbax4n.mpg"]


class Mouths(Squares):
    """Squares whose lips are as far apart as their shade says: black is shut."""

    def all(self, image: np.ndarray) -> list[Face]:
        return [replace(face, landmarks=self._landmarks(face.box, image)) for face in super().all(image)]

    def again(self, image: np.ndarray, near: media.Box, time_ms: int) -> Face | None:
        return next((face for face in self.all(image) if same_place(face.box, near)), None)

    @staticmethod
    def _landmarks(box: media.Box, image: np.ndarray) -> np.ndarray:
        row, column = box.centre
        opening = (float(image[round(row), round(column)].mean()) - 130) / 125
        points = np.zeros((478, 3), np.float32)
        points[list(STABLE), :2] = (column, row) + box.size * MEAN_FACE / 2
        around = np.exp(2j * np.pi * np.arange(8) / 8)
        points[list(INNER_LIPS), 0] = column + box.size * 0.2 * around.real
        points[list(INNER_LIPS), 1] = row + box.size * (0.3 + 0.1 * opening * around.imag)
        return points


def mouth(seed: int, frames: int = FRAMES) -> np.ndarray:
    """How far a mouth is open in each frame, from 0 to 1: it opens and shuts in some stretches and rests in others."""
    generator = np.random.default_rng(seed)
    talks = np.repeat(generator.permutation(np.arange(frames // 5) % 2), 5)
    return 0.5 + 0.5 * talks * (-1.0) ** np.arange(frames) * generator.uniform(0.3, 1, frames)


def voice(opening: np.ndarray) -> np.ndarray:
    """A tone in the band that is listened to, as loud as the mouth moves."""
    loud = np.repeat(np.abs(np.gradient(opening)) + 0.002, 640)
    return 0.9 * loud / loud.max() * np.sin(2 * np.pi * 1500 * np.arange(len(loud)) / 16_000)


def pictures(*faces) -> list[np.ndarray]:
    """Squares, each with how far its mouth is open in every frame (NaN: it is not there)."""
    images = []
    for frame in range(len(faces[0][1])):
        image = drawn([])
        for (top, left, size), opening in faces:
            if np.isfinite(opening[frame]):
                image[top : top + size, left : left + size] = round(130 + 125 * opening[frame])
        images.append(image)
    return images


def left_of(track: media.FaceTrack) -> np.ndarray:
    return track.boxes[track.present, 1]


def only(opening: np.ndarray, begin: int, end: int) -> np.ndarray:
    """The face is there from one frame to another."""
    at = np.arange(len(opening))
    return np.where((at >= begin) & (at < end), opening, np.nan)


@given(seed=st.integers(0, 10_000), speaks=st.integers(0, 1), shift=st.integers(-4, 4))
def test_the_measure_is_highest_for_the_own_mouth_at_any_lag_that_is_allowed(seed, speaks, shift):
    mouths = [np.abs(np.gradient(mouth(seed))), np.abs(np.gradient(mouth(seed + 20_000)))]
    level = np.roll(mouths[speaks], shift)
    own, other = (active_speaker._correlation(mouths[at], level) for at in (speaks, 1 - speaks))
    assert own > 0.8 and own >= other


@pytest.mark.parametrize("speaks", [0, 1])
def test_the_face_whose_mouth_moves_with_the_sound_is_followed(speaks):
    mouths = mouth(1), mouth(2)
    source = film(pictures((LARGE, mouths[0]), (SMALL, mouths[1])), sound=voice(mouths[speaks]))
    track = track_active_speaker(source, Mouths())
    assert track.speaker_found and track.coverage == 1
    assert left_of(track) == pytest.approx((LARGE, SMALL)[speaks][1], abs=1)
    assert same(replace(track, speaker_found=False), media.track_face(source, Mouths())) == (speaks == 0)


@pytest.mark.parametrize("sound", ["none", "silence", "another"])
def test_the_largest_is_followed_where_the_sound_decides_nothing(sound):
    images = pictures((LARGE, mouth(1)), (SMALL, np.full(FRAMES, 0.5)))
    heard = {
        "none": None,
        "silence": np.zeros(640 * FRAMES),
        "another": 0.5 * np.sin(2 * np.pi * 1500 * np.arange(640 * FRAMES) / 16_000),
    }
    source = film(images, sound=heard[sound])
    track = track_active_speaker(source, Mouths())
    assert not track.speaker_found and same(track, media.track_face(source, Mouths()))


def test_a_single_face_has_the_same_track_as_ever():
    opening = mouth(1)
    source = film(pictures((SMALL, opening)), sound=voice(opening))
    track = track_active_speaker(source, Mouths())
    assert not track.speaker_found and same(track, media.track_face(source, Mouths()))


def test_two_that_are_hardly_in_the_picture_together_are_not_compared():
    opening = mouth(1)
    images = pictures((LARGE, only(mouth(2), 0, 20)), (SMALL, opening))
    track = track_active_speaker(film(images, sound=voice(opening)), Mouths())
    assert not track.speaker_found


def test_the_speaker_is_followed_from_shot_to_shot_and_the_largest_where_there_is_none():
    """First the right one speaks, then after a cut the one on the top; then somebody is alone in the picture."""
    top, low = (0, 10, 30), (50, 70, 40)
    openings = [mouth(seed, 100) for seed in (1, 2, 3, 4)]
    said = np.where(np.arange(100) < 40, openings[1], openings[2])
    images = pictures(
        (LARGE, only(openings[0], 0, 40)),
        (SMALL, only(openings[1], 0, 40)),
        (top, only(openings[2], 40, 80)),
        (low, only(openings[3], 40, 100)),
    )
    track = track_active_speaker(film(images, sound=voice(said)), Mouths())
    assert track.speaker_found
    assert track.boxes[:40, 1] == pytest.approx(SMALL[1], abs=1)
    assert track.boxes[41:80, 1] == pytest.approx(top[1], abs=1)
    assert track.boxes[95:, 1] == pytest.approx(low[1], abs=1)


def test_lips_are_needed():
    with pytest.raises(ValueError, match="no landmarks"):
        track_active_speaker(film(pictures((LARGE, mouth(1)))), Squares())


@given(cuts=st.lists(st.integers(1, 9000), max_size=5), lacks=st.integers(0, 3000))
def test_the_level_is_the_same_in_whatever_blocks_the_sound_comes(cuts, lacks):
    sound = np.random.default_rng(0).normal(0, 0.1, 10_240 - lacks).astype(np.float32)
    whole = sound_level([sound], 16)
    assert len(whole) == 16 and np.ptp(whole) <= active_speaker.RANGE_DB
    assert sound_level(np.split(sound, sorted(cuts)), 16) == pytest.approx(whole, abs=1e-9)


def test_what_was_decided_is_kept_apart_from_the_largest(tmp_path):
    mouths = mouth(1), mouth(2)
    source = film(pictures((LARGE, mouths[0]), (SMALL, mouths[1])), sound=voice(mouths[1]))

    def kept(source, followed) -> media.FaceTrack:
        faces = media.CachedFaces(source, Mouths(), digest="ab" * 32, root=tmp_path, followed=followed)
        return faces.track

    largest, speaker = kept(source, "largest"), kept(source, "active-speaker")
    assert left_of(largest)[0] != left_of(speaker)[0]
    for followed, track in (("largest", largest), ("active-speaker", speaker)):
        read = kept(b"not a film", followed)
        assert same(read, track) and read.speaker_found == track.speaker_found


def beside(left, right, *, sizes=(1.0, 1.0)) -> list[np.ndarray]:
    """Two films side by side, each in a frame of its own at 0.6 of the size, and of that again by ``sizes``."""
    height, width = 172, 216
    images = []
    for both in zip(left, right, strict=False):
        image = np.zeros((height, 2 * width, 3), np.uint8)
        for at, (picture, size) in enumerate(zip(both, sizes, strict=True)):
            rows, columns = round(height * size), round(width * size)
            small = _scaled(picture, rows, columns)
            top, first = (height - rows) // 2, at * width + (width - columns) // 2
            image[top : top + rows, first : first + columns] = small
        images.append(image)
    return images


def _scaled(picture: np.ndarray, rows: int, columns: int) -> np.ndarray:
    import av

    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
    return frame.reformat(width=columns, height=rows, interpolation="AREA").to_ndarray(format="rgb24")


@pytest.fixture(scope="module")
def talkers(corpora) -> dict[str, tuple[list[np.ndarray], np.ndarray]]:
    """Pictures and sound of each."""
    clips = {name: corpora / "video" / name for name in TALKERS}
    return {
        name: (list(media.pictures(clip, fps=25)), media.decode_audio(clip)) for name, clip in clips.items()
    }


@pytest.mark.corpora
@pytest.mark.slow
@pytest.mark.parametrize(("heard", "other"), list(permutations(TALKERS, 2)))
def test_of_two_real_talkers_the_one_that_is_heard_is_followed(heard, other, talkers, landmark_model):
    """Both talk; the face of the one that is heard is two thirds as large, on either side."""
    detector = media.LandmarkDetector(landmark_model)
    (own, sound), (others, _) = talkers[heard], talkers[other]
    on_the_left = heard < other
    images = beside(own, others, sizes=(0.65, 1)) if on_the_left else beside(others, own, sizes=(1, 0.65))
    track = track_active_speaker(film(images, sound=sound), detector)
    assert track.speaker_found and track.coverage == 1
    assert ((track.boxes[:, 1] < 216) == on_the_left).all()


@pytest.mark.corpora
@pytest.mark.slow
def test_of_two_real_talkers_in_a_silent_film_the_largest_is_followed(talkers, landmark_model):
    detector = media.LandmarkDetector(landmark_model)
    left, right = (talkers[name][0][:25] for name in TALKERS[:2])
    source = film(beside(left, right, sizes=(0.65, 1)))
    track = track_active_speaker(source, detector)
    assert not track.speaker_found and same(track, media.track_face(source, detector))
    assert (track.boxes[:, 1] > 216).all()


@pytest.mark.corpora
@pytest.mark.slow
def test_a_real_talker_alone_has_the_same_track_as_ever(corpora, landmark_model):
    detector, clip = media.LandmarkDetector(landmark_model), corpora / "video" / TALKERS[0]
    assert same(track_active_speaker(clip, detector), media.track_face(clip, detector))
