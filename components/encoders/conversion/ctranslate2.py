"""Reads the variables of a CTranslate2 model (``model.bin``) as arrays.

The file is little-endian: version, name of the specification, revision, number of variables; of each variable its name,
rank, dimensions, type, size in bytes and values; from version 3 on a list of aliases. A text is its length with a final
zero, and its bytes (https://github.com/OpenNMT/CTranslate2, ``python/ctranslate2/specs/model_spec.py``).
"""

import math
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import EncoderError

TYPES = (np.float32, np.int8, np.int16, np.int32, np.float16)
"""NumPy's type for each type number of the format."""
VERSIONS = range(3, 7)
DEEPEST = 8
"""Dimensions; more of them mean that the file is broken."""


@dataclass(frozen=True)
class Model:
    """What a ``model.bin`` holds: the specification's name, arrays by name, and aliases of them."""

    specification: str
    variables: dict[str, np.ndarray]
    aliases: dict[str, str]


class _Reader:
    """Reads values one after another, and never past the end of the file."""

    def __init__(self, path: Path):
        self.path, self.position = path, 0
        self.bytes = np.memmap(path, np.uint8, "r") if path.stat().st_size else np.empty(0, np.uint8)

    def wrong(self, what: str) -> EncoderError:
        return EncoderError(f"{self.path.name} is no CTranslate2 model: {what}, at byte {self.position}")

    def take(self, size: int) -> np.ndarray:
        if size > len(self.bytes) - self.position:
            raise self.wrong(f"it ends {size - (len(self.bytes) - self.position)} bytes too early")
        self.position += size
        return self.bytes[self.position - size : self.position]

    def number(self, format: str) -> int:
        return struct.unpack(f"<{format}", self.take(struct.calcsize(f"<{format}")).tobytes())[0]

    def text(self) -> str:
        try:
            return self.take(self.number("H")).tobytes().rstrip(b"\0").decode()
        except UnicodeDecodeError:
            raise self.wrong("a name is not UTF-8") from None

    def array(self) -> np.ndarray:
        rank = self.number("B")
        if rank > DEEPEST:
            raise self.wrong(f"a variable of {rank} dimensions")
        shape = tuple(self.number("I") for _ in range(rank))
        kind, size = self.number("B"), self.number("I")
        if kind >= len(TYPES):
            raise self.wrong(f"a variable of the unknown type {kind}")
        if size != math.prod(shape) * np.dtype(TYPES[kind]).itemsize:
            raise self.wrong(f"{size} bytes for a variable of shape {list(shape)}")
        return self.take(size).view(np.dtype(TYPES[kind]).newbyteorder("<")).reshape(shape)


def read(path: Path) -> Model:
    """Read a ``model.bin``; the arrays are mapped from the file.

    Args:
        path: of the file.

    Returns:
        The model.

    Raises:
        EncoderError: it is no such file, is cut short or goes on too long; says at which byte.
    """
    reader = _Reader(path)
    version = reader.number("I")
    if version not in VERSIONS:
        raise reader.wrong(f"version {version}; {VERSIONS[0]} to {VERSIONS[-1]} are known")
    specification, _ = reader.text(), reader.number("I")
    variables = {}
    for _ in range(reader.number("I")):
        name = reader.text()
        variables[name] = reader.array()
    aliases = {}
    for _ in range(reader.number("I")):
        name = reader.text()
        aliases[name] = reader.text()
    if reader.position != len(reader.bytes):
        raise reader.wrong(f"{len(reader.bytes) - reader.position} bytes are left over")
    return Model(specification, variables, aliases)
