"""What is probed for: its values, its control task, and how rows are split into training and test."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...errors import EvaluationError, listed
from ...media.text import words
from .control import dealt_again
from .findings import ProbedTarget
from .inputs import Inputs
from .recordings import Measured, measure
from .splits import FOLDS, UNKNOWN, Splits, of_each_value, over_speakers, speakers_apart

if TYPE_CHECKING:
    import pandas as pd


SPEAKER = "speaker"
"""The target whose values have to be in training and test."""


@dataclass(frozen=True)
class Target:
    """A property of utterances.

    Attributes:
        classes: names, in the order of the codes; () of a number.
        values: of the N utterances: codes, int64, or numbers, float64.
        control: the values of the known ones, dealt out again at random.
        splits: of the utterances whose value is known.
        split: how they are told apart, in words.
        speaker_disjoint: whether no speaker is in training and test of one split.
        remarks: what was left out, in words.
    """

    name: str
    classes: tuple[str, ...]
    values: np.ndarray
    control: np.ndarray
    splits: Splits
    split: str
    speaker_disjoint: bool
    remarks: list[str] = field(default_factory=list)

    @property
    def is_class(self) -> bool:
        return bool(self.classes)

    @property
    def chance(self) -> float:
        """What a guess has: the UA of drawing evenly among the classes of a split's training rows; an R² of 0."""
        if not self.is_class:
            return 0.0
        drawn = [np.full(len(test), 1 / len(np.unique(self.values[train]))) for train, test in self.splits]
        tested = np.concatenate([self.values[test] for _, test in self.splits])
        classes = np.unique(tested, return_inverse=True)[1]
        return float((np.bincount(classes, np.concatenate(drawn)) / np.bincount(classes)).mean())

    def described(self) -> ProbedTarget:
        return ProbedTarget(
            name=self.name,
            metric="ua" if self.is_class else "r2",
            classes=list(self.classes),
            chance=self.chance,
            split=self.split,
            speaker_disjoint=self.speaker_disjoint,
            remarks=self.remarks,
        )


class Source(NamedTuple):
    """What targets are made of.

    Attributes:
        inputs: of N utterances.
        measured: of their recordings; asked for where it is needed, since it decodes them.
        seed: of splits and control tasks.
    """

    inputs: Inputs
    measured: Callable[[], Measured]
    seed: int

    def column(self, name: str) -> "pd.Series[str]":
        return self.inputs.utterances[name]


def targets_of(
    inputs: Inputs, names: Sequence[str] | None, *, seed: int
) -> tuple[list[Target], dict[str, str]]:
    """The targets that these utterances can be probed for.

    Args:
        inputs: the utterances and the protocol's folds.
        names: of `NAMES`; None for all of them.
        seed: of splits and control tasks.

    Returns:
        The targets, and the names of the others with the reason why not.

    Raises:
        EvaluationError: a name that is none of them.
    """
    from functools import cache

    if strange := sorted(set(names or ()) - set(NAMES)):
        raise EvaluationError(f"no target is called {listed(strange)}; there are: {listed(NAMES)}")
    source = Source(inputs, cache(lambda: measure(inputs.utterances, inputs.raw)), seed)
    found, left_out = [], {}
    for name in NAMES if names is None else dict.fromkeys(names):
        made = _MAKERS[name](name, source)
        if isinstance(made, Target):
            found.append(made)
        else:
            left_out[name] = made
    return found, left_out


def speaker_codes(utterances: "pd.DataFrame") -> np.ndarray:
    """A number for each speaker, int64 ``[N]``; -1 where nobody knows who speaks."""
    import pandas as pd

    return np.asarray(pd.factorize(utterances["speaker"], sort=True)[0], np.int64)


def _emotion(name: str, source: Source) -> Target | str:
    """The label, on the protocol's own folds. Learned from all that a fold's test does not have, as the strategies'
    refits are: a probe has no choice to make on validation."""
    inputs = source.inputs
    utterances = inputs.utterances
    place = {id_: position for position, id_ in enumerate(utterances["utterance_id"])}
    values = np.full(len(place), UNKNOWN)
    splits = []
    for fold in inputs.folds:
        parts = fold.seen.labelled, fold.test
        train, test = (np.array([place[id_] for id_ in part.ids]) for part in parts)
        for positions, part in zip((train, test), parts, strict=True):
            values[positions] = part.target
        splits.append((train, test))
    return Target(
        name=name,
        classes=tuple(inputs.protocol.classes),
        values=values,
        control=dealt_again(values, values != UNKNOWN, source.seed),
        splits=splits,
        split=f"folds of {inputs.protocol.protocol}",
        speaker_disjoint=speakers_apart(splits, speaker_codes(utterances)),
    )


