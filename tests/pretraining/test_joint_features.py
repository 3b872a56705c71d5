"""Joint vectors of sound and picture: what they are made of, and that their clusters see both."""

import numpy as np
import pytest
from emoflow.errors import PretrainingError
from emoflow.pretraining.clusters import clusters_of
from emoflow.pretraining.joint_features import joint_of
from emoflow.pretraining.quality import mutual_information
from emoflow.pretraining.store import Clip, InputStore, write
from made_inputs import made_store


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> tuple[InputStore, np.ndarray, np.ndarray]:
    """Clips whose sound and pictures say one of two things each, independently of one another."""
    draws = np.random.default_rng(0)
    sounds, faces = 4 * draws.normal(size=(2, 39)), draws.integers(0, 255, (2, 88, 88))
    clips, heard, seen = [], [], []
    for number in range(6):
        says, shows = draws.integers(0, 2, (2, 30))
        pictures = np.clip(faces[shows] + draws.normal(0, 5, (30, 88, 88)), 0, 255).astype(np.uint8)
        mfcc = (sounds[says] + draws.normal(size=(30, 39))).astype(np.float32)
        there = np.ones(30, bool)
        there[:3] = False
        clips.append(Clip(f"both/{number}", np.zeros((30, 104), np.float16), mfcc, pictures, there))
        heard.append(says)
        seen.append(shows)
    folder = tmp_path_factory.mktemp("both") / "both"
    write(folder, clips, pictures=True)
    return InputStore([folder]), np.concatenate(heard), np.concatenate(seen)


def test_both_streams_weigh_the_same_and_light_does_not_count(both):
    store, *_ = both
    features, known = joint_of(store)
    assert features.shape == (180, 39 + 121) and known.sum() == 180 - 6 * 3
    variances = features[known].var(0)
    assert variances[:39].sum() == pytest.approx(1, abs=1e-3)
    assert variances[39:].sum() == pytest.approx(1, abs=1e-3)


def test_clusters_tell_apart_what_is_heard_and_what_is_seen(both):
    store, heard, seen = both
    features, known = joint_of(store)
    found = clusters_of(features, known, count=4, seed=0).numbers
    assert (found[~known] == -1).all()
    for units in (heard, seen):
        assert mutual_information(found[known], units[known]) > 0.9


def test_sound_alone_has_no_joint_clusters(tmp_path):
    with pytest.raises(PretrainingError, match="no pictures"):
        joint_of(made_store(tmp_path / "made", 2, film=False))
