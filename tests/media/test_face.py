import numpy as np
import pytest
from emoflow import media
from emoflow.media import Box


def test_no_face_in_noise_nor_in_nothing():
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    assert media.find_face(noise) is None
    assert media.find_face(np.zeros((48, 64), np.uint8)) is None
    assert media.find_face(np.zeros((1, 1), np.uint8)) is None
    assert media.find_faces([noise, noise]) == [None, None]


def test_a_crop_repeats_the_edge_outside_the_picture():
    image = np.zeros((40, 40), np.uint8)
    image[:, 20:] = 200
    face = media.crop(image, Box(-10, 10, 20), size=16)
    assert face.shape == (16, 16) and face.dtype == np.uint8
    assert face[:, :7].max() == 0 and face[:, 9:].min() == 200


def test_a_margin_widens_the_crop():
    image = np.zeros((60, 60), np.uint8)
    image[20:40, 20:40] = 255
    box = Box(20, 20, 20)
    assert media.crop(image, box, size=20).mean() == 255
    assert media.crop(image, box, size=20, margin=0.5).mean() == pytest.approx(255 / 4, rel=0.05)


@pytest.mark.slow
@pytest.mark.corpora
def test_real_faces_are_found_and_followed(corpora):
    for name, count in (
        ("bbaf2n.mpg", 8),
        ("lbax4n.mpg", 8),
        ("single_face.mp4", 8),
        ("no_face.mp4", 0),
        ("face_noface.mov", 3),
    ):
        images = media.frames(corpora / "video" / name, count=8).images
        found = [box for box in media.find_faces(images) if box]
        assert len(found) == count, name
        if found:
            assert len({round(box.size, 6) for box in found}) == 1
            centres = np.array([(box.top + box.size / 2, box.left + box.size / 2) for box in found])
            assert np.abs(centres - np.median(centres, 0)).max() < 0.15 * found[0].size
            assert 0.3 < found[0].size / images.shape[1] < 0.8


@pytest.mark.corpora
def test_where_the_face_is_does_not_depend_on_where_it_was_looked_for(corpora):
    image = media.frames(corpora / "video" / "bbaf2n.mpg", count=1).images[0]
    alone = media.find_face(image)
    near = media.find_face(image, near=Box(alone.top + 8, alone.left - 8, alone.size))
    far = media.find_face(image, near=Box(0, 250, 60))
    for other in (near, far):
        assert abs(other.top - alone.top) < 0.1 * alone.size
        assert abs(other.left - alone.left) < 0.1 * alone.size
        assert other.size == pytest.approx(alone.size, rel=0.15)
