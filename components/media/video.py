"""Decoding video: evenly spaced frames of a clip, or all of it at an even rate."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from math import ceil
from typing import BinaryIO

import av
import numpy as np

from ..errors import MediaError
from .container import Recording, Source, codec_of, demuxed, not_media, opened
from .segment import Cut, cut_of
from .sound import LONGEST_S, too_long

VERSION = 2
"""Of the decoding: raised when the same clip gives other pictures, so that no cache mixes the two."""

MOST_PIXELS = 8192 * 4320
"""Of a picture: 8K. A header beyond it is damaged, or means harm."""


@dataclass(frozen=True)
class VideoFacts:
    """What a clip's header says of its pictures.

    Attributes:
        width, height: in pixels; of the whole picture, where the clip is a part of a recording too.
        fps: pictures per second; 0 where it is not stated.
        duration_s: from the first picture to the last one's end, in seconds; of a part of a recording, the part's.
        sound: whether the recording has a sound track.
        codec: as the decoder names it.
    """

    width: int
    height: int
    fps: float
    duration_s: float
    sound: bool
    codec: str


@dataclass(frozen=True)
class Frames:
    """Pictures of a clip.

    Attributes:
        images: RGB, uint8 [n, height, width, 3], upright.
        times_s: when each came on show, in seconds from the clip's start, float64 [n]; of a clip that is a whole
            recording, from its first picture.
        duration_s: of the clip, in seconds.
    """

    images: np.ndarray
    times_s: np.ndarray
    duration_s: float


def video_facts(source: Source) -> VideoFacts:
    """Read a clip's header alone.

    Args:
        source: a path, or the file's bytes.

    Returns:
        What it states.

    Raises:
        MediaError: no such file, 0 bytes, not a media file, truncated, no pictures, an unknown codec, pictures or a
            duration outside the limits.
    """
    cut = cut_of(source)
    with opened(source) as file, demuxed(file) as recording:
        stream = _pictures(recording, file)
        codec = stream.codec_context
        begin, end = (cut.begin_s, cut.end_s) if cut else _span(recording, stream)
        return VideoFacts(
            codec.width,
            codec.height,
            float(stream.average_rate or 0),
            end - begin,
            bool(recording.container.streams.audio),
            codec.name,
        )


def frames(source: Source, *, count: int) -> Frames:
    """The pictures on show in the middles of ``count`` equal parts of the clip.

    A clip of fewer pictures gives each of them once. The clip is decoded once, in order, and only the pictures
    wanted are converted; of a part of a recording, what lies before it is skipped as far as the recording allows.

    Args:
        source: a path, or the file's bytes.
        count: how many pictures, at least 1.

    Returns:
        ``count`` pictures or fewer, in order.

    Raises:
        MediaError: no such file, 0 bytes, not a media file, truncated, no pictures, none that can be decoded, an
            unknown codec, pictures or a duration outside the limits.
    """

    def middles(begin: float, duration: float) -> list[float]:
        return [begin + (part + 0.5) / count * duration for part in range(count)]

    clip = _Clip(source)
    images, times, last = [], [], None
    for shown in clip.on_show(middles):
        if shown is not last:
            images.append(clip.image(shown))
            times.append(shown.begin_s)
            last = shown
    return Frames(np.stack(images), np.array(times) - clip.begin_s, clip.duration_s)


def pictures(source: Source, *, fps: float) -> Iterator[np.ndarray]:
    """The pictures on show at an even rate, whatever the recording's own rate, even or not.

    The n-th is the one on show in the middle of the n-th ``1 / fps`` seconds. They are decoded one by one, so that a
    clip of any length takes the memory of one picture.

    Args:
        source: a path, or the file's bytes.
        fps: pictures per second.

    Yields:
        RGB, uint8 [height, width, 3], upright; the very same array again while the same picture is on show.

    Raises:
        MediaError: as `frames`.
    """

    def middles(begin: float, duration: float) -> list[float]:
        count = ceil(round(duration * fps, 3))  # a last part of a frame is one
        return [begin + (n + 0.5) / fps for n in range(count)]

    clip = _Clip(source)
    last = image = None
    for shown in clip.on_show(middles):
        if shown is not last:
            last, image = shown, clip.image(shown)
        yield image


class _Clip:
    """A clip's pictures, by the moments at which they are on show.

    Attributes:
        begin_s, duration_s: in seconds of the recording's timeline; known while it is read.
    """

    def __init__(self, source: Source):
        self._source, self._cut = source, cut_of(source)
        self._shape: tuple[int, ...] | None = None
        self.begin_s = self.duration_s = 0.0

    def on_show(self, moments: Callable[[float, float], Sequence[float]]) -> "Iterator[_Shown]":
        """The picture on show at each moment.

        Args:
            moments: the clip's begin and duration → the moments, in order.

        Raises:
            MediaError: see `frames`; of a clip that ends early, after the last picture.
        """
        cut = self._cut
        with opened(self._source) as file, demuxed(file) as recording:
            stream = _pictures(recording, file)
            begin, end = (cut.begin_s, cut.end_s) if cut else _span(recording, stream)
            self.begin_s, self.duration_s = begin, end - begin
            wanted = deque(moments(begin, end - begin))
            last = None
            for shown in _timed_within(recording, stream, cut) if cut else _timed(recording, stream):
                # The picture before this one was on show until now.
                while last and wanted and wanted[0] < shown.begin_s:
                    wanted.popleft()
                    yield last
                last = shown
            if last is None:
                raise MediaError("no picture in it can be decoded")
            slack = max(0.5, 0.1 * self.duration_s)
            if not cut:
                recording.check_whole(stream, last.end_s, slack)
            elif last.end_s < end - slack:
                raise cut.ends_early(last.end_s)
            for _ in wanted:
                yield last

    def image(self, shown: "_Shown") -> np.ndarray:
        """The picture in colour, upright, cut as the clip is. Raises MediaError where its size is not the others'."""
        whole = shown.frame.to_ndarray(format="rgb24")
        quarter_turns = (
            round(shown.frame.rotation / 90) % 4
        )  # phones store upright pictures lying, and say so
        upright = np.rot90(whole, quarter_turns)
        self._shape = self._shape or upright.shape
        if upright.shape != self._shape:
            raise MediaError("its pictures change their size")
        return np.ascontiguousarray(self._cut.of(upright) if self._cut else upright)


