"""Parses ``params.yaml`` into frozen objects. An error names the key, its value and the values allowed."""

import difflib
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import regex
from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from .errors import ParamsError, listed
from .files import parse_yaml
from .schema import (
    CLASSIFIERS,
    CONDITIONS,
    CORPORA,
    EMOTIONS,
    LABEL_SPACES,
    LAYOUTS,
    ChooseBy,
    Join,
    LabelSpace,
    Layout,
)

PATH = Path("params.yaml")

NAME = r"^[a-z0-9][a-z0-9._-]*$"
Name = Annotated[str, Field(pattern=NAME, max_length=64)]
ProtocolName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._:+-]*$", max_length=128)]
Pooling = Literal["mean", "mean-std", "none"]
AUTO = "auto"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LayoutStated(_Frozen):
    """``layouts.<corpus>``: see ``schema.Layout``."""

    layout: Literal[AUTO, *LAYOUTS] = AUTO
    pattern: str | None = None
    labels: dict[str, Literal[EMOTIONS]] = {}
    language: str | None = Field(default=None, pattern=r"^[a-z]{2}$")
    scale: tuple[float, float] = (-1.0, 1.0)
    raters: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _can_be(self):
        if self.scale[0] >= self.scale[1]:
            raise ValueError(f"scale is {list(self.scale)}; give the lowest, then the highest")
        if self.pattern is not None:
            try:
                groups = regex.compile(self.pattern).groupindex
            except regex.error as error:
                raise ValueError(f"pattern {self.pattern!r} is no regular expression: {error}") from None
            if "label" not in groups:
                raise ValueError(f"pattern {self.pattern!r} has no group (?P<label>…)")
        return self


class LabelSpaceStated(_Frozen):
    """``label_spaces.<name>``: see ``schema.LabelSpace``; ``mapping`` is of labels, ``raw`` of a corpus's own words."""

    classes: list[str] = Field(min_length=2)
    mapping: dict[Literal[EMOTIONS], str] = {}
    raw: dict[Name, dict[str, str]] = {}

    @model_validator(mode="after")
    def _maps_into_its_classes(self):
        twice = sorted({each for each in self.classes if self.classes.count(each) > 1})
        if twice:
            raise ValueError(f"classes named twice: {', '.join(twice)}")
        targets = [*self.mapping.values(), *(each for words in self.raw.values() for each in words.values())]
        strange = sorted(set(targets) - set(self.classes))
        if strange:
            raise ValueError(f"maps to {', '.join(strange)}, which is none of its classes")
        nothing = [] if self.mapping or self.raw else sorted(set(self.classes) - set(EMOTIONS))
        if nothing:
            raise ValueError(f"no label is mapped to {', '.join(nothing)}: give mapping or raw")
        return self


class Validation(_Frozen):
    shortest_s: float = Field(ge=0)
    longest_s: float = Field(gt=0)
    on_breach: Literal["refuse", "quarantine"]

    @model_validator(mode="after")
    def _in_order(self):
        if self.shortest_s >= self.longest_s:
            raise ValueError(
                f"shortest_s is {self.shortest_s}, longest_s {self.longest_s}: no clip can be both"
            )
        return self


class ModelEncoder(_Frozen):
    """A pre-trained model in place of an encoder's name."""

    revision: str | None = Field(default=None, min_length=1)
    """A commit, tag or branch of the hub."""
    layers: int | list[int] | dict[str, int] | Literal["weighted"] | None = None
    """A hidden state by number, negative from the end; a list of them, side by side; ``{last: n}``: the mean of the
    last n; ``weighted``: all, summed with weights that are learned; null: the modality's default."""
    pooling: Pooling
    """Over time; none: a token for each piece of time, word or picture."""

    @field_validator("layers", mode="before")
    @classmethod
    def _says_which_layers(cls, layers: Any) -> Any:
        def whole(value: Any) -> bool:
            return isinstance(value, int) and not isinstance(value, bool)

        several = isinstance(layers, list) and bool(layers) and all(map(whole, layers))
        last = (
            isinstance(layers, dict)
            and list(layers) == ["last"]
            and whole(layers["last"])
            and layers["last"] > 0
        )
        if not (layers is None or layers == "weighted" or whole(layers) or several or last):
            raise ValueError(
                f"layers is {layers!r}; give a number, a list of numbers, {{last: n}} with n from 1 on, or weighted"
            )
        return layers


