"""The field's words for an emotion."""

import pytest
from emoflow.corpora.labels import emotion, label_of
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


@pytest.mark.parametrize(
    ("written", "label"),
    [
        ("OAF_Pleasant_surprise", "surprise"),
        ("YAF_pleasant_surprised", "surprise"),
        ("pleasant-surprise", "surprise"),
        ("PleasantSurprise", "surprise"),
        ("OAF_Fear", "fear"),
        ("03 angry", "anger"),
        ("sad_male", "sadness"),
        ("trauer (w)", "sadness"),
        ("happiness/joy", "happiness"),
    ],
)
def test_a_known_word_among_others(written, label):
    assert label_of(written, {}) == label


@pytest.mark.parametrize(
    "written",
    [
        "happy_sad",  # two emotions
        "calmly happy",
        "not_happy",
        "non-angry",
        "nicht wütend",
        "hot anger",  # two kinds of one emotion are classes of their own in corpora that have them
        "cold_anger",
        "back_ps",  # codes of two letters are anything
        "unsurprising",
        "he was happy to leave it there",  # a sentence
        "Joyce",
    ],
)
def test_words_that_do_not_tell_one_emotion(written):
    assert label_of(written, {}) is None


def test_what_is_stated_goes_first():
    assert label_of("OAF_Fear", {"OAF_Fear": "contempt"}) == "contempt"
