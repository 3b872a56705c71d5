"""What the pre-trained encoders of all modalities have in common."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..base import Encoder, checked
from ..model_files import PRETRAINED
from .architecture import configuration, depth_key, load, within_memory
from .folder import ModelFolder
from .layers import Choice, kept_apart, pooled, pooled_size
from .spec import Layers, PretrainedSpec

if TYPE_CHECKING:
    from torch import Tensor

TUNING_LIBRARIES = ("peft",)
"""Distributions that LoRA needs."""


class OfFolder(Encoder):
    """What runs the Hugging Face model of a folder."""

    libraries: tuple[str, ...] = ("transformers", "torch", "huggingface_hub")
    spec: PretrainedSpec
    folder: ModelFolder

    @property
    def weights(self) -> str:
        """The SHA-256 of the model's weights."""
        return self.folder.weights

    @property
    def licence(self) -> str | None:
        """Of the model; None where unknown."""
        return self.folder.licence

    @property
    def pretrained_on(self) -> tuple[str, ...]:
        """The corpora that the model has seen, as far as known."""
        return self.folder.pretrained_on

    def files(self) -> dict[str, Path]:
        """The model's folder, below a name that all its encoders share."""
        return {f"{PRETRAINED}/{self.spec.model}/{path.name}": path for path in self.folder.files}


class Pretrained(OfFolder):
    """A frozen Hugging Face model. Its weights are loaded when the first recording is encoded, once per process."""

    def __init__(self, spec: PretrainedSpec, folder: ModelFolder):
        """An encoder of one model.

        Raises:
            ParamsError: the model does not have the layers asked for.
        """
        config = configuration(folder.path)
        config = getattr(config, "vision_config", config)
        self.spec, self.folder = spec, folder
        self.name = spec.name
        self.kind = "sequence" if spec.pooling == "none" else "pooled"
        self.depth: int = getattr(config, depth_key(config))
        self.layers = self.default_layers() if spec.layers is None else spec.layers
        width = 1 if self.layers is None else self.choice.width
        self.dimensions = pooled_size(width * config.hidden_size, spec.pooling)
        self.layers_apart = width if self.layers is not None and self.choice.apart else 1

    @property
    def tuning_libraries(self) -> tuple[str, ...]:
        """That of LoRA."""
        return TUNING_LIBRARIES if self.spec.tune == "lora" else ()

    @abstractmethod
    def default_layers(self) -> Layers:
        """What is taken of the model where params.yaml does not say; None: its own pooled output."""

    @cached_property
    def choice(self) -> Choice:
        """Which hidden states are taken."""
        return Choice.of(self.layers, depth=self.depth, who=f"the encoder {self.spec.hf}")

    def feature_names(self) -> list[str]:
        """A name for each dimension, with the state that it is of where all are kept."""
        each = self.dimensions // self.layers_apart
        if self.layers_apart == 1:
            return super().feature_names()
        return [f"{self.name}_{state}_{at}" for state in range(self.layers_apart) for at in range(each)]

    @property
    def parameters(self) -> dict[str, Any]:
        """The layers and the pooling, and the digest of the model's configuration."""
        return {
            "layers": self.layers,
            "pooling": self.spec.pooling,
            "configuration": self.folder.configuration,
            **self.extra_parameters,
        }

    extra_parameters: dict[str, Any] = {}  # noqa: RUF012
    """What else decides the tokens, of one modality."""

    def states(self, **inputs: Any) -> tuple[Sequence[Tensor], Any]:
        """Run the model: its hidden states, the last one being its output, and all that it gives; on its device.

        Args:
            inputs: as the model's own processor makes them.

        Raises:
            OutOfDeviceMemory: the GPU's memory does not suffice.
        """
        import torch

        inputs = {name: x.to(self.device) if torch.is_tensor(x) else x for name, x in inputs.items()}
        with torch.inference_mode(), within_memory(self.device), warnings.catch_warnings():
            # WavLM's attention gives torch masks of two types.
            warnings.filterwarnings("ignore", message="Support for mismatched key_padding_mask")
            output = self.loaded(**inputs, output_hidden_states=True)
        # Where a layer norm follows the last layer, transformers lists the state before it.
        return (*output.hidden_states[:-1], output.last_hidden_state), output

    def taken(self, **inputs: Any) -> tuple[Tensor, Any]:
        """As `states`; those that are taken, side by side, on the CPU: ``[B, T, width · D]``."""
        states, output = self.states(**inputs)
        return self.choice.of_states(states).cpu(), output

    def pooled(self, parts: Iterable[np.ndarray]) -> np.ndarray:
        """Pool what was taken of the model's states over time.

        Args:
            parts: float32 [T, width · D] each, one after the other.

        Returns:
            float32 [T, dimensions]; float16, layer after layer, where all layers are kept. T is 1 where pooled.

        Raises:
            MediaError: values that are not finite, or too large to be kept.
        """
        tokens = checked(pooled(parts, self.spec.pooling), self.feature_names())
        return kept_apart(tokens, self.layers_apart, self.spec.pooling) if self.layers_apart > 1 else tokens

    @property
    def needed(self) -> int:
        """How many of the model's layers are run: those up to the states that are taken, and one more.

        One more, since some models normalise what their last layer gives.
        """
        return min(self.highest + 1, self.depth)

    @property
    def highest(self) -> int:
        """The last of the states that are taken, which is as many layers up."""
        return self.depth if self.layers is None else max(self.choice.numbers)

    @property
    def loaded(self) -> Any:
        return load(self.folder.path, self.needed, self.device)