class HuggingFaceEncoder(ModelEncoder):
    """A model of Hugging Face's, as in ``{hf: facebook/wav2vec2-base, layers: 8}``."""

    hf: str = Field(min_length=1)
    """Its name on the hub, or the path of its folder."""
    tune: Literal["lora", "full"] | None = None
    """Trained together with the fusion: by low-rank updates, or all weights; null: frozen."""

    @model_validator(mode="after")
    def _one_state_is_tuned(self):
        if self.tune is not None and self.layers == "weighted":
            raise ValueError(
                f"tune is {self.tune!r}, and layers: weighted keeps the frozen model's states rounded to half "
                "precision: name the layers, or leave tune out"
            )
        return self


class SpeechEncoder(HuggingFaceEncoder):
    pooling: Pooling = "mean-std"


class TextEncoder(HuggingFaceEncoder):
    pooling: Pooling = "mean"
    context: int = Field(default=0, ge=0)
    """How many earlier turns of its dialogue are read before each utterance."""


class FaceEncoder(HuggingFaceEncoder):
    pooling: Pooling = "none"


class AvHubertEncoder(ModelEncoder):
    """An AV-HuBERT, as in ``{av_hubert: av-hubert-base, streams: av}``."""

    av_hubert: str = Field(min_length=1)
    """Its name here, or the path of its folder."""
    roi: Literal["mouth", "face"] | None = None
    """What its pictures show; the model itself says so, and null leaves it to that."""

    @model_validator(mode="before")
    @classmethod
    def _is_tuned_elsewhere(cls, stated: Any) -> Any:
        if isinstance(stated, dict) and "tune" in stated:
            raise ValueError(
                "tune is not supported for an AV-HuBERT, which is fine-tuned by itself (emoflow pretrain fine-tuning) "
                "and then named here"
            )
        return stated


class AudioAvHubertEncoder(AvHubertEncoder):
    pooling: Pooling = "mean-std"
    streams: Literal["a"] = "a"
    """Sound alone."""

    @field_validator("streams", mode="before")
    @classmethod
    def _sees_nothing(cls, streams: Any) -> Any:
        if streams in ("av", "v"):
            raise ValueError(
                f"streams is {streams!r}, which reads pictures: state it under features.face.encoders"
            )
        return streams


class FaceAvHubertEncoder(AvHubertEncoder):
    pooling: Pooling = "none"
    streams: Literal["av", "v"] = "av"
    """The pictures and the sound of a film, or the pictures alone."""

    @field_validator("streams", mode="before")
    @classmethod
    def _sees(cls, streams: Any) -> Any:
        if streams == "a":
            raise ValueError(
                "streams is 'a', which reads sound alone: state it under features.audio.encoders"
            )
        return streams


_NAMED, _STATED, _AV_HUBERT = "<name>", "<mapping>", "<av_hubert>"
"""Which of an encoder's forms is meant; no part of a key, so that messages leave it out."""
STATED_ENCODERS: dict[str, dict[str, type[ModelEncoder]]] = {
    _STATED: {"audio": SpeechEncoder, "text": TextEncoder, "face": FaceEncoder},
    _AV_HUBERT: {"audio": AudioAvHubertEncoder, "face": FaceAvHubertEncoder},
}


def _form(stated: Any) -> str:
    return _STATED if isinstance(stated, dict | ModelEncoder) else _NAMED


