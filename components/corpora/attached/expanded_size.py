"""How much memory compressed features will take, by their headers alone: a few bytes may stand for gigabytes."""

from __future__ import annotations

import zipfile
from math import prod
from pathlib import Path
from typing import BinaryIO

from ...errors import CorpusError

MOST_BYTES = 1 << 30
MOST_TIMES = 100
"""A file is refused that takes more than ``MOST_BYTES`` and more than ``MOST_TIMES`` its size: features of real
recordings shrink to a half, sparse ones to a tenth."""


def check_expanded_size(path: Path) -> None:
    """Hold what a file of features says of its arrays against its size, before any of them is read.

    Args:
        path: ``.npz``, ``.npy`` or ``.parquet``.

    Raises:
        CorpusError: it would expand beyond measure, or states larger arrays than it holds.
        ValueError, OSError, EOFError, zipfile.BadZipFile: it is none of these.
    """
    size = path.stat().st_size
    if path.suffix.lower() == ".parquet":
        expanded = _parquet_bytes(path)
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            expanded = 0
            for member in archive.infolist():
                with archive.open(member) as file:
                    expanded += _array_bytes(file, member.file_size, f"{path}: {member.filename}")
    else:
        with path.open("rb") as file:
            expanded = _array_bytes(file, size, str(path))
    if expanded > MOST_BYTES and expanded > MOST_TIMES * size:
        raise CorpusError(
            f"{path} is of {size / 1e6:.1f} MB and would take {expanded / 1e9:.1f} GB of memory, as no features of "
            "recordings do; write it again from its source"
        )


def _array_bytes(file: BinaryIO, size: int, where: str) -> int:
    """The size of NumPy's array in a file of ``size`` bytes, by its header."""
    import numpy as np

    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    stated = prod(shape) * dtype.itemsize
    if stated > size and not dtype.hasobject:
        raise CorpusError(
            f"{where} states an array {list(shape)} of {dtype}, {stated / 1e6:.1f} MB, and holds {size / 1e6:.1f} MB"
        )
    return size


def _parquet_bytes(path: Path) -> int:
    import pyarrow.parquet

    facts = pyarrow.parquet.read_metadata(path)
    return max(
        facts.num_rows * facts.num_columns * 8,
        sum(facts.row_group(group).total_byte_size for group in range(facts.num_row_groups)),
    )
