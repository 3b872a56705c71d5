"""Which modality an architecture belongs to, and loading its weights. Code of a model's own is never run."""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import SettingsError, listed
from ..networks import network

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transformers import PretrainedConfig, PreTrainedModel

SPEAKERS = ("ge2e",)
SPEECH = (
    "wav2vec2",
    "hubert",
    "wavlm",
    "data2vec-audio",
    "unispeech-sat",
    "whisper",
    "moonshine",
    *SPEAKERS,
)
"""wav2vec 2.0 is XLSR and XLS-R too."""
PICTURES = {
    "vit": "ViTModel",
    "dinov2": "Dinov2Model",
    "clip": "CLIPVisionModel",
    "clip_vision_model": "CLIPVisionModel",
    "siglip": "SiglipVisionModel",
    "siglip_vision_model": "SiglipVisionModel",
}
"""Architecture → the class of its vision tower."""
FILMS = ("videomae",)
EXPRESSIONS = ("face-expression",)

UNUSED = ("pooler", "masked_spec_embed", "mask_token")
"""Weights that a checkpoint may lack, since only training or a head that is not used here reads them."""


@lru_cache
def configuration(folder: Path) -> PretrainedConfig:
    """The model's configuration.

    Raises:
        SettingsError: neither emoflow nor transformers knows the architecture, or only with code that comes with the
            model.
    """
    from transformers import AutoConfig

    try:
        stated = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        own = network(stated.get("model_type"))
        return (own.config_class if own else AutoConfig).from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise SettingsError(
            f"{folder}: transformers cannot read its configuration ({reason}); architectures that need code of their "
            "own (trust_remote_code) are not run"
        ) from None


def modality_of(folder: Path) -> str:
    """``audio``, ``text`` or ``face``.

    Raises:
        SettingsError: an architecture that is none of these; the message says which are.
    """
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

    config = configuration(folder)
    kind = config.model_type
    if kind in SPEECH:
        return "audio"
    if kind in PICTURES or kind in FILMS or kind in EXPRESSIONS:
        return "face"
    if kind in MODEL_FOR_MASKED_LM_MAPPING_NAMES and not config.is_encoder_decoder:
        return "text"
    raise SettingsError(
        f"{folder} is a model of the architecture {kind!r}, which is not used as an encoder. Those that are: of speech "
        f"{listed(SPEECH, 20)}; of pictures {listed(PICTURES, 20)}; of films {listed(FILMS)}; of expressions "
        f"{listed(EXPRESSIONS)}; of text every encoder that is trained as a masked language model (BERT, RoBERTa, "
        "DistilBERT, DeBERTa, XLM-R, …)"
    )


def depth_key(config: PretrainedConfig) -> str:
    """Which attribute of a configuration is the encoder's number of layers."""
    # Moonshine counts the layers of encoder and decoder apart, and has no number for both.
    apart = "encoder_num_hidden_layers"
    return apart if hasattr(config, apart) else "num_hidden_layers"


@lru_cache
def load(folder: Path, layers: int, device: str) -> PreTrainedModel:
    """As `load_anew`, on a device; once per process."""
    model = load_anew(folder, layers)
    return model if device == "cpu" else on_device(model, device)


def on_device(model: PreTrainedModel, device: str) -> PreTrainedModel:
    """The model there, for arithmetic in whole float32, as a CPU's: so what it gives does not depend on the device.

    Raises:
        SettingsError: there is no such device, or it has not the memory for it.
    """
    import torch

    if not torch.cuda.is_available():
        raise SettingsError(
            f"EMOFLOW_DEVICE is {device}, and PyTorch finds no GPU here: set EMOFLOW_DEVICE=cpu"
        )
    torch.backends.cudnn.allow_tf32 = False  # the default, in which products have ten bits
    with within_memory(device):
        return model.to(device)


class OutOfDeviceMemory(SettingsError):
    """A GPU whose memory is full."""


@contextmanager
def within_memory(device: str) -> Iterator[None]:
    """Raises OutOfDeviceMemory, which says what to do, where the device's memory does not suffice for what is done."""
    import torch

    try:
        yield
    except torch.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        raise OutOfDeviceMemory(
            f"the memory of {device} is full ({str(error).splitlines()[0]}); run again with fewer processes "
            "that share it (EMOFLOW_WORKERS=1) or on the CPU (EMOFLOW_DEVICE=cpu): what is done is kept"
        ) from None


def load_anew(folder: Path, layers: int) -> PreTrainedModel:
    """The encoder with its weights, in float32, for inference.

    Args:
        folder: of the model.
        layers: how many of them are loaded, from the first one on.

    Raises:
        SettingsError: weights of another architecture.
    """
    config = configuration(folder)
    tower = PICTURES.get(config.model_type)
    cut = deepcopy(getattr(config, "vision_config", config) if tower else config)
    if layers < getattr(cut, depth_key(cut)):
        with suppress(NotImplementedError):  # Funnel, whose layers are in blocks, is loaded whole
            setattr(cut, depth_key(cut), layers)
    kind = network(config.model_type) or tower or "AutoModel"
    model, info = from_safetensors(kind, folder, config=cut)
    model = model.get_encoder() if config.is_encoder_decoder else model
    lacking = sorted(
        weight
        for weight in info["missing_keys"]
        if (weight.startswith("encoder.") or not config.is_encoder_decoder)
        and not any(part in weight for part in UNUSED)
    )
    if what := [*lacking, *sorted(each[0] for each in info["mismatched_keys"])]:
        raise SettingsError(
            f"{folder}: its weights are not those of the architecture {config.model_type!r}, which its config.json "
            f"states: {len(what)} are missing or of another shape: {listed(what)}"
        )
    return model.eval().requires_grad_(False)


def from_safetensors(
    kind: str | type[PreTrainedModel], folder: Path, **options: Any
) -> tuple[Any, dict[str, Any]]:
    """A model in float32, and what transformers says of its weights (``missing_keys``, ``mismatched_keys``).

    Args:
        kind: the class, of transformers by its name.
        folder: of the model.
        options: of ``from_pretrained``.

    Raises:
        SettingsError: there are no safetensors that can be read.
    """
    import torch
    import transformers

    loader = getattr(transformers, kind) if isinstance(kind, str) else kind
    with quiet():
        try:
            model, info = loader.from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                ignore_mismatched_sizes=True,  # they are told; else they are in a report that is not shown
                dtype=torch.float32,
                output_loading_info=True,
                **options,
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise SettingsError(f"{folder}: the weights cannot be loaded: {error}") from None
    return model, info


def processor(kind: str, folder: Path, **options: Any) -> Any:
    """The model's own ``AutoFeatureExtractor``, ``AutoTokenizer`` or ``AutoImageProcessor``.

    Raises:
        SettingsError: its files are missing.
    """
    import transformers

    with quiet():
        try:
            return getattr(transformers, kind).from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, **options
            )
        except (OSError, ValueError, KeyError, TypeError, ImportError) as error:
            reason = str(error).strip().splitlines()[0]
            raise SettingsError(f"{folder}: {kind} finds no file that it can read there ({reason})") from None


@contextmanager
def quiet() -> Iterator[None]:
    """Without transformers' progress bars and its table of the weights of heads, which are not used."""
    from transformers.utils import logging

    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()
