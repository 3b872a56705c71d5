import numpy as np
import pytest
from emoflow import media
from emoflow.media.face_detector import Face, talker
from emoflow.media.face_track import runs
from emoflow.media.landmark_detector import head_pose
from films import Squares, drawn, film, film_of

TALKER = (30, 40, 40)
DETECTORS = ["cascade", "mediapipe"]


@pytest.fixture
def detector(request):
    """The detector of this name, as params.yaml would have it."""
    if request.param == "cascade":
        return media.CascadeDetector()
    return media.LandmarkDetector(request.getfixturevalue("landmark_model"))


def followed(*scenes) -> media.FaceTrack:
    return media.track_face(film_of(*scenes), Squares())


def test_a_face_is_followed_at_25_frames_a_second():
    track = followed(*([(30, 20 + n, 40)] for n in range(25)))
    assert len(track) == 25 and track.fps == 25 and track.detector == "squares"
    assert track.coverage == 1 and not track.interpolated and not track.absent
    assert track.boxes[:, 1] == pytest.approx(20 + np.arange(25), abs=0.5)
    assert track.landmarks is None and track.blendshapes is None and track.poses is None


@pytest.mark.parametrize("fps", [10, 30, 50])
def test_the_rate_of_the_film_is_not_that_of_the_track(fps):
    images = [drawn([(30, round(20 + 20 * n / fps), 40)]) for n in range(fps)]
    track = media.track_face(film(images, fps=fps), Squares())
    assert len(track) == 25
    assert track.boxes[:, 1] == pytest.approx(20 + 20 * (np.arange(25) + 0.5) / 25, abs=20 / fps + 0.5)


def test_uneven_times_are_honoured():
    """One second at 25 a second, then one at 5: a square that moves evenly in time."""
    times = [*range(0, 1000, 40), *range(1000, 2001, 200)]
    images = [drawn([(30, round(time / 40), 40)]) for time in times]
    track = media.track_face(film(images, times_ms=times), Squares())
    assert 50 <= len(track) <= 51
    late = np.arange(25, 50) // 5 * 5
    assert track.boxes[:25, 1] == pytest.approx(np.arange(25), abs=1)
    assert track.boxes[25:50, 1] == pytest.approx(late, abs=1)


def test_a_picture_on_show_for_several_frames_is_looked_at_once():
    squares = Squares()
    media.track_face(film([drawn([TALKER])] * 10, fps=5), squares)
    assert squares.looked_at == 10


def test_a_gap_of_up_to_0_4_s_is_interpolated_and_counted():
    track = followed(*[[(30, 20, 40)]] * 8, *[[]] * 10, *[[(30, 31, 40)]] * 7)
    assert track.interpolated == [(8, 18)] and not track.absent
    assert track.present.all() and track.coverage == 15 / 25
    assert track.boxes[7:19, 1] == pytest.approx(20 + np.arange(12), abs=0.2)
    assert track.box(12).left == pytest.approx(25, abs=0.2)


def test_a_longer_gap_stays_one():
    track = followed(*[[TALKER]] * 8, *[[]] * 11, *[[TALKER]] * 6)
    assert track.absent == [(8, 19)] and not track.interpolated
    assert np.isnan(track.boxes[8:19]).all() and not np.isnan(track.boxes[track.present]).any()
    assert track.box(12) is None and track.coverage == 14 / 25


def test_no_face_before_and_after_is_no_gap_to_close():
    track = followed(*[[]] * 5, *[[TALKER]] * 15, *[[]] * 5)
    assert track.absent == [(0, 5), (20, 25)] and not track.interpolated


def test_a_flash_is_no_face():
    track = followed(*[[TALKER]] * 10, *[[]] * 15, *[[TALKER]] * 4, *[[]] * 15)
    assert track.absent == [(10, 44)] and track.coverage == 10 / 44


def test_a_clip_of_three_frames_may_be_all_face():
    assert followed(*[[TALKER]] * 3).coverage == 1


def test_a_clip_without_a_face_has_an_empty_track():
    track = followed(*[[]] * 10)
    assert track.coverage == 0 and track.absent == [(0, 10)]
    assert np.isnan(track.boxes).all() and track.boxes.shape == (10, 3)


def test_the_largest_and_most_central_face_is_the_talkers():
    shape = (96, 128)
    near, far = Face(media.Box(30, 40, 40)), Face(media.Box(30, 100, 24))
    middle, corner = Face(media.Box(34, 50, 28)), Face(media.Box(0, 0, 30))
    assert talker([far, near], shape) is near
    assert talker([corner, middle], shape) is middle
    assert talker([], shape) is None


def test_the_track_stays_with_a_face_while_another_grows():
    first, second = (30, 10, 40), (30, 80, 28)
    grown = (20, 60, 50)
    track = followed(*[[first, second]] * 10, *[[first, grown]] * 15)
    assert track.boxes[:, 1] == pytest.approx(10, abs=0.5)


def test_a_face_that_is_lost_for_a_moment_does_not_give_way_to_another():
    first, second = (30, 10, 40), (30, 80, 28)
    track = followed(*[[first, second]] * 10, *[[second]] * 6, *[[first, second]] * 9)
    assert track.interpolated == [(10, 16)]
    assert track.boxes[:, 1] == pytest.approx(10, abs=0.5)


