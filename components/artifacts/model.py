"""The stage ``train``: the test folds' predictions, and the model that is registered."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from ..schema import POSTERIORS, TABLE, ChooseBy, Join
from .document import Document, Part, Table

STAGE = "train"
FOLDER = Path("data/model")
WEIGHTS = FOLDER / "weights.safetensors"
TUNED = "tuned."
"""Beginning of the names of encoders' weights in that file: ``tuned.<member>.<encoder>.<weight>``."""

PREDICTIONS = Table("data/predictions.parquet", ("utterance_id", "fold", "seed", "strategy", "label"), STAGE)
"""One row per strategy, fold, seed and test utterance. ``p_<class>`` columns hold the probabilities. The strategy
`CHOSEN` is, on each fold, the one that the fold's own validation put first; see also `CHOSEN_BY`. The probabilities of
a seed that diverged in the refit of a strategy on a fold are null, those of all the fold's utterances."""

SUBSETS = Table("data/subsets.parquet", ("utterance_id", "fold", "strategy", "modalities"), STAGE)
"""The test predictions of each strategy where it is given only some of its modalities. One row per strategy of several
modalities, fold, non-empty proper subset of them and test utterance that has one of the subset, as ``audio+text``;
``p_<class>`` columns hold the means over the seeds. ``majority``, ``chance`` and `NESTED` are not among them."""

DIMENSIONS = Table(
    "data/dimensions.parquet", ("utterance_id", "fold", "strategy", "valence", "arousal", "dominance"), STAGE
)
"""What strategies predict of the test utterances' valence, arousal and dominance, where the fold's choice learned them
(``dimension_weight``); means over the seeds. `NESTED` are not among them."""


class Operations(Document):
    """``data/operations.json``: what one answer costs, preparation and all members of the ensemble, without encoders.

    Attributes:
        strategies: strategy → fold → floating-point operations of the fold's choice.
        tokens: fold → modality → how many tokens they are counted with: the median of the fold's test utterances.
    """

    PATH: ClassVar[str] = "data/operations.json"
    STAGE: ClassVar[str] = STAGE

    strategies: dict[str, dict[int, int]]
    tokens: dict[int, dict[str, int]]


CHOSEN = "chosen"
CHOSEN_BY: dict[ChooseBy, str] = {"mean": "chosen-by-mean", "ensemble": "chosen-by-ensemble"}
"""What the rule that does not choose (``search.choose_by``) would have chosen on each fold, strategy and configuration;
where each configuration has several seeds."""
NESTED = (CHOSEN, *CHOSEN_BY.values())
"""Strategies of the predictions that are no single one."""
PROBABILITY = "p_"
"""Prefix of the columns of probabilities."""


class EncoderModel(Part):
    """A pre-trained model that an encoder ran on the training data.

    Attributes:
        sha256: of its weights.
        licence: of its weights; None where unknown.
        pretrained_on: the corpora that it has seen, as far as known.
    """

    sha256: str
    licence: str | None
    pretrained_on: list[str]


def seen(pretrained_on: Iterable[str], corpora: Iterable[str]) -> list[str]:
    """Those of ``corpora`` that a model has seen in its pre-training, sorted; upper and lower case are the same."""
    known = {name.lower() for name in pretrained_on}
    return sorted(name for name in corpora if name.lower() in known)


class LayerWeights(Part):
    """What the members of a model learned to weigh an encoder's layers by, from state 0 on; a member's sum to 1.

    Attributes:
        mean: over the members.
        sd: standard deviation over the members (ddof 1); None of one member.
    """

    mean: list[float]
    sd: list[float] | None


class TunedEncoder(Part):
    """How an encoder of a model was trained together with the fusion.

    Attributes:
        rank: of LoRA's updates; None: all weights were trained.
        parameters: the weights that were trained, of one member.
    """

    rank: int | None
    parameters: int


class ModelTuning(Part):
    """The encoders that were trained with a model. Their weights are among the model's, under `TUNED`, for each member.

    Attributes:
        encoders: by name.
        epochs: the median of those that validation chose on each fold; 0: the encoders stayed as they were.
        validation: fold → UA of validation before tuning and after each epoch; None from where it diverged.
    """

    encoders: dict[str, TunedEncoder]
    epochs: int
    validation: dict[int, list[float | None]]


