"""A text model whose weights are trained with the fusion: by LoRA, or all of them."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils.rnn import pad_sequence

from ...errors import SettingsError, listed
from ..base import Encoder
from ..dialogue import Turn, as_turn
from ..model_files import ModelFiles
from .architecture import UNUSED, load_anew
from .folder import find
from .spec import PretrainedSpec
from .text import TextModel

if TYPE_CHECKING:
    from transformers import PreTrainedModel

ALPHA = 2
"""LoRA's alpha over its rank: by what the low-rank update is scaled."""
PROJECTIONS = (
    ("query", "value"),
    ("q_lin", "v_lin"),
    ("query_proj", "value_proj"),
    ("q_proj", "v_proj"),
    ("in_proj",),
    ("Wqkv",),
)
"""What the attention's projections of queries and values are called; of some models one matrix holds them."""


@dataclass(frozen=True)
class TunableText:
    """All that it takes to open a `TunedText` for training, in any process.

    Attributes:
        spec: of the encoder.
        models: where the model is.
        rank: of LoRA's updates; None: all weights are trained.
        checkpointing: whether activations are computed again in the backward pass rather than kept.
        sources: utterance id → its text, or its turn.
    """

    spec: PretrainedSpec
    models: ModelFiles
    rank: int | None
    checkpointing: bool
    sources: Mapping[str, str | Turn]

    def __call__(self, seed: int, device: str) -> TunedText:
        """The model as it is before the first step.

        Args:
            seed: of LoRA's initial weights.
            device: "cpu" or "cuda".

        Raises:
            SettingsError: a model that cannot be tuned so.
        """
        encoder = TextModel(self.spec, find(self.spec, self.models))
        tuned = TunedText(encoder, rank=self.rank, seed=seed, sources=self.sources)
        if self.checkpointing:
            tuned.save_memory()
        tuned.module.to(device)
        return tuned


