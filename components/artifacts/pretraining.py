"""What ``pretrain/dvc.yaml`` makes: the inputs of pre-training, the models, and how their training went."""

from pathlib import Path
from typing import ClassVar, Literal

from .document import Document, Part, Table

INPUTS = Path("data/pretraining/inputs")
"""``<corpus>/`` below it holds shards and an index, as `pretraining.store` describes them."""
AV_HUBERT = Path("data/pretraining/av-hubert")
"""The model: a folder as Hugging Face lays it out, with ``encoder.json`` and `AvHubertHistory`."""
FINE_TUNED = Path("data/pretraining/fine-tuned")
"""Likewise, with `FineTuningResults` and `ANSWERS`."""
RECONSTRUCTION = Path("data/pretraining/reconstruction")
"""A model's folder, with `ReconstructionHistory`."""
DATA2VEC = Path("data/pretraining/data2vec")
"""A model's folder, with `Data2VecHistory`."""
LABELS = Table(
    "data/pretraining/labels/{corpus}.parquet",
    ("utterance_id", "speaker", "text", "label", "audio", "video"),
    "pretrain/dvc.yaml:labels@{corpus}",
)
"""One row per utterance, as its corpus has it; pre-training does not look at it."""
ADAPTED = Path("data/pretraining/adapted")
"""A model's folder, with `AdaptationResults`, `RETRIEVED` and ``retrieved.html``, a page to look through."""
RETRIEVED = Table(
    "data/pretraining/adapted/retrieved.parquet",
    ("utterance_id", "score", "anchor", "emotion"),
    "pretrain/dvc.yaml:adaptation",
)
"""The clips of the pool that were taken, the most similar first: the cosine with the labelled clip ``anchor``, which
has the emotion."""
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
        of: what was clustered: ``mfcc``, ``joint``, or the states behind this block of the model before.
        clusters: asked for. used: that have a frame.
        inertia: the mean squared distance of a frame to its cluster's centre.
        entropy: of the clusters' frequencies, in nats: the loss of whoever knows them alone.
        purity: the share of frames whose phone is the most frequent one of their cluster. mutual_information: of
            clusters and phones, over the phones' entropy. None where no phones are planted.
        masking: of ``feature`` or ``input``.
        curve: of the training.
    """

    of: Literal["mfcc", "joint"] | int
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


class ReconstructionPoint(Part):
    """Means over the updates since the last point.

    Attributes:
        step: the update, from 1 on.
        loss: the mean absolute error of masked frames.
        deviation: that of whoever knows the mean frame of a batch alone.
    """

    step: int
    loss: float
    deviation: float


class ReconstructionHistory(Document):
    """``data/pretraining/reconstruction/history.json``."""

    PATH: ClassVar[str] = "data/pretraining/reconstruction/history.json"
    STAGE: ClassVar[str] = "pretrain/dvc.yaml:reconstruction"

    corpora: list[str]
    size: Literal["tiny", "base", "large"]
    roi: Literal["mouth", "face"] | None
    streams: Literal["av", "a", "v"]
    clips: int
    frames: int
    curve: list[ReconstructionPoint]


class Data2VecPoint(Part):
    """Means over the updates since the last point.

    Attributes:
        step: the update, from 1 on.
        loss: the mean squared error of masked frames.
        variance: of their targets: the error of whoever knows their mean alone.
    """

    step: int
    loss: float
    variance: float


class Data2VecHistory(Document):
    """``data/pretraining/data2vec/history.json``."""

    PATH: ClassVar[str] = "data/pretraining/data2vec/history.json"
    STAGE: ClassVar[str] = "pretrain/dvc.yaml:data2vec"

    corpora: list[str]
    size: Literal["tiny", "base", "large"]
    clips: int
    frames: int
    curve: list[Data2VecPoint]


class SeedScores(Part):
    """One training's scores on the speakers held out; None of what was not learned.

    Attributes:
        cer, wer: wrong characters and words, by those of the transcripts.
        wa: the share of clips whose emotion is right. ua: the mean of the classes' recalls.
    """

    seed: int
    cer: float | None
    wer: float | None
    wa: float | None
    ua: float | None


class OverSeeds(Part):
    """A mean over the seeds, and its 95 % interval by Student's t; no bounds of a single seed.

    The interval says how much chance there is in training; the speakers are the same for all seeds.
    """

    mean: float
    low: float | None
    high: float | None


class FineTuningResults(Document):
    """``data/pretraining/fine-tuned/results.json``.

    Attributes:
        model: the folder of the model that training began with. sha256: of its weights.
        streams: of a clip that the network was given.
        speakers: those held out.
        clips: trained on and tested.
        too_fast: training clips whose text was not learned, since it has more characters than there are steps.
        sentences_seen: the share of tested clips whose sentence is also said in training.
        scores: of each seed.
        from_scratch: of each seed from first weights; empty where that was not asked for.
        summary: figure → over the seeds.
        gain: figure → what was better by than from first weights, seed by seed; errors lower, the others higher.
    """

    PATH: ClassVar[str] = "data/pretraining/fine-tuned/results.json"
    STAGE: ClassVar[str] = "pretrain/dvc.yaml:fine-tuning"

    corpora: list[str]
    model: str
    sha256: str
    streams: Literal["av", "a", "v"]
    speakers: list[str]
    clips: tuple[int, int]
    too_fast: int
    sentences_seen: float | None
    scores: list[SeedScores]
    from_scratch: list[SeedScores]
    summary: dict[str, OverSeeds]
    gain: dict[str, OverSeeds]


ANSWERS = Table(
    "data/pretraining/fine-tuned/answers.parquet",
    ("utterance_id", "said", "recognised", "label", "predicted"),
    "pretrain/dvc.yaml:fine-tuning",
)
"""What the model of the first seed says of the clips that were tested; null where that was not learned."""


class AdaptationResults(Document):
    """``data/pretraining/adapted/results.json``.

    Attributes:
        model: the folder of the model that was gone on with. sha256: of its weights.
        labelled: clips by which others were found. pool: clips there were. retrieved: clips taken.
        precision: the share of the retrieved clips that have the emotion of the labelled clip, where the pool's corpora
            state one. chance: that share of clips drawn at random in their place. None where no emotion is stated.
        ua_before, ua_after: UA of a linear classifier on each model's output, on the speakers held out.
        gain: of its share of right answers, the mean over these speakers; low, high: its 95 % interval over them.
        iteration: the clusters and the training on what was retrieved.
    """

    PATH: ClassVar[str] = "data/pretraining/adapted/results.json"
    STAGE: ClassVar[str] = "pretrain/dvc.yaml:adaptation"

    model: str
    sha256: str
    labelled: int
    pool: int
    retrieved: int
    precision: float | None
    chance: float | None
    speakers: list[str]
    ua_before: float
    ua_after: float
    gain: float
    low: float | None
    high: float | None
    iteration: AvHubertIteration
