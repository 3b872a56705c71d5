"""The base class of encoders, and merging several encoders of a modality into one token sequence."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from ..errors import FeatureError, MediaError
from ..files import digest_of

Layout = list[tuple[str, int]]
"""Encoders and how many dimensions each fills, in order. One whose layers are kept apart stands there once a layer."""


class Encoder(ABC):
    """One recording to tokens [T, D]; T is 1 for a pooled one.

    ``decode`` makes what all encoders of a modality share (samples, pictures, a string), so that a recording is
    decoded once; ``encode`` does both.
    """

    name: str
    modality: ClassVar[str]
    kind: Literal["pooled", "sequence"]
    alignable: ClassVar[bool] = False
    """Whether its sequence can have one token for each picture of the recording, as others of this kind have then."""
    version: ClassVar[int]
    """Raised when the same recording gives other tokens, by our doing."""
    libraries: tuple[str, ...] = ()
    """Distributions whose version may change the tokens."""
    tuning_libraries: tuple[str, ...] = ()
    """Further distributions that it needs where its model was tuned, which the features of the frozen one do not."""
    weights: str | None = None
    """The SHA-256 of the model it runs, where it runs one."""
    licence: str | None = None
    """Of that model; None where unknown."""
    pretrained_on: tuple[str, ...] = ()
    """The corpora that the model has seen, as far as known."""

    dimensions: int
    context: int = 0
    """How many earlier turns of the dialogue it reads before an utterance's own."""
    layers_apart: int = 1
    """Layers that lie side by side in a token, equally wide, for training to weight. They are stored in float16."""
    parameters: dict[str, Any]
    """What of ``params.yaml`` it depends on."""

    @abstractmethod
    def decode(self, source) -> Any:
        """A path or bytes (or a text) to what ``encode_decoded`` takes. Raises MediaError."""

    @abstractmethod
    def encode_decoded(self, medium) -> np.ndarray:
        """float32 [T, D], float16 of layers apart; T > 0, all finite.

        Raises:
            MediaError: nothing in it for this encoder; the message is the reason.
        """

    def encode(self, source) -> np.ndarray:
        """A path or bytes (or a text) to tokens [T, D]. Raises MediaError."""
        return self.encode_decoded(self.decode(source))

    def source_digest(self, source, digest: str) -> str:
        """Of all that is read of a source.

        Args:
            source: what ``decode`` takes.
            digest: of the recording or the text alone.
        """
        return digest

    def notice(self, medium) -> str | None:
        """What of a decoded medium is not encoded, as the stage reports it; None where all of it is."""
        return None

    def files(self) -> dict[str, Path]:
        """The model that it runs: each file, by its name below a published model's folder.

        Raises:
            SettingsError: it is missing.
        """
        return {}

    def model(self) -> dict[str, Any] | None:
        """The model that it runs: ``sha256``, ``licence``, ``pretrained_on``; None where it runs none."""
        if self.weights is None:
            return None
        return {
            "sha256": self.weights,
            "licence": self.licence,
            "pretrained_on": list(self.pretrained_on),
        }

    def feature_names(self) -> list[str]:
        """A name for each dimension."""
        return [f"{self.name}_{index}" for index in range(self.dimensions)]

    def digest(self) -> str:
        """Of all that decides what this encoder makes of a recording, but the recording."""
        return digest_of(
            {
                "name": self.name,
                "version": self.version,
                "decoding": self.decoding(),
                "libraries": {library: _installed(library) for library in self.libraries},
                "weights": self.weights,
                "parameters": self.parameters,
            }
        )

    @classmethod
    @abstractmethod
    def decoding(cls) -> int:
        """The version of the decoding beneath it."""


@cache
def _installed(library: str) -> str:
    """A library's version: a digest is asked for with each utterance, and looking it up takes milliseconds."""
    return version(library)


def checked(tokens: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """The tokens as float32, if every one is finite.

    Raises:
        MediaError: naming the features that are not.
    """
    bad = np.flatnonzero(~np.isfinite(tokens).all(0))
    if bad.size:
        shown = ", ".join(names[index] for index in bad[:3])
        raise MediaError(f"{bad.size} of {tokens.shape[1]} features are NaN or Inf: {shown}")
    return np.ascontiguousarray(tokens, np.float32)


def layout_of(encoders: Sequence[Encoder]) -> Layout:
    return [entry for each in encoders for entry in entries(each.name, each.dimensions, each.layers_apart)]


def entries(encoder: str, dimensions: int, layers: int) -> Layout:
    """An encoder's part of a layout."""
    return [(encoder, dimensions // layers)] * layers


def merge(parts: Sequence[np.ndarray]) -> np.ndarray:
    """The tokens of one modality's encoders as one sequence, side by side: float32 [T, sum of D].

    A part of one token (a pooled encoder's) is repeated along the tokens of the one that is a sequence.

    Raises:
        FeatureError: two parts of several tokens each, which have no common time.
    """
    length = max(len(part) for part in parts)
    if any(len(part) not in (1, length) for part in parts):
        raise FeatureError(f"sequences of {[len(part) for part in parts]} tokens cannot be laid side by side")
    broadcast = [np.broadcast_to(part, (length, part.shape[1])) for part in parts]
    return np.concatenate(broadcast, axis=1, dtype=np.float32)
