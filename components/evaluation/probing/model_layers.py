"""What the layers of a fold's model make of utterances: a vector of each, the mean over the tokens."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from ..robustness.scoring import BATCH, padded
from .findings import EMBEDDING, INPUT

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ...fusion.model import EmotionModel
    from ...fusion.strategy import Strategy


class LayerName(NamedTuple):
    """A layer as users know it.

    Attributes:
        modality: whose it is; None where modalities have met.
        name: within the modality.
    """

    modality: str | None
    name: str


def representations(
    model: "EmotionModel", rows: Sequence[Mapping[str, np.ndarray]]
) -> dict[LayerName, np.ndarray]:
    """The layers of a model's first member: prepared features, encoded modalities, inner layers, embedding.

    Utterances with as many tokens go through the model together, so that there is no padding to be told from tokens.

    Args:
        model: in evaluation mode.
        rows: of N utterances their features, ``{modality: [T, D]}``; a missing modality is left out.

    Returns:
        The layers of one modality after another, then those where modalities have met; each float32 ``[N, D]``, NaN for
        an utterance without the layer's modality.
    """
    import torch

    member = cast("Strategy", model.members[0])
    alike: dict[tuple[tuple[str, int], ...], list[int]] = {}
    for position, row in enumerate(rows):
        lengths = tuple((name, len(row[name])) for name in model.modalities if name in row)
        if lengths:
            alike.setdefault(lengths, []).append(position)
    found: dict[LayerName, np.ndarray] = {}
    for lengths, positions in alike.items():
        given = [name for name, _ in lengths]
        for at in range(0, len(positions), BATCH):
            some = positions[at : at + BATCH]
            tokens, present = padded(model, [rows[position] for position in some])
            present = {name: present[name] for name in given}
            with torch.inference_mode():
                prepared = model.preparation({name: tokens[name] for name in given}, present)
                made = layer_outputs(member, prepared, present)
            for layer, x in made.items():
                if layer.modality is None or layer.modality in given:
                    if layer not in found:
                        found[layer] = np.full((len(rows), x.shape[-1]), np.nan, np.float32)
                    found[layer][some] = x.mean(1) if x.dim() == 3 else x
    return dict(sorted(found.items(), key=lambda each: (each[0].modality is None, each[0].modality or "")))


def layer_outputs(
    member: "Strategy", tokens: dict[str, "Tensor"], present: dict[str, "Tensor"]
) -> dict[LayerName, "Tensor"]:
    """What a strategy's layers give: ``[B, T, D]`` or ``[B, D]`` of each, in the order of ``forward``.

    Args:
        member: is afterwards as it was.
        tokens: prepared, ``{modality: [B, T, D]}``; present: ``{modality: bool [B, T]}``.
    """
    inner = {LayerName(layer.modality, layer.name): layer.module for layer in member.inner_layers()}
    seen: dict[LayerName, Tensor] = {}
    hooks = [module.register_forward_hook(_keeper(seen, name)) for name, module in inner.items()]
    try:
        output = member(tokens, present)
    finally:
        for hook in hooks:
            hook.remove()
    given = {LayerName(name, INPUT): x for name, x in member.summed(tokens, present).items()}
    encoded = {
        LayerName(name, member.encoded): x for name, x in (output.per_modality_embeddings or {}).items()
    }
    between = {name: seen[name] for name in inner}
    return given | encoded | between | {LayerName(None, EMBEDDING): output.embedding}


def _keeper(seen: "dict[LayerName, Tensor]", name: LayerName) -> "Callable[[nn.Module, Any, Tensor], None]":
    def keep(module: "nn.Module", given: Any, made: "Tensor") -> None:
        seen[name] = made

    return keep
