"""Speech models: wav2vec 2.0 and its kin, which hear samples, and the encoder of Whisper, which hears mel frames."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import MediaError, SettingsError
from ..audio import RATE, Audio, overlapping_pieces
from .architecture import configuration, processor
from .folder import ModelFolder
from .model import Pretrained
from .spec import PretrainedSpec

if TYPE_CHECKING:
    from torch import Tensor

_POSITIONS_LOCK = Lock()
"""Held while the loaded model, which threads of a process share, has its table of positions cut."""

PIECE_S = 30
"""Attention over a whole recording would fill the memory: a longer one is heard in pieces of at most this."""

CONTEXT_S = 2
"""Of each neighbour a piece is given at least so much, whose tokens are dropped."""


def speech(spec: PretrainedSpec, folder: ModelFolder) -> Speech:
    """The encoder of a speech model."""
    whisper = configuration(folder.path).model_type == "whisper"
    return (Whisper if whisper else Speech)(spec, folder)


class Speech(Pretrained, Audio):
    """A model that hears samples at 16 kHz: wav2vec 2.0, HuBERT, WavLM, data2vec, UniSpeech-SAT, Moonshine.

    A clip is encoded alone, without padding, so that no model has to be told which samples are padding: those whose
    first layers are normalised over time, such as wav2vec2-base, could not be.
    """

    version = 1
    tunable = True
    libraries = (*Pretrained.libraries, "soxr")

    @property
    def extra_parameters(self) -> dict[str, Any]:
        return {"piece_s": PIECE_S, "context_s": CONTEXT_S}

    def default_layers(self) -> int:
        """Two thirds of the way up: the top of these models has words rather than voices."""
        return round(self.depth * 2 / 3)

    def encode_decoded(self, medium: Iterable[np.ndarray]) -> np.ndarray:
        """Tokens of a recording; one beyond ``PIECE_S`` is heard in pieces that overlap.

        Each piece is normalised by itself, and attends to nothing beyond itself. So tokens far from a seam differ from
        those of the whole recording by what a model makes of sounds farther away than that.

        Args:
            medium: float32 [samples] each, mono at 16 kHz, within ±1; one after the other they are the recording.

        Returns:
            As `pooled`.

        Raises:
            MediaError: shorter than the receptive field; and as ``decode`` and `pooled` do.
            SettingsError: the model hears another sampling rate, or cannot be loaded.
        """
        return self.pooled(self._tokens(piece)[own] for piece, own in self.cut(medium))

    def cut(self, medium: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, slice]]:
        """The pieces in which a recording is heard.

        Args:
            medium: as `encode_decoded` takes it.

        Yields:
            float32 [samples], and which of the piece's tokens are its own.
        """
        step = self._step
        # Of a Whisper with few positions, whose pieces are short, a quarter of a piece.
        context = min(math.ceil(CONTEXT_S * RATE / step), self.longest // (4 * step)) * step
        yield from overlapping_pieces(medium, most=self.longest, context=context, step=step)

    @property
    def longest(self) -> int:
        """Samples that are heard at once, at most."""
        return PIECE_S * RATE

    @cached_property
    def _step(self) -> int:
        """Samples from token to token."""
        many = 10**9  # so that the receptive field of the last token makes no difference
        return round(many / int(self.loaded._get_feat_extract_output_lengths(many)))

    @cached_property
    def extractor(self) -> Any:
        """The model's own feature extractor."""
        extractor = processor("AutoFeatureExtractor", self.folder.path)
        if extractor.sampling_rate != RATE:
            raise SettingsError(
                f"the encoder {self.spec.hf} hears {extractor.sampling_rate} Hz; recordings are decoded at {RATE} Hz"
            )
        return extractor

    def _tokens(self, samples: np.ndarray) -> np.ndarray:
        """One piece: float32 [T, D]."""
        inputs = self.inputs(samples)
        with self.fitted(self.loaded, inputs):
            taken, _ = self.taken(**inputs)
        return taken[0].numpy()

    def inputs(self, samples: np.ndarray) -> dict[str, Tensor]:
        """What the model is given of one piece. Raises MediaError: shorter than the receptive field."""
        if self.loaded._get_feat_extract_output_lengths(len(samples)) < 1:
            raise MediaError(f"shorter than the receptive field of {self.spec.hf}: {len(samples)} samples")
        # The extractor normalises where the model was trained so, and gives an attention mask where it wants one.
        return dict(self.extractor(samples, sampling_rate=RATE, return_tensors="pt"))

    def fitted(self, model: Any, inputs: Mapping[str, Tensor]) -> AbstractContextManager[None]:
        """Within it a model as `loaded` takes inputs of this length."""
        return nullcontext()


class Whisper(Speech):
    """Whisper's encoder on clips of their own length: its table of positions is cut, in place of padding to 30 s."""

    @property
    def extra_parameters(self) -> dict[str, Any]:
        return super().extra_parameters | {"positions": "cut to the clip"}

    @property
    def longest(self) -> int:
        """As many samples as the model has positions for."""
        positions: int = configuration(self.folder.path).max_source_positions
        return min(super().longest, positions * self._step)

    @cached_property
    def _step(self) -> int:
        """Samples from token to token: the second convolution halves the mel frames."""
        return 2 * self.extractor.hop_length

    def inputs(self, samples: np.ndarray) -> dict[str, Tensor]:
        """Mel frames ``[1, mels, 2 T]`` of one piece, filled up with silence to a whole number of tokens."""
        count = -(-len(samples) // self._step)
        whole = np.pad(samples, (0, count * self._step - len(samples)))
        heard = self.extractor(whole, sampling_rate=RATE, padding="do_not_pad", return_tensors="pt")
        return {"input_features": heard["input_features"]}

    def fitted(self, model: Any, inputs: Mapping[str, Tensor]) -> AbstractContextManager[None]:
        """Within it the model has as many positions as the inputs have tokens."""
        return _positions(model, inputs["input_features"].shape[-1] // 2)


@contextmanager
def _positions(encoder: Any, count: int) -> Iterator[None]:
    """Let Whisper's encoder take ``count`` tokens: it adds its whole table of positions, and checks for its length."""
    with _POSITIONS_LOCK:
        table, whole = encoder.embed_positions, encoder.config.max_source_positions
        table.num_embeddings = encoder.config.max_source_positions = count
        try:
            yield
        finally:
            table.num_embeddings = encoder.config.max_source_positions = whole
