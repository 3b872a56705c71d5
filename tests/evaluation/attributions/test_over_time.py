"""Tokens' parts of a clip, and values over even parts: sums are kept, and a stretch that stands out is found."""

import numpy as np
import pytest
from emoflow.encoders import merge
from emoflow.evaluation.attributions.over_time import MOST_PARTS, in_parts, spans, standing_out
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays


def sequence(count: int) -> np.ndarray:
    return np.ones((count, 1), bool)


def test_tokens_of_a_sequence_lie_side_by_side_and_a_single_one_is_of_all():
    starts, ends = spans(sequence(4))
    assert starts.tolist() == [0, 0.25, 0.5, 0.75] and ends.tolist() == [0.25, 0.5, 0.75, 1]
    assert [each.tolist() for each in spans(sequence(1))] == [[0], [1]]
    assert in_parts(np.array([2.0]), *spans(sequence(1))).tolist() == [2]


def test_streams_have_the_times_at_which_they_were_joined():
    tokens = merge([np.ones((4, 2), np.float32), np.ones((2, 3), np.float32)], "streams")
    made = ~np.isnan(tokens[:, [0, 2]])
    starts, ends = spans(made)
    middles = (starts + ends) / 2
    assert (np.diff(middles) >= 0).all()
    assert middles[made[:, 0]].tolist() == [0.125, 0.375, 0.625, 0.875]
    assert middles[made[:, 1]].tolist() == [0.25, 0.75]
    values = np.where(made[:, 1], 8.0, 1.0)
    assert in_parts(values, starts, ends).tolist() == [5, 5, 5, 5]


@given(st.integers(1, 200).flatmap(lambda count: arrays(float, count, elements=st.floats(-10, 10))))
def test_parts_keep_the_sum_and_the_place(values):
    parts = in_parts(values, *spans(sequence(len(values))))
    assert len(parts) == min(len(values), MOST_PARTS)
    assert parts.sum() == pytest.approx(values.sum(), abs=1e-6)
    if len(values) <= MOST_PARTS:
        np.testing.assert_allclose(parts, values, atol=1e-9)


@given(st.integers(1, 40).flatmap(lambda count: arrays(float, count, elements=st.integers(-5, 5).map(float))))
def test_what_stands_out_lies_furthest_above_the_mean(values):
    first, last = standing_out(values)
    excess = values - values.mean()
    every = [excess[a:b].sum() for a in range(len(values)) for b in range(a + 1, len(values) + 1)]
    assert 0 <= first < last <= len(values)
    assert excess[first:last].sum() == pytest.approx(max(every), abs=1e-9)


def test_a_stretch_in_a_quiet_clip_is_found_and_an_even_clip_is_told_as_a_whole():
    assert standing_out(np.array([0, 0, 3, 4, 0, 0.0])) == (2, 4)
    assert standing_out(np.array([1.0])) == (0, 1)
