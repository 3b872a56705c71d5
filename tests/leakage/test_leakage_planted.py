"""Leaks of every kind planted in a control corpus, one at a time: each is found, and the clean corpus has none."""

import base64
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from emoflow import leakage
from emoflow.media.fingerprint_format import codes, written
from emoflow.schema import UTTERANCE_COLUMNS
from emoflow.synthesis import utterance_sampling
from emoflow.synthesis.layouts.control import SPEC

FOLDS = 4


@dataclass(frozen=True)
class Corpus:
    """A control corpus without media: its table, folds by speaker, and what its media would be known by."""

    table: pd.DataFrame
    folds: pd.DataFrame
    prints: pd.DataFrame

    def of(self, speaker: int, take: int = 0) -> int:
        """The row of a speaker's utterance."""
        return self.table.index[self.table["speaker"] == f"control/s{speaker:02}"][take]

    def id(self, row: int) -> str:
        return self.table.at[row, "utterance_id"]

    def found(self) -> list[leakage.Finding]:
        return leakage.find(self.folds, self.table, fingerprints=self.prints)


@pytest.fixture(scope="module")
def made() -> Corpus:
    held = utterance_sampling.make(SPEC, utterance_sampling.planted(SPEC), speakers=8, clips=3, seed=7)
    plan = SPEC.plan(held, "control", 7, True)
    table = pd.DataFrame(plan.rows).reindex(columns=list(UTTERANCE_COLUMNS)).astype(UTTERANCE_COLUMNS)
    for media in ("audio", "video"):
        table[f"{media}_digest"] = f"{media} " + table["utterance_id"]
    number = table["speaker"].str[-2:].astype(int)
    parts = []
    for fold in range(FOLDS):
        place = (number - fold) % FOLDS
        role = np.select([place == 0, place == 1], ["test", "validation"], "train")
        parts.append(
            table[["utterance_id", "speaker", "label"]].assign(fold=fold, role=pd.Series(role, dtype="str"))
        )
    random = np.random.default_rng(7)
    prints = table[["utterance_id"]].assign(
        audio_fingerprint=[written(random.integers(1, 2**32, (60, 3)).astype("<u4")) for _ in table.index],
        face_fingerprint=[written(random.integers(-127, 128, 17 * 64).astype(np.int8)) for _ in table.index],
    )
    return Corpus(table, pd.concat(parts, ignore_index=True), prints)


@pytest.fixture
def corpus(made) -> Corpus:
    return replace(made, table=made.table.copy(), folds=made.folds.copy(), prints=made.prints.copy())


def in_role(corpus: Corpus, fold: int, row: int, role: str) -> None:
    chosen = (corpus.folds["fold"] == fold) & (corpus.folds["utterance_id"] == corpus.id(row))
    corpus.folds.loc[chosen, "role"] = role


LEAKS = []
"""Each plants a leak between the first utterances of speakers 1 and 2, and returns its kind."""


def leak(plant):
    LEAKS.append(plant)
    return plant


@leak
def a_speaker_on_both_sides(corpus: Corpus) -> str:
    in_role(corpus, 1, corpus.of(1), "train")
    return "speaker"


@leak
def an_utterance_under_another_speaker(corpus: Corpus) -> str:
    corpus.table.loc[corpus.of(1), "speaker"] = "control/s02"
    return "speaker"


@leak
def a_speaker_validates_and_trains(corpus: Corpus) -> str:
    in_role(corpus, 0, corpus.of(1), "train")
    return "validation-speaker"


@leak
def an_utterance_that_validates_and_tests(corpus: Corpus) -> str:
    again = corpus.folds[
        (corpus.folds["fold"] == 1) & (corpus.folds["utterance_id"] == corpus.id(corpus.of(1)))
    ]
    corpus.folds.loc[len(corpus.folds)] = again.iloc[0].to_dict() | {"role": "validation"}
    return "utterance"


@leak
def one_session(corpus: Corpus) -> str:
    corpus.table.loc[[corpus.of(1), corpus.of(2)], "session"] = "control/studio"
    return "session"


@leak
def one_episode(corpus: Corpus) -> str:
    corpus.table.loc[[corpus.of(1), corpus.of(2)], "session"] = "control/s01e02"
    return "episode"


@leak
def one_dialogue(corpus: Corpus) -> str:
    corpus.table.loc[[corpus.of(1), corpus.of(2)], "dialogue"] = "control/d1"
    return "dialogue"


@leak
def the_same_moment_of_an_episode(corpus: Corpus) -> str:
    rows = [corpus.of(1), corpus.of(2)]
    corpus.table.loc[rows, "session"] = "control/s01e02"
    corpus.table.loc[rows, ["start_s", "end_s"]] = [[1.0, 3.0], [2.5, 4.0]]
    return "overlap"