def _form_of_media(stated: Any) -> str:
    known = isinstance(stated, AvHubertEncoder) or (isinstance(stated, dict) and "av_hubert" in stated)
    return _AV_HUBERT if known else _form(stated)


_BY_FORM, _BY_FORM_OF_MEDIA = Discriminator(_form), Discriminator(_form_of_media)


FRAMES = ("egemaps-lld", "logmel")
"""Encoders by name that give a sequence at a rate of its own."""


class ModalityFeatures(_Frozen):
    join: Join = "concatenate"
    """How the encoders' tokens become one sequence: at one rate side by side, or each as it is, in order of time."""
    encoders: Sequence[str | HuggingFaceEncoder]

    @model_validator(mode="after")
    def _tuned_tokens_stand_alone(self):
        stated = [each for each in self.encoders if isinstance(each, HuggingFaceEncoder)]
        tuned = [each.hf for each in stated if each.tune is not None]
        if not tuned or len(self.encoders) == 1:
            return self
        if self.join == "streams":
            raise ValueError(f"tune ({tuned[0]}) is not supported with join: streams; leave one of them out")
        sequences = [each for each in self.encoders if isinstance(each, str) and each in FRAMES]
        sequences += [
            each.hf for each in stated if each.pooling == "none" and not isinstance(each, FaceEncoder)
        ]
        av_hubert = [each for each in self.encoders if isinstance(each, AvHubertEncoder)]
        sequences += [each.av_hubert for each in av_hubert if each.pooling == "none"]
        # Sequences of faces are of the same pictures, and count as one; others would have to be resampled.
        pictures = [each.hf for each in stated if each.pooling == "none" and isinstance(each, FaceEncoder)]
        sequences += pictures[:1]
        if len(sequences) > 1:
            raise ValueError(
                f"tune ({tuned[0]}) is not supported where several encoders have pooling: none or give frames "
                f"({listed(sequences)}); pool all but one"
            )
        return self


class AudioFeatures(ModalityFeatures):
    encoders: list[
        Annotated[
            Annotated[Literal["egemaps", "compare", "egemaps-lld", "logmel"], Tag(_NAMED)]
            | Annotated[SpeechEncoder, Tag(_STATED)]
            | Annotated[AudioAvHubertEncoder, Tag(_AV_HUBERT)],
            _BY_FORM_OF_MEDIA,
        ]
    ] = Field(min_length=1)


class TextFeatures(ModalityFeatures):
    encoders: list[
        Annotated[
            Annotated[Literal["hashing"], Tag(_NAMED)] | Annotated[TextEncoder, Tag(_STATED)],
            _BY_FORM,
        ]
    ] = Field(min_length=1)
    dimensions: int = Field(ge=64, le=65536)
    words_from: Literal["transcripts", "asr"] = Field(default="transcripts", alias="from", exclude=True)
    """Where the words come from: what the corpus says, or all that is recognised in its recordings."""
    model: str | None = Field(default=None, min_length=1, exclude=True)
    """Of ``from: asr``: the Whisper that recognises them, by its name on the hub or the path of its folder."""
    language: str | None = Field(default=None, pattern=r"^[a-z]{2,3}$", exclude=True)
    """Of ``from: asr``: what is spoken, for a multilingual model; null: each recording's is detected."""

    @model_validator(mode="after")
    def _recognition_needs_a_model(self):
        if self.words_from == "asr" and self.model is None:
            raise ValueError(
                "from is asr, which needs a model that recognises speech: model: whisper-tiny.en"
            )
        return self

    @property
    def recogniser(self) -> dict[str, Any] | None:
        """The model that recognises words and the language that it listens for; None where transcripts are read."""
        return {"hf": self.model, "language": self.language} if self.words_from == "asr" else None


