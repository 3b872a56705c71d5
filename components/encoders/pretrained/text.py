"""Text models: BERT, RoBERTa, DistilBERT, DeBERTa, MiniLM, XLM-R and other encoders of words."""

from __future__ import annotations

import inspect
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import MediaError, SettingsError
from ...files import digest_of
from ...media.text import repaired, words
from ..dialogue import Turn, as_turn
from ..text import Text
from .architecture import processor
from .model import Pretrained

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import BatchEncoding


class TextModel(Pretrained, Text):
    """A token for each piece of a word, or their mean.

    Without a context the model's marks of beginning and end are among the tokens.
    """

    version = 1
    libraries = (*Pretrained.libraries, "tokenizers")
    tunable = True

    def default_layers(self) -> int:
        """The model's output, whose mean sentence encoders were trained by."""
        return self.depth

    @cached_property
    def tokenizer(self) -> Any:
        """The model's own tokenizer.

        Raises:
            SettingsError: its files are missing, or a context is asked for and it does not tell whose a token is.
        """
        tokenizer = processor("AutoTokenizer", self.folder.path)
        if self.context and not tokenizer.is_fast:
            raise SettingsError(
                f"{self.folder.path}: context needs a tokenizer that tells the turn's own tokens from those before it, "
                "one with a tokenizer.json; leave context out, or take another model"
            )
        return tokenizer

    @cached_property
    def longest(self) -> int:
        """Tokens that the model reads, at most."""
        limit = self.tokenizer.model_max_length
        positions = getattr(self.loaded.config, "max_position_embeddings", None) or limit
        table = getattr(getattr(self.loaded, "embeddings", None), "position_embeddings", None)
        padding = getattr(table, "padding_idx", None)
        if padding is not None:  # RoBERTa's positions begin after that of padding
            positions -= padding + 1
        return min(positions, limit)

    @property
    def context(self) -> int:
        """How many earlier turns of the dialogue are read before an utterance's own."""
        return self.spec.context

    @property
    def extra_parameters(self) -> dict[str, Any]:
        """The context, where there is one."""
        return {"context": self.context} if self.context else {}

    def source_digest(self, source: str | Turn, digest: str) -> str:
        """Of a text and of the earlier turns that are read with it."""
        before = as_turn(source).before(self.context)
        return digest_of([digest, before]) if before else digest

    def encode_decoded(self, medium: Turn) -> np.ndarray:
        """Encode a turn; what is beyond the model's longest input is not read, which ``notice`` says.

        With a context, the earlier turns are the first segment of the model's input and the turn's own text the
        second, whose tokens alone are kept.

        Args:
            medium: the text as its corpus has it, and what was said before it.

        Returns:
            float32 [T, D]; T is 1 where pooled.

        Raises:
            MediaError: no word in it.
        """
        inputs, own = self.read(medium)
        taken, _ = self.taken(**inputs)
        return self.pooled([taken[0, own].numpy()])

    def read(self, medium: Turn) -> tuple[dict[str, Tensor], Tensor]:
        """What the model is given of a turn, and which of its tokens are kept.

        Returns:
            ``{argument: int64 [1, T]}``, and bool [T].

        Raises:
            MediaError: no word in it.
        """
        import torch

        if not words(medium.text):
            raise MediaError("empty: no word in it")
        inputs = self._inputs(medium)
        takes = inspect.signature(self.loaded.forward).parameters
        own = torch.ones(inputs["input_ids"].shape[1], dtype=torch.bool)
        if self.context:
            segments = inputs.sequence_ids()  # None for the model's own marks
            last = max(segment for segment in segments if segment is not None)
            own = torch.tensor([segment == last for segment in segments])
        return {name: x for name, x in inputs.items() if name in takes}, own

    def notice(self, medium: Turn) -> str | None:
        """That the text or the turns before it were cut, where they were."""
        before, text = _readable(medium.before(self.context)), _readable(medium.text)
        if self._room(text, segments=1) < 0:
            return f"cut to the first {self.longest} tokens, which are all that the model reads"
        if before and self._length(before) > self._room(text, segments=2):
            return (
                f"read after fewer words of the turns before: with its own they exceed {self.longest} tokens"
            )
        return None

    def _inputs(self, turn: Turn) -> BatchEncoding:
        """As the model takes them: of the turns before, the last words that there is room for; then the turn."""
        before, text = _readable(turn.before(self.context)), _readable(turn.text)
        fits = bool(before) and self._room(text, segments=2) > 0
        self.tokenizer.truncation_side = "left" if fits else "right"
        return self.tokenizer(
            *([before, text] if fits else [text]),
            truncation="only_first",
            max_length=self.longest,
            return_tensors="pt",
        )

    def _room(self, text: str, *, segments: int) -> int:
        """For how many more tokens there is room in an input of one segment or two; negative where it is too long."""
        marks = self.tokenizer.num_special_tokens_to_add(pair=segments == 2)
        return self.longest - marks - self._length(text)

    def _length(self, text: str) -> int:
        return len(self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])


def _readable(text: str) -> str:
    """With Windows' quotes as what they are; and without halves of surrogate pairs, which no tokenizer takes."""
    return repaired(text).encode("utf-8", "replace").decode()
