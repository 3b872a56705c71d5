"""Texts with other words, and the turns that are read before them."""

import hashlib

import pandas as pd
from emoflow.encoders.dialogue import Line
from emoflow.evaluation.robustness import words
from emoflow.evaluation.robustness.transcripts import Transcripts

TEXTS = {
    "lab/0": "what is it that you want",
    "lab/1": "–",
    "lab/2": "nothing at all, I said it twice",
    "lab/3": "then why do you still look at me",
    "lab/4": "on my own",
}
TABLE = pd.DataFrame(
    {
        "utterance_id": list(TEXTS),
        "dialogue": ["lab/d"] * 4 + [None],
        "turn": [0, 1, 2, 3, 4],
        "start_s": None,
        "speaker": ["lab/A", "lab/B"] * 2 + ["lab/A"],
        "text": list(TEXTS.values()),
    }
)


def worse(names, rate: float = 0.5) -> dict[str, str]:
    return words.worse("dropped_words", rate, {name: TEXTS[name] for name in names}, {}, seed=7)


def test_a_turn_read_before_another_has_the_errors_that_it_has_itself():
    held = Transcripts.of(TABLE, context=2)
    assert held.read_for(["lab/3"]) == ["lab/0", "lab/2", "lab/3"]  # a turn without words is not read
    said = worse(held.read_for(["lab/3"]))
    found = held.source("lab/3", said)
    assert found.source.text == said["lab/3"] == worse(["lab/3"])["lab/3"] != TEXTS["lab/3"]
    assert found.source.earlier == (Line("lab/A", said["lab/0"]), Line("lab/A", said["lab/2"]))
    assert said["lab/2"] == worse(["lab/2"])["lab/2"] != TEXTS["lab/2"]
    assert found.digest == hashlib.sha256(said["lab/3"].encode()).hexdigest()


def test_an_earlier_turn_in_which_nothing_is_left_is_not_read():
    held = Transcripts.of(TABLE, context=1)
    assert held.read_for(["lab/0", "lab/3"]) == ["lab/0", "lab/2", "lab/3"]
    assert held.source("lab/3", {"lab/2": "", "lab/3": "why"}).source.earlier == ()
    assert held.source("lab/3", {"lab/3": "why"}).source.earlier == ()


def test_texts_without_changes_are_what_was_read():
    held = Transcripts.of(TABLE, context=2)
    found = held.source("lab/3", TEXTS)
    assert [line.text for line in found.source.earlier] == [TEXTS["lab/0"], TEXTS["lab/2"]]
    assert held.source("lab/4", TEXTS).source == TEXTS["lab/4"]  # in no dialogue
    assert Transcripts.of(TABLE, context=0).source("lab/3", TEXTS).source == TEXTS["lab/3"]


def test_wrong_words_are_those_of_others():
    others = {"lab/0": ["the door is open"]}
    said = words.worse("wrong_words", 1, {"lab/0": "the dog"}, others, seed=7)["lab/0"]
    assert len(said.split()) == 2 and set(said.split()) <= {"door", "is", "open"}