class FaceFeatures(ModalityFeatures):
    encoders: list[
        Annotated[
            Annotated[Literal["appearance", "landmarks", "blendshapes"], Tag(_NAMED)]
            | Annotated[FaceEncoder, Tag(_STATED)]
            | Annotated[FaceAvHubertEncoder, Tag(_AV_HUBERT)],
            _BY_FORM_OF_MEDIA,
        ]
    ] = Field(min_length=1)
    frames: int = Field(ge=1, le=256)
    track: Literal["cascade", "mediapipe"] | None = None
    """What follows the face through the clip; null: each frame is searched by itself."""
    follow: Literal["largest", "active-speaker"] = Field(
        default="largest", exclude_if=lambda stated: stated == "largest"
    )
    """Which of several faces the track is of: the largest and most central, or whose mouth moves with the sound."""

    @model_validator(mode="after")
    def _the_speaker_is_found_by_landmarks(self):
        if self.follow == "active-speaker" and self.track != "mediapipe":
            raise ValueError(
                "follow is active-speaker, which is found by the lips' landmarks: set track to mediapipe (it is "
                f"{self.track or 'null'}), or leave follow out"
            )
        return self

    @model_validator(mode="after")
    def _blendshapes_are_of_a_track(self):
        if "blendshapes" in self.encoders and self.track != "mediapipe":
            raise ValueError(
                f"the encoder blendshapes needs track: mediapipe, and it is {self.track or 'null'}"
            )
        return self

    @model_validator(mode="after")
    def _every_frame_is_of_a_track(self):
        models = [each.av_hubert for each in self.encoders if isinstance(each, AvHubertEncoder)]
        if models and self.track is None:
            raise ValueError(
                f"the encoder {models[0]} looks at every frame, which needs a face that is followed through the clip: "
                "set track to mediapipe or cascade"
            )
        return self

    @property
    def runs_landmarker(self) -> bool:
        """Whether MediaPipe's model file is needed."""
        return self.track == "mediapipe" or "landmarks" in self.encoders


class Features(_Frozen):
    audio: AudioFeatures
    text: TextFeatures
    face: FaceFeatures


PRESETS: dict[str, dict[str, Any]] = {
    "pretrained": {
        "audio": {"encoders": ["egemaps", "compare", {"hf": "whisper-tiny.en", "layers": [2, 3]}]},
        "text": {"encoders": [{"hf": "minilm-l6"}], "dimensions": 1024},
        "face": {"encoders": ["appearance", {"hf": "dinov2-small"}], "frames": 8},
    }
}
"""What a word in place of the section ``features`` stands for."""


class Preparation(_Frozen):
    """What is made of an encoder's many features before training; counts of words are never reduced."""

    reduction: Literal["pca", "autoencoder", "none"]
    components: int = Field(ge=1, le=4096)
    above: int = Field(ge=1)

    @model_validator(mode="after")
    def _fewer_than_before(self):
        if self.components > self.above:
            raise ValueError(
                f"components is {self.components}, above {self.above}: nothing would be reduced; "
                "give fewer components, or a larger above"
            )
        return self


class Exclusion(_Frozen):
    """Utterances that a person leaves out."""

    reason: str = Field(min_length=1)
    ids: tuple[str, ...] = Field(min_length=1)
    """Utterance ids, with or without the corpus's name before them."""


class Folds(_Frozen):
    seed: int
    waivers: dict[Name, Annotated[str, Field(min_length=1)]]
    """Kind of leak → the reason for going on in spite of it."""
    exclude: dict[Name, Exclusion] = {}
    """Corpus → utterances that are left out of all folds, and why; every figure says how many."""
    unlabelled: list[Name] = []
    """Corpora that are learned from without their labels."""
    keep_unlabelled: bool = False
    """Whether rows that nobody labelled, of the other corpora, are learned from too."""


