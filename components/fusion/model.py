"""The model that is put to use: preparation and members in one module, raw features in, probabilities out."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .preparation import Preparation
from .prompts import encoded_size, prompt_logits
from .strategy import Strategy, build, parameter_count


class EmotionModel(nn.Module):
    """The mean of the probabilities of members that differ by their seed.

    Its state dict is flat and plain tensors: ``preparation.…`` (frozen) and ``members.<i>.…``; for one that recognises
    classes by their prompts, as some of them nobody showed it, ``prompts`` ``[K, C, E]`` and
    ``usual_words`` ``[K, E]``, too.

    Args:
        members: of one strategy.
        modalities: those that it takes; others in the input are ignored.
        prompts: what each member encodes the classes' prompts to ``[K, C, E]``, where classes are recognised by them.
        usual_words: of each member the mean direction of the training clips' words ``[K, E]``, with ``prompts``.
    """

    prompts: Tensor | None
    usual_words: Tensor | None

    def __init__(
        self,
        preparation: Preparation,
        members: list[Strategy],
        *,
        modalities: tuple[str, ...],
        prompts: Tensor | None = None,
        usual_words: Tensor | None = None,
    ):
        super().__init__()
        self.register_buffer("prompts", prompts)
        self.register_buffer("usual_words", usual_words)
        self.preparation = preparation
        self.members = nn.ModuleList(members)
        self.modalities = modalities

    def forward(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> Tensor:
        """Probabilities ``[B, C]``.

        Args:
            tokens: ``{modality: [B, T, D]}`` as the encoders made them, or ``[K, B, T, D]`` where each member has
                encoders of its own; any non-empty subset of the modalities.
            present: ``{modality: bool [B, T]}``.
        """
        tokens = {name: tokens[name] for name in self.modalities if name in tokens}
        apart = {name: x for name, x in tokens.items() if x.dim() == 4}
        prepared = self.preparation({name: x for name, x in tokens.items() if name not in apart}, present)
        of_members = []
        for k in range(len(self.members)):
            own = prepared | self.preparation({name: x[k] for name, x in apart.items()}, present)
            of_members.append({name: own[name] for name in tokens})
        return self.logits(of_members, present).softmax(-1).mean(0)  # [K, B, C] → [B, C]

    def of_prepared(self, prepared: dict[str, Tensor], present: dict[str, Tensor]) -> Tensor:
        """Probabilities ``[B, C]`` of tokens that ``preparation`` has made, the same for all members."""
        return self.logits([prepared] * len(self.members), present).softmax(-1).mean(0)

    def logits(self, prepared: Sequence[dict[str, Tensor]], present: dict[str, Tensor]) -> Tensor:
        """What each of the K members says, by its classifier or by the classes' prompts: ``[K, B, C]``.

        Args:
            prepared: of each member its prepared tokens, ``{modality: [B, T, D]}``.
            present: ``{modality: bool [B, T]}``; of the same modalities, or of more.
        """
        outputs = [member(tokens, present) for member, tokens in zip(self.members, prepared, strict=True)]
        if self.prompts is None or self.usual_words is None:
            return torch.stack([output.logits for output in outputs])
        there = {name: present[name] for name in prepared[0]}
        return torch.stack(
            [
                prompt_logits(output.per_modality_embeddings or {}, there, prompts, usual)
                for output, prompts, usual in zip(outputs, self.prompts, self.usual_words, strict=True)
            ]
        )

    @property
    def parameters_declared(self) -> int:
        """Trained parameters of all members."""
        return sum(parameter_count(member) for member in self.members)

    @classmethod
    def empty(
        cls,
        strategy: str,
        config: Mapping[str, Any],
        *,
        members: int,
        classes: int,
        preparation: Preparation,
        by_prompts: bool = False,
    ) -> "EmotionModel":
        """A model of a given shape, for `load_state_dict` to fill; in evaluation mode, without gradients.

        Args:
            by_prompts: whether classes are recognised by their prompts.
        """
        made = [
            build(
                strategy,
                dimensions=preparation.dimensions,
                classes=classes,
                config=dict(config),
                layers=preparation.layers,
                posteriors=preparation.posteriors,
            )
            for _ in range(members)
        ]
        size = encoded_size(made[0]) or 0
        model = cls(
            preparation,
            made,
            modalities=tuple(preparation.dimensions),
            prompts=torch.zeros(members, classes, size) if by_prompts else None,
            usual_words=torch.zeros(members, size) if by_prompts else None,
        )
        return model.eval().requires_grad_(False)


def members_state(stacked: dict[str, Tensor], count: int) -> dict[str, Tensor]:
    """A population's state ``{name: [K, ...]}`` under the names of `EmotionModel`."""
    return {f"members.{k}.{name}": x[k].contiguous() for k in range(count) for name, x in stacked.items()}
