"""Texts as a model's inputs: padded, with an attention mask."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ....errors import SettingsError
from ...dialogue import Turn, as_turn
from ..text import TextModel
from .inputs import Run

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Read = tuple[dict[str, Tensor], Tensor]
"""What `TextModel.read` gives."""


class TextInputs:
    """Of a text model: texts are read once and kept, since they are small.

    Args:
        encoder: as which the features were made.
        model: that is trained.

    Raises:
        SettingsError: the model takes no attention mask.
    """

    untrained: tuple[str, ...] = ()

    def __init__(self, encoder: TextModel, model: PreTrainedModel):
        if "attention_mask" not in inspect.signature(model.forward).parameters:
            raise SettingsError(
                f"the encoder {encoder.spec.hf}: a model of the architecture {model.config.model_type!r} takes no "
                "attention mask, so that the texts of a batch would change one another: leave tune out"
            )
        self._encoder = encoder
        self._kept: dict[str | Turn, Read] = {}

    def of(self, medium: Turn) -> Read:
        """See `Inputs`."""
        return self._encoder.read(medium)

    def of_source(self, source: str | Turn) -> Read:
        """See `Inputs`."""
        if source not in self._kept:
            self._kept[source] = self.of(as_turn(source))
        return self._kept[source]

    def length(self, source: str | Turn) -> int:
        """The tokens that the model reads."""
        return len(self.of_source(source)[1])

    def tokens(self, run: Run, batch: Sequence[Read]) -> tuple[Tensor, Tensor]:
        """See `Inputs`."""
        padding = {"input_ids": self._encoder.tokenizer.pad_token_id or 0}
        inputs = {
            name: pad_sequence(
                [each[name][0] for each, _ in batch], batch_first=True, padding_value=padding.get(name, 0)
            )
            for name in batch[0][0]
        }
        states, _ = run(**inputs)
        x = self._encoder.choice.of_states(states)
        return x, pad_sequence([each for _, each in batch], batch_first=True).to(x.device)
