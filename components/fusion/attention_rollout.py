"""How far attention lets each token reach what a strategy classifies: attention roll-out.

Abnar & Zuidema, "Quantifying Attention Flow in Transformers", ACL 2020, section 3: a layer passes on half of a token
itself, for the residual connection, and half of what it attends to, with the mean of the heads' weights; the layers'
matrices are multiplied. What a layer does to the values themselves is left out, so a roll-out has no sign and knows
no class.
"""

from typing import Any

import torch
from torch import Tensor, nn

from .cross_attention import CrossAttention, CrossLayer
from .early import ResampledConcatenation
from .layers import SelfLayer
from .strategy import Strategy
from .transformer import Cross, EarlySummation, Transformer


def why_not(member: Strategy) -> str | None:
    """Why a strategy has no roll-out over its modalities' tokens; None where it has one."""
    if isinstance(member, EarlySummation):
        return "it adds the modalities up by learned weights before anything attends"
    if isinstance(member, (Transformer, CrossAttention)):
        return None
    if isinstance(member, ResampledConcatenation):
        return "it attends to moments that hold all modalities at once, not to the tokens of one"
    return "it has no attention between tokens"


def rollout(member: Strategy, prepared: dict[str, Tensor], present: dict[str, Tensor]) -> dict[str, Tensor]:
    """The share of each token in what the classifier is given, by attention alone.

    All that lies around the layers (streams joined and parted, pooled, resampled) is linear in the tokens, and every
    width is treated alike. So the product of the layers' matrices is the gradient of the pooled vectors where each
    layer's own gradient is replaced by its matrix; no weight and no value of the forward pass is touched. Where
    several vectors are pooled they count alike.

    Args:
        member: without a reason of `why_not`, in evaluation mode.
        prepared: ``{modality: [B, T, D]}``, all of the strategy's.
        present: bool ``{modality: [B, T]}``.

    Returns:
        ``{modality: [B, T]}``; the shares of a row sum to 1 over its tokens, 0 where there is none.
    """
    streams: dict[str, Tensor] = {}
    hooks = [
        layer.register_forward_hook(_pass_on)
        for layer in member.modules()
        if isinstance(layer, (SelfLayer, Cross, CrossLayer))
    ]
    hooks += _capture(member, streams)
    try:
        with torch.enable_grad():
            given = {name: x.detach().requires_grad_() for name, x in prepared.items()}
            pooled = member(given, present).embedding.sum()
            gradients = torch.autograd.grad(pooled, list(streams.values()), materialize_grads=True)
    finally:
        for hook in hooks:
            hook.remove()
    shares = {
        name: torch.where(present[name], gradient.mean(-1), 0.0)
        for name, gradient in zip(streams, gradients, strict=True)
    }
    total = torch.stack([each.sum(1) for each in shares.values()]).sum(0).clamp(min=1e-12)
    return {name: each / total[:, None] for name, each in shares.items()}


def _capture(member: Strategy, streams: dict[str, Tensor]) -> list[Any]:
    """Hooks that keep the tokens as they come to the first layer."""
    if isinstance(member, CrossAttention):
        first: Any = member.layers[0]
        return [
            first[name].register_forward_pre_hook(
                lambda layer, inputs, name=name: streams.update({name: inputs[0]})
            )
            for name in member.modalities
        ]
    stem: Any = member.stem
    return [stem.register_forward_hook(lambda layer, inputs, output: streams.update(output[0]))]


def _pass_on(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    """The layer's output, with the gradient of ``(I + A) / 2``; of the identity where a query has no key."""
    x, *_ = inputs
    with torch.no_grad():
        source, weights = _weights(layer, inputs)
        attended = 0.5 * weights
        kept = 1 - attended.sum(-1, keepdim=True)
    passed = kept * x + attended @ (x if source is None else source)
    return output.detach() + passed - passed.detach()


def _weights(layer: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor | None, Tensor]:
    """The keys' tokens, None where they are the queries', and the mean of the heads' weights ``[B, Q, T]``."""
    if isinstance(layer, SelfLayer):
        x, present = inputs
        z = layer.norm(x)
        return None, layer.attention.weights(z, z, present).mean(1)
    assert isinstance(layer, (Cross, CrossLayer)), type(layer)
    x, others, present = inputs
    weights = layer.attention.weights(layer.norm_queries(x), layer.norm_keys(others), present)
    return others, weights.mean(1)