def _speaker(name: str, source: Source) -> Target | str:
    """Who speaks, on other utterances of the same speakers."""
    codes = speaker_codes(source.inputs.utterances)
    counts = np.bincount(codes[codes != UNKNOWN])
    kept = np.flatnonzero(counts >= FOLDS)
    if len(kept) < 2:
        return f"takes two known speakers or more with {FOLDS} utterances each; there are {len(kept)}"
    names = np.sort(source.column("speaker").dropna().unique())[kept]
    recoded = np.append(
        np.full(len(counts), UNKNOWN), UNKNOWN
    )  # the last: of an unknown speaker, whose code is -1
    recoded[kept] = np.arange(len(kept))
    values = recoded[codes]
    rows = np.flatnonzero(values != UNKNOWN)
    few = len(counts) - len(kept)
    return Target(
        name=name,
        classes=tuple(map(str, names)),
        values=values,
        control=dealt_again(values, values != UNKNOWN, source.seed),
        splits=of_each_value(values, rows, source.seed),
        split=f"{FOLDS} folds of each speaker's utterances",
        speaker_disjoint=False,
        remarks=[f"speakers with fewer than {FOLDS} utterances are left out: {few:,}"] if few else [],
    )


def _attribute(column: str) -> Callable[[str, Source], Target | str]:
    """A class that the utterance table has in a column, on other speakers."""

    def made(name: str, source: Source) -> Target | str:
        held, speakers = source.column(column), speaker_codes(source.inputs.utterances)
        if held.isna().all():
            return "the corpus does not say it"
        named = held.where(speakers != UNKNOWN)
        of = named.groupby(speakers).first().drop(UNKNOWN, errors="ignore").dropna()  # speaker → class
        counts = of.value_counts()
        classes = sorted(str(each) for each in counts.index[counts >= 2])
        if len(classes) < 2:
            have = listed(f"{each}: {counts[each]}" for each in sorted(counts.index))
            return f"takes two classes or more with two known speakers each; speakers: {have or 'none'}"
        of = of[of.isin(classes)]
        rare = [
            f"{each} has one speaker and is left out" for each in sorted(set(counts.index) - set(classes))
        ]
        codes = {each: code for code, each in enumerate(classes)}
        values = np.array([codes.get(each, UNKNOWN) for each in named.fillna("")])
        values[~np.isin(speakers, of.index)] = UNKNOWN
        splits = over_speakers(speakers, values != UNKNOWN, source.seed, strata=of.to_dict())
        return Target(
            name=name,
            classes=tuple(classes),
            values=values,
            control=dealt_again(values, values != UNKNOWN, source.seed),
            splits=splits,
            split=f"{len(splits)} folds of speakers",
            speaker_disjoint=True,
            remarks=rare,
        )

    return made


def _words(name: str, source: Source) -> Target | str:
    counts = source.column("text").map(_count, na_action="ignore").astype("Float64")
    return _number(name, counts.to_numpy(float, na_value=np.nan), source, absent="no utterance has a text")


def _count(text: str) -> int:
    """The words of a text; punctuation marks are none."""
    return sum(any(map(str.isalnum, word)) for word in words(text))


def _duration(name: str, source: Source) -> Target | str:
    return _of_recordings(name, source.measured().duration, source)


def _loudness(name: str, source: Source) -> Target | str:
    return _of_recordings(name, source.measured().loudness, source)


def _of_recordings(name: str, values: np.ndarray, source: Source) -> Target | str:
    unread = source.measured().unread
    why = listed((f"{reason} ({count:,})" for reason, count in unread.most_common()), most=3)
    remark = f"{unread.total():,} utterances have no sound that can be measured: {why}"
    return _number(name, values, source, absent=remark, remarks=[remark] if unread else [])


def _number(
    name: str, values: np.ndarray, source: Source, *, absent: str, remarks: Sequence[str] = ()
) -> Target | str:
    """A number, on other speakers."""
    speakers = speaker_codes(source.inputs.utterances)
    known = ~np.isnan(values) & (speakers != UNKNOWN)
    count = len(np.unique(speakers[known]))
    if np.isnan(values).all():
        return absent
    if count < 2:
        return f"takes two known speakers or more; there are {count}"
    if np.ptp(values[known]) == 0:
        return f"the same for all utterances: {values[known][0]:g}"
    splits = over_speakers(speakers, known, source.seed)
    return Target(
        name=name,
        classes=(),
        values=values,
        control=dealt_again(values, known, source.seed),
        splits=splits,
        split=f"{len(splits)} folds of speakers",
        speaker_disjoint=True,
        remarks=list(remarks),
    )


_MAKERS: dict[str, Callable[[str, Source], Target | str]] = {
    "emotion": _emotion,
    SPEAKER: _speaker,
    "gender": _attribute("speaker_gender"),
    "language": _attribute("language"),
    "corpus": _attribute("corpus"),
    "words": _words,
    "duration": _duration,
    "loudness": _loudness,
}
NAMES = tuple(_MAKERS)
"""Of the targets."""