def _pictures(recording: Recording, file: BinaryIO) -> "av.VideoStream":
    streams = recording.container.streams
    for stream in streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:  # a cover is no clip
            codec = codec_of(stream)
            if codec.width * codec.height > MOST_PIXELS:
                raise MediaError(
                    f"its header states pictures of {codec.width} × {codec.height}; at most {MOST_PIXELS / 1e6:.0f} "
                    "million pixels are read"
                )
            codec.options = {"max_pixels": str(MOST_PIXELS)}  # a stream may state other sizes than its header
            codec.thread_count = 1  # clips are shared out over processes
            return stream
    if streams.audio:
        raise MediaError("no pictures: it holds sound alone")
    raise not_media(file)


def _span(recording: Recording, stream: "av.VideoStream") -> tuple[float, float]:
    """When the pictures begin and end, in seconds of the recording's timeline."""
    begin, end = recording.begin_s(stream), recording.end_s(stream)
    if end is None or end <= begin:
        raise MediaError("no picture in it can be decoded")
    if end - begin > LONGEST_S:
        raise too_long(end - begin)
    return begin, end


@dataclass(frozen=True)
class _Shown:
    """A picture, and when it comes on show and goes, in seconds of the recording's timeline."""

    begin_s: float
    end_s: float
    frame: av.VideoFrame


def _timed(recording: Recording, stream: "av.VideoStream") -> Iterator[_Shown]:
    step = 1 / float(stream.average_rate or 25)
    # By the first picture: of pictures that refer to later ones, AVI counts the first as one of them late.
    begin, first = recording.begin_s(stream), None
    for index, frame in enumerate(recording.decoded(stream)):
        time = index * step if frame.time is None else frame.time
        first = time if first is None else first
        length = float(frame.duration * frame.time_base) if frame.duration and frame.time_base else step
        yield _Shown(begin + time - first, begin + time - first + length, frame)


def _timed_within(recording: Recording, stream: "av.VideoStream", cut: Cut) -> Iterator[_Shown]:
    """The pictures on show within a cut, or the last one where the recording ends before it."""
    step = 1 / float(stream.average_rate or 25)
    frames = recording.decoded(stream)
    first = next(frames, None)
    if first is None or first.time is None:
        raise MediaError("a part cannot be cut out of it: it has no pictures, or they state no time")
    zero = first.time - recording.begin_s(stream)
    last = None
    for frame in recording.entered(stream, zero + cut.begin_s) or chain([first], frames):
        # DivX packs two pictures into one and then states no time for the second.
        begin = last.end_s if frame.time is None else frame.time - zero
        shown = _Shown(begin, begin + step, frame)
        if shown.begin_s >= cut.end_s:
            break
        if last and shown.begin_s > cut.begin_s:
            yield last
        last = shown
    if last:
        yield last
