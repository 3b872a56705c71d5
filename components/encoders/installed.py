"""The pre-trained encoders on this machine: a Hugging Face folder each, with ``encoder.json`` saying what it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from ..errors import EncoderError, listed
from ..files import file_digest, write_json
from .networks import network
from .pretrained.architecture import quiet
from .pretrained.spec import AV_HUBERT

if TYPE_CHECKING:
    from transformers import PreTrainedModel

ABOUT, CONFIG, WEIGHTS = "encoder.json", "config.json", "model.safetensors"
READERS = (
    "preprocessor_config.json",
    "processor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
    "vocab.json",
)
"""One of them at least tells how the input is read; of our own networks their encoders know."""
UNUSED = ("pooler", "masked_spec_embed", "mask_token", "lm_head", "classifier")
"""Parts of a weight's name that training or a head alone reads: published encoders lack some of them."""


class Installed(BaseModel):
    """What ``encoder.json`` states.

    Attributes:
        name: what the encoder is called here, and its folder.
        source: the hub's name of the model, the package that carried it, or that it came from a folder.
        revision: the hub's commit; None from elsewhere.
        licence: of the weights; None where unknown.
        pretrained_on: the corpora that it has seen, as far as known.
        sha256: of ``model.safetensors``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    source: str
    revision: str | None
    licence: str | None
    pretrained_on: tuple[str, ...]
    sha256: str


def read(folder: Path) -> Installed:
    """What a folder's ``encoder.json`` states.

    Raises:
        EncoderError: there is none, or it is broken; names file and key.
    """
    path = folder / ABOUT
    try:
        return Installed.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise EncoderError(f"{folder} is no encoder that emoflow fetched: it has no {ABOUT}") from None
    except ValidationError as error:
        said = (f"{'.'.join(map(str, each['loc'])) or 'the file'}: {each['msg']}" for each in error.errors())
        raise EncoderError(f"{path}: {'; '.join(said)}; delete {folder} and fetch it again") from None


def all_in(root: Path) -> list[Installed]:
    """The encoders in a folder of encoders, by name; one that was fetched by its hub name lies a level deeper.

    Raises:
        EncoderError: an ``encoder.json`` is broken.
    """
    found = [path.parent for pattern in ("*", "*/*") for path in root.glob(f"{pattern}/{ABOUT}")]
    hidden = [path for path in found if any(part.startswith(".") for part in path.relative_to(root).parts)]
    return sorted((read(path) for path in found if path not in hidden), key=lambda each: each.name)


def is_whole(folder: Path) -> bool:
    """Whether a folder holds an encoder whose weights are those that were fetched."""
    try:
        about = read(folder)
    except EncoderError:
        return False
    return (folder / WEIGHTS).is_file() and file_digest(folder / WEIGHTS) == about.sha256


def key_in_params(folder: Path) -> str:
    """The key by which params.yaml names an encoder: ``hf``, or ``av_hubert``."""
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    return AV_HUBERT if config.get("model_type") == AV_HUBERT else "hf"


def check(folder: Path) -> None:
    """Load a model once, to see that it is whole and what its configuration says. Code of its own is not run.

    Args:
        folder: with ``config.json``, ``model.safetensors`` and what reads the input.

    Raises:
        EncoderError: something is missing, neither emoflow nor transformers knows the architecture, or the weights are
            another architecture's.
    """
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError) as error:
        raise EncoderError(f"{CONFIG} cannot be read: {error}") from None
    own = network(config.get("model_type"))
    if own is None and not any((folder / name).is_file() for name in READERS):
        raise EncoderError(f"no tokenizer and no preprocessor: none of {listed(READERS)}")
    if "auto_map" in config:
        raise EncoderError(f"{CONFIG} names code of the model's own (auto_map), which emoflow never runs")
    missing = [name for name in _not_loaded(folder, own) if not any(part in name for part in UNUSED)]
    if missing:
        raise EncoderError(
            f"{WEIGHTS} is of another architecture than {CONFIG} says ({config.get('model_type')}): "
            f"it lacks these weights, or has them in another shape: {listed(missing, 3)}"
        )


def write_about(folder: Path, about: Installed) -> None:
    """Write ``encoder.json``."""
    write_json(folder / ABOUT, about.model_dump(mode="json"))


def _not_loaded(folder: Path, own: type[PreTrainedModel] | None) -> list[str]:
    """The weights that the architecture has, and the file lacks or has in another shape."""
    from transformers import AutoModel

    try:
        with quiet():
            _, found = (own or AutoModel).from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
    except Exception as error:  # of a configuration that makes no sense, transformers raises almost anything
        reason = (str(error).strip().splitlines() or [""])[0]
        raise EncoderError(f"transformers cannot load it: {type(error).__name__}: {reason}") from None
    return sorted({*found["missing_keys"], *(each[0] for each in found["mismatched_keys"])})
