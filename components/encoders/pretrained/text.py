"""Text models: BERT, RoBERTa, DistilBERT, DeBERTa, MiniLM, XLM-R and other encoders of words."""

from __future__ import annotations

import inspect
from functools import cached_property
from typing import Any

import numpy as np

from ...errors import MediaError
from ...media.text import repaired, words
from ..base import checked
from ..text import Text
from .architecture import processor
from .layers import pooled
from .model import Pretrained


class TextModel(Pretrained, Text):
    """A token for each piece of a word, the model's marks of beginning and end among them; or their mean."""

    version = 1
    libraries = (*Pretrained.libraries, "tokenizers")

    def default_layers(self) -> int:
        """The model's output, whose mean sentence encoders were trained by."""
        return self.depth

    @cached_property
    def tokenizer(self) -> Any:
        """The model's own tokenizer."""
        return processor("AutoTokenizer", self.folder.path)

    @cached_property
    def longest(self) -> int:
        """Tokens that the model reads, at most."""
        limit = self.tokenizer.model_max_length
        positions = getattr(self.loaded.config, "max_position_embeddings", None) or limit
        table = getattr(getattr(self.loaded, "embeddings", None), "position_embeddings", None)
        if getattr(table, "padding_idx", None) is not None:  # RoBERTa's positions begin after that of padding
            positions -= table.padding_idx + 1
        return min(positions, limit)

    def encode_decoded(self, medium: str) -> np.ndarray:
        """Encode a text; what is beyond the model's longest input is not read, which ``notice`` says.

        Args:
            medium: the text as its corpus has it.

        Returns:
            float32 [T, D]; T is 1 where pooled.

        Raises:
            MediaError: no word in it.
        """
        if not words(medium):
            raise MediaError("empty: no word in it")
        inputs = self.tokenizer(
            _readable(medium), truncation=True, max_length=self.longest, return_tensors="pt"
        )
        takes = inspect.signature(self.loaded.forward).parameters
        states, _ = self.states(**{name: x for name, x in inputs.items() if name in takes})
        tokens = self.choice.of_states(states)[0].numpy()
        return checked(pooled([tokens], self.spec.pooling), self.feature_names())

    def notice(self, medium: str) -> str | None:
        """That the text was cut, where it was."""
        if len(self.tokenizer(_readable(medium), verbose=False)["input_ids"]) <= self.longest:
            return None
        return f"cut to the first {self.longest} tokens, which are all that the model reads"


def _readable(text: str) -> str:
    """With Windows' quotes as what they are; and without halves of surrogate pairs, which no tokenizer takes."""
    return repaired(text).encode("utf-8", "replace").decode()
