"""Which part of a file's name is the speaker."""

import re
from itertools import product
from pathlib import Path

import pytest
from emoflow.corpora import read
from emoflow.corpora.guess_pattern import guess


@pytest.mark.parametrize(
    ("form", "speakers", "labels"),
    [
        ("{label}/{speaker}_{take}.wav", ["S1", "S2"], ["joy", "anger"]),
        ("{label}/{take}-{speaker}.wav", ["anna", "bert"], ["a", "b"]),
        ("{label}/clip_{take}_{speaker}_x.flac", ["p01", "p02", "p03"], ["lo", "hi"]),
        ("{speaker}_{label}_{take}.mp4", ["1001", "1002"], ["HAP", "SAD"]),
        ("{label}/{speaker}_{take}_{label}.wav", ["OAF", "YAF"], ["fear", "sad"]),
        ("{label}/{speaker}.{take}.wav", ["S1", "S2"], ["joy", "anger"]),
    ],
)
def test_the_speaker_is_found_in_the_name(form, speakers, labels):
    paths = [
        form.format(label=label, speaker=speaker, take=take)
        for label, speaker, take in product(labels, speakers, ("01", "02", "03"))
    ]
    found = guess([*paths, "notes.txt", "._x"], {})
    assert found.speakers == tuple(sorted(speakers))
    assert found.example == (min(paths), re.fullmatch(found.pattern, min(paths)).groupdict())
    for path, (label, speaker, _) in zip(paths, product(labels, speakers, range(3)), strict=True):
        match = re.fullmatch(found.pattern, path)
        assert (match["label"], match["speaker"]) == (label, speaker)


@pytest.mark.parametrize(
    "paths",
    [
        ["joy/1.wav", "joy/2.wav", "anger/1.wav", "anger/2.wav"],  # numbers of takes, and nothing else
        [f"{label}/clip_{take:02}.wav" for label in ("joy", "anger") for take in range(9)],
        ["joy/j_01.wav", "joy/j_02.wav", "anger/a_03.wav", "anger/a_04.wav"],  # each with one label
        ["a/b/S1_1.wav", "a/c/S1_2.wav", "d/b/S2_1.wav", "d/c/S2_2.wav"],  # speakers in folders of their own
        ["S1_x.wav", "S2_x.wav", "S1_y.wav", "S2_y.wav"],  # no label anywhere
        ["joy/S1_x.wav"],
        [],
    ],
)
def test_names_that_tell_no_speaker(paths):
    assert guess(paths, {}) is None


def test_the_actors_of_a_real_corpus_whose_names_are_numbers(corpora):
    table = read("ravdess", corpora / "ravdess").table
    paths = [f"{row.label_raw}/{Path(row.audio).name}" for row in table.itertuples()]
    assert guess(paths, {}).speakers == tuple(f"{actor:02}" for actor in range(1, 25))


def test_names_of_unequal_length_whose_folders_name_the_speaker_too():
    words = "OAF_Fear", "YAF_fear", "OAF_Pleasant_surprise", "YAF_pleasant_surprised"
    paths = [
        f"{word}/{word[:3]}_{spoken}_{word[4:].lower()}.wav" for word in words for spoken in ("back", "bar")
    ]
    assert guess(paths, {}).speakers == ("OAF", "YAF")


def test_a_label_that_params_yaml_states():
    paths = [
        f"S{speaker}_{word}_{take}.wav" for speaker, word, take in product((1, 2), ("lie", "truth"), (1, 2))
    ]
    assert guess(paths, {}) is None
    assert guess(paths, {"lie": "contempt", "truth": "neutral"}).speakers == ("S1", "S2")
