"""The split scheme of a protocol: what each fold tests, where validation comes from, and which leaks that implies."""

from dataclasses import dataclass
from typing import Literal

Test = Literal["listed", "each", "speakers", "utterances", "official", "corpora"]
"""``listed``: groups of a column, fold by fold. ``each``: every value of a column is a fold. ``speakers``: speakers by
rule. ``utterances``: rows by rule, whoever speaks. ``official``: the corpus's own split. ``corpora``: one corpus
trains, another is the test."""

Validation = Literal[
    "next fold",
    "listed",
    "official",
    "rest of the session",
    "held-out speakers",
    "10 % of the dialogues",
    "20 % of the utterances",
    "test",
]

DESCRIPTIONS = {
    "next fold": "For test fold k, fold k+1 (cyclic) is validation, and the rest trains",
    "listed": "Validation is the speakers that the protocol lists for it",
    "official": "Validation is the corpus's own; where it has none, a fifth of the training speakers",
    "rest of the session": "Validation is the other speaker of the test speaker's session",
    "held-out speakers": "Validation is a fifth of the training speakers, whom training does not see",
    "10 % of the dialogues": "Validation is every tenth of the dialogues outside the test, whoever speaks there",
    "20 % of the utterances": "Validation is 20 % of the utterances outside the test, whoever speaks",
    "test": "Validation is the test itself",
}
"""Each way of validation in a sentence."""

INFLATED = {
    "20 % of the utterances": "the speakers of validation also train, so that the choice is made by voices that "
    "the model knows",
    "test": "validation is the test: the choice was made by the figures that are reported",
}
"""Ways of validation whose figures are too good, and why."""

_ANYWHERE = ("session", "episode", "dialogue", "overlap", "duplicate-text", "near-duplicate-text")

BY_DESIGN: dict[str, tuple[str, ...]] = {
    "utterances": ("speaker", "validation-speaker", "face-track", *_ANYWHERE),
    "20 % of the utterances": ("validation-speaker", "face-track", *_ANYWHERE),
    "10 % of the dialogues": ("validation-speaker", "session", "duplicate-text", "near-duplicate-text"),
    "rest of the session": ("session", "dialogue", "overlap"),
    "test": ("utterance",),
}
"""What a way of splitting lets cross the folds by design: kinds of leak (see `leakage`)."""

AT_RANDOM = "utterances are split without regard to who speaks: the test's speakers also train"


@dataclass(frozen=True)
class SplitScheme:
    """How folds are made.

    Attributes:
        column: of the utterance table; for ``listed`` and ``each``.
        groups: ``listed``: the values of that column in each test fold, by their ids within the corpus.
        validation_groups: the values of that column that validate, where validation is ``listed``.
        count: how many folds; for ``speakers`` and ``utterances``.
        first_only: only the first fold is made.
        sources: ``corpora``: those that train.
        target: ``corpora``: the one that is the test.
    """

    test: Test
    validation: Validation
    column: str = "speaker"
    groups: tuple[tuple[str, ...], ...] = ()
    validation_groups: tuple[str, ...] = ()
    count: int = 0
    first_only: bool = False
    sources: tuple[str, ...] = ()
    target: str = ""

    @property
    def by_speaker(self) -> bool:
        """Whether its folds are made of speakers, so that every row needs one."""
        return self.test not in ("utterances", "official")

    @property
    def leaks(self) -> dict[str, str]:
        """What crosses these folds by design: kind of leak → why."""
        why = {"utterances": AT_RANDOM, self.validation: DESCRIPTIONS[self.validation]}
        return {kind: why[way] for way in (self.validation, self.test) for kind in BY_DESIGN.get(way, ())}

    @property
    def inflated(self) -> str | None:
        """Why its figures are too good; None where they are not."""
        return AT_RANDOM if self.test == "utterances" else INFLATED.get(self.validation)
