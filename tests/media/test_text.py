from emoflow.media import normalise_text, words
from hypothesis import given
from hypothesis import strategies as st


def test_the_same_sentence_is_the_same_string():
    typed = ['I\'m   so "happy"', "I’m so “HAPPY”", "\ufeffI\x92m\u00a0so \x93happy\x94\n", "I´m so „happy“"]
    assert {normalise_text(text) for text in typed} == {'i\'m so "happy"'}


def test_words_keep_the_marks_that_carry_emotion():
    assert words("Don’t—WHAT?! Well… co-worker's #1 ") == [
        "don't", "what", "?", "!", "well", "...", "co-worker's", "1",
    ]  # fmt: skip
    assert words(" \u200b., -") == []


def test_other_scripts_are_words_too():
    assert words("ＦＵＬＬ ｗｉｄｔｈ Straße ПРИВЕТ 你好") == ["full", "width", "strasse", "привет", "你好"]


@given(st.text())
def test_normalising_twice_changes_nothing(text):
    once = normalise_text(text)
    assert normalise_text(once) == once
    assert once == once.strip() and "  " not in once
