"""The checkpoint of a GE2E speaker encoder, as Resemblyzer publishes it, as a folder with safetensors."""

from pathlib import Path

from ...errors import EncoderError
from ...files import write_json
from . import pickled
from .tensors import save

CHECKPOINT = "pretrained.pt"


def convert(source: Path, target: Path) -> None:
    """Write the weights in ``pretrained.pt``, under their own names, and a configuration by their shapes.

    Args:
        source: the folder of ``pretrained.pt``.
        target: an existing folder.

    Raises:
        EncoderError: it holds no such weights.
    """
    held = pickled.load(source / CHECKPOINT)
    tensors = pickled.tensors_of(held.get("model_state") if isinstance(held, dict) else None, CHECKPOINT)
    if "lstm.weight_ih_l0" not in tensors:
        raise EncoderError(f"{CHECKPOINT}: no lstm.weight_ih_l0: it holds no GE2E speaker encoder")
    gates, bands = tensors["lstm.weight_ih_l0"].shape
    config = {
        "architectures": ["Ge2e"],
        "model_type": "ge2e",
        "dtype": "float32",
        "hidden_size": gates // 4,
        "num_hidden_layers": sum(name.startswith("lstm.weight_ih_l") for name in tensors),
        "num_mel_bins": bands,
    }
    write_json(target / "config.json", config)
    save({name: each.numpy() for name, each in tensors.items()}, target / "model.safetensors")