class Search(_Frozen):
    strategies: list[Name] = Field(min_length=1)
    configurations: int = Field(ge=1, le=4096)
    epochs: int = Field(ge=1)
    halvings: int = Field(ge=0, le=10)
    seed: int
    seeds: int = Field(default=1, ge=1, le=64)
    """Every configuration is trained with as many."""
    choose_by: ChooseBy = "mean"
    """Whether a configuration is scored by the mean of its seeds' scores, or by the score of their ensemble."""
    proposals: Literal["spread", "random", "tpe"] = "spread"
    """How configurations are drawn: spread evenly, at random, or learnt from the batches before."""
    batches: int = Field(default=1, ge=1)
    """A strategy's configurations come in as many batches, one after another."""
    evolve: bool = False
    """At each rung the worst take the weights of the best and go on from there, in place of halving."""
    patience: int | None = Field(default=None, ge=1)
    """Epochs without a better validation curve after which a configuration is trained no longer; null: never."""
    space: dict[Name, Any] = {}
    """Hyper-parameter, or strategy → hyper-parameter: a value, a list of values, ``{uniform: [low, high]}`` or
    ``{log: [low, high]}``; in place of what a strategy's own search space says."""

    @field_validator("space")
    @classmethod
    def _says_what_may_be_drawn(cls, space: dict[str, Any]) -> dict[str, Any]:
        return {
            name: {key: _drawn_from(f"{name}.{key}", each) for key, each in value.items()}
            if isinstance(value, dict) and not {"log", "uniform"} & set(value)
            else _drawn_from(name, value)
            for name, value in space.items()
        }

    @model_validator(mode="after")
    def _every_rung_has_an_epoch(self):
        if self.epochs >> self.halvings < 1:
            raise ValueError(
                f"halvings is {self.halvings}, too many for {self.epochs} epochs; "
                f"at most {self.epochs.bit_length() - 1}"
            )
        return self

    @model_validator(mode="after")
    def _goes_together(self):
        if self.batches > self.configurations:
            raise ValueError(
                f"batches is {self.batches}, configurations {self.configurations}: a batch needs one"
            )
        if self.proposals == "tpe" and self.batches < 2:
            raise ValueError(
                "proposals is tpe, which learns from the batches before: set batches to 2 or more"
            )
        if self.evolve and self.patience is not None:
            raise ValueError("evolve needs all to be trained from rung to rung: set patience to null")
        if self.evolve and self.halvings < 1:
            raise ValueError("evolve goes by rungs, of which halvings gives the number: set it to 1 or more")
        if self.evolve and self.configurations < 2 * self.batches:
            raise ValueError(
                f"evolve lets the worst go on from the best of a batch, which needs two: configurations is "
                f"{self.configurations}, batches {self.batches}"
            )
        return self


def _drawn_from(key: str, value: Any) -> Any:
    """One entry of ``search.space``, numbers that were written in quotes as numbers."""
    if isinstance(value, dict):
        scale, *more = value
        ends = value[scale]
        if more or scale not in ("log", "uniform") or not isinstance(ends, list) or len(ends) != 2:
            raise ValueError(f"{key} is {value}; a range is {{uniform: [low, high]}} or {{log: [low, high]}}")
        low, high = map(_number, ends)
        if isinstance(low, str) or isinstance(high, str) or not low < high:
            raise ValueError(f"{key} is {value}; give two numbers, the lower one first")
        if scale == "log" and low <= 0:
            raise ValueError(f"{key} is {value}; in a logarithmic range both ends are above 0")
        return {scale: [low, high]}
    if isinstance(value, list):
        if not value:
            raise ValueError(f"{key} is an empty list: nothing can be drawn from it")
        if any(isinstance(each, (dict, list)) or each is None for each in value):
            raise ValueError(f"{key} is {value}; a list holds values")
        return [_number(each) for each in value]
    if value is None:
        raise ValueError(
            f"{key} is empty; give a value, a list of values, or a range {{uniform: [low, high]}}"
        )
    return _number(value)


def _number(value: Any) -> Any:
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


