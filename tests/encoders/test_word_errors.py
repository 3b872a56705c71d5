"""The word error rate of recognised words against transcripts."""

import pandas as pd
import pytest
from emoflow.encoders.word_errors import WordErrors, word_errors


def table(*rows: tuple[str, str | None, str | None]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["utterance_id", "text", "language"]).astype("str")


def test_case_punctuation_and_ways_to_write_a_word_are_no_errors():
    said = table(("a", "I'm FIVE, you know?", "en"), ("b", "Mitä, kuuluu?", "fi"), ("c", "it is", None))
    heard = {"a": "I am 5 you know", "b": "mitä kuuluu", "c": "It is."}
    assert word_errors(said, heard, dict.fromkeys("abc", "")) == WordErrors(0.0, 3, 9)


def test_words_are_substituted_deleted_and_inserted_over_all_utterances():
    said = table(("a", "kids are talking", "en"), ("b", "dogs are sitting by the door", "en"))
    heard = {"a": "kits are talking", "b": "dogs sitting by the the door"}
    found = word_errors(said, heard, {"a": "", "b": ""})
    assert found == WordErrors(pytest.approx(3 / 9), 2, 9)


def test_an_utterance_in_which_nothing_was_recognised_counts_and_one_that_was_not_heard_does_not():
    said = table(("a", "kids are talking", "en"), ("b", "it is", "en"), ("c", "no sound here", "en"))
    assert word_errors(said, {"b": "it is"}, {"a": "", "b": ""}) == WordErrors(pytest.approx(3 / 5), 2, 5)


def test_without_transcripts_there_is_no_rate():
    assert (
        word_errors(table(("a", None, "en"), ("b", "...", "en")), {"a": "it is"}, {"a": "", "b": ""}) is None
    )
