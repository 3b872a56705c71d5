"""Masks: as many frames as published, spans of one length, nothing beyond a clip, other frames of the same clip."""

import numpy as np
import pytest
from emoflow.pretraining.masking import masked_spans, other_spans, runs
from hypothesis import given
from hypothesis import strategies as st

LENGTHS = st.lists(st.integers(4, 120), min_size=1, max_size=5)


def draws(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(("share", "span"), [(0.8, 10), (0.3, 5)])
def test_the_share_of_masked_frames_is_that_of_spans_that_fall_anywhere(share, span):
    """share · n / span spans cover 1 − (1 − span / n)^(share · n / span) of n frames, about 1 − e^−share."""
    n = 500
    masks = masked_spans([n] * 40, n, share=share, span=span, draws=draws())
    # Rows are trimmed to the one with the fewest masked frames; a clip alone is not.
    alone = [masked_spans([n], n, share=share, span=span, draws=draws(seed)).mean() for seed in range(40)]
    assert np.mean(alone) == pytest.approx(1 - np.exp(-share), abs=0.02)
    assert 0 < np.mean(alone) - masks.mean() < 0.08


def test_spans_of_a_clip_alone_are_whole():
    mask = masked_spans([300], 300, share=0.3, span=5, draws=draws())
    lengths = [end - begin for begin, end in runs(mask[0])]
    assert min(lengths) >= 5
    assert sum(length == 5 for length in lengths) > len(lengths) / 3


@given(LENGTHS, st.integers(0, 2**31), st.sampled_from([(0.8, 10), (0.3, 5)]))
def test_masks_lie_within_clips_and_leave_frames_to_see(lengths, seed, which):
    share, span = which
    mask = masked_spans(lengths, max(lengths), share=share, span=span, draws=draws(seed))
    assert len(set(mask.sum(axis=1).tolist())) == 1
    for row, length in zip(mask, lengths, strict=True):
        assert not row[length:].any()
        assert 1 <= row[:length].sum() <= length
    again = masked_spans(lengths, max(lengths), share=share, span=span, draws=draws(seed))
    np.testing.assert_array_equal(mask, again)


def test_nothing_is_masked_of_a_share_of_zero():
    assert not masked_spans([9, 5], 9, share=0, span=5, draws=draws()).any()


@given(LENGTHS, st.integers(0, 2**31))
def test_other_spans_are_of_the_same_clip_and_follow_one_another(lengths, seed):
    mask = masked_spans(lengths, max(lengths), share=0.3, span=5, draws=draws(seed))
    taken = other_spans(mask, lengths, draws(seed + 1))
    places = np.arange(mask.shape[1])
    for row, masked, length in zip(taken, mask, lengths, strict=True):
        np.testing.assert_array_equal(row[~masked], places[~masked])
        assert (row[masked] < length).all()
        for begin, end in runs(masked):
            assert set(np.diff(row[begin:end])) <= {0, 1}
            if 2 * (end - begin) < length - 2 * (end - begin):
                assert row[begin] not in range(begin, end)
