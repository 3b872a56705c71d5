"""What adaptation to affect is made of: retrieval, probes, who is held out, and the page."""

import numpy as np
import pytest
from emoflow.errors import PretrainingError
from emoflow.pretraining.affect.page import Shown, page
from emoflow.pretraining.affect.probe import by_speaker, recall, right_answers
from emoflow.pretraining.affect.retrieval import retrieve
from emoflow.pretraining.held_out import held_out
from hypothesis import given
from hypothesis import strategies as st


def test_the_nearest_clips_are_taken_once_each_the_most_similar_first():
    draws = np.random.default_rng(0)
    pool, labelled = draws.normal(size=(30, 5)), draws.normal(size=(7, 5))
    cosine = (labelled / np.linalg.norm(labelled, axis=1, keepdims=True)) @ (
        pool / np.linalg.norm(pool, axis=1, keepdims=True)
    ).T
    found = retrieve(pool, labelled, k=3)
    nearest = np.argsort(-cosine, axis=1)[:, :3]
    assert sorted(found.clips) == sorted(set(nearest.ravel().tolist()))
    assert (np.diff(found.scores) <= 0).all()
    for clip, score, anchor in zip(found.clips, found.scores, found.anchors, strict=True):
        near = [a for a in range(7) if clip in nearest[a]]
        assert anchor in near and score == pytest.approx(max(cosine[a, clip] for a in near))


def test_a_pool_that_is_smaller_than_k_is_refused():
    with pytest.raises(PretrainingError, match=r"the pool has 2 clips, and 3"):
        retrieve(np.eye(2), np.eye(2), k=3)


@given(st.sets(st.text(min_size=1, max_size=5), min_size=2, max_size=30), st.floats(0.01, 0.99))
def test_some_speakers_are_held_out_and_not_all(speakers, share):
    names = sorted(speakers)
    found = held_out(names, share)
    assert 0 < len(found) < len(names) and set(found) <= speakers
    assert held_out(names[::-1], share) == found
    assert abs(len(found) - share * len(names)) <= 1


def test_one_speaker_cannot_be_held_out():
    with pytest.raises(PretrainingError, match="one speaker"):
        held_out(["alone"], 0.5)


def test_a_probe_learns_from_the_others_what_it_is_tested_for():
    draws = np.random.default_rng(0)
    emotions = np.array(["anger", "joy"])[draws.integers(2, size=200)]
    vectors = draws.normal(size=(200, 4)) + 3 * (emotions == "joy")[:, None]
    tested = np.arange(200) >= 120
    right = right_answers(vectors, emotions, tested=tested)
    assert len(right) == 80 and right.mean() > 0.95
    by_chance = right_answers(draws.normal(size=(200, 4)), emotions, tested=tested)
    assert by_chance.mean() < 0.7
    assert recall(np.array([True, True, False]), np.array(["a", "a", "b"])) == 0.5


def test_a_gain_is_over_speakers():
    from scipy.stats import t

    before = np.array([True, False, False, False, True, True])
    after = np.array([True, True, False, True, True, False])
    found = by_speaker(before, after, ["x", "x", "y", "y", "z", "z"])
    gains = [0.5, 0.5, -0.5]
    low, high = t.interval(0.95, 2, loc=np.mean(gains), scale=np.std(gains, ddof=1) / 3**0.5)
    assert found == pytest.approx((np.mean(gains), low, high))
    assert by_speaker(before, after, ["x"] * 6)[1:] == (None, None)


def test_the_page_plays_films_and_sounds_and_escapes_names():
    shown = [
        Shown("<a>", "../a.mp4", 0.9, "b", "../b.wav", "anger"),
        Shown("c", None, 0.8, "b", None, "joy"),
    ]
    text = page(shown, title="Clips & more")
    assert "&lt;a&gt;" in text and "<a>" not in text and "Clips &amp; more" in text
    assert (
        '<video controls preload="none" src="../a.mp4">' in text
        and '<audio controls preload="none" src="../b.wav">' in text
    )