class Modality(Part):
    """How a modality's tokens are made.

    Attributes:
        encoders: in the order of their features. parameters: that they were made with.
        layout: ``[(encoder, number of features), …]`` along the tokens' last dimension; an encoder whose layers are all
            kept stands there once a layer.
        pretrained: name of an encoder that is a Hugging Face model → how it was stated in params.yaml.
        models: encoder → the model that it ran, of those that run one.
        join: how the encoders' tokens are joined.
        layer_weights: encoder → its layers' weights, of those whose layers are all kept.
        recogniser: the speech recogniser of text's words, as ``hf`` and ``language``; None where they are
            transcripts. Its model is among ``models``.
    """

    encoders: list[str]
    parameters: dict[str, Any]
    layout: list[tuple[str, int]]
    pretrained: dict[str, dict[str, Any]] = Field(default_factory=dict)
    models: dict[str, EncoderModel] = Field(default_factory=dict)
    join: Join = "concatenate"
    layer_weights: dict[str, LayerWeights] = Field(default_factory=dict)
    recogniser: dict[str, Any] | None = None

    def stated(self) -> list[str | dict[str, Any]]:
        """The encoders as params.yaml states them, in the order of their features."""
        return [self.pretrained.get(name, name) for name in self.encoders]

    @property
    def came_along(self) -> bool:
        """Whether it came to training as a table, of features or of posteriors, and not as recordings."""
        return self.encoders in ([TABLE], [POSTERIORS])

    @property
    def hears_films(self) -> bool:
        """Whether an encoder of faces reads the sound of films, too: an AV-HuBERT of both streams."""
        return any(each.get("streams") == "av" for each in self.pretrained.values())

    @property
    def context(self) -> int:
        """How many earlier turns of the dialogue the encoders read, at most."""
        return max((each.get("context", 0) for each in self.pretrained.values()), default=0)


class ZeroShot(Part):
    """The classes that the model recognises by their names alone."""

    unseen: list[str]


CALIBRATION = "calibration.json"
"""Beside ``model.json`` in a published model: its `ProbabilityCalibration`."""


class Correction(Part):
    """What the probabilities are corrected by, where certain modalities are given.

    Attributes:
        temperature: the logits are divided by it.
        threshold: of `fusion.calibrated.set_scores` of the scaled probabilities, up to which classes are in the set.
        utterances, speakers: whose test predictions it was fitted on; the models were trained without them.
    """

    temperature: float
    threshold: float
    utterances: int
    speakers: int


class ProbabilityCalibration(Part):
    """What the probabilities of a registered model are corrected by.

    Attributes:
        level: of the coverage of prediction sets.
        given: modalities that are given, as ``audio+text`` → their correction. A subset that no test utterance has is
            left out.
    """

    level: float
    given: dict[str, Correction]


class ModelCard(Document):
    """``data/model/model.json``: all that it takes to build the model again and to feed it.

    Attributes:
        config: of the strategy. epochs: that it was trained for.
        seeds: one per member of the ensemble. left_out: those whose members diverged, which are not part of it.
        classes: in the order of the outputs.
        protocol, corpora: what it was chosen under and trained on.
        preparation: modality → a plan per encoder, as `fusion.preparation.BlockPlan`.
        parameters: trained ones, of all members.
        tuning: of its encoders; None where they are frozen.
    """

    PATH: ClassVar[str] = "data/model/model.json"
    STAGE: ClassVar[str] = STAGE
    VERSION: ClassVar[int] = 6

    strategy: str
    config: dict[str, Any]
    epochs: int
    seeds: list[int]
    left_out: list[int]
    classes: list[str]
    label_space: str
    protocol: str
    corpora: list[str]
    modalities: dict[str, Modality]
    preparation: dict[str, list[dict[str, Any]]]
    parameters: int
    zero_shot: ZeroShot | None = None
    tuning: ModelTuning | None = None

    def tuned(self, modality: str) -> dict[str, TunedEncoder]:
        """The encoders of a modality that were tuned, by name."""
        every = self.tuning.encoders if self.tuning else {}
        return {name: every[name] for name in self.modalities[modality].encoders if name in every}
