"""Targets beside the label, from the utterance tables: raters' votes, dimensions, intensity, gender; and speakers.

Targets are given out only for training rows that have a label: not for test rows, and not for rows whose label is
hidden.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import SearchError
from ..schema import LabelSpace, Layout
from .data import UNLABELLED, Rows
from .heads import DIMENSIONS, HEADS
from .rater_votes import rater_votes_of

if TYPE_CHECKING:
    import pandas as pd

    from .rows import Part

COLUMNS = ["utterance_id", "corpus", "speaker", "speaker_gender", *DIMENSIONS, "intensity", "raters"]
INTENSITY = {"low": 0.0, "normal": 0.5, "strong": 1.0}
GENDER = {"female": 0.0, "male": 1.0}
NEEDS = {"soft_labels": ("votes",)} | HEADS
"""What a hyper-parameter learns from, of which at least one has to be known."""


@dataclass(frozen=True)
class AuxiliaryTargets:
    """Raters' votes, side targets and speakers of some utterances.

    Attributes:
        place: ``{utterance id: row}`` of the arrays.
        shares: float32 ``[N, C]``, zeros where nobody voted for one of the classes.
        side: ``{name: float32 [N]}``, as in `Rows`, NaN where it is unknown.
        speaker: int64 ``[N]``; an unknown speaker is one of their own.
    """

    place: dict[str, int]
    shares: np.ndarray
    side: dict[str, np.ndarray]
    speaker: np.ndarray

    def spoken(self, rows: Rows, part: "Part") -> Rows:
        """The rows of this part with their speakers added."""
        import torch

        return replace(rows, speaker=torch.from_numpy(self.speaker[self._at(part)]))

    def _at(self, part: "Part") -> np.ndarray:
        return np.array([self.place[name] for name in part.ids], dtype=np.int64)

    def of(self, rows: Rows, part: "Part") -> Rows:
        """The rows of this part with votes and side targets added, for rows that have a label."""
        import torch

        at = self._at(part)
        labelled = rows.target != UNLABELLED
        shares = torch.from_numpy(self.shares[at])
        side = {name: torch.from_numpy(x[at]) for name, x in self.side.items()}
        return replace(
            rows,
            shares=torch.where(labelled.unsqueeze(-1), shares, 0.0),
            side={name: torch.where(labelled, x, torch.nan) for name, x in side.items()},
        )

    def check(self, configs: Iterable[Mapping[str, Any]]) -> None:
        """Check that the tables hold what these configurations learn from.

        Raises:
            SearchError: a hyper-parameter is used that no utterance has a target for.
        """
        there = {name for name, x in self.side.items() if not np.isnan(x).all()}
        there |= {"votes"} if self.shares.any() else set()
        used = {name for config in configs for name in NEEDS if config.get(name, 0) > 0}
        for name in sorted(used):
            needed = NEEDS[name]
            if not there & set(needed):
                what = "raters' votes" if needed == ("votes",) else " or ".join(needed)
                raise SearchError(
                    f"params.yaml: search.space uses {name}, which learns from {what}, and the utterance tables "
                    f"hold it of no utterance (they hold {', '.join(sorted(there)) or 'nothing of that kind'}): "
                    "leave it out"
                )


def auxiliary_targets_of(
    table: "pd.DataFrame",
    layouts: Mapping[str, Layout],
    *,
    space: LabelSpace,
    classes: Sequence[str],
) -> AuxiliaryTargets:
    """Read votes, side targets and speakers from utterance tables.

    Args:
        table: the corpora's utterance tables, one after another.
        layouts: of each corpus; where one takes its label from raters of one kind, their votes alone count.
        space: maps the votes to the classes; a vote for something else is not counted.
        classes: names of the classes, in the order of ``shares``.
    """
    votes = rater_votes_of(table, layouts, space=space, classes=classes)
    side = {name: table[name].to_numpy(dtype=np.float32, na_value=np.nan) for name in DIMENSIONS}
    side["intensity"] = _numbers(table["intensity"], INTENSITY)
    side["gender"] = _numbers(table["speaker_gender"], GENDER)
    place = {name: row for row, name in enumerate(table["utterance_id"])}
    speaker = table["speaker"].fillna(table["utterance_id"]).factorize()[0]
    return AuxiliaryTargets(place, votes.shares.astype(np.float32), side, speaker)


def _numbers(column: "pd.Series", numbers: Mapping[str, float]) -> np.ndarray:
    mapped: np.ndarray = column.map(numbers).to_numpy(dtype=np.float32, na_value=np.nan)
    return mapped
