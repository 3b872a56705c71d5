"""The base class of encoders, and merging several encoders of a modality into one token sequence."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from ..errors import MediaError
from ..files import digest_of
from ..schema import Join

Layout = list[tuple[str, int]]
"""Encoders and how many dimensions each fills, in order. One whose layers are kept apart stands there once a layer."""


class Encoder(ABC):
    """One recording to tokens [T, D]; T is 1 for a pooled one.

    ``decode`` makes what the encoders of a modality share (samples, pictures, a string; see ``decoded_as``), so that a
    recording is decoded once; ``encode`` does both.
    """

    name: str
    modality: ClassVar[str]
    kind: Literal["pooled", "sequence"]
    decoded_as: str = "medium"
    """What ``decode`` gives: encoders of one modality that name the same share what one of them has decoded."""
    hears_films: bool = False
    """Of faces: whether the sound of films decides its tokens, too."""
    alignable: ClassVar[bool] = False
    """Whether its sequence can have one token for each picture of the recording, as others of this kind have then."""
    version: ClassVar[int]
    """Raised when the same recording gives other tokens, by our doing."""
    libraries: tuple[str, ...] = ()
    """Distributions whose version may change the tokens."""
    tuning_libraries: tuple[str, ...] = ()
    """Further distributions that it needs where its model was tuned, which the features of the frozen one do not."""
    tunable: ClassVar[bool] = False
    """Whether its model can be trained with the fusion."""
    device: str = "cpu"
    """Where it runs, ``cpu`` or ``cuda``; its tokens are the same to 1e-5, so they do not depend on it."""
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

    def decode_cached(self, source, *, digest: str, root: Path) -> Any:
        """As `decode`; what takes long and other encoders share is read from a cache, and kept there.

        Args:
            source: what ``decode`` takes.
            digest: of the recording or the text.
            root: the cache's folder.

        Raises:
            MediaError: it cannot be used; the message is the reason.
            OSError: the cache cannot be written; names the file.
        """
        return self.decode(source)

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

    def coverage(self, medium) -> float | None:
        """The share of a film's frames in which a face was found, where one was followed."""
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


def by_decoding(encoders: Sequence[Encoder]) -> list[list[Encoder]]:
    """Encoders of one modality, those together that share what is decoded."""
    groups: dict[str, list[Encoder]] = {}
    for encoder in encoders:
        groups.setdefault(encoder.decoded_as, []).append(encoder)
    return list(groups.values())


def layout_of(encoders: Sequence[Encoder]) -> Layout:
    return [entry for each in encoders for entry in entries(each.name, each.dimensions, each.layers_apart)]


def entries(encoder: str, dimensions: int, layers: int) -> Layout:
    """An encoder's part of a layout."""
    return [(encoder, dimensions // layers)] * layers


def merge(parts: Sequence[np.ndarray], join: Join = "concatenate") -> np.ndarray:
    """The tokens of one modality's encoders as one sequence, each encoder in columns of its own.

    The tokens of a sequence are taken to be spread evenly over the recording: token i of T lies at (i + 0.5) / T.

    Args:
        parts: of each encoder, [T, D]. With ``streams`` one may have no token, [0, D]: its encoder found nothing.
        join: ``concatenate``: side by side, at the rate of the longest; shorter ones are interpolated linearly, and one
            token (a pooled encoder's) is repeated. ``streams``: all tokens as they are, in the order of their times,
            each with NaN in the columns of the other encoders; preparation puts means there.

    Returns:
        float32 [T, sum of D], where T is the longest; of streams the sum of all.
    """
    if join == "streams" and len(parts) > 1:
        return _in_order_of_time(parts)
    length = max(map(len, parts))
    return np.concatenate([_resampled(part, length) for part in parts], axis=1, dtype=np.float32)


def _resampled(part: np.ndarray, length: int) -> np.ndarray:
    """``length`` tokens: linear interpolation between the tokens' times, beyond the first and the last their values."""
    if len(part) in (1, length):
        return np.broadcast_to(part, (length, part.shape[1]))
    place = ((np.arange(length) + 0.5) * len(part) / length - 0.5).clip(0, len(part) - 1)
    before = place.astype(int)
    after = np.minimum(before + 1, len(part) - 1)
    share = (place - before).astype(np.float32)[:, None]
    part = part.astype(np.float32, copy=False)
    return (1 - share) * part[before] + share * part[after]


def _in_order_of_time(parts: Sequence[np.ndarray]) -> np.ndarray:
    tokens = np.full((sum(map(len, parts)), sum(part.shape[1] for part in parts)), np.nan, np.float32)
    row = column = 0
    for part in parts:
        tokens[row : row + len(part), column : column + part.shape[1]] = part
        row, column = row + len(part), column + part.shape[1]
    times = np.concatenate([(np.arange(len(part)) + 0.5) / max(len(part), 1) for part in parts])
    return tokens[np.argsort(times, kind="stable")]