class Tuning(_Frozen):
    """How encoders with ``tune`` are trained together with the fusion."""

    epochs: int = Field(default=3, ge=1, le=1000)
    """At most: validation chooses how many, none among them."""
    learning_rate: float | None = Field(default=None, gt=0, le=1)
    """Of the encoders; null: 5e-4 where all of them are tuned by LoRA, else 2e-5. The fusion keeps its own."""
    batch: int = Field(default=32, ge=1)
    """Utterances of an optimizer's step."""
    accumulate: int = Field(default=2, ge=1)
    """Parts of a batch that go through the encoder one after another, whose gradients are added up."""
    checkpointing: bool = False
    """Whether activations are computed again in the backward pass, which saves memory and takes longer."""
    rank: int = Field(default=8, ge=1, le=1024)
    """Of LoRA's updates."""

    @model_validator(mode="after")
    def _parts_have_rows(self):
        if self.accumulate > self.batch:
            raise ValueError(
                f"accumulate is {self.accumulate}, batch {self.batch}: a part needs an utterance"
            )
        return self


class Train(_Frozen):
    seeds: list[int] = Field(min_length=1)
    classifiers: list[Literal["svm"]] = Field(default=[], max_length=len(CLASSIFIERS))
    """Scored on the same folds beside the strategies: what a fusion has to beat."""
    tuning: Tuning = Tuning()


class Robustness(_Frozen):
    """How the test recordings are made worse."""

    utterances: int | None = Field(ge=1)
    """How many test utterances are drawn, stratified by class and fold; null: all."""
    seed: int
    recogniser: str = Field(default="whisper-tiny.en", min_length=1)
    """Of the condition ``recognised_words``: a Whisper, by its name on the hub or the path of its folder."""
    conditions: dict[str, list[float]]
    """Condition (see ``schema.CONDITIONS``) → its levels."""

    @field_validator("conditions")
    @classmethod
    def _levels_can_be(cls, conditions: dict[str, list[float]]) -> dict[str, list[float]]:
        for name, levels in conditions.items():
            if name not in CONDITIONS:
                raise ValueError(_unknown(name, CONDITIONS))
            known = CONDITIONS[name]
            may = f"give levels from {known.lowest:g} to {known.highest:g} ({known.unit})"
            if not levels:
                raise ValueError(f"{name} has no level; {may}, or leave it out")
            for level in levels:
                if not known.lowest <= level <= known.highest:
                    raise ValueError(f"{name} holds {level:g}; {may}")
            if len(set(levels)) < len(levels):
                raise ValueError(f"{name} names a level twice: {levels}")
        return conditions


class Evaluate(_Frozen):
    seed: int

    @model_validator(mode="before")
    @classmethod
    def _no_resamples(cls, stated: Any):
        if isinstance(stated, dict) and "resamples" in stated:
            raise ValueError("resamples is no longer a key: intervals are by the jackknife; remove the line")
        return stated


class Registry(_Frozen):
    name: Name
    margin: float = Field(ge=0, lt=1)
    """The loss of UA (0 to 1) against the champion that the 95 % interval of the difference must exclude."""
    least_utterances: int = Field(ge=1)
    least_speakers: int = Field(ge=2)
    least_overlap: float = Field(gt=0, le=1)
    """The share of the champion's held-out utterances that a challenger must have been tested on."""