@leak
def the_same_moment_of_a_film(corpus: Corpus) -> str:
    rows = [corpus.of(1), corpus.of(2)]
    corpus.table.loc[rows, "video"] = ["film.avi#t=1,3", "film.avi#t=2.5,4"]
    corpus.table.loc[rows, ["start_s", "end_s"]] = [[1.0, 3.0], [2.5, 4.0]]
    return "overlap"


@leak
def three_files_of_one_performance(corpus: Corpus) -> str:
    rows = [corpus.of(1), corpus.of(2)]
    corpus.table.loc[rows, "video"] = None
    corpus.table.loc[rows, "audio"] = ["a/03-01-05-01-02-01-12.wav", "b/01-01-05-01-02-01-12.wav"]
    return "performance"


@leak
def its_sound_and_its_film_apart(corpus: Corpus) -> str:
    rows = [corpus.of(1), corpus.of(2)]
    corpus.table.loc[rows, "speaker"] = None
    corpus.table.loc[rows, "audio"] = ["audio/x.wav", None]
    corpus.table.loc[rows, "video"] = [None, "video/x.mp4"]
    return "performance"


@leak
def a_clip_under_another_actor(corpus: Corpus) -> str:
    rows = [corpus.of(1), corpus.of(2)]
    corpus.table.loc[rows, "audio_digest"] = "the same bytes"
    return "duplicate"


@leak
def a_clip_under_another_emotion(corpus: Corpus) -> str:
    other = corpus.table.index[
        (corpus.table["speaker"] == "control/s02") & (corpus.table["label"] == "fear")
    ][0]
    corpus.table.loc[[corpus.of(1), other], "audio_digest"] = "the same bytes"
    return "duplicate"


@leak
def a_film_under_another_actor(corpus: Corpus) -> str:
    corpus.table.loc[[corpus.of(1), corpus.of(2)], "video_digest"] = "the same bytes"
    return "duplicate"


@leak
def a_copy_in_another_codec(corpus: Corpus) -> str:
    moments = codes(corpus.prints.at[corpus.of(1), "audio_fingerprint"])
    flipped = np.random.default_rng(1).random((len(moments), 96)) < 0.08
    corpus.prints.loc[corpus.of(2), "audio_fingerprint"] = written(
        moments ^ np.packbits(flipped, axis=1).view("<u4")
    )
    return "fingerprint"


@leak
def a_copy_that_lost_its_ends(corpus: Corpus) -> str:
    moments = codes(corpus.prints.at[corpus.of(1), "audio_fingerprint"])
    corpus.prints.loc[corpus.of(2), "audio_fingerprint"] = written(moments[5:-7])
    return "fingerprint"


@leak
def a_film_in_another_codec(corpus: Corpus) -> str:
    values = np.frombuffer(base64.b64decode(corpus.prints.at[corpus.of(1), "face_fingerprint"]), np.int8)
    noise = np.random.default_rng(1).integers(-5, 6, len(values))
    noisy = np.clip(values + noise, -127, 127).astype(np.int8)
    corpus.prints.loc[corpus.of(2), "face_fingerprint"] = written(noisy)
    return "face-track"


@leak
def a_sentence_again(corpus: Corpus) -> str:
    corpus.table.loc[corpus.of(1), "text"] = corpus.table.at[corpus.of(2), "text"]
    return "duplicate-text"


@leak
def a_sentence_again_in_capitals(corpus: Corpus) -> str:
    corpus.table.loc[corpus.of(1), "text"] = "  ".join(corpus.table.at[corpus.of(2), "text"].upper().split())
    return "duplicate-text"


@leak
def a_sentence_again_without_its_marks(corpus: Corpus) -> str:
    text = corpus.table.at[corpus.of(2), "text"]
    corpus.table.loc[corpus.of(1), "text"] = text.replace(",", "").replace(":", " -").replace(".", "!")
    return "near-duplicate-text"


@leak
def a_sentence_again_with_one_word_more(corpus: Corpus) -> str:
    corpus.table.loc[corpus.of(1), "text"] = "Well, " + corpus.table.at[corpus.of(2), "text"]
    return "near-duplicate-text"


def test_the_clean_corpus_has_no_leak(corpus):
    assert corpus.found() == []


def test_twenty_leaks_are_planted():
    assert len(LEAKS) >= 20


@pytest.mark.parametrize("plant", LEAKS, ids=lambda plant: plant.__name__)
def test_a_planted_leak_is_found_with_its_rows(corpus, plant):
    kind = plant(corpus)
    found = [each for each in corpus.found() if each.kind == kind]
    assert found, f"no {kind}"
    assert all(each.count == len(each.rows) for each in found)
    assert {row[:11] for each in found for row in each.rows} & {"control/s01", "control/s02"}


def test_what_is_found_does_not_depend_on_the_order_of_rows(corpus):
    for plant in LEAKS:
        plant(corpus)
    mixed = replace(
        corpus,
        table=corpus.table.sample(frac=1, random_state=1),
        folds=corpus.folds.sample(frac=1, random_state=2),
        prints=corpus.prints.sample(frac=1, random_state=3),
    )
    assert mixed.found() == corpus.found() != []
