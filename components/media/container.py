"""Opening media containers from a path or bytes, with the reason if one cannot be read."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import av

from ..errors import MediaError
from ..schema import file_of

Source = str | Path | bytes

# Only containers of sound and pictures. FFmpeg also reads playlists, which name other files to read and so would
# let a "recording" pull in whatever lies on this machine, and single images and subtitles, which are no clips.
CONTAINERS = ",".join(
    (
        "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "mpeg", "mpegts", "mpegvideo", "h264", "flv", "asf",
        "ogg", "wav", "w64", "flac", "aiff", "au", "caf", "mp3", "aac", "ac3", "amr",
    )
)  # fmt: skip


@contextmanager
def opened(source: Source) -> Iterator[BinaryIO]:
    """The recording's bytes as a seekable file; of a path that names a part of one, the whole.

    Raises:
        MediaError: it is missing, a folder, unreadable, of 0 bytes, or a pointer that Git LFS left in its place.
    """
    try:
        file = io.BytesIO(source) if isinstance(source, bytes) else open(file_of(str(source)), "rb")  # noqa: SIM115, PTH123 (closed below)
    except FileNotFoundError:
        raise MediaError("missing: there is no such file") from None
    except OSError as error:
        raise MediaError(f"cannot be read: {(error.strerror or str(error)).lower()}") from None
    with file:
        head = file.read(64)
        if not head:
            raise MediaError("0 bytes")
        if head.startswith(b"version https://git-lfs"):
            raise MediaError(
                "a Git LFS pointer, not the recording itself: run `git lfs pull` where it came from"
            )
        file.seek(0)
        yield file


@contextmanager
def demuxed(file: BinaryIO) -> Iterator["av.container.InputContainer"]:
    """The container that FFmpeg sees in ``file``; an error of its within the block becomes a MediaError."""
    try:
        container = av.open(file, options={"format_whitelist": CONTAINERS})
    except (av.error.FFmpegError, ValueError):
        # FFmpeg says "invalid data" of anything; the bytes tell an unfinished recording from something else.
        file.seek(0)
        if file.read(12)[4:8] == b"ftyp" and not _has_index(file):
            raise MediaError("truncated: the mp4's index ('moov'), written last, is not there") from None
        raise not_media(file) from None
    with container:
        try:
            yield container
        except av.error.FFmpegError as error:
            raise MediaError(f"undecodable: {(error.strerror or str(error)).lower()}") from None


def codec_of(stream: "av.stream.Stream") -> "av.codec.context.CodecContext":
    """The stream's decoder.

    Raises:
        MediaError: FFmpeg has none for it.
    """
    if stream.codec_context is None:
        raise MediaError(f"undecodable: its {stream.type} track is of a codec that FFmpeg does not know")
    return stream.codec_context


def seconds(stream: "av.stream.Stream") -> float | None:
    """How long a stream says it is; None where it does not say."""
    return float(stream.duration * stream.time_base) if stream.duration and stream.time_base else None


def decoded(container, stream) -> Iterator["av.frame.Frame"]:
    """The stream's frames in order.

    Raises:
        MediaError: a packet that cannot be decoded, with how far it went: half a file often ends so.
    """
    reached = 0.0
    try:
        for frame in container.decode(stream):
            reached = reached if frame.time is None else frame.time
            yield frame
    except av.error.FFmpegError as error:
        length = seconds(stream)
        of = f" of {length:.2f} s" if length else ""
        reason = (error.strerror or str(error)).lower()
        raise MediaError(
            f"damaged or truncated: it cannot be decoded beyond {reached:.2f} s{of} ({reason})"
        ) from None


def truncated(found_s: float, expected_s: float) -> MediaError:
    return MediaError(f"truncated: {found_s:.2f} s of {expected_s:.2f} s are there")


def not_media(file: BinaryIO) -> MediaError:
    file.seek(0)
    head = file.read(16)
    return MediaError(f"not a media file: it begins with {head!r}")


def _has_index(file: BinaryIO) -> bool:
    """Whether an mp4's boxes hold its index, read by their lengths."""
    end = file.seek(0, io.SEEK_END)
    at = 0
    while at + 8 <= end:
        file.seek(at)
        head = file.read(16)
        if head[4:8] == b"moov":
            return True
        size = int.from_bytes(head[:4], "big")
        size = int.from_bytes(head[8:16], "big") if size == 1 else size
        if size < 8:
            return False
        at += size
    return False
