"""A ``pytorch_model.bin`` as safetensors, by torch's restricted unpickler: tensors only, no code is run."""

from pathlib import Path

from ...errors import EncoderError
from .tensors import METADATA, READABLE


def convert(source: Path, target: Path) -> None:
    """Write the tensors of a pickled checkpoint to a safetensors file.

    Args:
        source: the checkpoint.
        target: the file to write.

    Raises:
        EncoderError: it is no checkpoint, or holds anything but tensors.
    """
    import torch
    from safetensors.torch import save_file

    try:
        tensors = torch.load(source, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # of what is no checkpoint, torch's unpickler raises almost anything
        raise EncoderError(
            f"{source.name} is no checkpoint of tensors alone, and nothing else is read from a pickle: "
            f"{str(error).splitlines()[0] if str(error) else type(error).__name__}"
        ) from None
    if not isinstance(tensors, dict) or not all(isinstance(each, torch.Tensor) for each in tensors.values()):
        raise EncoderError(f"{source.name} holds no table of tensors, name by name")
    # Tensors that share memory are written each on its own: safetensors knows no sharing.
    save_file(
        {name: each.clone().contiguous() for name, each in sorted(tensors.items())}, target, metadata=METADATA
    )
    target.chmod(READABLE)
