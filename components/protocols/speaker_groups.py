"""Groups of speakers who must stay in one fold, since they share a dialogue or a session."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import rules
from .lookup import Protocol

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Groups:
    """``genders``: speaker → gender, "" where unknown; ``of``: speaker → group, which bears a speaker's name."""

    genders: dict[str, str]
    of: dict[str, str]

    def __len__(self) -> int:
        return len(set(self.of.values()))

    def assign(self, folds: int, *, seed: int) -> dict[str, int]:
        """Assign each speaker a fold, a group together."""
        return rules.assign_speakers(self.genders, self.of, folds=folds, seed=seed)

    def largest(self) -> list[str]:
        """The speakers of the largest group."""
        sizes = Counter(self.of.values())
        name = min(sizes, key=lambda group: (-sizes[group], group))
        return sorted(speaker for speaker, group in self.of.items() if group == name)


def groups_of(protocol: Protocol, rows: pd.DataFrame) -> Groups:
    """The rows' speakers, those together who share one of the columns that the protocol keeps apart."""
    # A speaker whose rows disagree on the gender counts as the last of the two by name, in any row order.
    genders = rows.assign(speaker_gender=rows["speaker_gender"].fillna("")).groupby("speaker")
    pairs = []
    for column in protocol.apart:
        shared = rows[["speaker", column]].dropna().drop_duplicates()
        pairs += [(speaker, f"{column} {value}") for speaker, value in shared.itertuples(index=False)]
    gender_of = genders["speaker_gender"].max().to_dict()
    return Groups(gender_of, rules.linked(sorted(pairs), gender_of))
