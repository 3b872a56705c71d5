"""The data contracts: what must hold of every corpus, and of each corpus that is known, as Great Expectations.

A clause is ``critical`` (the pipeline stops) or a ``warning`` (a person reads it). Three tables are held against
them: the utterances with their media's facts, the speakers, and the cells (speaker × label), each with its count.

A single recording that cannot be used is a warning and a missing modality; only where more than ``UNUSABLE_AT_MOST``
of a modality's recordings are unusable is something wrong with the corpus, its copy or its decoding, and stops.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..schema import EMOTIONS
from .facts import THERE

UNUSABLE_AT_MOST = 0.05
USUAL_RATES = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000)
CRITICAL, WARNING = "critical", "warning"
UTTERANCES, SPEAKERS, CELLS = "utterances", "speakers", "cells"

RAVDESS_ACTORS = 24
RAVDESS_CLIPS = 60


@dataclass(frozen=True)
class Clause:
    """One expectation, by its class in ``great_expectations.expectations``, and what to say where it fails."""

    table: str
    expectation: str
    severity: str
    expected: str
    advice: str
    arguments: dict[str, Any] = field(default_factory=dict)
    where: tuple[str, str] | None = None
    """Only the rows whose column (the first) has the value (the second)."""

    @property
    def column(self) -> str | None:
        return self.arguments.get("column")


def clauses(corpus: str, *, shortest_s: float, longest_s: float) -> list[Clause]:
    """The contract of a corpus: what holds of all, and its own."""
    own: dict[str, Callable[[], list[Clause]]] = {"ravdess": _ravdess, "control": _control}
    return [*_every(corpus, shortest_s, longest_s), *own.get(corpus, _unknown)()]


def _every(corpus: str, shortest_s: float, longest_s: float) -> list[Clause]:
    adapter = f"The corpus's adapter misreads it: see components/corpora/{corpus}.py."
    return [
        Clause(
            UTTERANCES,
            "ExpectTableRowCountToBeBetween",
            CRITICAL,
            "at least one utterance",
            f"Add the corpus anew: emoflow corpora add {corpus} DIR (emoflow corpora list says what DIR is).",
            {"min_value": 1},
        ),
        Clause(
            UTTERANCES,
            "ExpectColumnValuesToBeUnique",
            CRITICAL,
            "ids that occur once",
            "Two recordings bear one name: remove or rename one of them.",
            {"column": "utterance_id"},
        ),
        *(
            Clause(
                UTTERANCES,
                "ExpectColumnValuesToNotBeNull",
                CRITICAL,
                f"a {column.removesuffix('_id')} in every row",
                advice,
                {"column": column},
            )
            for column, advice in (
                ("utterance_id", adapter),
                ("speaker", "Folds are made of speakers: name them, or remove the rows."),
                ("label", "Map the corpus's label in its adapter, or remove the rows."),
            )
        ),
        *(
            Clause(
                UTTERANCES,
                "ExpectColumnValuesToMatchRegex",
                CRITICAL,
                f"names that begin with {corpus}/",
                adapter,
                {"column": column, "regex": rf"^{corpus}/."},
            )
            for column in ("utterance_id", "speaker")
        ),
        Clause(
            UTTERANCES,
            "ExpectColumnValuesToBeInSet",
            CRITICAL,
            f"one of {', '.join(EMOTIONS)}",
            "A label that nobody declared: map it in the corpus's adapter, or declare it in components/schema.py.",
            {"column": "label", "value_set": list(EMOTIONS)},
        ),
        *(
            Clause(
                UTTERANCES,
                "ExpectColumnValuesToBeInSet",
                CRITICAL,
                f"{media} files that are there, inside data/raw/{corpus}",
                f"Restore them (dvc checkout data/raw/{corpus}) or add the corpus anew.",
                {"column": f"{media}_file", "value_set": [THERE]},
            )
            for media in ("audio", "video")
        ),
        Clause(
            UTTERANCES,
            "ExpectColumnValuesToBeBetween",
            CRITICAL,
            f"from {shortest_s:g} to {longest_s:g} s",
            "A wrong cut, most likely: mend or remove the clip, or widen validation in params.yaml.",
            {"column": "duration_s", "min_value": shortest_s, "max_value": longest_s},
        ),
        *_usable(),
        Clause(
            UTTERANCES,
            "ExpectColumnValuesToBeInSet",
            WARNING,
            "one channel",
            "Mixed to mono by the mean of the channels; check that one channel does not cancel the other.",
            {"column": "channels", "value_set": [1]},
        ),
        *(
            Clause(
                UTTERANCES,
                "ExpectColumnValuesToBeUnique",
                WARNING,
                f"every {media} file different from the others",
                "Byte-identical copies count twice. They stay; across folds they are refused.",
                {"column": f"{media}_digest"},
            )
            for media in ("audio", "video")
        ),
        Clause(
            SPEAKERS,
            "ExpectColumnValuesToBeBetween",
            WARNING,
            "at least 2 utterances of every speaker",
            "So little of a speaker says nothing about how well that speaker is understood.",
            {"column": "clips", "min_value": 2},
        ),
    ]


def _usable() -> list[Clause]:
    held = []
    for modality in ("audio", "face", "text"):
        of_modality = {"column": f"{modality}_state", "value_set": ["usable"]}
        held += [
            Clause(
                UTTERANCES,
                "ExpectColumnValuesToBeInSet",
                WARNING,
                f"{modality} that can be used, in every utterance that has any",
                "They are listed with their reasons under `excluded`, and count as a missing modality.",
                of_modality,
            ),
            Clause(
                UTTERANCES,
                "ExpectColumnValuesToBeInSet",
                CRITICAL,
                f"at most {UNUSABLE_AT_MOST:.0%} of {modality} that cannot be used",
                "So many are no accident: see the reasons under `excluded`; the copy may be incomplete.",
                of_modality | {"mostly": 1 - UNUSABLE_AT_MOST},
            ),
        ]
    return held


def _ravdess() -> list[Clause]:
    return [
        Clause(
            UTTERANCES,
            "ExpectColumnValuesToMatchRegex",
            CRITICAL,
            "names ravdess/VC-EM-IN-ST-RE-AC (channel 01–02, emotion 01–08, intensity, statement and repetition "
            "01–02, actor 01–24)",
            "Not a name of RAVDESS: remove the file, or give it the name that it was published under.",
            {
                "column": "utterance_id",
                "regex": r"^ravdess/0[12]-0[1-8]-0[12]-0[12]-0[12]-(?:0[1-9]|1\d|2[0-4])$",
            },
        ),
        _rates(
            CRITICAL,
            (16000, 48000),
            "RAVDESS comes at 48 kHz, and resampled at 16: take the files as published.",
        ),
        Clause(
            UTTERANCES,
            "ExpectColumnValuesToBeInSet",
            CRITICAL,
            "neutral in normal intensity only",
            "RAVDESS has no strong neutral: the file's name is wrong.",
            {"column": "intensity", "value_set": ["normal"]},
            where=("label", "neutral"),
        ),
        Clause(
            SPEAKERS,
            "ExpectTableRowCountToEqual",
            WARNING,
            f"all {RAVDESS_ACTORS} actors",
            "A subset will do, but its scores are not the published protocol's.",
            {"value": RAVDESS_ACTORS},
        ),
        Clause(
            SPEAKERS,
            "ExpectColumnValuesToBeInSet",
            WARNING,
            f"{RAVDESS_CLIPS} speech clips of every actor",
            "The copy is incomplete: fetch the actor's folder again.",
            {"column": "speech_clips", "value_set": [RAVDESS_CLIPS]},
        ),
    ]


def _control() -> list[Clause]:
    return [
        _rates(WARNING, USUAL_RATES, "Make the corpus anew: emoflow corpora synthesise control."),
        Clause(
            CELLS,
            "ExpectColumnValuesToBeInSet",
            CRITICAL,
            "as many clips of every label from every speaker",
            "The corpus was not made to its end: emoflow corpora synthesise control.",
            {"column": "of_usual", "value_set": [1.0]},
        ),
    ]


def _unknown() -> list[Clause]:
    return [
        _rates(WARNING, USUAL_RATES, "Everything is resampled to 16 kHz; below that the highs are missing.")
    ]


def _rates(severity: str, rates: tuple[int, ...], advice: str) -> Clause:
    return Clause(
        UTTERANCES,
        "ExpectColumnValuesToBeInSet",
        severity,
        f"a sample rate of {', '.join(map(str, rates))} Hz",
        advice,
        {"column": "rate", "value_set": list(rates)},
    )
