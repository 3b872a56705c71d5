"""What was said before a turn, from the utterance table."""

import pandas as pd
import pytest
from emoflow.encoders.dialogue import Line, Turn, as_turn, turns


def table(*rows: tuple, columns=("utterance_id", "dialogue", "turn", "speaker", "text")) -> pd.DataFrame:
    made = pd.DataFrame(rows, columns=columns).reindex(
        columns=["utterance_id", "dialogue", "turn", "start_s", "speaker", "text"]
    )
    return made.astype({"turn": "Int64", "start_s": "float64"})


TALK = (
    ("c/d", "one", 7, "Ann", "four"),  # numbers may have gaps, and rows any order
    ("c/a", "one", 0, "Ann", "one"),
    ("c/c", "one", 3, "Ann", "three"),
    ("c/b", "one", 1, "Bob", "two"),
    ("c/x", "two", 0, "Eve", "elsewhere"),
    ("c/y", "two", 1, "Ann", "after that"),
    ("c/z", None, None, "Ann", "alone"),
)


def said(found: dict[str, Turn]) -> dict[str, list[str]]:
    return {name: [line.text for line in turn.earlier] for name, turn in found.items()}


def test_the_turns_before_are_of_the_same_dialogue_and_never_later():
    assert said(turns(table(*TALK), context=2)) == {
        "c/a": [],
        "c/b": ["one"],
        "c/c": ["one", "two"],
        "c/d": ["two", "three"],
        "c/x": [],
        "c/y": ["elsewhere"],
    }


def test_of_two_in_one_place_neither_is_earlier():
    found = turns(table(*TALK, ("c/e", "one", 3, "Bob", "at once")), context=3)
    assert said(found)["c/c"] == said(found)["c/e"] == ["one", "two"]
    assert said(found)["c/d"] == ["two", "three", "at once"]


def test_what_has_no_words_is_not_context():
    silent = ("c/m", "one", 4, "Bob", " , "), ("c/n", "one", 5, "Bob", None), ("c/o", "one", 6, "Bob", "no")
    found = turns(table(*TALK, *silent), context=2, unusable={"c/o"})
    assert said(found)["c/d"] == ["two", "three"] and "c/n" not in found and "c/o" not in found


@pytest.mark.parametrize("times", [(5.0, 2.5), (None, 2.5)])
def test_without_numbers_times_give_the_order(times):
    columns = ("utterance_id", "dialogue", "start_s", "speaker", "text")
    rows = ("c/a", "one", times[0], "Ann", "late"), ("c/b", "one", times[1], "Ann", "early")
    found = said(turns(table(*rows, columns=columns), context=1))
    assert found == ({"c/a": ["early"], "c/b": []} if all(times) else {})


def test_speakers_are_letters_in_the_order_of_what_is_read():
    lines = tuple(Line(who, word) for who, word in [("Ann", "one"), ("Bob", "two"), (None, "three")])
    assert Turn("Bob", "four", lines).before(3) == "A: one B: two ?: three B:"
    assert Turn("Bob", "four", lines).before(2) == "A: two ?: three A:"
    assert Turn("Ann", "four", lines).before(2) == "A: two ?: three B:"
    assert Turn("Ann", "four", lines).before(0) == as_turn("four").before(3) == ""
    many = tuple(Line(str(number), "word") for number in range(30))
    assert Turn("29", "last", many).before(30).endswith("Z: word A1: word B1: word C1: word D1: word D1:")
