"""One model with K sets of weights: the weights as a matrix, the buffers stacked, dropout masks that are drawn."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.func import functional_call

from ..fusion.layers import Dropout
from ..fusion.output import FusionOutput
from ..fusion.strategy import Strategy
from .counters import dropout_mask, member_keys
from .data import Batch
from .members import Setting


class Stacked:
    """What a population's models have in common, and their buffers.

    The weights are not here: they are a matrix ``flat [K, P]``, in a row a member's parameters one after another and
    behind them its heads.

    Args:
        model: whose modules are used for all.
        buffers: ``{name: [K, ...]}``.
        heads: names of those beside the model, see `heads`.
        device: "cpu" or "cuda".
        bfloat16: whether matrix products are in it.
    """

    def __init__(
        self,
        model: Strategy,
        buffers: Mapping[str, Tensor],
        *,
        heads: tuple[str, ...],
        device: str,
        bfloat16: bool,
    ):
        self.shapes = {name: p.shape for name, p in model.named_parameters()}
        self.parameters = sum(math.prod(shape) for shape in self.shapes.values())
        """Of one member, without heads."""
        self.heads = heads
        self.device = device
        self.bfloat16 = bfloat16
        self.model = model.to(device)
        self.buffers = {name: b.detach().clone().to(device) for name, b in buffers.items()}
        self.fitted: dict[str, Tensor] = {}
        """Buffers fitted on validation rows, ``{name: [K, ...]}``: for scoring, training goes on with `buffers`."""
        self.kept = [name for name in model.state_dict() if name in self.buffers]
        """The buffers that are part of what was learned; the others are masks of dropout."""
        self._dropouts = {
            f"{name}.mask": module for name, module in model.named_modules() if isinstance(module, Dropout)
        }
        self._token_counts: dict[str, int] = {}
        self._sizes: dict[str, int] = {}

    def call(
        self,
        parameters: dict[str, Tensor],
        buffers: dict[str, Tensor],
        tokens: dict[str, Tensor],
        present: dict[str, Tensor],
    ) -> FusionOutput:
        """Apply the model with one member's weights.

        Args:
            parameters: ``{name: [...]}``, without the members' dimension, as under ``vmap``.
            buffers: likewise, with the dropout masks.
            tokens: ``{modality: [B, T, D]}``.
            present: ``{modality: bool [B, T]}``.

        Returns:
            The output in float32, whatever matrix products are in.
        """
        weights, inputs = (parameters, buffers), (tokens, present)
        output: FusionOutput
        if not self.bfloat16:
            output = functional_call(self.model, weights, inputs)
            return output
        with torch.autocast(torch.device(self.device).type, torch.bfloat16):
            output = functional_call(self.model, weights, inputs)
            return output.float()

    # -- weights -----------------------------------------------------------------------------------------------

    def named(self, flat: Tensor) -> dict[str, Tensor]:
        """The model's parameters, ``{name: [K, ...]}``, as views of ``flat``."""
        parts = flat[:, : self.parameters].split([math.prod(shape) for shape in self.shapes.values()], dim=1)
        return {
            name: part.unflatten(1, shape) if len(shape) else part.squeeze(1)
            for part, (name, shape) in zip(parts, self.shapes.items(), strict=True)
        }

    def named_heads(self, flat: Tensor) -> dict[str, Tensor]:
        """What there is beside the model, ``{name: [K, E + 1]}``, as views of ``flat``."""
        if not self.heads:
            return {}
        parts = flat[:, self.parameters :].unflatten(1, (len(self.heads), -1)).unbind(1)
        return dict(zip(self.heads, parts, strict=True))

    def flattened(self, parameters: dict[str, Tensor], heads: dict[str, Tensor]) -> Tensor:
        """A matrix ``[K, P]`` from what `named` and `named_heads` make of one, or from its gradients."""
        parts = [parameters[name].flatten(1) for name in self.shapes]
        return torch.cat([*parts, *(heads[name] for name in self.heads)], dim=1)

    # -- buffers -----------------------------------------------------------------------------------------------

    def keep(self, index: Tensor) -> None:
        """Go on with these members only, in this order."""
        self.buffers = {name: b[index] for name, b in self.buffers.items()}
        self.fitted = {name: b[index] for name, b in self.fitted.items()}

    def take(self, k: int, source: "Stacked", at: int) -> None:
        """Replace the fitted buffers of member ``k`` by those of member ``at`` of another population."""
        for name in self.kept:
            self.buffers[name] = self.buffers[name].clone()
            self.buffers[name][k] = source.buffers[name][at]
        for name in self.fitted.keys() & source.fitted.keys():
            self.fitted[name] = self.fitted[name].clone()
            self.fitted[name][k] = source.fitted[name][at]

    def state(self, flat: Tensor) -> dict[str, Tensor]:
        """These weights and the fitted buffers, stacked: ``{name: [K, ...]}``."""
        parameters = {name: x.detach().clone() for name, x in self.named(flat).items()}
        scoring = self.scoring_buffers
        return parameters | {name: scoring[name].clone() for name in self.kept}

    @property
    def scoring_buffers(self) -> dict[str, Tensor]:
        """The buffers with what was fitted on validation rows: ``{name: [K, ...]}``."""
        return self.buffers | self.fitted

    def set_buffers(self, buffers: dict[str, Tensor]) -> None:
        """Set what was fitted on training rows, for training and scoring: ``{name: [K, ...]}``."""
        self.buffers |= self._checked(buffers)

    def set_fitted(self, buffers: dict[str, Tensor]) -> None:
        """Set what was fitted on validation rows, for scoring alone: ``{name: [K, ...]}``."""
        self.fitted |= self._checked(buffers)

    def _checked(self, buffers: dict[str, Tensor]) -> dict[str, Tensor]:
        for name, value in buffers.items():
            assert self.buffers[name].shape == value.shape, (
                f"{name}: {value.shape} for {self.buffers[name].shape}"
            )
        return {name: value.to(self.device) for name, value in buffers.items()}

    # -- dropout -----------------------------------------------------------------------------------------------

    def masks(
        self,
        parameters: dict[str, Tensor],
        batch: Batch,
        *,
        setting: Setting,
        step: int | Tensor,
        stream: int = 0,
    ) -> dict[str, Tensor]:
        """New masks for the dropout layers, ``{buffer: [K, elements]}``; ``[K]`` ones where no member drops out.

        Args:
            parameters: as from `named`.
            batch: whose rows the masks are for.
            setting: of the members.
            step: the training step, of which the random numbers are a function.
            stream: added to the layer's number.
        """
        wanted = [layer.hyperparameter in setting.on for layer in self._dropouts.values()]
        if any(wanted) and self._token_counts != {name: x.shape[2] for name, x in batch.tokens.items()}:
            self._measure(parameters, batch)
        masks = {}
        for place, (name, layer) in enumerate(self._dropouts.items()):
            if not wanted[place]:
                masks[name] = torch.ones(len(setting), device=self.device)
                continue
            keys = member_keys(setting.seeds, step, stream + place)
            elements = batch.weight.shape[1] * self._sizes[name]
            masks[name] = dropout_mask(keys, elements, setting.hyper[layer.hyperparameter])
        return masks

    @torch.no_grad()
    def _measure(self, parameters: dict[str, Tensor], batch: Batch) -> None:
        """One pass of one member without dropout, which tells how many elements a row has in each dropout layer."""
        first = {name: x[0] for name, x in parameters.items()}
        whole = {name: torch.ones((), device=self.device) for name in self._dropouts}
        buffers = {name: x[0] for name, x in self.buffers.items()} | whole
        tokens = {name: x[0] for name, x in batch.tokens.items()}
        self.call(first, buffers, tokens, {name: x[0] for name, x in batch.present.items()})
        self._token_counts = {name: x.shape[1] for name, x in tokens.items()}
        self._sizes = {name: layer.count // batch.weight.shape[1] for name, layer in self._dropouts.items()}


def stack(
    model: Strategy,
    weights: Tensor,
    buffers: Mapping[str, Tensor],
    *,
    dimensions: dict[str, int],
    heads: tuple[str, ...],
    device: str,
    bfloat16: bool,
) -> tuple[Stacked, Tensor]:
    """Stack K models of one architecture.

    Args:
        model: whose modules are used for all.
        weights: the models' parameters, one after another in a row a member: ``[K, P]``.
        buffers: the models', ``{name: [K, ...]}``.
        dimensions: ``{modality: D}`` of the prepared tokens.
        heads: names of the heads beside the model, which start at zero; a model without parameters gets none.
        device: "cpu" or "cuda".
        bfloat16: whether matrix products are in it.

    Returns:
        The stacked model, and the weights with the heads behind them, ``flat [K, P]``.
    """
    flat = weights.to(device)
    heads = heads if flat.shape[1] else ()
    if heads:
        head = flat.new_zeros(len(flat), len(heads), _embedding_size(model, dimensions) + 1)
        flat = torch.cat([flat, head.flatten(1)], dim=1)
    stacked = Stacked(model, buffers, heads=heads, device=device, bfloat16=bfloat16)
    return stacked, flat


@torch.no_grad()
def _embedding_size(model: Strategy, dimensions: dict[str, int]) -> int:
    """E of the fused embedding, of one row in which nothing is there."""
    tokens = {name: torch.zeros(1, 1, size) for name, size in dimensions.items()}
    absent = {name: torch.zeros(1, 1, dtype=torch.bool) for name in dimensions}
    output: FusionOutput = model(tokens, absent)
    return output.embedding.shape[-1]
