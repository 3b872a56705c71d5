"""Reads the tensors of a fairseq checkpoint, without fairseq and without running anything that it names.

A fairseq checkpoint is a pickle that holds fairseq's and omegaconf's objects beside the weights: dictionaries,
settings, meters. torch's restricted unpickler refuses these; here it makes one inert object of each, which keeps
nothing of what it is given, and goes on refusing all else.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import EncoderError, listed
from . import pickled

if TYPE_CHECKING:
    from torch import Tensor

INERT = ("argparse", "enum", "fairseq", "numpy", "omegaconf", "pathlib", "sentencepiece", "typing")
"""Packages whose objects are read as `Inert` ones, since none of them is a weight."""


class Inert:
    """Takes the place of an object of another package, whatever it is made with."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Inert:
        """Without a look at the arguments."""
        return super().__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Keeps nothing."""

    def __setstate__(self, state: Any) -> None:
        """Keeps nothing."""


def weights(source: Path) -> dict[str, Tensor]:
    """The weights of a checkpoint, mapped from the file: what belongs to its optimizer is not read into memory.

    Args:
        source: the checkpoint.

    Returns:
        Its entry ``model``.

    Raises:
        EncoderError: it is no fairseq checkpoint, is cut short, or names an object of another package.
    """
    import torch

    name = source.name
    try:
        named = torch.serialization.get_unsafe_globals_in_checkpoint(source)
    except OSError:
        raise
    except Exception as error:  # of what is no checkpoint, torch raises almost anything
        raise EncoderError(
            f"{name} is no checkpoint that torch (1.6 or later) has written, or is cut short: {_reason(error)}"
        ) from None
    strange = sorted(each for each in named if each.partition(".")[0] not in INERT)
    if strange:
        raise EncoderError(
            f"{name} names {listed(strange)}, which is neither a tensor nor an object of {listed(INERT)}: what else a "
            "pickle names could run code, and is not read"
        )
    with torch.serialization.safe_globals([(Inert, each) for each in named]):
        held = pickled.load(source, mapped=True)
    if not isinstance(held, dict) or "model" not in held:
        raise EncoderError(f"{name} is no fairseq checkpoint: it has no entry 'model'")
    return pickled.tensors_of(held["model"], f"{name}: its entry 'model'")


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
