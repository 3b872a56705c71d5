"""A model's folder: where it is looked for, what is refused, and the digests of its files. Nothing is downloaded."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path

from ...errors import SettingsError, listed
from ...files import digest_of, file_digest
from ..known_names import near_name
from ..model_files import ModelFiles
from .spec import PretrainedSpec

CONFIG, ABOUT = "config.json", "encoder.json"
"""The model's own configuration; and where emoflow keeps its source, licence and digest."""
WEIGHTS, SHARDS = "model.safetensors", "model.safetensors.index.json"

READ = (
    CONFIG,
    "preprocessor_config.json",
    "processor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "sentencepiece.bpe.model",
    "spm.model",
    "spiece.model",
)
"""The files beside the weights that transformers may read."""


class ModelFolder:
    """A folder as ``save_pretrained`` lays it out.

    Raises:
        SettingsError: it has no configuration, or no weights in safetensors.
    """

    def __init__(self, path: Path):
        self.path = path
        if not (path / CONFIG).is_file():
            raise SettingsError(f"{path} has no {CONFIG}: it is not the folder of a Hugging Face model")
        if not self.weights_files:
            raise SettingsError(_without_safetensors(path))

    @cached_property
    def weights_files(self) -> list[Path]:
        """The files of tensors, one unless they are in shards."""
        if (self.path / WEIGHTS).is_file():
            return [self.path / WEIGHTS]
        if not (self.path / SHARDS).is_file():
            return []
        names = json.loads((self.path / SHARDS).read_text(encoding="utf-8"))["weight_map"].values()
        return [self.path / SHARDS, *(self.path / name for name in sorted(set(names)))]

    @property
    def files(self) -> list[Path]:
        """All that the model is run with."""
        beside = (self.path / name for name in (*READ, ABOUT))
        return [*self.weights_files, *(path for path in beside if path.is_file())]

    @cached_property
    def weights(self) -> str:
        """The SHA-256 of the weights; of shards, of their digests.

        Raises:
            SettingsError: they are not those that ``encoder.json`` states.
        """
        digests = {path.name: file_digest(path) for path in self.weights_files}
        found = digests[WEIGHTS] if WEIGHTS in digests else digest_of(digests)
        stated = about(self.path).get("sha256")
        if stated and WEIGHTS in digests and stated != found:
            raise SettingsError(
                f"{self.path / WEIGHTS} is not the file that was fetched: sha256 {found}, {ABOUT} says {stated}; "
                "fetch the model again"
            )
        return found

    @property
    def licence(self) -> str | None:
        """As ``encoder.json`` states it; None where it does not."""
        return about(self.path).get("licence")

    @property
    def pretrained_on(self) -> tuple[str, ...]:
        """The corpora that the model has seen, as ``encoder.json`` states them; empty where unknown."""
        return tuple(about(self.path).get("pretrained_on") or ())

    @cached_property
    def configuration(self) -> str:
        """The digest of what is read beside the weights."""
        return digest_of({path.name: file_digest(path) for path in self.files[len(self.weights_files) :]
                          if path.name != ABOUT})  # fmt: skip


def about(folder: Path) -> dict:
    """What ``encoder.json`` says of a model that emoflow fetched or added; {} where there is none."""
    path = folder / ABOUT
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def find(spec: PretrainedSpec, models: ModelFiles) -> ModelFolder:
    """Find a model: as a folder, among the encoders that were fetched, in the cache of Hugging Face.

    Args:
        spec: which model.
        models: where models are kept on this machine, or in a published model.

    Returns:
        Its folder.

    Raises:
        SettingsError: it is nowhere, or its folder is not one that can be used.
    """
    if models.packed and models.pretrained is not None:
        return ModelFolder(models.pretrained / spec.model)
    path = Path(spec.hf).expanduser()
    if not spec.is_hub_name:
        if spec.revision is not None:
            raise SettingsError(
                f"{spec.hf} is a folder, which has no revision: leave revision {spec.revision!r} out"
            )
        if not path.is_dir():
            raise SettingsError(
                f"the encoder {spec.hf!r} is a folder that does not exist ({path.absolute()})"
            )
        return ModelFolder(path)
    looked = []
    if (path / CONFIG).is_file() and spec.revision is None:
        return ModelFolder(path)
    looked.append(f"the folder {path}")
    if models.pretrained is not None:
        kept = models.pretrained / spec.hf
        revision = about(kept).get("revision")
        if (kept / CONFIG).is_file() and spec.revision in (None, revision):
            return ModelFolder(kept)
        looked.append(
            f"{kept}" + (f" (which holds revision {revision!r})" if (kept / CONFIG).is_file() else "")
        )
    cached = _cached(spec)
    if cached is not None:
        return ModelFolder(cached)
    looked.append("the cache of Hugging Face")
    name = spec.hf if spec.revision is None else f"{spec.hf} at revision {spec.revision}"
    get = f"Fetch it with: emoflow encoders fetch {spec.hf}"
    if spec.streams:
        get = f"Take it from a published checkpoint with: emoflow encoders add FILE.pt --name {spec.hf}"
    if near := near_encoder(spec, models):
        get = f"Did you mean {near!r}? If not, {get[0].lower()}{get[1:]}"
    raise SettingsError(f"the encoder {name} is not here; looked in {listed(looked)}. {get}")


def near_encoder(spec: PretrainedSpec, models: ModelFiles) -> str | None:
    """The encoder that was probably meant by a name that is nowhere found.

    Args:
        spec: what is stated.
        models: where models are kept on this machine.

    Returns:
        The nearest of the catalogue's names and of the models' on this machine; None where none is near.
    """
    here = models.pretrained.glob(f"*/{CONFIG}") if models.pretrained is not None else ()
    return near_name(spec.hf, [path.parent.name for path in here]) if spec.is_hub_name else None


def _cached(spec: PretrainedSpec) -> Path | None:
    """The model's snapshot in the local cache of ``huggingface_hub``."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(spec.hf, CONFIG, revision=spec.revision)
    if not isinstance(found, str):
        return None
    folder = Path(found).parent
    return (
        folder if any(folder.glob("*.safetensors")) or _pickled(folder) else None
    )  # or its weights were not fetched


def _pickled(path: Path) -> list[str]:
    return sorted(
        file.name for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt") for file in path.glob(pattern)
    )


def _without_safetensors(path: Path) -> str:
    pickled = _pickled(path)
    if not pickled:
        return f"{path} has no {WEIGHTS}"
    return (
        f"{path} has no {WEIGHTS}, but {listed(pickled)}: a pickle, which can run code when it is read, and is not "
        "read here. Name a revision that has safetensors; or convert it, by reading its tensors alone "
        f"(torch.load with weights_only=True), with: emoflow encoders add {path} --convert"
    )
