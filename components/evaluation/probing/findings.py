"""What probing found; UA is from 0 to 1, R² at most 1."""

from typing import Literal

from ...artifacts.document import Part
from ...artifacts.reports import Interval

INPUT, EMBEDDING = "input", "embedding"
"""The first layer of each modality, its prepared features, and the last one of a strategy, from which it decides."""


class Probed(Part):
    """How well a block's features predict a target of held-out utterances.

    Attributes:
        figure: UA or R², as the target has it. control: the same of the control task.
        selectivity: figure less control. Intervals are over speakers, where no speaker is in training and test.
        utterances: tested. speakers: of these, who are known.
    """

    figure: Interval
    control: Interval
    selectivity: Interval
    utterances: int
    speakers: int


class ProbedBlock(Part):
    """A block's figures.

    Attributes:
        layer: of an encoder whose layers are apart, from 0; None otherwise.
        utterances: that have these features.
        targets: name → figures; None where too few of the utterances have these features for the split.
    """

    modality: str
    encoder: str
    layer: int | None
    dimensions: int
    utterances: int
    targets: dict[str, Probed | None]


class ProbedLayer(Part):
    """The figures of a layer of the fold models.

    Attributes:
        modality: whose it is; None where modalities have met.
        name: within the modality.
        dimensions: of the vectors, each number once, rising; models of different folds may differ.
        folds: whose models have such a layer.
        utterances: that have it in the model of some fold.
        targets: name → figures; None where too few of the utterances have it for the splits.
    """

    modality: str | None
    name: str
    dimensions: list[int]
    folds: int
    utterances: int
    targets: dict[str, Probed | None]


class ProbedTarget(Part):
    """What was probed for.

    Attributes:
        metric: ``ua`` of classes, ``r2`` of numbers.
        classes: names; [] of numbers.
        chance: what a guess has: UA of drawing evenly among the classes that a probe learns, R² of 0.
        split: how training and test rows are told apart, in words.
        speaker_disjoint: whether no speaker is in training and test of one split.
        remarks: what was left out of it, in words.
    """

    name: str
    metric: Literal["ua", "r2"]
    classes: list[str]
    chance: float
    split: str
    speaker_disjoint: bool
    remarks: list[str]


class ProbedModels(Part):
    """The figures of every layer of the models that scored the test folds.

    Attributes:
        strategy: the registered one.
        folds: how many models there are.
        targets: with the splits that these have.
        left_out: target → why it was not probed for.
        layers: those of one modality after another, then those where modalities have met.
    """

    strategy: str
    folds: int
    targets: list[ProbedTarget]
    left_out: dict[str, str]
    layers: list[ProbedLayer]


class Probing(Part):
    """Every block's figures.

    Attributes:
        protocol: whose folds split the emotion, with its caveats.
        seed: of splits, control tasks and randomised components.
        c: of logistic regression, the inverse of its penalty. components: that wider blocks are reduced to.
        left_out: target → why it was not probed for; modality → why it was not probed; "fusion" → why its layers
            were not probed.
        fusion: of the layers of the registered strategy; None where they were not probed.
    """

    protocol: str
    seed: int
    c: float
    components: int
    targets: list[ProbedTarget]
    left_out: dict[str, str]
    blocks: list[ProbedBlock]
    fusion: ProbedModels | None = None
