"""A model that is trained with the fusion: by LoRA, or in all of its weights."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ....errors import FeatureError, MediaError
from ..architecture import load_anew
from ..model import Pretrained
from ..pictures import Pictures
from ..speech import Speech
from ..text import TextModel
from .inputs import Inputs
from .pictures import PictureInputs
from .speech import SpeechInputs
from .text import TextInputs
from .weights import all_trained, leave_last_layer, with_lora

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class TunedModel:
    """A model with weights that can be trained. Before the first step its tokens are the frozen encoder's.

    Args:
        encoder: as which the features were made.
        rank: of LoRA's updates of the attention's projections of queries and values; None: all weights are trained.
        seed: of LoRA's initial weights.
        sources: utterance id → what it is made from (a text, a turn, a `Recording`); what `tokens` can be asked for.
        cache: the folder where decoded pictures are kept; None where nothing is.

    Attributes:
        module: the model; the weights that are trained are those that require a gradient.

    Raises:
        SettingsError: a model that cannot be tuned so.
    """

    def __init__(
        self,
        encoder: Pretrained,
        *,
        rank: int | None,
        seed: int = 0,
        sources: Mapping[str, Any] | None = None,
        cache: Path | None = None,
    ):
        self.encoder = encoder
        self.sources = sources or {}
        self._model = model = load_anew(encoder.folder.path, encoder.needed)
        self.inputs = _inputs_of(encoder, model, cache)
        self.module: nn.Module = (
            with_lora(model, who=encoder.spec.hf, rank=rank, seed=seed)
            if rank is not None
            else all_trained(model, untrained=self.inputs.untrained)
        )
        if encoder.highest < encoder.needed:
            leave_last_layer(model, layers=encoder.needed)  # which no state is taken of

    @property
    def trained(self) -> dict[str, nn.Parameter]:
        """The weights that are trained, by name."""
        return {name: x for name, x in self.module.named_parameters() if x.requires_grad}

    def save_memory(self) -> None:
        """Compute activations again in the backward pass rather than keep them."""
        self._model.activation_checkpointing_enable(activation_checkpointing_kwargs={"use_reentrant": False})

    def length(self, utterance_id: str) -> int:
        """How much of an utterance is padded in a batch."""
        return self.inputs.length(self.sources[utterance_id])

    def tokens(self, ids: Sequence[str]) -> tuple[Tensor, Tensor]:
        """The utterances' tokens, with gradient; in training mode on a GPU, matrix products are in bfloat16.

        Args:
            ids: utterances that the frozen encoder has tokens of.

        Returns:
            float32 ``[N, T, D]``, zero where there is no token, and bool ``[N, T]``, whether there is one. T is 1 where
            the encoder pools.

        Raises:
            FeatureError: an utterance can no longer be read.
        """
        return self.batch([self._of(each) for each in ids], {})

    def _of(self, utterance_id: str) -> Any:
        try:
            return self.inputs.of_source(self.sources[utterance_id])
        except MediaError as error:
            raise FeatureError(
                f"{utterance_id}: {self.encoder.name} has features of it, and now it cannot be read: {error}"
            ) from None

    def batch(self, inputs: Sequence[Any], weights: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """As `tokens`, of what `Inputs.of` gives.

        Args:
            inputs: of each utterance.
            weights: in place of those of the same names; empty: the module's own.
        """
        x, own = self.inputs.tokens(partial(self._run, dict(weights)), inputs)
        return _pooled(x.float(), own, self.encoder.spec.pooling)

    def _run(self, weights: dict[str, Tensor], **inputs: Tensor) -> tuple[Sequence[Tensor], Any]:
        device = next(self.module.parameters()).device
        given = {name: x.to(device) for name, x in inputs.items()}
        halved = device.type == "cuda" and self.module.training
        with torch.autocast(device.type, torch.bfloat16, enabled=halved), warnings.catch_warnings():
            # WavLM's attention gives torch masks of two types.
            warnings.filterwarnings("ignore", message="Support for mismatched key_padding_mask")
            output = functional_call(self.module, weights, (), given | {"output_hidden_states": True})
        return (*output.hidden_states[:-1], output.last_hidden_state), output


def _inputs_of(encoder: Pretrained, model: PreTrainedModel, cache: Path | None) -> Inputs:
    if isinstance(encoder, TextModel):
        return TextInputs(encoder, model)
    if isinstance(encoder, Speech):
        return SpeechInputs(encoder, model)
    return PictureInputs(cast(Pictures, encoder), model, cache)  # no other is made with tune


def _pooled(x: Tensor, own: Tensor, pooling: str) -> tuple[Tensor, Tensor]:
    """As `layers.pooled`, of a padded batch ``[N, T, D]`` and of the tokens in ``own [N, T]`` alone."""
    mask = own.unsqueeze(-1).to(x.dtype)
    if pooling == "none":
        first = own.to(torch.int8).argsort(dim=1, descending=True, stable=True)  # own tokens to the left
        longest = int(own.sum(1).max())
        kept = first[:, :longest]
        there = own.gather(1, kept)
        tokens = x.gather(1, kept.unsqueeze(-1).expand(-1, -1, x.shape[-1]))
        return torch.where(there.unsqueeze(-1), tokens, 0.0), there
    count = mask.sum(1)
    mean = (x * mask).sum(1) / count
    moments = [mean]
    if pooling == "mean-std":
        squares = ((x - mean.unsqueeze(1)).square() * mask).sum(1) / count
        moments.append(squares.clamp(min=1e-14).sqrt())  # the root's slope at 0 is infinite
    tokens = torch.cat(moments, dim=-1).unsqueeze(1)
    return tokens, torch.ones(len(x), 1, dtype=torch.bool, device=x.device)
