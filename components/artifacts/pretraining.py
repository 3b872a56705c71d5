"""What ``pretrain/dvc.yaml`` makes: the inputs of pre-training, the models, and how their training went."""

from pathlib import Path
from typing import ClassVar, Literal

from .document import Document, Part

INPUTS = Path("data/pretraining/inputs")
"""``<corpus>/`` below it holds shards and an index, as `pretraining.store` describes them."""
AV_HUBERT = Path("data/pretraining/av-hubert")
"""The model: a folder as Hugging Face lays it out, with ``encoder.json`` and `AvHubertHistory`."""
PIPELINE = Path("pretrain/dvc.yaml")


class Unusable(Part):
    """A stream of a clip that could not be read, and why."""

    utterance_id: str
    stream: Literal["audio", "pictures"]
    reason: str


class PretrainingInputs(Document):
    """``data/pretraining/inputs/<corpus>/inputs.json``.

    Attributes:
        roi: what the pictures show; None: no pictures were read.
        detector: that found the faces; None likewise.
        clips, frames: how many are kept.
        heard: clips with sound.
        seen: frames with a picture of what it is to show.
        units: the planted phones, by the numbers that frames have; empty where none are planted.
        unusable: streams of clips, by clip; a clip with neither is not kept.
    """

    PATH: ClassVar[str] = "data/pretraining/inputs/{corpus}/inputs.json"
    STAGE: ClassVar[str] = "pretrain/dvc.yaml:inputs@{corpus}"

    corpus: str
    roi: Literal["mouth", "face"] | None
    detector: str | None
    clips: int
    frames: int
    heard: int
    seen: int
    units: list[str]
    unusable: list[Unusable]


class CurvePoint(Part):
    """Means over the updates since the last point.

    Attributes:
        step: the update, from 1 on.
        loss: cross-entropy of masked frames, in nats.
        masked_accuracy: the share of masked frames whose cluster is predicted.
        feature_penalty: the mean square of the front ends' features.
    """

    step: int
    loss: float
    masked_accuracy: float
    feature_penalty: float


class AvHubertIteration(Part):
    """One round of clusters and training.

    Attributes:
        of: what was clustered: ``mfcc``, or the states behind this block of the model before.
        clusters: asked for. used: that have a frame.
        inertia: the mean squared distance of a frame to its cluster's centre.
        entropy: of the clusters' frequencies, in nats: the loss of whoever knows them alone.
        purity: the share of frames whose phone is the most frequent one of their cluster. mutual_information: of
            clusters and phones, over the phones' entropy. None where no phones are planted.
        masking: of ``feature`` or ``input``.
        curve: of the training.
    """

    of: Literal["mfcc"] | int
    clusters: int
    used: int
    inertia: float
    entropy: float
    purity: float | None
    mutual_information: float | None
    masking: Literal["feature", "input"]
    curve: list[CurvePoint]


class AvHubertHistory(Document):
    """``data/pretraining/av-hubert/history.json``."""

    PATH: ClassVar[str] = "data/pretraining/av-hubert/history.json"
    STAGE: ClassVar[str] = "pretrain/dvc.yaml:av-hubert"

    corpora: list[str]
    size: Literal["tiny", "base", "large"]
    roi: Literal["mouth", "face"] | None
    clips: int
    frames: int
    iterations: list[AvHubertIteration]
