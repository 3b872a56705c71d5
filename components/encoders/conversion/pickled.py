"""A pickled checkpoint as safetensors, by torch's restricted unpickler: tensors only, no code is run."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import EncoderError
from ...files import as_new
from .tensors import METADATA

if TYPE_CHECKING:
    from torch import Tensor


def convert(source: Path, target: Path) -> None:
    """Write the tensors of a ``pytorch_model.bin`` to a safetensors file.

    Args:
        source: the checkpoint.
        target: the file to write.

    Raises:
        EncoderError: it is no checkpoint, or holds anything but tensors.
    """
    from safetensors.torch import save_file

    tensors = tensors_of(load(source), source.name)
    # Tensors that share memory are written each on its own: safetensors knows no sharing.
    save_file(
        {name: each.clone().contiguous() for name, each in sorted(tensors.items())}, target, metadata=METADATA
    )
    as_new(target)


def load(source: Path, *, mapped: bool = False) -> Any:
    """What a checkpoint holds: tensors, numbers and texts, in lists and mappings.

    Args:
        source: the checkpoint.
        mapped: whether tensors are read from the file when they are used, rather than all at once.

    Raises:
        EncoderError: it is no checkpoint, or holds anything else.
    """
    import torch

    try:
        return torch.load(source, map_location="cpu", weights_only=True, mmap=mapped)
    except OSError:
        raise
    except Exception as error:  # of what is no checkpoint, torch's unpickler raises almost anything
        raise EncoderError(
            f"{source.name} is no checkpoint of tensors alone, and nothing else is read from a pickle: "
            f"{str(error).splitlines()[0] if str(error) else type(error).__name__}"
        ) from None


def tensors_of(held: Any, name: str) -> "dict[str, Tensor]":
    """What was held, if it is a table of tensors. Raises EncoderError, which begins with ``name``."""
    import torch

    if not isinstance(held, dict) or not all(isinstance(each, torch.Tensor) for each in held.values()):
        raise EncoderError(f"{name} holds no table of tensors, name by name")
    return held
