"""Which of a model's weights are trained: low-rank updates of the attention's projections (LoRA), or all of them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ....errors import SettingsError, listed
from ..architecture import UNUSED

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
READ_DIRECTLY = ("wavlm",)
"""Architectures whose attention reads the projections' weights in place of calling them, past what peft puts there."""


def with_lora(model: PreTrainedModel, *, who: str, rank: int, seed: int) -> nn.Module:
    """A model of whose weights only low-rank updates of the queries' and values' projections are trained.

    Hu et al. (2022), LoRA: low-rank adaptation of large language models. At first the updates are 0.

    Args:
        model: none of whose weights is trained; it is changed.
        who: names the encoder in messages.
        rank: of the updates.
        seed: of their initial weights.

    Raises:
        SettingsError: no such projections are found in it.
    """
    from peft import LoraConfig, get_peft_model

    linear = {name.rpartition(".")[2] for name, part in model.named_modules() if isinstance(part, nn.Linear)}
    targets = next((names for names in PROJECTIONS if set(names) <= linear), None)
    if targets is None:
        known = listed("/".join(names) for names in PROJECTIONS)
        raise SettingsError(
            f"the encoder {who}: tune: lora changes the attention's projections of queries and "
            f"values, and a model of the architecture {model.config.model_type!r} has none under a name that is known "
            f"({known}); take another model, or tune: full"
        )
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        # peft 0.21 asks transformers 5 for a property by its old name.
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated")
        torch.manual_seed(seed)
        if model.config.model_type in READ_DIRECTLY:
            return _with_updates(model, targets, rank)
        config = LoraConfig(r=rank, lora_alpha=ALPHA * rank, target_modules=list(targets))
        return get_peft_model(model, config).eval()


def all_trained(model: PreTrainedModel, *, untrained: Sequence[str]) -> nn.Module:
    """A model whose weights are trained, but those that nothing reads.

    Args:
        model: it is changed.
        untrained: beginnings of the names of others that are not trained.
    """
    for name, weight in model.named_parameters():
        weight.requires_grad_(
            not any(part in name for part in UNUSED) and not name.startswith(tuple(untrained))
        )
    return model


def leave_last_layer(model: PreTrainedModel, *, layers: int) -> None:
    """Have a model's last layer not trained.

    Args:
        model: it is changed.
        layers: that it has.
    """
    from transformers.modeling_layers import GradientCheckpointingLayer

    for part in model.modules():
        if not isinstance(part, nn.ModuleList) or len(part) != layers:
            continue
        if isinstance(part[-1], GradientCheckpointingLayer):  # data2vec's convolutions of positions are none
            part[-1].requires_grad_(False)


class LowRankUpdate(nn.Module):
    """A weight ``[out, in]`` plus a low-rank update of it, begun as peft begins one: at 0.

    Args:
        weight: to update.
        rank: of the update.
    """

    def __init__(self, weight: Tensor, rank: int):
        super().__init__()
        self.lora_A = nn.Parameter(weight.new_empty(rank, weight.shape[1]))
        self.lora_B = nn.Parameter(weight.new_zeros(weight.shape[0], rank))
        nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))

    def forward(self, weight: Tensor) -> Tensor:
        """The updated weight."""
        return weight + ALPHA * self.lora_B @ self.lora_A


def _with_updates(model: PreTrainedModel, targets: Sequence[str], rank: int) -> nn.Module:
    for name, part in list(model.named_modules()):
        if isinstance(part, nn.Linear) and name.rpartition(".")[2] in targets:
            parametrize.register_parametrization(part, "weight", LowRankUpdate(part.weight, rank))
    return model
