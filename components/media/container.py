"""Opening media containers from a path or bytes, with the reason if one cannot be read."""

import errno
import io
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
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
_OPTIONS = {"format_whitelist": CONTAINERS}

# What FFmpeg finds wrong; and what the file says where damage has FFmpeg look for something before its beginning.
_FAILURES = (av.error.FFmpegError, OSError)


@contextmanager
def opened(source: Source) -> Iterator[BinaryIO]:
    """The recording's bytes as a seekable file; of a path that names a part of one, the whole.

    Args:
        source: a path, or the file's bytes.

    Yields:
        The file, at its beginning.

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


# Of these FFmpeg knows the length of the whole recording, and not of each track.
_ONE_LENGTH = {"matroska,webm", "asf", "flv"}

# Bare streams: they state no length, and FFmpeg guesses it from the bit rate.
_NO_LENGTH = {"aac", "ac3", "amr", "h264", "hevc", "mp3", "mpegvideo", "wav", "w64"}

# An attempt to enter these midway fails, and spoils what is read after it.
_NO_INDEX = {"flv"}


class Recording:
    """A container that is open, and its timeline: zero is where its earliest track begins, as in every player.

    Attributes:
        container: PyAV's.
        zero_s: what the tracks' clocks show at zero, in seconds.
    """

    def __init__(self, container: "av.container.InputContainer", file: BinaryIO, *, states_length: bool):
        self.container = container
        self._file = file
        self.zero_s = max(0.0, (container.start_time or 0) / av.time_base)
        self._states_length = states_length or container.format.name not in _NO_LENGTH

    def begin_s(self, stream: "av.stream.Stream") -> float:
        """When a track begins, in seconds of the timeline."""
        return max(0.0, float((stream.start_time or 0) * stream.time_base) - self.zero_s)

    def time_s(self, frame: "av.frame.Frame") -> float | None:
        """When a frame is due, in seconds of the timeline; None where it does not say."""
        return None if frame.time is None else frame.time - self.zero_s

    def stated_end_s(self, stream: "av.stream.Stream") -> float | None:
        """When a track ends by what the container states, in seconds; None where it states nothing of this track."""
        if not self._states_length:
            return None
        if self.container.format.name in _ONE_LENGTH:
            return self._stated_whole_s() if self._is_alone() else None
        if stream.duration and stream.duration > 0:
            return self.begin_s(stream) + float(stream.duration * stream.time_base)
        whole = self.container.duration or 0
        return whole / av.time_base if whole > 0 else None

    def end_s(self, stream: "av.stream.Stream") -> float | None:
        """When a track ends: as stated, or as its packets say, which are then read; None where they do not."""
        return self.stated_end_s(stream) or self._packets_end_s(stream)

    def check_whole(self, stream: "av.stream.Stream", found_s: float, slack_s: float) -> None:
        """Hold what was found against what the container states.

        Args:
            stream: the track that was decoded to its end.
            found_s: where it ended, in seconds of the timeline.
            slack_s: how much may be missing: containers round lengths up, and codecs pad their ends.

        Raises:
            MediaError: the recording ends before its container says.
        """
        stated = self.stated_end_s(stream)
        begin = self.begin_s(stream)
        if stated is not None and found_s < stated - slack_s:
            raise truncated(found_s - begin, stated - begin)
        if stated is None and self._states_length and (whole := self._stated_whole_s()):
            found = max((self._packets_end_s(track) or 0 for track in self._tracks()), default=0)
            if found < whole - slack_s:  # the track may well end before the others, but one of them lasts
                raise truncated(found, whole)

    def decoded(self, stream: "av.stream.Stream") -> Iterator["av.frame.Frame"]:
        """The stream's frames in order.

        Raises:
            MediaError: a packet that cannot be decoded, with how far it went: half a file often ends so.
        """
        reached = 0.0
        try:
            for frame in self.container.decode(stream):
                reached = reached if frame.time is None else frame.time
                yield frame
        except _FAILURES as error:
            end = self.stated_end_s(stream)
            of = f" of {end:.2f} s" if end else ""
            raise MediaError(
                f"damaged or truncated: it cannot be decoded beyond {reached:.2f} s{of} ({_damage(error)})"
            ) from None

    def entered(self, stream: "av.stream.Stream", clock_s: float) -> Iterator["av.frame.Frame"] | None:
        """The stream's frames from one at or before a moment on.

        Args:
            stream: the track.
            clock_s: the moment by the track's own clock, in seconds.

        Returns:
            The frames, from the first one where the recording cannot be entered midway; None where it can only be
            read on from where it is.
        """
        if self.container.format.name in _NO_INDEX:
            return None
        for target in (max(0, int((clock_s - 1) / stream.time_base)), 0):
            try:
                self.container.seek(target, stream=stream)
                frames = self.decoded(stream)
                first = next(frames, None)
            except MediaError:
                continue
            except _FAILURES as error:
                _damage(error)
                continue
            if first is not None and first.time is not None and (first.time <= clock_s or target == 0):
                return chain([first], frames)
        return None

    def _tracks(self) -> list["av.stream.Stream"]:
        return [*self.container.streams.audio, *self.container.streams.video]

    def _is_alone(self) -> bool:
        return len(self._tracks()) == 1

    def _stated_whole_s(self) -> float | None:
        lengths = [float(track.duration * track.time_base) for track in self._tracks() if track.duration]
        whole = max(lengths, default=(self.container.duration or 0) / av.time_base)
        return whole - self.zero_s if whole > 0 else None

    def _packets_end_s(self, stream: "av.stream.Stream") -> float | None:
        """By a second look at the file: not every container can be rewound."""
        with _second(self._file) as file, av.open(file, options=_OPTIONS) as container:
            ends = [
                float((packet.pts + (packet.duration or 0)) * packet.time_base)
                for packet in container.demux(container.streams[stream.index])
                if packet.pts is not None
            ]
        return max(ends) - self.zero_s if ends else None


@contextmanager
def demuxed(file: BinaryIO) -> Iterator[Recording]:
    """The recording that FFmpeg finds in a file; an error of its within the block becomes a MediaError.

    Args:
        file: seekable, at any position.

    Yields:
        The recording, nothing of it decoded yet.

    Raises:
        MediaError: it is none, or an mp4 that was never finished.
    """
    states_length = _has_mp3_header(file)
    try:
        container = av.open(file, options=_OPTIONS)
    except (*_FAILURES, ValueError) as error:
        _damage(error)
        # FFmpeg says "invalid data" of anything; the bytes tell an unfinished recording from something else.
        file.seek(0)
        if file.read(12)[4:8] == b"ftyp" and not _has_index(file):
            raise MediaError("truncated: the mp4's index ('moov'), written last, is not there") from None
        raise not_media(file) from None
    with container:
        try:
            yield Recording(container, file, states_length=states_length)
        except _FAILURES as error:
            raise MediaError(f"undecodable: {_damage(error)}") from None


def codec_of(stream: "av.stream.Stream") -> "av.codec.context.CodecContext":
    """The stream's decoder.

    Raises:
        MediaError: FFmpeg has none for it.
    """
    if stream.codec_context is None:
        raise MediaError(f"undecodable: its {stream.type} track is of a codec that FFmpeg does not know")
    return stream.codec_context


def truncated(found_s: float, expected_s: float) -> MediaError:
    """What to say of a recording that ends early, in seconds with the digits that show by how much."""
    digits = next((n for n in range(2, 6) if f"{found_s:.{n}f}" != f"{expected_s:.{n}f}"), 6)
    return MediaError(f"truncated: {found_s:.{digits}f} s of {expected_s:.{digits}f} s are there")


def not_media(file: BinaryIO) -> MediaError:
    """What to say of a file that is no recording, by how it begins."""
    file.seek(0)
    head = file.read(16)
    return MediaError(f"not a media file: it begins with {head!r}")


def _damage(error: Exception) -> str:
    """What is wrong with a recording, in words; what is wrong with the system that reads it is raised on."""
    if (
        isinstance(error, OSError)
        and not isinstance(error, av.error.FFmpegError)
        and error.errno != errno.EINVAL
    ):
        raise error
    return (getattr(error, "strerror", None) or str(error)).lower()


def _second(file: BinaryIO) -> BinaryIO:
    """The same bytes, read from the beginning, while the file itself stays where it is."""
    return io.BytesIO(file.getvalue()) if isinstance(file, io.BytesIO) else Path(file.name).open("rb")


def _has_mp3_header(file: BinaryIO) -> bool:
    """Whether an mp3 begins with a frame that states how many follow (Xing, Info or VBRI)."""
    file.seek(0)
    tag = file.read(10)
    if tag[:3] == b"ID3" and len(tag) == 10:  # its size has seven bits to a byte
        file.seek(10 + sum(byte << 7 * place for place, byte in enumerate(reversed(tag[6:]))))
    else:
        file.seek(0)
    first = file.read(2048)
    file.seek(0)
    return any(name in first for name in (b"Xing", b"Info", b"VBRI"))


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
