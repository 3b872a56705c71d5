"""Recordings as a model's inputs: one after another, since many speech models cannot be told what is padding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ..speech import Speech
from .inputs import Recording, Run

if TYPE_CHECKING:
    from transformers import PreTrainedModel

FRONT_END = ("feature_extractor.", "conv1.", "conv2.", "conv3.", "groupnorm.")
"""The convolutions that make frames of samples (Whisper's: of mel frames), which stay as they were pre-trained."""
POSITIONS = ("embed_positions.",)
"""Whisper's, which are sinusoids."""

Piece = tuple[dict[str, Tensor], slice]
"""What the model is given of a piece of a recording, and which of its tokens are the piece's own."""


class SpeechInputs:
    """Of a speech model: a recording is decoded each time that it is used, which takes a fraction of the model's time.

    What a model does to its inputs in pre-training alone is left out: masked spans (SpecAugment), skipped layers.

    Args:
        encoder: as which the features were made.
        model: that is trained.
    """

    untrained: tuple[str, ...] = FRONT_END + POSITIONS

    def __init__(self, encoder: Speech, model: PreTrainedModel):
        self._encoder, self._model = encoder, model
        front_end = getattr(model, "feature_extractor", None)
        if front_end is not None:
            front_end._freeze_parameters()  # else it keeps activations for a gradient that nobody asks for
        for name, off in (("apply_spec_augment", False), ("layerdrop", 0.0)):
            if hasattr(model.config, name):
                setattr(model.config, name, off)
        if hasattr(model, "layerdrop"):  # Whisper reads its configuration only when it is made
            model.layerdrop = 0.0

    def of(self, medium: Iterable[np.ndarray]) -> list[Piece]:
        """See `Inputs`; as the frozen encoder a recording beyond 30 s is heard in pieces."""
        return [(self._encoder.inputs(piece), own) for piece, own in self._encoder.cut(medium)]

    def of_source(self, source: Recording) -> list[Piece]:
        """See `Inputs`."""
        return self.of(self._encoder.decode(source.source))

    def length(self, source: Recording) -> int:
        """0: nothing is padded."""
        return 0

    def tokens(self, run: Run, batch: Sequence[list[Piece]]) -> tuple[Tensor, Tensor]:
        """See `Inputs`; of a recording in pieces the gradient is that of the first, so that memory has a bound."""
        clips = []
        for pieces in batch:
            parts = []
            for number, (inputs, own) in enumerate(pieces):
                learns = torch.is_grad_enabled() and number == 0
                with torch.set_grad_enabled(learns), self._encoder.fitted(self._model, inputs):
                    states, _ = run(**inputs)
                    parts.append(self._encoder.choice.of_states(states)[0, own])
            clips.append(torch.cat(parts))
        x = pad_sequence(clips, batch_first=True)
        there = pad_sequence([x.new_ones(len(each), dtype=torch.bool) for each in clips], batch_first=True)
        return x, there
