"""The field's words for an emotion."""

import pytest
from emoflow.corpora.labels import emotion
from emoflow.schema import EMOTIONS
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("words", "label"),
    [
        ("anger Angry ANG Ärger Wut viha colère ira rabbia", "anger"),
        ("disgust Ekel inho dégoût asco disgusto", "disgust"),
        ("fear FEA Angst pelko peur miedo paura", "fear"),
        ("happy joy HAP Freude ilo joie alegría gioia", "happiness"),
        ("sad SAD Trauer surullinen tristesse tristeza tristezza", "sadness"),
        ("surprised Überraschung yllätys surprise sorpresa", "surprise"),
        ("neu neutral neutraali neutre neutro neutrale", "neutral"),
        ("calm ruhig rauhallinen calme calma", "calm"),
        ("Langeweile boredom noia ennui", "boredom"),
        ("fru frustrated exasperated?", None),
    ],
)
def test_words_of_several_languages(words, label):
    found = [emotion(word) for word in words.split()]
    if label:
        assert set(found) == {label}
    else:
        assert found == ["frustration", "frustration", None]


@pytest.mark.parametrize("word", ["", "other", "xxx", "calmly happy", "0", "lie", "stressed"])
def test_what_is_no_emotion(word):
    assert emotion(word) is None


@given(st.sampled_from(EMOTIONS), st.sampled_from([str.upper, str.title, lambda word: f"  {word}\t"]))
def test_our_own_words_in_any_case(label, spelt):
    assert emotion(spelt(label)) == label


@given(st.text(max_size=20))
def test_any_text_is_an_emotion_or_none(word):
    assert emotion(word) in {None, *EMOTIONS}
