"""Words from speech: the whole of a Whisper, encoder and decoder."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import MediaError, ParamsError, SettingsError, listed
from ...files import file_digest
from ...media.audio import SILENCE
from ..audio import RATE, Audio, pieces
from ..model_files import NO_MODELS, PRETRAINED, ModelFiles
from .architecture import configuration, from_safetensors, on_device, processor, quiet, within_memory
from .folder import find
from .model import OfFolder
from .spec import PretrainedSpec

if TYPE_CHECKING:
    from transformers import GenerationConfig, WhisperForConditionalGeneration

NO_SPEECH = 0.6
"""A piece of which Whisper gives a higher probability to its token for no speech has none."""
MOST_COMPRESSION = 2.4
"""Whisper's own bound: a text that zlib makes smaller by more than this repeats itself."""
GENERATION = "generation_config.json"


class SpeechRecogniser(OfFolder, Audio):
    """Whisper, decoding greedily: the same recording always gives the same words.

    As an encoder its tokens are the letters of what it recognised, so that a recording is recognised once and kept in
    the cache as features are. Radford et al. (2022), Robust speech recognition via large-scale weak supervision.
    """

    kind = "sequence"
    version = 1
    dimensions = 1
    libraries = (*OfFolder.libraries, "tokenizers", "soxr")

    def __init__(self, *, hf: str, language: str | None = None, models: ModelFiles = NO_MODELS):
        """A recogniser.

        Args:
            hf: the model's name on the hub, or the path of its folder.
            language: what is spoken, such as ``fi``; None: a multilingual model detects it for each piece.
            models: where models are kept.

        Raises:
            SettingsError: the model is absent, or is no Whisper with a decoder.
            ParamsError: it does not know the language.
        """
        self.spec = PretrainedSpec(hf, pooling="none")
        self.folder = find(self.spec, models)
        self.device = models.device
        self.name = f"{self.spec.model}.asr"
        kind = configuration(self.folder.path).model_type
        if kind != "whisper":
            raise SettingsError(
                f"{hf} is a model of the architecture {kind!r}, which recognises no words here; "
                "take a Whisper, such as whisper-tiny.en"
            )
        if not (self.folder.path / GENERATION).is_file():
            raise SettingsError(
                f"{self.folder.path} has no {GENERATION}, which says how Whisper writes words: take the whole model"
            )
        if getattr(self.generation, "no_timestamps_token_id", None) is None:
            raise SettingsError(
                f"{self.folder.path / GENERATION} does not name the token for no time stamps: it is of an old "
                "transformers; take the model as its authors publish it now"
            )
        self.language = self._known(language)
        self.parameters = {
            "language": self.language,
            "configuration": self.folder.configuration,
            "generation": file_digest(self.folder.path / GENERATION),
            "no_speech": NO_SPEECH,
            "most_compression": MOST_COMPRESSION,
        }

    def _known(self, language: str | None) -> str | None:
        """The language that the model is told; None where it hears but one, or detects it."""
        known = [mark.strip("<|>") for mark in self.generation.lang_to_id] if self.multilingual else ["en"]
        if language is not None and language not in known:
            raise ParamsError(
                f"features.text.language is {language!r}; {self.spec.hf} recognises {listed(sorted(known), 100)}"
            )
        return language if self.multilingual else None

    @property
    def multilingual(self) -> bool:
        """Whether the model is told what to do: one that hears English alone must not be."""
        return bool(getattr(self.generation, "lang_to_id", None))

    @cached_property
    def generation(self) -> GenerationConfig:
        """How the model writes words."""
        from transformers import GenerationConfig

        return GenerationConfig.from_pretrained(self.folder.path, local_files_only=True)

    def files(self) -> dict[str, Path]:
        """The model's folder, which encoders of the same model share."""
        return super().files() | {
            f"{PRETRAINED}/{self.spec.model}/{GENERATION}": self.folder.path / GENERATION
        }

    def encode_decoded(self, medium: Iterable[np.ndarray]) -> np.ndarray:
        """What is said in a recording as UTF-8: uint8 [N, 1]. See `words` for what it takes and raises."""
        return np.frombuffer(self.words(medium).encode(), np.uint8)[:, None]

    def words(self, medium: Iterable[np.ndarray]) -> str:
        """What is said in a recording. One beyond the 30 s that Whisper hears at once is recognised in equal pieces.

        Whisper writes something even where nobody speaks, so a piece counts as one without speech where its peak stays
        below `SILENCE`, or the model gives its token for no speech a probability above `NO_SPEECH`. (Whisper's own code
        keeps such a text where its mean log-probability is above -1. That of the ``you`` which tiny.en hears in digital
        silence is -0.4, so none is kept here.) A piece whose text repeats itself counts as not understood.

        Args:
            medium: float32 [samples] each, mono at 16 kHz, within ±1; one after the other they are the recording.

        Returns:
            The text of its pieces, a space between two.

        Raises:
            MediaError: nothing was recognised; says why.
        """
        found = [self._heard(piece) for piece in pieces(medium, self.extractor.n_samples)]
        said = [text for text, _ in found if text]
        if not said:
            raise MediaError("; ".join(dict.fromkeys(why for _, why in found)))
        return " ".join(said)

    def _heard(self, samples: np.ndarray) -> tuple[str | None, str]:
        """The text of one piece, or None and why there is none."""
        import torch

        if np.abs(samples).max() < SILENCE:
            return None, "no speech recognised: silent"
        heard = self.extractor(samples, sampling_rate=RATE, return_tensors="pt")
        features = heard["input_features"].to(self.device)
        asked = {"language": self.language, "task": "transcribe"} if self.multilingual else {}
        with torch.inference_mode(), within_memory(self.device), quiet():
            encoded = self.loaded.get_encoder()(features)
            first = torch.tensor([[self.generation.decoder_start_token_id]], device=self.device)
            logits = self.loaded(decoder_input_ids=first, encoder_outputs=encoded).logits[0, 0]
            # Its token for no speech comes before the one for no time stamps, whatever the vocabulary.
            silence = float(logits.softmax(-1)[self.generation.no_timestamps_token_id - 1])
            if silence > NO_SPEECH:
                return None, "no speech recognised"
            tokens = self.loaded.generate(
                encoder_outputs=encoded,
                do_sample=False,
                num_beams=1,
                force_unique_generate_call=True,  # a time stamp, should it write one, begins no second pass
                **asked,
            )
        text = self.tokenizer.decode(tokens[0], skip_special_tokens=True).strip()
        if not any(map(str.isalnum, text)):
            return None, "no speech recognised"
        letters = text.encode()
        if len(letters) / len(zlib.compress(letters)) > MOST_COMPRESSION:
            return None, "speech not understood: the recognised text repeats itself"
        return text, ""

    @cached_property
    def extractor(self) -> Any:
        """The model's own feature extractor, which pads to the 30 s that Whisper hears."""
        return processor("AutoFeatureExtractor", self.folder.path)

    @cached_property
    def tokenizer(self) -> Any:
        """The model's own tokenizer."""
        return processor("AutoTokenizer", self.folder.path)

    @property
    def loaded(self) -> WhisperForConditionalGeneration:
        return _load(self.folder.path, self.device)


@lru_cache
def _load(folder: Path, device: str) -> WhisperForConditionalGeneration:
    """The model with its weights, in float32, on a device; once per process.

    Raises:
        SettingsError: weights of another model, or of its encoder alone.
    """
    model, info = from_safetensors("WhisperForConditionalGeneration", folder)
    lacking = sorted([*info["missing_keys"], *(each[0] for each in info["mismatched_keys"])])
    if lacking:
        raise SettingsError(
            f"{folder}: its weights are not those of a whole Whisper: {len(lacking)} are missing or of another shape: "
            f"{listed(lacking)}; take a model that has its decoder"
        )
    model = model.eval().requires_grad_(False)
    return model if device == "cpu" else on_device(model, device)
