"""``pretrain/params.yaml``, the statement of a pre-training, checked and typed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..errors import ParamsError, listed
from ..files import parse_yaml

PATH = Path("pretrain/params.yaml")
Size = Literal["tiny", "base", "large"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InputsStated(_Frozen):
    """``inputs``: what is read of a clip.

    Attributes:
        roi: what the pictures show; None: sound alone is read.
        detector: what finds the faces; ``mediapipe`` needs its model file.
    """

    roi: Literal["mouth", "face"] | None
    detector: Literal["cascade", "mediapipe"]


class Training(_Frozen):
    """How an objective trains.

    Attributes:
        frames: of a batch, at most: 25 a second.
        longest: frames of a clip; another part of a longer one is taken each time.
        accumulation: batches of an update.
        learning_rate: the highest.
        warmup: the share of the updates in which it rises.
        save_every: updates after which the state is saved.
        compile: have torch compile the network, on a GPU.
    """

    frames: int = Field(ge=1)
    longest: int = Field(ge=10)
    accumulation: int = Field(default=1, ge=1)
    learning_rate: float = Field(gt=0)
    warmup: float = Field(default=0.08, ge=0, lt=1)
    save_every: int = Field(default=500, ge=1)
    compile: bool = False


class Iteration(_Frozen):
    """One round of clusters and training.

    Attributes:
        clusters: how many.
        of: what is clustered: ``mfcc``; ``joint``, sound and pictures at once; or the states behind this block of the
            round before, from 1 on.
        masking: of features behind the front ends, or of their input.
        steps: updates.
    """

    clusters: int = Field(ge=2)
    of: Literal["mfcc", "joint"] | int
    masking: Literal["feature", "input"]
    steps: int = Field(ge=1)


class AvHubertStated(_Frozen):
    """``av-hubert``: masked prediction of clusters.

    Attributes:
        size: of the network.
        seed: of all that is drawn.
        licence: of the weights, as ``encoder.json`` will state it; None: unstated.
        unmasked_weight: of the loss of frames that are not masked.
        modality_dropout: how often one of two streams is left out of a batch.
        audio_dropout: how often that is the sound.
        training: how.
        iterations: in order; the first clusters MFCC.
    """

    size: Size
    seed: int = Field(ge=0)
    licence: str | None = None
    unmasked_weight: float = Field(default=0.0, ge=0)
    modality_dropout: float = Field(default=0.5, ge=0, le=1)
    audio_dropout: float = Field(default=0.5, ge=0, le=1)
    training: Training
    iterations: list[Iteration] = Field(min_length=1)

    @model_validator(mode="after")
    def _begins_with_mfcc(self) -> AvHubertStated:
        if isinstance(self.iterations[0].of, int):
            raise ValueError("the first of iterations has no model before it: it clusters mfcc or joint")
        return self


class Data2VecStated(_Frozen):
    """``data2vec``: a student predicts a teacher's states of masked frames of sound.

    Attributes:
        size: of the network.
        seed: of all that is drawn.
        licence: of the weights, as ``encoder.json`` will state it; None: unstated.
        top: blocks, from the last one down, whose states are averaged to the targets.
        decay: of the teacher's weights at an update, at the first and at the last.
        steps: updates.
        training: how.
    """

    size: Size
    seed: int = Field(ge=0)
    licence: str | None = None
    top: int = Field(ge=1)
    decay: tuple[float, float]
    steps: int = Field(ge=1)
    training: Training

    @model_validator(mode="after")
    def _decays(self) -> Data2VecStated:
        first, last = self.decay
        if not 0 <= first <= last < 1:
            raise ValueError(
                f"decay is {list(self.decay)}; give two numbers from 0 to below 1, the first no higher"
            )
        return self


class ReconstructionStated(_Frozen):
    """``reconstruction``: masked frames of sound and pictures, from those around them.

    Attributes:
        size: of the network.
        seed: of all that is drawn.
        licence: of the weights, as ``encoder.json`` will state it; None: unstated.
        streams: of a clip that are given and reconstructed.
        steps: updates.
        training: how.
    """

    size: Size
    seed: int = Field(ge=0)
    licence: str | None = None
    streams: Literal["av", "a", "v"] = "av"
    steps: int = Field(ge=1)
    training: Training


class FineTuningStated(_Frozen):
    """``fine-tuning``: what was said, and how, on labelled clips.

    Attributes:
        corpora: folders in data/raw, of which inputs were made.
        model: the folder of a pre-trained model.
        from_scratch: whether to train a network of the same sizes from first weights as well, to compare.
        streams: of a clip that the network is given.
        speech: weight of the loss of the characters that are said; 0: they are not learned.
        emotion: of the emotion's loss.
        contrast: of the supervised contrast of clips by emotion.
        held_out: the share of the speakers who are tested and not learned from.
        seeds: the same is trained with each; intervals are over them.
        layer_decay: by which a block's learning rate falls below that of the block above.
        frozen: the share of the updates in which the heads alone are trained.
        steps_per_frame: at each of which one character can be given; there are 25 frames a second.
        beam: prefixes that the search for a text follows; 1: the most probable character of each frame.
        steps: updates.
        training: how.
    """

    corpora: list[str] = Field(min_length=1)
    model: str
    from_scratch: bool = True
    streams: Literal["av", "a", "v"] = "av"
    speech: float = Field(default=1.0, ge=0)
    emotion: float = Field(default=0.0, ge=0)
    contrast: float = Field(default=0.0, ge=0)
    held_out: float = Field(default=0.25, gt=0, lt=1)
    seeds: list[int] = Field(min_length=1)
    layer_decay: float = Field(default=1.0, gt=0, le=1)
    frozen: float = Field(default=0.0, ge=0, lt=1)
    steps_per_frame: int = Field(default=2, ge=1, le=16)
    beam: int = Field(default=8, ge=1, le=1000)
    steps: int = Field(ge=1)
    training: Training

    @model_validator(mode="after")
    def _learns_something(self) -> FineTuningStated:
        if not self.speech + self.emotion + self.contrast:
            raise ValueError("speech, emotion and contrast are all 0, so nothing is learned: set one of them")
        return self


class AdaptationStated(_Frozen):
    """``adaptation``: go on pre-training with the clips of a pool that are like emotional ones.

    How modalities are left out and how it is trained is that of ``av-hubert``.

    Attributes:
        model: the folder of a pre-trained model.
        labelled: corpora with emotions.
        pool: other corpora, whose labels are not looked at.
        streams: of a clip that the network is given where clips are compared.
        held_out: the share of the labelled corpora's speakers by whom the models are probed before and after.
        metric_steps: updates in which clips of one emotion are drawn together, to compare clips by.
        nearest: clips of the pool that are taken for each labelled one.
        iteration: of clusters and training on what was taken.
        seed: of the metric's training.
    """

    model: str
    labelled: list[str] = Field(min_length=1)
    pool: list[str] = Field(min_length=1)
    streams: Literal["av", "a", "v"] = "av"
    held_out: float = Field(default=0.25, gt=0, lt=1)
    metric_steps: int = Field(ge=1)
    nearest: int = Field(ge=1)
    iteration: Iteration
    seed: int = Field(ge=0)

    @model_validator(mode="after")
    def _pool_is_another(self) -> AdaptationStated:
        if both := sorted(set(self.labelled) & set(self.pool)):
            raise ValueError(
                f"{both[0]} is labelled and pool; the pool is of other corpora, whose labels are not used"
            )
        return self


class PretrainingParams(_Frozen):
    """The whole file.

    Attributes:
        corpora: folders in data/raw.
    """

    corpora: list[str] = Field(min_length=1)
    inputs: InputsStated
    av_hubert: AvHubertStated = Field(alias="av-hubert")
    reconstruction: ReconstructionStated
    data2vec: Data2VecStated
    fine_tuning: FineTuningStated = Field(alias="fine-tuning")
    adaptation: AdaptationStated


def require_listed(params: PretrainingParams, section: str, corpora: Sequence[str]) -> None:
    """Refuse corpora of which no inputs are made.

    Args:
        params: of the pre-training.
        section: that names the corpora.
        corpora: its.

    Raises:
        ParamsError: ``corpora`` lacks some; names them.
    """
    if lacking := [name for name in corpora if name not in params.corpora]:
        raise ParamsError(
            f"{PATH}: {section} names {listed(lacking)}, of which no inputs are made: list it under `corpora`, too"
        )


def load(path: Path = PATH) -> PretrainingParams:
    """Read and check ``pretrain/params.yaml``.

    Raises:
        ParamsError: it is missing or no YAML, or names each wrong key, what it held and what is wrong with it.
    """
    try:
        document = parse_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParamsError(f"{path} does not exist; emoflow init lays one out") from None
    except ValueError as error:
        raise ParamsError(f"{path}: {error}") from None
    try:
        return PretrainingParams.model_validate(document)
    except ValidationError as error:
        said = (
            f"{'.'.join(map(str, each['loc']))} is {each['input']!r}: {each['msg']}"
            for each in error.errors()
        )
        raise ParamsError(f"{path}: {'; '.join(said)}") from None
