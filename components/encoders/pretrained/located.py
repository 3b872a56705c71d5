"""A pre-trained encoder that is to be made: its model found, its modality known, nothing loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ...errors import ParamsError
from ..av_hubert.encoder import AvHubertFilms, AvHubertSpeech
from ..base import Encoder
from ..model_files import ModelFiles
from .architecture import EXPRESSIONS, FILMS, SPEAKERS, configuration, modality_of
from .expressions import Expressions
from .films import Films
from .folder import ModelFolder, find
from .pictures import Pictures
from .speaker import SpeakerEncoder
from .spec import AV_HUBERT, PretrainedSpec
from .speech import Speech, speech
from .text import TextModel

PRETRAINED = (Speech, TextModel, Pictures, AvHubertSpeech, AvHubertFilms)
"""A class for each modality, and AV-HuBERT's."""


@dataclass(frozen=True)
class Located:
    """What `registry.make` asks of an encoder's class, and can call as one.

    Attributes:
        folder: of the model.
        modality: that its architecture is for; of an AV-HuBERT that of the streams it reads.
        device: where it is to run.
    """

    spec: PretrainedSpec
    folder: ModelFolder
    modality: str
    device: str = "cpu"

    @classmethod
    def of(cls, stated: Mapping[str, Any], models: ModelFiles) -> Located:
        """Find the model of an encoder as params.yaml states it.

        Raises:
            ParamsError: an AV-HuBERT that is stated as another model, or another as an AV-HuBERT.
            SettingsError: it is absent, or cannot be used as an encoder.
        """
        spec = PretrainedSpec.of(stated)
        folder = find(spec, models)
        return cls(spec, folder, _modality(spec, folder), models.device)

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def kind(self) -> Literal["pooled", "sequence"]:
        return "sequence" if self.spec.pooling == "none" else "pooled"

    @property
    def alignable(self) -> bool:
        return self.modality == "face" and self.spec.streams is None

    def __call__(self, **parameters: Any) -> Encoder:
        """The encoder.

        Args:
            parameters: what params.yaml says of the modality; of faces ``frames``, and ``aligned``.

        Raises:
            ParamsError: the model does not have the layers asked for, or cannot be tuned and shall be.
        """
        encoder = self._made(**parameters)
        if self.spec.tune and not encoder.tunable:
            raise ParamsError(
                f"the encoder {self.spec.hf}: tune is not supported for a model of the architecture "
                f"{configuration(self.folder.path).model_type!r}, only for models of text, speech and pictures: leave "
                "tune out"
            )
        encoder.device = self.device
        return encoder

    def _made(self, **parameters: Any) -> Encoder:
        architecture = configuration(self.folder.path).model_type
        if architecture == AV_HUBERT:
            if self.modality == "audio":
                return AvHubertSpeech(self.spec, self.folder)
            return AvHubertFilms(self.spec, self.folder, **parameters)
        if self.modality == "face":
            other = Expressions if architecture in EXPRESSIONS else Pictures
            return (Films if architecture in FILMS else other)(self.spec, self.folder, **parameters)
        if architecture in SPEAKERS:
            return SpeakerEncoder(self.spec, self.folder)
        return (TextModel if self.modality == "text" else speech)(self.spec, self.folder)


def _modality(spec: PretrainedSpec, folder: ModelFolder) -> str:
    """The modality of what the model reads. Raises ParamsError and SettingsError, as `Located.of` does."""
    architecture = configuration(folder.path).model_type
    if spec.streams is None:
        if architecture == AV_HUBERT:
            raise ParamsError(
                f"the encoder {spec.hf} is an AV-HuBERT, which reads sound and pictures: write it as "
                f"{{{AV_HUBERT}: {spec.hf}}}"
            )
        return modality_of(folder.path)
    if architecture != AV_HUBERT:
        raise ParamsError(
            f"the encoder {spec.hf} is a model of the architecture {architecture!r} and no AV-HuBERT: write it as "
            f"{{hf: {spec.hf}}}"
        )
    return "audio" if spec.streams == "a" else "face"
