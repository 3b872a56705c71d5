"""Rows that keep every contract, and how they are judged: what the tests of contracts share."""

from collections.abc import Collection, Mapping

import pandas as pd
from emoflow.files import digest_of
from emoflow.schema import LABEL_SPACES, UTTERANCE_COLUMNS
from emoflow.validation.check import Outcome, check
from emoflow.validation.contract import clauses
from emoflow.validation.facts import COLUMNS, MODALITIES, recorded
from emoflow.validation.known import known

BOUNDS = {"shortest_s": 0.3, "longest_s": 60.0}
EMOTIONS8 = dict(enumerate(LABEL_SPACES["ravdess8"].classes, 1))
WORDS = dict(enumerate(known("ravdess", layout="ravdess").words, 1))


def ravdess_row(name: str, **changes) -> dict:
    """One utterance of RAVDESS with its media's facts."""
    _, emotion, intensity, _, _, actor = name.split("-")
    return {
        "utterance_id": f"ravdess/{name}",
        "corpus": "ravdess",
        "speaker": f"ravdess/{actor}",
        "audio": f"Actor_{actor}/03-{name}.wav",
        "audio_digest": digest_of(name),
        "text": "Kids are talking by the door",
        "text_digest": digest_of("Kids are talking by the door"),
        "label": EMOTIONS8[int(emotion)],
        "label_raw": WORDS[int(emotion)],
        "intensity": {"01": "normal", "02": "strong"}[intensity],
        "audio_file": "there",
        "audio_state": "usable",
        "text_state": "usable",
        "rate": 48000.0,
        "channels": 1.0,
        "duration_s": 3.0 + int(digest_of(name)[:3], 16) / 4096,
    } | changes


def an_actor(actor: str = "01") -> list[dict]:
    """The 60 speech clips of an actor."""
    names = [
        f"01-{emotion:02}-{intensity:02}-{statement:02}-{repetition:02}-{actor}"
        for emotion in EMOTIONS8
        for intensity in ((1,) if emotion == 1 else (1, 2))
        for statement in (1, 2)
        for repetition in (1, 2)
    ]
    return [ravdess_row(name) for name in names]


def own_rows(count: int, corpus: str = "mylab", **changes) -> list[dict]:
    """Utterances of a corpus that nobody knows: words alone, four speakers, two labels."""
    return [
        {
            "utterance_id": f"{corpus}/{place:05}",
            "corpus": corpus,
            "speaker": f"{corpus}/s{place % 4}",
            "text": f"sentence {place}",
            "text_digest": digest_of(place),
            "text_state": "usable",
            "label": ("anger", "neutral")[place // 4 % 2],
            "label_raw": ("Wut", "neutral")[place // 4 % 2],
        }
        | changes
        for place in range(count)
    ]


def facts_of(rows: list[dict]) -> pd.DataFrame:
    kinds = UTTERANCE_COLUMNS | COLUMNS
    return pd.DataFrame(rows, columns=list(kinds)).astype(kinds)


def judged(
    rows: list[dict] | pd.DataFrame,
    corpus: str = "ravdess",
    layout: str | None = None,
    *,
    features: Mapping[str, list[str]] | None = None,
    modalities: Collection[str] = MODALITIES,
) -> Outcome:
    facts = rows if isinstance(rows, pd.DataFrame) else facts_of(rows)
    layout = layout or corpus
    published = known(corpus, layout=layout)
    contract = clauses(
        corpus,
        layout=layout,
        known=published,
        modalities=modalities,
        recorded=recorded(facts),
        features=features or {},
        **BOUNDS,
    )
    return check(corpus, facts, contract, features=features, known=published)


def found(verdict: dict, key: str = "critical") -> dict[tuple[str, str | None], list[str]]:
    """(expectation, column) → the rows that break it."""
    return {(each["expectation"], each["column"]): each["rows"] for each in verdict[key]}


def columns(verdict: dict, key: str) -> dict[str | None, list[str]]:
    """Column → the rows that break a clause of it."""
    return {each["column"]: each["rows"] for each in verdict[key]}
