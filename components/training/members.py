"""The members of a population: a configuration and a seed each, and all of them as tensors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .counters import member_seeds
from .hyperparameters import HYPERPARAMETERS


@dataclass(frozen=True)
class Member:
    """One configuration with one seed."""

    config: dict[str, Any]
    seed: int


@dataclass(frozen=True)
class Setting:
    """What the members differ in.

    Attributes:
        hyper: ``{hyper-parameter: [K]}``, all that there are.
        on: those that some member uses, which is a value above 0.
        seeds: int32 ``[K]``, of `counters.member_seeds`.
    """

    hyper: dict[str, Tensor]
    on: frozenset[str]
    seeds: Tensor

    def __len__(self) -> int:
        return len(self.seeds)


def setting_of(members: Sequence[Member], *, defaults: Mapping[str, Any], device: str) -> Setting:
    """The members' hyper-parameters and seeds as tensors.

    Args:
        members: a configuration and a seed each.
        defaults: the strategy's, for what a configuration leaves out; `HYPERPARAMETERS` has the others.
        device: "cpu" or "cuda".
    """
    configs = [{**defaults, **member.config} for member in members]
    hyper = {
        name: torch.tensor([float(each.get(name, known.default)) for each in configs], device=device)
        for name, known in HYPERPARAMETERS.items()
    }
    on = frozenset(name for name, value in hyper.items() if bool((value > 0).any()))
    return Setting(hyper, on, member_seeds([member.seed for member in members], device))