class Params(_Frozen):
    corpora: list[Name] = Field(min_length=1)
    layouts: dict[Name, LayoutStated]
    label_space: Name
    label_spaces: dict[Name, LabelSpaceStated]
    protocol: ProtocolName
    modalities: list[Name] = Field(min_length=1)
    """Audio, text and face are made from media; any other comes as features."""
    validation: Validation
    features: Features
    preparation: Preparation
    folds: Folds
    search: Search
    train: Train
    robustness: Robustness
    evaluate: Evaluate
    registry: Registry

    @field_validator("features", mode="before")
    @classmethod
    def _preset(cls, stated: Any) -> Any:
        if isinstance(stated, str) and stated not in PRESETS:
            raise ValueError(f"{_unknown(stated, PRESETS)}; or give the sections audio, text and face")
        return PRESETS[stated] if isinstance(stated, str) else stated

    @model_validator(mode="after")
    def _names_are_known_and_once(self):
        for key, values in (
            ("corpora", self.corpora),
            ("modalities", self.modalities),
            ("folds.unlabelled", self.folds.unlabelled),
            ("search.strategies", self.search.strategies),
            ("train.seeds", self.train.seeds),
        ):
            twice = sorted({str(value) for value in values if values.count(value) > 1})
            if twice:
                raise ValueError(f"{key}: named twice: {', '.join(twice)}")
        if strange := [name for name in self.folds.exclude if name not in self.corpora]:
            raise ValueError(
                f"folds.exclude names {listed(strange)}, and the corpora are {listed(self.corpora)}"
            )
        if "video" in self.modalities:
            raise ValueError(
                "modalities: 'video' is a medium; its pictures are the modality 'face', its sound 'audio'"
            )
        ours = sorted(set(self.label_spaces) & set(LABEL_SPACES))
        if ours:
            raise ValueError(f"label_spaces: {', '.join(ours)} is emoflow's own; give yours another name")
        known = [*LABEL_SPACES, *self.label_spaces]
        if self.label_space != AUTO and self.label_space not in known:
            raise ValueError(f"label_space: {_unknown(self.label_space, known)}")
        return self

    @model_validator(mode="after")
    def _unlabelled_corpora_are_read(self):
        strange = [name for name in self.folds.unlabelled if name not in self.corpora]
        if strange:
            raise ValueError(
                f"folds.unlabelled names {', '.join(strange)}, which corpora does not: name it under both; corpora is "
                f"{self.corpora}"
            )
        if not self.labelled:
            raise ValueError(
                "folds.unlabelled names every corpus: at least one has to be learned from with its labels"
            )
        return self

    @property
    def labelled(self) -> list[str]:
        """The corpora that are learned from with their labels, and that are tested."""
        return [name for name in self.corpora if name not in self.folds.unlabelled]

    def layout(self, corpus: str) -> Layout:
        """What is stated of a corpus's layout."""
        stated = self.layouts.get(corpus)
        return Layout(**stated.model_dump()) if stated else Layout()

    def space(self) -> LabelSpace:
        """The label space, ``auto`` resolved by the corpora; without classes for a corpus that nobody knows, whose
        classes are the labels that it has.

        Raises:
            ParamsError: for ``auto`` with corpora whose own spaces differ.
        """
        name = self._resolve("label_space")
        if name in self.label_spaces:
            return LabelSpace(name, **self.label_spaces[name].model_dump())
        return LABEL_SPACES.get(name) or LabelSpace(name, ())

    def protocol_name(self) -> str:
        """The protocol, resolved by the corpora; without the label space's name for a rule (``kfold4``).

        ``auto`` remains for a corpus that nobody knows: its speakers decide. What stands behind it (``auto.shots8``)
        stands behind what it resolves to.
        """
        return self._resolve("protocol")

    def model_name(self) -> str:
        """The registered model's name."""
        return f"emotion-{self.space().name}" if self.registry.name == AUTO else self.registry.name

    def _resolve(self, key: str) -> str:
        value = getattr(self, key)
        first, dot, rest = value.partition(".")
        if first != AUTO:
            return value
        otherwise = {"label_space": lambda corpus: corpus, "protocol": lambda _: AUTO}[key]
        own = {
            name: getattr(CORPORA[known], key) if (known := self._known(name)) else otherwise(name)
            for name in self.labelled
        }
        if len(set(own.values())) > 1:
            said = ", ".join(f"{name}: {value}" for name, value in own.items())
            raise ParamsError(f"{PATH}: {key} is 'auto', and the corpora differ ({said}); name one there")
        return next(iter(own.values())) + dot + rest

    def _known(self, corpus: str) -> str | None:
        """Which corpus that emoflow knows this is: by its name, or by the layout stated for it."""
        layout = self.layout(corpus).layout
        return layout if layout in CORPORA else corpus if corpus in CORPORA and layout == AUTO else None


