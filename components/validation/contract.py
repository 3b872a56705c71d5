"""The data contracts: what must hold for every corpus, and for each known corpus, as Great Expectations.

A clause is ``critical`` (the pipeline stops) or a ``warning`` (a person reads it).

Fewer utterances than were published are a warning, for a part of a corpus may be wanted; more are no part of it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from ..schema import EMOTIONS
from . import recordings, tables
from .clause import (
    BETWEEN,
    CELLS,
    CLASSES,
    COUNTS,
    CRITICAL,
    MATCH,
    NOT_NULL,
    NULL,
    ROWS_BETWEEN,
    SPEAKERS,
    UNIQUE,
    UTTERANCES,
    WARNING,
    Clause,
    holds,
)
from .known import Known

ALL_LABELLED = "control", "crema-d", "emodb", "meld", "ravdess"
"""Layouts in which every utterance has an emotion; in others there may be words that are none, or only values."""
RATERS_AT_LEAST = 2


def clauses(
    corpus: str,
    *,
    layout: str,
    known: Known | None,
    modalities: Collection[str],
    recorded: Mapping[str, int],
    features: Iterable[str] = (),
    shortest_s: float,
    longest_s: float,
) -> list[Clause]:
    """The contract of a corpus: what holds of all, and its own.

    Args:
        layout: how it lies on disk: one of ``schema.LAYOUTS``.
        known: what is published of it.
        modalities: in use: those that the experiment reads from the media.
        recorded: how many recordings there are of audio, face and text (``facts.recorded``).
        features: the modalities of which a feature table came along.
        shortest_s, longest_s: bounds of a clip's duration.
    """
    adapter = f"The corpus's adapter misreads it: see components/corpora/adapters/{layout.replace('-', '_')}."
    return [
        *_ids(corpus, adapter),
        *_labels(corpus, layout, known),
        *_speakers(known, layout),
        *recordings.files(
            corpus, modalities=modalities, recorded=recorded, shortest_s=shortest_s, longest_s=longest_s
        ),
        *recordings.rates(known, modalities=modalities),
        *recordings.coverage(features),
        *recordings.times(),
        *_values(corpus, adapter),
        *_raters(known, adapter),
        *(_published(corpus, known) if known else ()),
        *{"ravdess": _ravdess, "control": _control}.get(layout, tuple)(),
    ]


def _ids(corpus: str, adapter: str) -> Iterator[Clause]:
    yield Clause(
        UTTERANCES,
        ROWS_BETWEEN,
        CRITICAL,
        "at least one utterance",
        f"Add the corpus anew: emoflow corpora add {corpus} DIR (emoflow corpora list says what DIR is).",
        {"min_value": 1},
    )
    yield Clause(
        UTTERANCES,
        UNIQUE,
        CRITICAL,
        "ids that occur once",
        "Two recordings bear one name: remove or rename one of them.",
        {"column": "utterance_id"},
    )
    yield Clause(UTTERANCES, NOT_NULL, CRITICAL, "an id in every row", adapter, {"column": "utterance_id"})
    yield holds(
        UTTERANCES, "corpus", corpus, severity=CRITICAL, expected=f"rows of {corpus} alone", advice=adapter
    )
    for column in ("utterance_id", "speaker", "session", "dialogue"):
        yield Clause(
            UTTERANCES,
            MATCH,
            CRITICAL,
            f"names that begin with {corpus}/",
            adapter,
            {"column": column, "regex": rf"^{re.escape(corpus)}/."},
        )


def _labels(corpus: str, layout: str, known: Known | None) -> Iterator[Clause]:
    yield holds(
        UTTERANCES,
        "label",
        *EMOTIONS,
        severity=CRITICAL,
        expected=f"one of {', '.join(EMOTIONS)}",
        advice=f"A label that nobody declared: map it in params.yaml under layouts.{corpus}.labels, or in the "
        "corpus's adapter.",
    )
    nothing = "A row without a label is of no use to training, and is left out: label it, or remove it."
    if layout in ALL_LABELLED:
        yield Clause(UTTERANCES, NOT_NULL, CRITICAL, "a label in every row", nothing, {"column": "label"})
    elif known is None or known.labelled:
        yield holds(
            UTTERANCES,
            "label_state",
            tables.LABELLED,
            tables.OWN_WORD,
            tables.VALUES_ONLY,
            severity=WARNING,
            expected="a label in every row",
            advice=nothing,
        )
    if known is None and layout not in ALL_LABELLED:
        yield holds(
            UTTERANCES,
            "label_state",
            tables.LABELLED,
            tables.VALUES_ONLY,
            tables.UNLABELLED,
            severity=WARNING,
            expected="words that the field knows",
            advice=f"Say in params.yaml which emotion each is (layouts.{corpus}.labels); or declare a label space of "
            "your own (label_spaces), if they are no emotions. The corpus's own words are kept until then.",
        )
    yield Clause(
        CLASSES,
        BETWEEN,
        WARNING,
        "every label from at least 2 speakers",
        "No one is left to test it on once its speaker trains: leave it out (label_space), or record others.",
        {"column": "speakers", "min_value": 2},
    )


def _speakers(known: Known | None, layout: str) -> Iterator[Clause]:
    must = layout == "control" or (known is not None and known.speakers)
    yield Clause(
        UTTERANCES,
        NOT_NULL,
        CRITICAL if must else WARNING,
        "a speaker in every row",
        "Folds are made of speakers: name them, or remove the rows."
        if must
        else "Without speakers only a random split can be made, whose scores are inflated: name them in the manifest, "
        "or by (?P<speaker>…) in the folder's pattern.",
        {"column": "speaker"},
    )
    yield Clause(
        SPEAKERS,
        BETWEEN,
        WARNING,
        "at least 2 utterances of every speaker",
        "So little of a speaker says nothing about how well that speaker is understood.",
        {"column": "clips", "min_value": 2},
    )
    yield Clause(
        SPEAKERS,
        BETWEEN,
        WARNING,
        "one gender of every speaker",
        "Two people under one name, or a slip: mend the corpus's table.",
        {"column": "genders", "max_value": 1},
    )


def _values(corpus: str, adapter: str) -> Iterator[Clause]:
    for column, values in (
        ("speaker_gender", ("female", "male")),
        ("intensity", ("low", "normal", "strong")),
        ("elicitation", ("scripted", "improvised", "spontaneous")),
        ("split_official", ("train", "validation", "test")),
    ):
        yield holds(
            UTTERANCES,
            column,
            *values,
            severity=CRITICAL,
            expected=f"{', '.join(values)} or nothing",
            advice=adapter,
        )
    for column in ("valence", "arousal", "dominance"):
        yield Clause(
            UTTERANCES,
            BETWEEN,
            CRITICAL,
            "from -1 to 1",
            f"Say what the lowest and the highest value are: layouts.{corpus}.scale in params.yaml.",
            {"column": column, "min_value": -1, "max_value": 1},
        )
    yield Clause(
        UTTERANCES,
        BETWEEN,
        CRITICAL,
        "from 0 to 120 years",
        adapter,
        {"column": "speaker_age", "min_value": 0, "max_value": 120},
    )
    yield Clause(
        UTTERANCES,
        MATCH,
        WARNING,
        "a language by its two letters (ISO 639-1)",
        f"Write it as en, fi, de …: in the corpus's table, or as layouts.{corpus}.language in params.yaml.",
        {"column": "language", "regex": "^[a-z]{2}$"},
    )


def _raters(known: Known | None, adapter: str) -> Iterator[Clause]:
    yield holds(
        UTTERANCES,
        "raters_state",
        tables.READ,
        severity=CRITICAL,
        expected='JSON: {"rater": ["label", …]}',
        advice=adapter,
    )
    least = (known and known.raters_at_least) or RATERS_AT_LEAST
    yield Clause(
        UTTERANCES,
        BETWEEN,
        WARNING,
        f"at least {least} raters of every utterance that was rated",
        "So few say little of how far people agree: soft labels and the human ceiling rest on them.",
        {"column": "rater_count", "min_value": least},
    )


def _published(corpus: str, known: Known) -> Iterator[Clause]:
    if known.ids:
        yield Clause(
            UTTERANCES,
            MATCH,
            CRITICAL,
            f"names {corpus}/{known.named or known.ids}",
            "Not a name of this corpus: remove the file, or give it the name that it was published under.",
            {"column": "utterance_id", "regex": rf"^{re.escape(corpus)}/(?:{known.ids})$"},
        )
    if known.words:
        yield holds(
            UTTERANCES,
            "label_raw",
            *known.words,
            severity=CRITICAL,
            expected=f"a label of the corpus's own: {', '.join(known.words)}",
            advice="No label that was published: take the annotations as they were, or give the corpus another name.",
        )
    if known.counts:
        yield Clause(
            COUNTS,
            NULL,
            WARNING,
            "as many as were published",
            "A part will do, but its scores are not the published protocol's; if all was meant, fetch the rest.",
            {"column": "lacking"},
        )
        yield Clause(
            COUNTS,
            NULL,
            CRITICAL,
            "no more than were published",
            "Something is here that is not of this corpus: remove it, or give the corpus another name and a layout "
            "in params.yaml.",
            {"column": "beyond"},
        )


def _ravdess() -> Iterator[Clause]:
    yield holds(
        UTTERANCES,
        "intensity",
        "normal",
        severity=CRITICAL,
        expected="neutral in normal intensity only",
        advice="RAVDESS has no strong neutral: the file's name is wrong.",
        where=("label", "neutral"),
    )


def _control() -> Iterator[Clause]:
    yield holds(
        CELLS,
        "of_usual",
        1.0,
        severity=CRITICAL,
        expected="as many clips of every label from every speaker",
        advice="The corpus was not made to its end: emoflow corpora synthesise control.",
    )
