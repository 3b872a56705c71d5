"""The face-expression network of face-api, as TensorFlow.js has it, as a folder with safetensors."""

from __future__ import annotations

from pathlib import Path

from ...errors import EncoderError
from ...files import write_json
from . import tfjs
from .tensors import save

MANIFEST = "face_expression_model-weights_manifest.json"
BLOCKS, CONVOLUTIONS = 4, 4


def convert(source: Path, target: Path) -> None:
    """Write the weights that the manifest lists, and the sizes of the network.

    Args:
        source: the folder of the manifest and of the weights.
        target: an existing folder.

    Raises:
        EncoderError: they are no such network's; names what is missing or left over.
    """
    weights = tfjs.read(source / MANIFEST)
    tensors = {}
    try:
        for block in range(BLOCKS):
            for at in range(CONVOLUTIONS):
                theirs, ours = f"dense{block}/conv{at}", f"blocks.{block}.convolutions.{at}"
                if (block, at) == (0, 0):
                    tensors[f"{ours}.weight"] = weights.pop(f"{theirs}/filters").transpose(3, 2, 0, 1)
                    tensors[f"{ours}.bias"] = weights.pop(f"{theirs}/bias")
                    continue
                depthwise = weights.pop(f"{theirs}/depthwise_filter")
                tensors[f"{ours}.0.weight"] = depthwise.transpose(2, 3, 0, 1)
                tensors[f"{ours}.1.weight"] = weights.pop(f"{theirs}/pointwise_filter").transpose(3, 2, 0, 1)
                tensors[f"{ours}.1.bias"] = weights.pop(f"{theirs}/bias")
        tensors["fc.weight"] = weights.pop("fc/weights").T
        tensors["fc.bias"] = weights.pop("fc/bias")
    except KeyError as error:
        raise EncoderError(f"{MANIFEST}: no {error.args[0]}: it is of another network") from None
    if weights:
        raise EncoderError(f"{MANIFEST}: {', '.join(weights)} are of another network")
    config = {
        "architectures": ["FaceExpression"],
        "model_type": "face-expression",
        "dtype": "float32",
        "hidden_size": tensors["fc.weight"].shape[1],
        "num_hidden_layers": BLOCKS,
    }
    write_json(target / "config.json", config)
    save(tensors, target / "model.safetensors")