def load(path: str | Path = PATH) -> Params:
    """Read and check ``params.yaml``, in YAML 1.2 as DVC reads it; its text in Unicode's form C, as names are kept.

    Args:
        path: of the file.

    Returns:
        The experiment's parameters.

    Raises:
        ParamsError: naming each wrong key, what it held and what it may hold.
    """
    path = Path(path)
    try:
        document = parse_yaml(unicodedata.normalize("NFC", path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise ParamsError(f"{path} is not here: run this in the project's root") from None
    except ValueError as error:
        raise ParamsError(f"{path} is not YAML: {error}") from None
    try:
        return Params.model_validate(document)
    except ValidationError as error:
        raise ParamsError(f"{path}: " + "; ".join(_sentence(each) for each in error.errors())) from None


def features_section(modality: str, stated: Mapping[str, Any]) -> dict[str, Any]:
    """Check one section ``features.<modality>``, as a program states it.

    Args:
        modality: audio, text or face.
        stated: as the section in ``params.yaml``.

    Returns:
        The section, with what it leaves out by default.

    Raises:
        ParamsError: naming each wrong key.
    """
    section = Features.model_fields[modality].annotation
    try:
        return section.model_validate(stated).model_dump()
    except ValidationError as error:
        wrong = ({**each, "loc": ("features", modality, *each["loc"])} for each in error.errors())
        raise ParamsError("; ".join(map(_sentence, wrong))) from None


def _sentence(error: dict) -> str:
    loc = tuple(part for part in error["loc"] if part not in (_NAMED, _STATED, _AV_HUBERT))
    key = ".".join(map(str, loc))
    if error["type"] == "extra_forbidden":
        known = _keys_beside(loc, form=_AV_HUBERT if _AV_HUBERT in error["loc"] else _STATED)
        return f"{_unknown(key, known)}" if known else f"{key} is not a key here"
    if error["type"] == "missing":
        return f"{key} is missing"
    if not key:
        return error["msg"].removeprefix("Value error, ")
    said = error["msg"].removeprefix("Value error, ")
    if error["type"] == "value_error":
        return f"{key}: {said}"  # which names the value; the input is all that stands beside it, too
    if error.get("ctx", {}).get("pattern") == NAME:
        said = "a name is of lower-case letters, digits, '.', '_' and '-', a letter or a digit first"
        if loc[-1] == "[key]":
            return f"{key.removesuffix('.[key]')}: {said}"
    if loc[:1] == ("features",) and loc[2:3] == ("encoders",) and error["type"] == "literal_error":
        said += ", or a model as {hf: NAME}"
    return f"{key} is {error['input']!r}: {said[:1].lower()}{said[1:]}"


def _keys_beside(loc: tuple, *, form: str) -> list[str]:
    model: Any = Params
    for part in loc[:-1]:
        if isinstance(part, int):  # of all lists, those of encoders alone hold keys
            model = STATED_ENCODERS[form][loc[1]]
        elif get_origin(model) is dict:  # the part is a name of the user's own
            model = get_args(model)[1]
        else:
            model = model.model_fields[part].annotation
    names = [field.alias or name for name, field in model.model_fields.items()]
    return [".".join(map(str, (*loc[:-1], name))) for name in names]


def _unknown(name: str, known) -> str:
    close = difflib.get_close_matches(name.lower(), known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"it may be: {listed(known, 40)}"
    return f"{name!r} is not known; {hint}"
