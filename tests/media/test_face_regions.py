import numpy as np
import pytest
from emoflow import media
from emoflow.media.face_geometry import MEAN_FACE, MEAN_MOUTH, mouth_centres, similarities, stable_points
from emoflow.media.face_regions import EYES, SMOOTHING
from films import drawn, film

TALKERS = ["bbaf2n.mpg", "brbk7n.mpg", "lbax4n.mpg", "single_face.mp4"]
HEIGHT, WIDTH = 240, 320


def landmarks_at(points: np.ndarray, mouth: np.ndarray) -> np.ndarray:
    """478 landmarks of which the stable ones are at ``points`` [5, 2] and all of the mouth's at ``mouth`` [2]."""
    from emoflow.media.face_geometry import MOUTH, STABLE

    landmarks = np.zeros((478, 3), np.float32)
    landmarks[list(STABLE), :2] = points
    landmarks[list(MOUTH), :2] = mouth
    return landmarks


def placed(scale: float, degrees: float, middle: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """The mean face's points and mouth, of this size (pixels between the eyes), turned, at x and y."""
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return scale * MEAN_FACE @ turn.T + middle, scale * MEAN_MOUTH @ turn.T + middle


def track_of(faces: list, present: np.ndarray | None = None) -> media.FaceTrack:
    """A track of these points and mouths."""
    landmarks = np.stack([landmarks_at(*face) for face in faces])
    boxes = np.tile(np.float32([40, 60, 100]), (len(faces), 1))
    present = np.ones(len(faces), bool) if present is None else present
    return media.FaceTrack(25, "drawn", boxes, present, present, landmarks)


def spot(image: np.ndarray, at: tuple[float, float], width: float) -> np.ndarray:
    """A bright Gaussian spot at x and y."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    bright = 255 * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * width**2))
    return np.maximum(image, bright[..., None].astype(np.uint8))


def centre_of(picture: np.ndarray) -> np.ndarray:
    """The centre of what is bright, x and y."""
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    weight = picture.astype(float) / picture.sum()
    return np.array([(weight * x).sum(), (weight * y).sum()])


@pytest.mark.parametrize("scale", [30, 88, 110, 250])
@pytest.mark.parametrize("degrees", [0, 25, -40])
def test_the_mouth_is_in_the_centre_upright_and_of_one_size(scale, degrees):
    size = 4 * scale
    points, mouth = placed(scale, degrees, (size / 2, size / 2))
    corner = (
        mouth + (points[3] - points[0]) * 0.25
    )  # towards the right of the face, a quarter of the eyes' distance
    track = track_of([(points, mouth)] * 3)
    black = np.zeros((size, size, 3), np.uint8)
    region = media.MouthRegion(track)
    for at, expected in ((mouth, (44, 44)), (corner, (44 + EYES / 4, 44))):
        cut = region.of(spot(black, at, scale / 25), 0)
        assert cut.shape == (88, 88) and cut.dtype == np.uint8
        assert centre_of(cut) == pytest.approx(expected, abs=1)


def test_the_place_is_averaged_over_the_frames_ahead_and_the_mouth_is_the_frames_own():
    faces = [placed(88, 0, (150 + 2 * n, 100)) for n in range(30)]
    moved = [(points, mouth + np.array((0, 10 * (n == 4)))) for n, (points, mouth) in enumerate(faces)]
    region = media.MouthRegion(track_of(moved))
    ahead = np.array([np.mean([150 + 2 * m for m in range(n, n + SMOOTHING)]) for n in range(19)])
    assert -region._shift.real[:19] == pytest.approx(ahead, abs=1e-3)
    assert region._shift[19:] == pytest.approx(region._shift[18])
    assert region._centre[4].imag - region._centre[3].imag == 10


def test_a_similarity_is_recovered():
    points = np.stack([placed(scale, degrees, (50, 80))[0] for scale, degrees in ((40, 10), (70, -70))])
    scale, shift = similarities(points, EYES * MEAN_FACE)
    assert np.abs(scale) == pytest.approx([88 / 40, 88 / 70])
    assert np.degrees(np.angle(scale)) == pytest.approx([-10, 70])
    assert scale * (50 + 80j) + shift == pytest.approx([0, 0], abs=1e-9)


def test_frames_without_a_face_are_black():
    present = np.array([True] * 4 + [False] * 3 + [True] * 5)
    track = track_of([placed(60, 0, (150, 100))] * 12, present)
    track.landmarks[~present] = np.nan
    track.boxes[~present] = np.nan
    grey = film([np.full((HEIGHT, WIDTH, 3), 200, np.uint8)] * 12)
    mouths, faces = media.cut_regions(grey, track, media.MouthRegion(track), media.FaceRegion(track, size=64))
    assert mouths.shape == (12, 88, 88) and faces.shape == (12, 64, 64, 3)
    for frames in (mouths, faces):
        assert (frames[~present] == 0).all() and (frames[present] > 190).all()


def test_the_face_is_cut_with_a_margin_and_in_colour():
    image = drawn([(40, 60, 100)], (HEIGHT, WIDTH))
    image[..., 0] = 0
    track = track_of([placed(60, 0, (110, 90))] * 3)
    inside = media.FaceRegion(track, size=50, margin=0).of(image, 0)
    around = media.FaceRegion(track, size=50, margin=0.5).of(image, 0)
    assert inside.shape == (50, 50, 3) and (inside[..., 1:] > 250).all() and (inside[..., 0] < 5).all()
    assert around[..., 1].mean() == pytest.approx(255 / 4, rel=0.05)


def test_a_clip_without_a_face_gives_black_frames():
    track = media.FaceTrack(25, "drawn", np.full((5, 3), np.nan, np.float32), *np.zeros((2, 5), bool))
    frames = film([np.full((HEIGHT, WIDTH, 3), 200, np.uint8)] * 5)
    mouths, faces = media.cut_regions(
        frames, track, media.MouthRegion(track), media.FaceRegion(track, size=8)
    )
    assert (
        mouths.shape == (5, 88, 88) and not mouths.any() and faces.shape == (5, 8, 8, 3) and not faces.any()
    )


@pytest.fixture(scope="module")
def tracks(corpora, landmark_model):
    """Clip and detector → the track, of the real talkers."""
    detectors = media.CascadeDetector(), media.LandmarkDetector(landmark_model)
    return {
        (name, detector.name): media.track_face(corpora / "video" / name, detector)
        for name in TALKERS
        for detector in detectors
    }


@pytest.mark.corpora
@pytest.mark.slow
def test_the_mean_face_is_that_of_the_four_talkers(tracks):
    means = []
    for name in TALKERS:
        track = tracks[name, "mediapipe"]
        points = np.concatenate([stable_points(track), mouth_centres(track)[:, None]], axis=1)
        z = points[..., 0] + 1j * points[..., 1]
        eyes = z[:, [3]] - z[:, [0]]
        means.append(((z - (z[:, [0]] + z[:, [3]]) / 2) / eyes).mean(0))
    mean = np.mean(means, axis=0)
    mirrored = np.concatenate([mean[3::-1], mean[4:]])
    symmetric = (mean - mirrored.conj()) / 2
    expected = np.concatenate([MEAN_FACE, MEAN_MOUTH[None]])
    assert symmetric.real == pytest.approx(expected[:, 0], abs=0.01)
    assert symmetric.imag == pytest.approx(expected[:, 1], abs=0.01)


@pytest.mark.corpora
@pytest.mark.slow
@pytest.mark.parametrize("name", TALKERS)
def test_the_cascades_mouth_is_about_where_the_landmarks_are(name, tracks):
    boxed, marked = tracks[name, "cascade"], tracks[name, "mediapipe"]
    eyes = np.linalg.norm(np.diff(stable_points(marked)[:, [0, 3]], axis=1), axis=-1).mean()
    off = np.abs(mouth_centres(boxed) - mouth_centres(marked)).mean(0)
    assert (off < 0.12 * eyes).all()
    scales = [np.abs(media.MouthRegion(track)._scale).mean() for track in (boxed, marked)]
    assert scales[0] == pytest.approx(scales[1], rel=0.12)


@pytest.mark.corpora
@pytest.mark.slow
@pytest.mark.parametrize("name", TALKERS)
def test_a_real_mouth_is_held_still_and_its_lips_move(name, tracks, corpora):
    """The nose, above the mouth, moves less than the lips: what is held still is the head."""
    track = tracks[name, "mediapipe"]
    (mouths,) = media.cut_regions(corpora / "video" / name, track, media.MouthRegion(track))
    assert mouths.shape == (len(track), 88, 88)
    change = np.abs(np.diff(mouths.astype(float), axis=0)).mean(0)
    assert change[36:60, 24:64].mean() > change[:14, 24:64].mean()
    assert mouths.std() > 10
