"""What a held-out row repeats of training: on made-up tables against a plain loop, and on MELD's own."""

import numpy as np
import pandas as pd
import pytest
from emoflow.corpora import read
from emoflow.protocols import repeats
from emoflow.schema import UTTERANCE_COLUMNS, Layout
from hypothesis import given, settings
from hypothesis import strategies as st


def table(**columns) -> pd.DataFrame:
    count = len(next(iter(columns.values())))
    named = {"utterance_id": [f"own/{row}" for row in range(count)], "corpus": ["own"] * count} | columns
    return pd.DataFrame(named).reindex(columns=list(UTTERANCE_COLUMNS)).astype(UTTERANCE_COLUMNS)


clips = st.lists(
    st.tuples(
        st.sampled_from(["own/a", "own/b", None]),
        st.integers(0, 20),
        st.integers(-1, 6),
        st.sampled_from(["train", "validation", "test"]),
    ),
    max_size=25,
)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(clips)
def test_overlaps_are_those_that_a_plain_loop_finds(clips):
    dialogue, start, length, split = zip(*clips, strict=True) if clips else ((), (), (), ())
    held = table(
        dialogue=list(dialogue),
        start_s=list(start),
        end_s=[a + b for a, b in zip(start, length, strict=True)],
    )
    found = repeats.overlapping(
        held,
        np.array([each == "test" for each in split], bool),
        np.array([each == "train" for each in split], bool),
    )
    expected = [
        split[a] == "test"
        and any(
            split[b] == "train"
            and dialogue[a] is not None
            and dialogue[a] == dialogue[b]
            and max(start[a], start[b]) < min(start[a] + length[a], start[b] + length[b])
            for b in range(len(clips))
        )
        for a in range(len(clips))
    ]
    assert found.tolist() == expected


def test_a_recording_is_the_shared_film_else_the_episode_else_the_dialogue_else_the_session():
    held = table(
        video=["film.avi#t=0,1", "film.avi#t=2,3", "own.avi", None, None, None, None],
        dialogue=["own/a", "own/b", "own/c", "own/d", "own/e", "own/e", None],
        session=["own/1", "own/1", "own/s01e02", "own/s01e02", "own/1", "own/2", None],
    )
    codes = repeats.recordings(held).tolist()
    assert codes[0] == codes[1] and codes[2] == codes[3] and codes[4] == codes[5] and codes[6] == -1
    assert len({codes[0], codes[2], codes[4]}) == 3


def test_the_same_place_in_two_corpora_is_not_one_recording():
    held = table(session=["s", "s"], start_s=[0.0, 0.0], end_s=[1.0, 1.0])
    held["corpus"] = ["own", "other"]
    assert not repeats.overlapping(held, np.array([True, False]), np.array([False, True])).any()


def test_sentences_are_the_same_without_case_and_spacing():
    held = table(text=["Oh,  my God!", "oh, my god!", "Oh my God!", None, "  "])
    codes = repeats.sentences(held["text"]).tolist()
    assert codes[0] == codes[1] != codes[2] and codes[3:] == [-1, -1]


def test_leaking_names_the_held_out_rows_and_why():
    held = table(
        text=["Come in.", "come in.", "Go.", "Go."],
        session=["own/s01e01"] * 4,
        start_s=[0.0, 5.0, 0.5, 9.0],
        end_s=[1.0, 6.0, 2.0, 9.5],
        split_official=["train", "test", "validation", "test"],
    )
    assert repeats.leaking(held).to_numpy().tolist() == [["own/1", "duplicate-text"], ["own/2", "overlap"]]


@pytest.mark.slow
@pytest.mark.corpora
def test_melds_official_split_repeats_as_much_as_its_audit_says(corpora):
    held = read("meld", corpora / "meld", Layout()).table
    found = repeats.leaking(held).merge(held[["utterance_id", "split_official"]], on="utterance_id")
    assert found.groupby(["kind", "split_official"]).size().to_dict() == {
        ("overlap", "test"): 35,
        ("overlap", "validation"): 8,
        ("duplicate-text", "test"): 331,
        ("duplicate-text", "validation"): 135,
    }
    shuffled = repeats.leaking(held.sample(frac=1, random_state=0))
    pd.testing.assert_frame_equal(shuffled, repeats.leaking(held))
