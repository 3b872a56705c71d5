"""The model that is put to use: preparation and members in one module, raw features in, probabilities out."""

from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor, nn

from .preparation import Preparation
from .prompts import encoded_size, prompt_logits, voting
from .strategy import Strategy, build, parameter_count

FORMAT = 3
READABLE = (1, 2, FORMAT)
"""In format 1 counts kept every column; up to format 2 late fusion took the prior of the classes as even."""


class EmotionModel(nn.Module):
    """The mean of the probabilities of members that differ by their seed.

    Its state dict is flat and plain tensors: ``preparation.…`` (frozen) and ``members.<i>.…``; for one that recognises
    classes by their prompts, as some of them nobody showed it, ``prompts`` ``[K, C, E]``, too.

    Args:
        members: of one strategy.
        modalities: those that it takes; others in the input are ignored.
        prompts: what each member encodes the classes' prompts to ``[K, C, E]``, where classes are recognised by them.
    """

    def __init__(
        self,
        preparation: Preparation,
        members: list[Strategy],
        *,
        modalities: tuple[str, ...],
        prompts: Tensor | None = None,
    ):
        super().__init__()
        self.register_buffer("prompts", prompts)
        self.preparation = preparation
        self.members = nn.ModuleList(members)
        self.modalities = modalities

    def forward(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> Tensor:
        """Probabilities ``[B, C]``.

        Args:
            tokens: ``{modality: [B, T, D]}`` as the encoders made them; any non-empty subset of the modalities.
            present: ``{modality: bool [B, T]}``.
        """
        tokens = {name: tokens[name] for name in self.modalities if name in tokens}
        prepared = self.preparation(tokens, present)
        outputs = [member(prepared, present) for member in self.members]
        if self.prompts is None:
            each = [output.logits for output in outputs]
        else:
            there = {name: present[name] for name in prepared}
            each = [
                prompt_logits(output.per_modality_embeddings or {}, there, prompts)
                for output, prompts in zip(outputs, self.prompts, strict=True)
            ]
        return torch.stack(each).softmax(-1).mean(0)  # [K, B, C] → [B, C]

    def decides_by(self, given: Collection[str]) -> list[str]:
        """Those of the modalities given that the answer depends on, sorted."""
        taken = set(given) & set(self.modalities)
        return sorted(taken) if self.prompts is None else voting(taken)

    @property
    def parameters_declared(self) -> int:
        """Trained parameters of all members."""
        return sum(parameter_count(member) for member in self.members)

    @classmethod
    def from_description(cls, described: dict[str, Any]) -> "EmotionModel":
        """An empty model of the shape that ``model.json`` describes; `load_state_dict` fills it.

        Raises:
            ValueError: for a description of a format that this code does not know.
        """
        if described["format"] not in READABLE:
            raise ValueError(f"model.json has format {described['format']!r}; this code reads {READABLE}")
        preparation = Preparation.from_description(described["preparation"])
        members = [
            build(
                described["strategy"],
                dimensions=preparation.dimensions,
                classes=len(described["classes"]),
                config=described["config"],
            )
            for _ in described["seeds"]
        ]
        prompts = None
        if "zero_shot" in described:
            prompts = torch.zeros(len(members), len(described["classes"]), encoded_size(members[0]) or 0)
        model = cls(preparation, members, modalities=tuple(preparation.dimensions), prompts=prompts)
        return model.eval().requires_grad_(False)


def members_state(stacked: dict[str, Tensor], count: int) -> dict[str, Tensor]:
    """A population's state ``{name: [K, ...]}`` under the names of `EmotionModel`."""
    return {f"members.{k}.{name}": x[k].contiguous() for k in range(count) for name, x in stacked.items()}
