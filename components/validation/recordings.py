"""The clauses of the data contract about recordings: files, sample rates, durations, modalities and times.

A single recording that cannot be used is a warning and a missing modality. Where more than `unusable_at_most` of the
recordings of a modality in use are unusable, something is wrong with the corpus, its copy or its decoding: that stops
the pipeline.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from ..artifacts.validation import Verdict
from . import tables
from .clause import BETWEEN, CRITICAL, IN_SET, MATCH, NOT_NULL, UNIQUE, UTTERANCES, WARNING, Clause, holds
from .facts import EMPTY, THERE
from .known import Known

UNUSABLE_AT_MOST = 0.05
FEW = 2
"""So many unusable recordings may occur by accident, in a corpus of any size."""

USUAL_RATES = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000)
LONGER_AT_MOST_S = 1.0
"""Than the times that its utterance has; shorter is no fault: times may be those of a slot in a dialogue."""


def unusable_at_most(recordings: int) -> int:
    """How many of a modality's recordings may be unusable: 5 %, or 2 where that is more, but not all of them.

    Args:
        recordings: of the modality, in the corpus.
    """
    return max(int(UNUSABLE_AT_MOST * recordings), min(FEW, recordings - 1))


def files(
    corpus: str,
    *,
    modalities: Collection[str],
    recorded: Mapping[str, int],
    shortest_s: float,
    longest_s: float,
) -> Iterator[Clause]:
    """Where the media are, what they are, and whether they can be used.

    Args:
        modalities: in use, for which unusable recordings and durations matter.
        recorded: how many recordings there are of audio, face and text.
        shortest_s, longest_s: bounds of a clip's duration.
    """
    verdict = Verdict.path(corpus=corpus)
    restore = f"Restore them (dvc checkout data/raw/{corpus}) or add the corpus anew."
    for media in ("audio", "video"):
        yield holds(
            UTTERANCES,
            f"{media}_file",
            THERE,
            EMPTY,  # has no digest, and counts as a missing modality like any other that cannot be used
            severity=CRITICAL,
            expected=f"{media} files that are there, inside data/raw/{corpus}",
            advice=restore,
        )
    for media, there in (("audio", "audio_file"), ("video", "video_file"), ("text", "text_state")):
        column = f"{media}_digest"
        advice = "Make the table anew: dvc repro -f utterances."
        yield Clause(
            UTTERANCES,
            NOT_NULL,
            CRITICAL,
            f"a digest of every {media} that is there",
            advice,
            {"column": column},
            where=(there, "usable" if media == "text" else THERE),
        )
        yield Clause(
            UTTERANCES,
            MATCH,
            CRITICAL,
            "SHA-256 in 64 hexadecimal digits",
            advice,
            {"column": column, "regex": "^[0-9a-f]{64}$"},
        )
    yield Clause(
        UTTERANCES,
        BETWEEN,
        CRITICAL if {"audio", "face"} & set(modalities) else WARNING,
        f"from {shortest_s:g} to {longest_s:g} s",
        "A wrong cut, most likely: mend or remove the clip, or widen validation in params.yaml.",
        {"column": "duration_s", "min_value": shortest_s, "max_value": longest_s},
    )
    yield holds(
        UTTERANCES,
        "duration_state",
        tables.VARIED,
        severity=WARNING,
        expected="durations that differ from clip to clip",
        advice="Speech does not last equally long: these are cut or padded copies, whose ends or silences a model may "
        "learn from. Take the originals, if there are any.",
    )
    for modality in ("audio", "face", "text"):
        of_modality = {"column": f"{modality}_state", "value_set": ["usable"]}
        yield Clause(
            UTTERANCES,
            IN_SET,
            WARNING,
            f"{modality} that can be used, in every utterance that has any",
            f"They are listed with their reasons under `excluded` of {verdict}, and count as a missing modality.",
            of_modality,
        )
        count = recorded[modality]
        if modality in modalities and count:
            most = unusable_at_most(count)
            yield Clause(
                UTTERANCES,
                IN_SET,
                CRITICAL,
                f"at most {most} of {count} recordings of {modality} that cannot be used",
                f"So many are no accident: see the reasons under `excluded` of {verdict}; the copy may be incomplete.",
                of_modality | {"mostly": (count - most) / count},
            )
    yield holds(
        UTTERANCES,
        "channels",
        1,
        severity=WARNING,
        expected="one channel",
        advice="Mixed to mono by the mean of the channels; check that one channel does not cancel the other.",
    )
    for media in ("audio", "video"):
        yield Clause(
            UTTERANCES,
            UNIQUE,
            WARNING,
            f"every {media} file different from the others",
            "Byte-identical copies count twice. They stay; across folds they are refused.",
            {"column": f"{media}_digest"},
        )


def rates(known: Known | None, *, modalities: Collection[str]) -> Iterator[Clause]:
    """The sound's sample rate: as published, or one that recordings usually have.

    Args:
        known: what is published of the corpus.
        modalities: in use.
    """
    rates = known.rates if known else ()
    said = ", ".join(map(str, rates or USUAL_RATES))
    yield holds(
        UTTERANCES,
        "rate",
        *(rates or USUAL_RATES),
        severity=CRITICAL if known and known.rates_must and "audio" in modalities else WARNING,
        expected=f"a sample rate of {said} Hz",
        advice="Take the files as published, or resampled to 16 kHz: another rate is another file."
        if rates
        else "Everything is resampled to 16 kHz; below that the highs are missing.",
    )


def coverage(features: Iterable[str]) -> Iterator[Clause]:
    """Which utterances lack a modality that others have, as media or as features."""
    lacking = (
        "They count as a missing modality, which every strategy takes; complete the corpus if they are lost."
    )
    for name in ("audio", "video", "text"):
        yield holds(
            UTTERANCES,
            f"{name}_coverage",
            tables.HERE,
            severity=WARNING,
            expected=f"{name} in every utterance, as most have it",
            advice=lacking,
        )
    for modality in features:
        yield holds(
            UTTERANCES,
            tables.coverage(modality),
            tables.HERE,
            severity=WARNING,
            expected=f"{modality} features of every utterance, joined by its id",
            advice=lacking,
        )


def times() -> Iterator[Clause]:
    """Starts, ends and turns; and the recordings' lengths beside them."""
    yield Clause(
        UTTERANCES,
        BETWEEN,
        WARNING,
        "an end that is later than the start",
        "The times are reversed, or nothing: mend them; overlaps with other utterances cannot be seen.",
        {"column": "length_s", "min_value": 0, "strict_min": True},
    )
    yield Clause(
        UTTERANCES,
        BETWEEN,
        WARNING,
        "turns of a dialogue in the order of time",
        "The turn before begins later: the times, or the turns' numbers, are wrong.",
        {"column": "since_s", "min_value": 0},
    )
    yield Clause(
        UTTERANCES,
        UNIQUE,
        WARNING,
        "one utterance at each turn of a dialogue",
        "Two utterances in one place: a model of dialogues cannot tell which was first.",
        {"column": "place"},
    )
    yield Clause(
        UTTERANCES,
        BETWEEN,
        WARNING,
        f"no recording longer than its utterance's times say, but for {LONGER_AT_MOST_S:g} s",
        "The whole recording is taken as the utterance: a wrong cut, or times that cut nothing out.",
        {"column": "off_s", "max_value": LONGER_AT_MOST_S},
    )