class TunedText:
    """A text model with weights that can be trained. Before the first step its tokens are the frozen model's.

    Args:
        encoder: as which the features were made.
        rank: of LoRA's updates of the attention's projections of queries and values (Hu et al. 2022); None: all weights
            are trained.
        seed: of LoRA's initial weights.
        sources: utterance id → its text, or its turn; what `tokens` can be asked for.

    Attributes:
        module: the model; the weights that are trained are those that require a gradient.

    Raises:
        SettingsError: a model that cannot be tuned so.
    """

    def __init__(
        self,
        encoder: TextModel,
        *,
        rank: int | None,
        seed: int = 0,
        sources: Mapping[str, str | Turn] | None = None,
    ):
        self.encoder = encoder
        self.sources = sources or {}
        self._read: dict[str, tuple[dict[str, Tensor], Tensor]] = {}
        self._model = model = load_anew(encoder.folder.path, encoder.needed)
        if "attention_mask" not in inspect.signature(model.forward).parameters:
            raise SettingsError(
                f"the encoder {encoder.spec.hf}: a model of the architecture {model.config.model_type!r} takes no "
                "attention mask, so that the texts of a batch would change one another: leave tune out"
            )
        self.module: nn.Module = (
            _with_lora(model, encoder, rank, seed) if rank is not None else _all_trained(model)
        )

    @property
    def trained(self) -> dict[str, nn.Parameter]:
        """The weights that are trained, by name."""
        return {name: x for name, x in self.module.named_parameters() if x.requires_grad}

    def save_memory(self) -> None:
        """Compute activations again in the backward pass rather than keep them."""
        self._model.activation_checkpointing_enable(activation_checkpointing_kwargs={"use_reentrant": False})

    def length(self, utterance_id: str) -> int:
        """How many tokens the model reads for an utterance."""
        return len(self._of(utterance_id)[1])

    def tokens(self, ids: Sequence[str]) -> tuple[Tensor, Tensor]:
        """The utterances' tokens, with gradient; in training mode on a GPU, matrix products are in bfloat16.

        Args:
            ids: utterances with words.

        Returns:
            float32 ``[N, T, D]``, zero where there is no token, and bool ``[N, T]``, whether there is one. T is 1 where
            the encoder pools.
        """
        return self.batch([self._of(each) for each in ids], {})

    def _of(self, utterance_id: str) -> tuple[dict[str, Tensor], Tensor]:
        if utterance_id not in self._read:
            self._read[utterance_id] = self.encoder.read(as_turn(self.sources[utterance_id]))
        return self._read[utterance_id]

    def batch(
        self, read: Sequence[tuple[dict[str, Tensor], Tensor]], weights: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """As `tokens`, of what `TextModel.read` gives.

        Args:
            read: of each text.
            weights: in place of those of the same names; empty: the module's own.
        """
        device = next(self.module.parameters()).device
        padding = {"input_ids": self.encoder.tokenizer.pad_token_id or 0}
        inputs = {
            name: pad_sequence(
                [each[name][0] for each, _ in read], batch_first=True, padding_value=padding.get(name, 0)
            ).to(device)
            for name in read[0][0]
        }
        own = pad_sequence([each for _, each in read], batch_first=True).to(device)
        halved = device.type == "cuda" and self.module.training
        with torch.autocast(device.type, torch.bfloat16, enabled=halved):
            output = functional_call(self.module, dict(weights), (), inputs | {"output_hidden_states": True})
        states = (*output.hidden_states[:-1], output.last_hidden_state)
        return _pooled(self.encoder.choice.of_states(states).float(), own, self.encoder.spec.pooling)


class TunedMembers:
    """An encoder as the members of a trained model have it: its model once, and the trained weights of each.

    Args:
        encoder: as which the features were made.
        rank: of LoRA's updates; None: all weights were trained.
        weights: of each member, by the names of `TunedText.trained`.

    Raises:
        SettingsError: the weights have other names.
    """

    def __init__(self, encoder: Encoder, *, rank: int | None, weights: Sequence[Mapping[str, Tensor]]):
        self._text = TunedText(cast(TextModel, encoder), rank=rank)  # no other is tuned
        self._weights = weights
        for own in weights:
            if own.keys() != self._text.trained.keys():
                raise SettingsError(f"{encoder.name}: the weights that were trained are of another model")

    def encode(self, medium: Turn, member: int) -> np.ndarray:
        """Encode a turn: float32 ``[T, D]``.

        Args:
            medium: as `TextModel.encode_decoded` takes it.
            member: whose weights are used.

        Raises:
            MediaError: no word in it.
        """
        with torch.inference_mode():
            tokens, _ = self._text.batch([self._text.encoder.read(medium)], self._weights[member])
        return tokens[0].numpy()


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


def _with_lora(model: PreTrainedModel, encoder: TextModel, rank: int, seed: int) -> nn.Module:
    from peft import LoraConfig, get_peft_model

    linear = {name.rpartition(".")[2] for name, part in model.named_modules() if isinstance(part, nn.Linear)}
    targets = next((names for names in PROJECTIONS if set(names) <= linear), None)
    if targets is None:
        known = listed("/".join(names) for names in PROJECTIONS)
        raise SettingsError(
            f"the encoder {encoder.spec.hf}: tune: lora changes the attention's projections of queries and "
            f"values, and a model of the architecture {model.config.model_type!r} has none under a name that is known "
            f"({known}); take another model, or tune: full"
        )
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        # peft 0.21 asks transformers 5 for a property by its old name.
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated")
        torch.manual_seed(seed)
        config = LoraConfig(r=rank, lora_alpha=ALPHA * rank, target_modules=list(targets))
        return get_peft_model(model, config).eval()


def _all_trained(model: PreTrainedModel) -> nn.Module:
    for name, weight in model.named_parameters():
        weight.requires_grad_(not any(part in name for part in UNUSED))
    return model
