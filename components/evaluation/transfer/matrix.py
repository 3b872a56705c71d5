"""The figures of a transfer matrix."""

from __future__ import annotations

from collections.abc import Iterable

from ...artifacts.document import Part
from ...artifacts.model import CHOSEN
from ...artifacts.reports import Interval
from ...errors import EvaluationError, listed
from .. import intervals
from ..metrics import METRICS, confusion_by
from ..pairwise.sides import Side
from .plan import OTHERS, Planned

STATED = ("corpora", "label_space", "protocol")
"""What experiments of a matrix differ in."""


class Cell(Part):
    """One experiment's figures.

    Attributes:
        source: the corpus that trained, or ``others``.
        target: the corpus that was the test.
        experiment: its name.
        protocol: its full name, with what it says of leaks.
        classes: the emotions that both corpora have.
        strategy: ``chosen`` (each fold's own choice by validation), or the registered one where there is no such.
        ua: over all test utterances, the interval over their speakers.
        wa: likewise.
    """

    source: str
    target: str
    experiment: str
    protocol: str
    classes: list[str]
    utterances: int
    speakers: int
    strategy: str
    ua: Interval
    wa: Interval

    @property
    def chance(self) -> float:
        """UA of guessing."""
        return 1 / len(self.classes)


class TransferMatrix(Part):
    """Rows are the corpora that trained, columns those that tested.

    Attributes:
        corpora: in the order in which they were named.
        label_space: of all experiments.
        cells: of the finished experiments.
        differing: params.yaml's keys, beside those of `STATED`, that were not the same in all of them.
    """

    corpora: list[str]
    label_space: str
    cells: list[Cell]
    differing: list[str]

    @property
    def sources(self) -> list[str]:
        """The rows."""
        others = [OTHERS] if any(cell.source == OTHERS for cell in self.cells) else []
        return [*self.corpora, *others]

    def cell(self, source: str, target: str) -> Cell | None:
        """The figures of one experiment; None where it is not finished."""
        return next((each for each in self.cells if (each.source, each.target) == (source, target)), None)


def cell(planned: Planned, side: Side) -> Cell:
    """The figures of a finished experiment.

    Raises:
        EvaluationError: it was not run as planned.
    """
    wrong = [
        f"{key}={side.params.get(key)}"
        for key, value in planned.overrides.items()
        if _plain(side.params.get(key, "")) != _plain(value)
    ]
    if wrong:
        raise EvaluationError(
            f"{planned.name} was run with {listed(wrong)}, and is to be of {listed(_said(planned))}; remove it and "
            f"run it again: dvc exp remove {planned.name}"
        )
    predictions = side.predictions
    strategy = CHOSEN if CHOSEN in predictions.strategies else side.registered
    counts = confusion_by(
        predictions.speaker,
        predictions.truth,
        predictions.predicted(strategy),
        groups=len(predictions.speakers),
        classes=len(predictions.classes),
    )
    return Cell(
        source=planned.source,
        target=planned.target,
        experiment=planned.name,
        protocol=side.protocol.protocol,
        classes=list(predictions.classes),
        utterances=len(predictions.truth),
        speakers=len(predictions.speakers),
        strategy=strategy,
        ua=intervals.of_figure(METRICS["ua"], counts),
        wa=intervals.of_figure(METRICS["wa"], counts),
    )


def differing(sides: Iterable[Side]) -> list[str]:
    """The keys of params.yaml that experiments of a matrix should share, and do not."""
    stated = [side.params for side in sides]
    keys = sorted({key for params in stated for key in params} - set(STATED))
    return [key for key in keys if len({params.get(key) for params in stated}) > 1]


def _said(planned: Planned) -> list[str]:
    return [f"{key}={value}" for key, value in planned.overrides.items()]


def _plain(value: str) -> str:
    """A list as DVC writes it and as the command line takes it, in one spelling."""
    return "".join(each for each in value if each not in " '\"")
