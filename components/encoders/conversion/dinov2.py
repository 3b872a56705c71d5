"""The DINOv2 backbone of an ONNX model as a Hugging Face folder."""

from pathlib import Path
from typing import Any

import numpy as np

from ...errors import EncoderError
from ...files import write_json
from . import onnx
from .tensors import save

PREFIX = "backbone."
HEAD_SIZE = 64
"""Of every published DINOv2."""


def convert(source: Path, target: Path) -> None:
    """Write the backbone in ``model.onnx`` as a Hugging Face folder.

    Exporters to ONNX keep the names of all weights but the matrices of linear layers, which they transpose, and of the
    position embeddings, which they split; those are found by the nodes that use them.

    Args:
        source: the folder of ``model.onnx``.
        target: an existing folder.

    Raises:
        EncoderError: it holds no such backbone; names what is missing.
    """
    graph = onnx.read(source / "model.onnx")
    tensors = {
        name.removeprefix(PREFIX): weight for name, weight in graph.weights.items() if name.startswith(PREFIX)
    }
    for name, operator, inputs in graph.nodes:
        layer = name.removeprefix("/backbone/").rpartition("/")[0].replace("/", ".")
        if operator == "MatMul" and name.startswith("/backbone/") and f"{layer}.bias" in tensors:
            tensors[f"{layer}.weight"] = graph.weights[inputs[1]].T
    tensors["embeddings.position_embeddings"] = _positions(graph)
    config = _config(tensors)
    tensors["embeddings.mask_token"] = np.zeros((1, config["hidden_size"]), np.float32)  # of training alone
    write_json(target / "config.json", config)
    write_json(target / "preprocessor_config.json", PREPROCESSOR)
    save(tensors, target / "model.safetensors")


def _positions(graph: onnx.Graph) -> np.ndarray:
    """The embedding of the class token and those of the patches, [1, 1 + N, D]."""
    found: dict[str, np.ndarray] = {}
    for name, operator, inputs in graph.nodes:
        if name.startswith("/backbone/embeddings/") and operator in ("Concat", "Reshape"):
            for each in inputs:
                if each in graph.weights and not each.startswith(PREFIX) and graph.weights[each].ndim == 3:
                    found[operator] = graph.weights[each]
    if set(found) != {"Concat", "Reshape"} or found["Concat"].shape[1] != 1:
        raise EncoderError("model.onnx: the position embeddings of a DINOv2 backbone are not in it")
    return np.concatenate([found["Concat"], found["Reshape"]], axis=1)


def _config(tensors: dict[str, np.ndarray]) -> dict[str, Any]:
    """``config.json``, from the shapes of the weights."""
    try:
        patches = tensors["embeddings.patch_embeddings.projection.weight"]
        width, inner = patches.shape[0], tensors["encoder.layer.0.mlp.fc1.bias"].shape[0]
    except KeyError as error:
        raise EncoderError(f"model.onnx: no {PREFIX}{error.args[0]}: it holds no DINOv2 backbone") from None
    side = round((tensors["embeddings.position_embeddings"].shape[1] - 1) ** 0.5) * patches.shape[-1]
    return {
        "architectures": ["Dinov2Model"],
        "model_type": "dinov2",
        "dtype": "float32",
        "hidden_size": width,
        "num_hidden_layers": sum(name.endswith(".norm1.bias") for name in tensors),
        "num_attention_heads": width // HEAD_SIZE,
        "mlp_ratio": inner // width,
        "patch_size": patches.shape[-1],
        "image_size": side,
        "num_channels": patches.shape[1],
        "qkv_bias": True,
        "layerscale_value": 1.0,
        "layer_norm_eps": 1e-6,
        "hidden_act": "gelu",
        "use_swiglu_ffn": False,
    }


PREPROCESSOR = {
    "image_processor_type": "BitImageProcessor",
    "do_convert_rgb": True,
    "do_resize": True,
    "size": {"shortest_edge": 256},
    "resample": 3,
    "do_center_crop": True,
    "crop_size": {"height": 224, "width": 224},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
}
"""As DINOv2 is published with: bicubic to 256, the middle 224, ImageNet's mean and deviation."""
