"""Words share the columns' values as they count there."""

import numpy as np
import pytest
from emoflow.encoders.text import Hashing
from emoflow.errors import EvaluationError
from emoflow.evaluation.attributions.by_word import by_word
from emoflow.media import words
from hypothesis import assume, given
from hypothesis import strategies as st


def test_a_word_has_its_own_columns_values():
    said = "go away now"
    encoder = Hashing(dimensions=4096)
    values = 2.0 * encoder.encode("away")[0] - encoder.encode("now")[0]
    found = dict(by_word(said, encoder.encode(said)[0], values))
    assert found["away"] == pytest.approx(values[values > 0].sum(), abs=0.2)
    assert found["now"] < 0 and abs(found["go"]) < 0.2


@given(st.text(max_size=60), st.integers(0, 1000))
def test_all_words_of_any_text_have_all_the_values_there_are(text, seed):
    assume(words(text))
    counts = Hashing(dimensions=64).encode(text)[0]
    values = np.where(counts > 0, np.random.default_rng(seed).normal(size=64), 0)
    found = by_word(text, counts, values)
    assert [word for word, _ in found] == words(text)
    assert sum(value for _, value in found) == pytest.approx(values.sum(), abs=1e-3)


def test_features_of_another_text_are_refused():
    with pytest.raises(EvaluationError, match="are of other words; make them again"):
        by_word("go away", Hashing(dimensions=64).encode("stay here")[0], np.zeros(64))
