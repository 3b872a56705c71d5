"""Weights of other formats as Hugging Face folders with safetensors; no code that comes with them is run.

convert("ctranslate2-whisper", source, target)   what the catalogue's carriers hold
pickled.convert(source, target)                  a pytorch_model.bin
av_hubert.convert(source, target)                a checkpoint of AV-HuBERT, as fairseq writes it
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from . import dinov2, face_expression, ge2e, whisper


def _copied(source: Path, target: Path) -> None:
    """A Hugging Face folder as it is."""
    for path in sorted(source.iterdir()):
        shutil.copyfile(path, target / path.name)


FORMATS: dict[str, Callable[[Path, Path], None]] = {
    "huggingface": _copied,
    "ctranslate2-whisper": whisper.convert,
    "onnx-dinov2": dinov2.convert,
    "torch-ge2e": ge2e.convert,
    "tfjs-face-expression": face_expression.convert,
}


def convert(format: str, source: Path, target: Path) -> None:
    """Write a model as a Hugging Face folder.

    Args:
        format: a key of ``FORMATS``.
        source: the folder of the model's files.
        target: an empty folder, which then holds ``config.json``, ``model.safetensors`` and what reads the input.

    Raises:
        EncoderError: a file is not what the format says; names it and what is wrong with it.
    """
    FORMATS[format](source, target)