def test_after_a_cut_another_face_is_taken_up_and_nothing_between_is_made_up():
    track = followed(*[[(30, 10, 40)]] * 10, *[[(30, 70, 28)]] * 25)
    assert track.absent == [(10, 20)] and not track.interpolated
    assert track.boxes[:10, 1] == pytest.approx(10, abs=0.5)
    assert track.boxes[20:, 1] == pytest.approx(70, abs=0.5)


def test_runs_of_a_mask():
    assert runs(np.array([1, 1, 0, 1, 0, 0, 1], bool)) == [(0, 2), (3, 4), (6, 7)]
    assert runs(np.zeros(3, bool)) == [] and runs(np.ones(3, bool)) == [(0, 3)]


def test_a_part_of_a_film_is_all_that_is_followed(tmp_path):
    path = tmp_path / "film.mkv"
    path.write_bytes(film_of(*([(30, n, 40)] for n in range(75))))
    track = media.track_face(f"{path}#t=1,2", Squares())
    assert len(track) == 25 and track.boxes[:, 1] == pytest.approx(25 + np.arange(25), abs=0.5)


@pytest.mark.parametrize(("axis", "sign"), [(0, 1), (1, 1), (2, 1), (0, -1), (1, -1), (2, -1)])
def test_the_pose_is_the_angle_of_the_turn(axis, sign):
    angle = np.radians(20 * sign)
    c, s = np.cos(angle), np.sin(angle)
    turns = [
        [[1, 0, 0], [0, c, -s], [0, s, c]],
        [[c, 0, s], [0, 1, 0], [-s, 0, c]],
        [[c, -s, 0], [s, c, 0], [0, 0, 1]],
    ]
    expected = np.zeros(3)
    expected[axis] = 20 * sign
    assert head_pose(7 * np.array(turns[axis])) == pytest.approx(expected, abs=1e-4)


@pytest.mark.corpora
@pytest.mark.slow
@pytest.mark.parametrize("detector", DETECTORS, indirect=True)
@pytest.mark.parametrize("name", ["bbaf2n.mpg", "brbk7n.mpg", "lbax4n.mpg", "single_face.mp4"])
def test_a_talker_has_a_face_in_every_frame(name, detector, corpora):
    clip = corpora / "video" / name
    track = media.track_face(clip, detector)
    assert len(track) == round(25 * media.video_facts(clip).duration_s + 0.01)
    assert track.coverage == 1
    centres = track.boxes[:, :2] + track.boxes[:, 2:] / 2
    assert np.abs(np.diff(centres, axis=0)).max() < 0.1 * track.boxes[:, 2].mean()
    if detector.name == "mediapipe":
        assert track.landmarks.shape == (len(track), 478, 3)
        assert track.blendshapes.shape == (len(track), 52) and track.blendshapes.min() >= 0
        assert np.abs(np.median(track.poses, axis=0)).max() < 10


@pytest.mark.corpora
@pytest.mark.slow
@pytest.mark.parametrize("detector", DETECTORS, indirect=True)
def test_nothing_is_found_where_there_is_no_face(detector, corpora):
    track = media.track_face(corpora / "video" / "no_face.mp4", detector)
    assert track.coverage == 0 and not track.present.any() and track.landmarks is None


@pytest.mark.corpora
@pytest.mark.slow
@pytest.mark.parametrize("detector", DETECTORS, indirect=True)
def test_a_face_that_leaves_is_gone_within_three_frames(detector, corpora):
    clip = corpora / "video" / "face_noface.mov"
    # The man sits before a white door, and the cartoon after him is all sky.
    blue = [image[..., 2].mean() - image[..., 0].mean() > 40 for image in media.pictures(clip, fps=25)]
    leaves = blue.index(True)
    assert 50 < leaves < 70 and all(blue[leaves:])
    track = media.track_face(clip, detector)
    ((begin, end),) = track.absent
    assert abs(begin - leaves) <= 3 and end == len(track)
    assert not track.interpolated


@pytest.mark.corpora
@pytest.mark.slow
@pytest.mark.parametrize("detector", DETECTORS, indirect=True)
def test_of_two_talkers_one_is_followed(detector, corpora):
    """The left one is larger; the right one stays alone for the last half second."""
    size = 288, 360
    left = list(media.pictures(corpora / "video" / "single_face.mp4", fps=25))
    right = list(media.pictures(corpora / "video" / "brbk7n.mpg", fps=25))
    images = []
    for number in range(50):
        image = np.zeros((size[0], 2 * size[1], 3), np.uint8)
        if number < 38:
            image[:, : size[1]] = left[number][36 : 36 + size[0], 140 : 140 + size[1]]
        image[:, size[1] :] = right[number]
        images.append(image)
    track = media.track_face(film(images), detector)
    assert track.present[:38].all() and track.found[:38].mean() > 0.9
    assert (track.boxes[:38, 1] + track.boxes[:38, 2] < 1.1 * size[1]).all()
    assert track.absent[0][0] in range(38, 41)
