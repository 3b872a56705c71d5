"""The header of a wav file, read by its chunks: what it says of its bytes of sound, and how they are coded."""

import io
from dataclasses import dataclass
from typing import BinaryIO

_EXTENSIBLE = 0xFFFE

# What FFmpeg and SoX write to a pipe, where they cannot know the length.
_LENGTH_UNKNOWN = (0xFFFFFFFF, 0x7FFFF000)


@dataclass(frozen=True)
class WavHeader:
    """What a wav's chunks say.

    Attributes:
        coding: the format tag: 1 for PCM, 3 for float, 0x55 for mp3, …; None where there is none.
        stated: bytes of sound by the header; None where it does not say.
        there: bytes of sound from the beginning of the data on.
    """

    coding: int | None
    stated: int | None
    there: int


def wav_header(file: BinaryIO) -> WavHeader | None:
    """Read the chunks up to the sound, and rewind the file.

    libsndfile quietly takes the lesser of the stated and the actual length, so a half-copied file would pass for a
    short one.

    Args:
        file: seekable, at any position.

    Returns:
        The header; None for any other kind of file, and where no sound follows.
    """
    end = file.seek(0, io.SEEK_END)
    file.seek(0)
    try:
        head = file.read(12)
        return _chunks(file, end) if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE" else None
    finally:
        file.seek(0)


def _chunks(file: BinaryIO, end: int) -> WavHeader | None:
    large = coding = None
    at = 12
    while at + 8 <= end:
        file.seek(at)
        chunk = file.read(8)
        size = int.from_bytes(chunk[4:], "little")
        if chunk[:4] == b"ds64":  # RF64 keeps the lengths that 32 bits cannot hold here
            large = int.from_bytes(file.read(16)[8:16], "little")
        if chunk[:4] == b"fmt ":
            about = file.read(min(size, 26))
            coding = int.from_bytes(about[:2], "little")
            if coding == _EXTENSIBLE and len(about) == 26:  # the tag proper begins the sub-format
                coding = int.from_bytes(about[24:], "little")
        if chunk[:4] == b"data":
            size = large if large is not None and size == 0xFFFFFFFF else size
            return WavHeader(coding, None if size in _LENGTH_UNKNOWN else size, end - at - 8)
        at += 8 + size + size % 2
    return None
