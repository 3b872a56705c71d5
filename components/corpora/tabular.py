"""Reading tables: CSV in any dialect and encoding, and Parquet.

A CSV may be UTF-8 (with a byte order mark or without), UTF-16 or Windows-1252, with lines ended by CR, LF or both,
parted by commas, semicolons or tabs, with quotes. What cannot be told apart is refused, with the line.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CorpusError, listed

if TYPE_CHECKING:
    import pandas as pd

_MARKS = (b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")
_DELIMITERS = ",;\t"
_CLOCK = re.compile(r"(?:0 days )?(?:(\d{1,4}):)?([0-5]?\d):([0-5]\d)(?:[,.](\d{1,9}))?", re.ASCII)


def read_rows(path: Path, required: Iterable[str] = ()) -> pd.DataFrame:
    """A CSV or Parquet table as strings.

    Args:
        path: of the table.
        required: columns that it must have.

    Returns:
        Columns of dtype ``str``, cells without white space around, empty ones null; the index, ``line``, is where in
        the file a row begins (in Parquet: which row it is, from 1). Without rows where the table has none.

    Raises:
        CorpusError: no such file, no table, mixed encodings, lines of unequal length, columns twice or missing.
    """
    import pandas as pd

    path = Path(path)
    if path.suffix.lower() == ".parquet":
        table = _parquet(path)
    else:
        header, rows, lines = _csv(path)
        columns = zip(*rows, strict=True) if rows else ([] for _ in header)
        bare = ([cell.strip() or None for cell in cells] for cells in columns)
        index = pd.Index(lines, name="line", dtype="int64")
        table = pd.DataFrame(dict(zip(header, bare, strict=True)), index=index, dtype="str")
    missing = [name for name in required if name not in table]
    if missing:
        raise CorpusError(
            f"{path} lacks the column(s) {listed(missing)}; it has {listed(map(cut_short, table.columns), 30)}"
        )
    return table


def read_text(path: Path) -> str:
    """A text file as a string, whatever it is written in.

    Args:
        path: of the file.

    Returns:
        Its text.

    Raises:
        CorpusError: no such file; bytes that are none of UTF-8, UTF-16 and Windows-1252; a mixture of encodings.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CorpusError(f"{path} cannot be read: {error.strerror}") from None
    return decode(data, str(path))


def decode(data: bytes, name: str) -> str:
    """Bytes of UTF-8, UTF-16 or Windows-1252 as a string.

    Args:
        data: the bytes.
        name: what an error calls them.

    Returns:
        The text.

    Raises:
        CorpusError: as ``read_text``; names the lines.
    """
    marked = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), None)
    if marked or b"\0" in data[:4096]:
        encoding = marked or ("utf-16-be" if data[:1] == b"\0" else "utf-16-le")
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1  # without the mark
            raise CorpusError(
                f"{name}, line {line}: not the {encoding.upper().removesuffix('-SIG')} that the file begins as; "
                "save it again as UTF-8"
            ) from None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _windows(data, name)


def _windows(data: bytes, name: str) -> str:
    """Bytes that are not UTF-8 as a whole: Windows-1252, if no line is UTF-8 with more than ASCII in it."""
    unicode, other = [], []
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.isascii():
            continue
        try:
            line.decode("utf-8")
            unicode.append(number)
        except UnicodeDecodeError:
            other.append(number)
    if unicode:
        raise CorpusError(
            f"{name} mixes encodings: line(s) {listed(unicode, 3)} are UTF-8, line(s) {listed(other, 3)} are not; "
            "save it again as UTF-8"
        )
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise CorpusError(
            f"{name}, line {line}: byte {data[error.start]:#04x} is neither UTF-8 nor Windows-1252; "
            "save it again as UTF-8"
        ) from None


def whole_number(cell: str) -> int | None:
    """A number from 0 in nine digits at most, as turns and episodes are counted.

    Args:
        cell: as the table writes it.

    Returns:
        The number; None for anything else.
    """
    return int(cell) if cell.isdecimal() and len(cell) <= 9 else None


def clock_seconds(cell: str) -> float | None:
    """A time as clocks show it, in seconds.

    Args:
        cell: hours, minutes and seconds, or minutes and seconds: ``00:16:16,059``, ``0:16:16.059``, ``16:16``; pandas
            writes ``0 days 00:16:16.059``.

    Returns:
        Seconds, rounded to microseconds; None for anything else.
    """
    match = _CLOCK.fullmatch(cell.strip())
    if not match:
        return None
    hours, minutes, seconds, fraction = match.groups(default="0")
    return round(int(hours) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{fraction}"), 6)


def delimiter_of(text: str) -> str:
    """What parts the columns of a CSV.

    Args:
        text: of the CSV.

    Returns:
        Whichever of comma, semicolon and tab its first line has most of.
    """
    first = text.lstrip().partition("\n")[0].partition("\r")[0]
    bare = "".join(first.split('"')[::2])
    return max(_DELIMITERS, key=bare.count)


def cut_short(value: object, most: int = 60) -> str:
    """A cell or a column's name for a message.

    Args:
        value: of any kind.
        most: characters that are kept.

    Returns:
        The value as text, with ``…`` in place of what is beyond.
    """
    text = str(value)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def check_header(path: Path, header: list[str]) -> None:
    """Raises CorpusError where a column is named twice."""
    twice = sorted(name for name, count in Counter(header).items() if count > 1)
    if twice:
        raise CorpusError(
            f"{path}: column(s) named twice: {listed(repr(cut_short(name)) for name in twice)}; name each once"
        )


def _csv(path: Path) -> tuple[list[str], list[list[str]], list[int]]:
    """A CSV's header, its rows, and the line at which each row begins."""
    text = read_text(path)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter_of(text))
    header: list[str] = []
    rows, lines, begins = [], [], 1
    try:
        for row in reader:
            if not header:
                header = [name.strip() for name in row]
            elif row:
                rows.append(row)
                lines.append(begins)
            begins = reader.line_num + 1
    except csv.Error as error:
        raise CorpusError(f"{path}, line {begins}: not comma-separated values: {error}") from None
    if not any(header):
        raise CorpusError(f"{path} is empty; its first line names the columns")
    check_header(path, header)
    uneven = [(line, len(row)) for line, row in zip(lines, rows, strict=True) if len(row) != len(header)]
    if uneven:
        uneven_rows = listed(f"line {line} has {count}" for line, count in uneven)
        raise CorpusError(
            f"{path}: {len(uneven)} row(s) do not have the {len(header)} columns of the first line: {uneven_rows}; "
            "is a comma or a quote in a cell without quotes around it?"
        )
    return header, rows, lines


def _parquet(path: Path) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        read = pq.read_table(path)
    except OSError as error:
        raise CorpusError(f"{path} cannot be read: {error}") from None
    except pa.ArrowInvalid as error:
        raise CorpusError(f"{path} is not Parquet: {error}") from None
    check_header(path, read.column_names)
    nested = [
        each.name
        for each in read.schema
        if pa.types.is_nested(each.type)
        or pa.types.is_binary(each.type)
        or pa.types.is_large_binary(each.type)
    ]
    if nested:
        raise CorpusError(f"{path}: column(s) {listed(nested)} hold no words or numbers, but lists or bytes")
    table = pd.DataFrame(
        {
            name.strip(): read[name].cast(pa.large_string()).to_pandas().astype("str").str.strip()
            for name in read.column_names
        }
    )
    table = table.mask(table == "")
    table.index = pd.RangeIndex(1, len(table) + 1, name="line")
    return table
