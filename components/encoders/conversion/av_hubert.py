"""A published checkpoint of AV-HuBERT as a folder with safetensors: its encoder, in float32.

Shi et al. (2022), https://github.com/facebookresearch/av_hubert: checkpoints of fairseq, of pre-training or fine-tuned
for speech recognition (the encoder with a decoder).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import EncoderError, listed
from ...files import as_new
from . import fairseq
from .tensors import METADATA

if TYPE_CHECKING:
    from torch import Tensor

    from ..av_hubert.configuration import AvHubertConfig

LICENCE = "AV-HuBERT license (non-commercial research only; no biometric processing)"
"""Of all that Meta has published; https://github.com/facebookresearch/av_hubert/blob/main/LICENSE."""
HEAD_SIZE = 64
"""Of every published AV-HuBERT."""
OF_PRETRAINING = ("mask_emb", "label_embs_concat", "final_proj.")
"""Beginnings of the weights that only pre-training reads."""
FINE_TUNED, DECODER = "encoder.w2v_model.", "decoder."
"""Beginnings of the weights' names in a model that was fine-tuned for speech recognition."""
STEM = "feature_extractor_video.resnet.frontend3D.0.weight"
LAYER = "encoder.layers."


def convert(source: Path, target: Path) -> bool:
    """Write the encoder in a checkpoint as ``config.json`` and ``model.safetensors``.

    Args:
        source: the checkpoint, which is only read.
        target: an existing folder.

    Returns:
        Whether the checkpoint was fine-tuned for speech recognition; its decoder is left out.

    Raises:
        EncoderError: it is no checkpoint, names objects that are not read, or its weights are not an AV-HuBERT's.
    """
    from safetensors.torch import save_file

    held = fairseq.weights(source)
    fine_tuned = any(name.startswith(FINE_TUNED) for name in held)
    if fine_tuned:
        held = {
            name.removeprefix(FINE_TUNED): each for name, each in held.items() if not name.startswith(DECODER)
        }
    kept = {name: each for name, each in held.items() if not name.startswith(OF_PRETRAINING)}
    config = _config(kept, source.name)
    _check(kept, config, source.name)
    config.architectures = ["AvHubert"]
    config.save_pretrained(target)
    whole = {name: _whole(each) for name, each in sorted(kept.items())}
    save_file(whole, target / "model.safetensors", metadata=METADATA)
    as_new(target / "model.safetensors")
    return fine_tuned


def _whole(weight: Tensor) -> Tensor:
    """In float32, in memory of its own; counts stay what they are."""
    return (weight.float() if weight.is_floating_point() else weight).clone().contiguous()


def _config(weights: dict[str, Tensor], name: str) -> AvHubertConfig:
    """The sizes, by the shapes of the weights; what the checkpoint's own settings say is not read."""
    from ..av_hubert.configuration import AvHubertConfig

    if STEM not in weights:
        raise EncoderError(f"{name} holds no AV-HuBERT: it has no {STEM}, but {listed(sorted(weights), 3)}")
    try:
        size = weights["post_extract_proj.weight"].shape[0]
        trunk = "feature_extractor_video.resnet.trunk.layer"
        stages = range(1, 5)
        return AvHubertConfig(
            hidden_size=size,
            num_hidden_layers=_count(weights, LAYER),
            num_attention_heads=max(1, size // HEAD_SIZE),
            intermediate_size=weights[f"{LAYER}0.fc1.weight"].shape[0],
            position_kernel=weights["encoder.pos_conv.0.weight_v"].shape[2],
            position_groups=size // weights["encoder.pos_conv.0.weight_v"].shape[1],
            audio_size=weights["feature_extractor_audio.proj.weight"].shape[1],
            video_widths=[weights[f"{trunk}{at}.0.conv1.weight"].shape[0] for at in stages],
            video_blocks=[_count(weights, f"{trunk}{at}.") for at in stages],
        )
    except KeyError as error:
        raise EncoderError(f"{name} holds no AV-HuBERT: it has no {error.args[0]}") from None
    except (IndexError, ZeroDivisionError):
        raise EncoderError(f"{name} holds no AV-HuBERT: a weight has too few dimensions") from None


def _count(weights: dict[str, Tensor], beginning: str) -> int:
    """How many numbered parts there are: one after the last number."""
    parts = {name.removeprefix(beginning).partition(".")[0] for name in weights if name.startswith(beginning)}
    numbers = [int(part) for part in parts if part.isdecimal()]
    return max(numbers, default=-1) + 1


def _check(weights: dict[str, Tensor], config: AvHubertConfig, name: str) -> None:
    """Raise EncoderError unless the weights are exactly those of an AV-HuBERT of these sizes."""
    import torch

    from ..av_hubert.network import AvHubert

    try:
        with torch.device("meta"):
            wanted = {key: list(each.shape) for key, each in AvHubert(config).state_dict().items()}
    except (ValueError, RuntimeError) as error:
        raise EncoderError(f"{name} holds no AV-HuBERT: its sizes make no network: {error}") from None
    wrong = [f"{key} is missing" for key in wanted if key not in weights]
    wrong += [f"{key} is of another network" for key in weights if key not in wanted]
    wrong += [
        f"{key} is {list(weights[key].shape)} and should be {shape}"
        for key, shape in wanted.items()
        if key in weights and list(weights[key].shape) != shape
    ]
    if wrong:
        raise EncoderError(f"{name}: its weights are not an AV-HuBERT's: {listed(wrong, 3)}")
