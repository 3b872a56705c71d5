"""The ledger's hash chain: each row's digest covers the row and the digest of the row before it.

So a row cannot be changed, removed from between others, or put between others, without changing all digests after it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ..files import digest_of

START = "0" * 64
"""What stands for the row before the first."""

COLUMNS = (
    "id",
    "name",
    "alias",
    "action",
    "from_version",
    "to_version",
    "who",
    "at",
    "reason",
    "report_sha256",
    "waived",
)


def row_digest(previous: str, row: Mapping[str, Any]) -> str:
    """Digest a row of the ledger.

    Args:
        previous: the digest of the row before it; `START` for the first.
        row: the row, by the columns of ``tables.promotions``.

    Returns:
        The SHA-256, 64 hexadecimal digits.
    """
    return digest_of([previous, {column: row[column] for column in COLUMNS}])


def broken(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Find the rows whose digest does not follow from them and the row before.

    Args:
        rows: all rows of the ledger, oldest first, with their ``sha256``.

    Returns:
        Those rows: they were changed, or what stood before them was.
    """
    found, previous = [], START
    for row in rows:
        if row["sha256"] != row_digest(previous, row):
            found.append(row)
        previous = row["sha256"]
    return found
