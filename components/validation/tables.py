"""Derives the tables that a data contract is checked on from the utterance table.

utterances   the rows with their media's facts, and the columns below
speakers     speaker, clips, genders
classes      label, clips, speakers
cells        speaker × label, clips, ``of_usual``: over the number that most cells have
counts       what is published of the corpus, beside what is found: count, lacking, beyond

Of an utterance:

label_state          label, own word, values only, none
length_s             from start to end, in seconds
since_s              from the start of the dialogue's turn before, in seconds
place                the dialogue and the turn
duration_state       alike where nearly all recordings have one and the same duration, else varied; null where unknown
off_s                how much longer the recording is than the utterance's times say, in seconds
raters_state         read, or why the raters cannot be; null without raters
rater_count          how many gave a label; null without raters
<name>_coverage      here, lacking; null where no utterance of the corpus has any: audio, video, text, and modalities of
                     which a feature table came along
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from .clause import CELLS, CLASSES, COUNTS, SPEAKERS, UTTERANCES
from .known import Count, Known

if TYPE_CHECKING:
    import pandas as pd

HERE, LACKING = "here", "lacking"
LABELLED, OWN_WORD, VALUES_ONLY, UNLABELLED = "label", "own word", "values only", "none"
READ = "read"
VARIED, ALIKE = "varied", "alike"
ALIKE_FROM, ALIKE_SHARE = 20, 0.9
"""So many clips, and so large a share of them of one duration to the millisecond, are no accident."""


def tables(
    corpus: str, facts: pd.DataFrame, *, features: Mapping[str, Collection[str]], known: Known | None
) -> dict[str, pd.DataFrame]:
    """The tables, by name.

    Args:
        facts: the utterance table with ``facts.COLUMNS``.
        features: modality → the utterances of which a feature table came along.
        known: whose counts the corpus is held against; None for a corpus without published counts.
    """
    import pandas as pd

    speakers = facts.groupby("speaker").agg(clips=("corpus", "size"), genders=("speaker_gender", "nunique"))
    classes = facts.groupby("label").agg(clips=("corpus", "size"), speakers=("speaker", "nunique"))
    if facts["speaker"].isna().all():  # then nothing is known of any class's speakers, which one warning says
        classes["speakers"] = float("nan")
    cells = pd.crosstab(facts["speaker"], facts["label"]).stack().rename("clips").reset_index()
    usual = cells["clips"].mode()
    cells["of_usual"] = cells["clips"] / (usual.iloc[0] if len(usual) else 1)
    if facts["raters"].notna().any():  # raters may agree on other labels than the design of the corpus
        cells["of_usual"] = None
    return {
        UTTERANCES: _utterances(facts, features),
        SPEAKERS: speakers.reset_index(),
        CLASSES: classes.reset_index(),
        CELLS: cells,
        COUNTS: counts(corpus, facts, known.counts if known else ()),
    }


def coverage(modality: str) -> str:
    """The column that says which utterances a feature table has."""
    return f"{modality}_features_coverage"


def counts(corpus: str, facts: pd.DataFrame, expected: tuple[Count, ...]) -> pd.DataFrame:
    """Published counts beside those found: ``lacking`` and ``beyond`` say ``59 of 60``, and are null where it is 60."""
    import pandas as pd

    rows = [row for each in expected for row in _counted(corpus, facts, each)]
    return pd.DataFrame(rows, columns=["count", "lacking", "beyond"]).astype("str")


def _counted(corpus: str, facts: pd.DataFrame, count: Count) -> list[dict]:
    local = {
        column: facts[column].str.removeprefix(f"{corpus}/")
        for column in {"utterance_id", "speaker", "session", "dialogue", *count.by}
    }
    if count.among is not None:
        kept = local["utterance_id"].str.match(count.among).fillna(False).astype(bool)
        facts = facts[kept]
        local = {name: column[kept] for name, column in local.items()}
    keys = [local[column] for column in count.by]
    if not keys:
        found = {(): int(facts[count.distinct].nunique()) if count.distinct else len(facts)}
    else:
        grouped = facts.groupby(keys)
        sizes = grouped[count.distinct].nunique() if count.distinct else grouped.size()
        found = {key if isinstance(key, tuple) else (key,): int(number) for key, number in sizes.items()}
    rows = []
    for key, number in _expected(count, found):
        there = found.get(key, 0)
        said = f"{there} of {number}"
        rows.append(
            {
                "count": " ".join([count.of, *map(str, key)]),
                "lacking": said if there < number else None,
                "beyond": said if there > number else None,
            }
        )
    return rows


def _expected(count: Count, found: dict[tuple, int]) -> list[tuple[tuple, int]]:
    if isinstance(count.expected, int):
        return [(key, count.expected) for key in sorted(found)]
    present = {key[0] for key in found}
    flat = []
    for first, numbers in count.expected.items():
        if first in present:
            inner = numbers.items() if isinstance(numbers, dict) else [((), numbers)]
            flat += [((first, *([name] if name else [])), number) for name, number in inner]
    return flat


def _alike(duration_s: pd.Series) -> pd.Series:
    """Whether recordings have the duration that nearly all have: ``alike`` or ``varied``."""
    import pandas as pd

    rounded = duration_s.round(3)
    usual = rounded.value_counts()
    padded = bool(len(usual)) and usual.iloc[0] >= max(ALIKE_FROM, ALIKE_SHARE * rounded.notna().sum())
    alike = rounded == (usual.index[0] if padded else -1)
    return pd.Series(VARIED, duration_s.index, dtype="str").mask(alike, ALIKE).where(duration_s.notna())


def _utterances(facts: pd.DataFrame, features: Mapping[str, Collection[str]]) -> pd.DataFrame:
    import numpy as np
    import pandas as pd

    valued = facts[["valence", "arousal", "dominance"]].notna().any(axis=1)
    label = np.select(
        [facts["label"].notna(), facts["label_raw"].notna(), valued],
        [LABELLED, OWN_WORD, VALUES_ONLY],
        UNLABELLED,
    )
    ordered = facts.sort_values(["dialogue", "turn"], kind="stable")
    since = ordered.groupby("dialogue")["start_s"].diff().where(ordered["turn"].notna())
    length = facts["end_s"] - facts["start_s"]
    read = {text: _raters(text) for text in facts["raters"].dropna().unique()}
    derived = {
        "label_state": pd.Series(label, facts.index, dtype="str"),
        "length_s": length,
        "since_s": since,
        "place": (facts["dialogue"] + ", turn " + facts["turn"].astype("str")).where(facts["turn"].notna()),
        "duration_state": _alike(facts["duration_s"]),
        "off_s": facts["duration_s"] - length.where(length > 0),
        "raters_state": facts["raters"].map({text: said for text, (said, _) in read.items()}).astype("str"),
        "rater_count": facts["raters"]
        .map({text: count for text, (_, count) in read.items()})
        .astype("float64"),
    }
    # A film has sound too; a silent one lacks it.
    derived["audio_coverage"] = _coverage(facts["audio"].notna() | facts["audio_state"].notna())
    for name in ("video", "text"):
        derived[f"{name}_coverage"] = _coverage(facts[name].notna())
    for modality, ids in features.items():
        derived[coverage(modality)] = _coverage(facts["utterance_id"].isin(ids))
    return pd.concat([facts, pd.DataFrame(derived, index=facts.index)], axis=1).reset_index(drop=True)


def _coverage(there: pd.Series) -> pd.Series:
    words = {True: HERE, False: LACKING} if there.any() else {True: None, False: None}
    return there.map(words).astype("str")


def _raters(text: str) -> tuple[str, int | None]:
    """What can be said of one row's ``raters``, and how many of them gave a label."""
    try:
        raters = json.loads(text)
    except ValueError:
        return "no JSON", None
    if not isinstance(raters, dict) or not raters:
        return "no raters by name", None
    for given in raters.values():
        if not isinstance(given, list) or not all(isinstance(word, str) and word for word in given):
            return "a rater without a list of labels", None
    return READ, sum(bool(given) for given in raters.values())
