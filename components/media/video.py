"""Decoding video: evenly spaced frames of a clip."""

from collections.abc import Iterator
from dataclasses import dataclass

import av
import numpy as np

from ..errors import MediaError
from .container import Source, codec_of, decoded, demuxed, not_media, opened, seconds, truncated
from .segment import Cut, cut_of
from .sound import LONGEST_S, too_long

VERSION = 1
"""Of the decoding: raised when the same clip gives other pictures, so that no cache mixes the two."""

MOST_PIXELS = 8192 * 4320
"""Of a picture: 8K. A header beyond it is damaged, or means harm."""


@dataclass(frozen=True)
class VideoFacts:
    """What a clip's header says of its pictures."""

    width: int
    """Of the whole picture, in pixels, where the clip is a part of a recording too."""
    height: int
    fps: float
    duration_s: float
    sound: bool
    codec: str


@dataclass(frozen=True)
class Frames:
    images: np.ndarray
    """RGB, uint8 [n, height, width, 3], upright."""
    times_s: np.ndarray
    """Of each picture, in seconds from the clip's start, float64 [n]."""
    duration_s: float


def video_facts(source: Source) -> VideoFacts:
    """Read a clip's header alone.

    Raises:
        MediaError: no such file, 0 bytes, not a media file, truncated, no pictures.
    """
    cut = cut_of(source)
    with opened(source) as file, demuxed(file) as container:
        stream = _pictures(container, file)
        codec = stream.codec_context
        return VideoFacts(
            codec.width,
            codec.height,
            float(stream.average_rate or 0),
            cut.duration_s if cut else _duration(container, stream),
            bool(container.streams.audio),
            codec.name,
        )


def frames(source: Source, *, count: int) -> Frames:
    """The pictures on show in the middles of ``count`` equal parts of the clip.

    A clip of fewer pictures gives each of them once. The clip is decoded once, in order, and only the pictures
    wanted are converted; of a part of a recording, what lies before it is skipped as far as the recording allows.

    Raises:
        MediaError: no such file, 0 bytes, not a media file, truncated, no pictures, none that can be decoded.
    """
    cut = cut_of(source)
    with opened(source) as file, demuxed(file) as container:
        stream = _pictures(container, file)
        if cut:
            begin, duration, shown_in_order = (
                cut.begin_s,
                cut.duration_s,
                _timed_within(container, stream, cut),
            )
        else:
            begin, duration, shown_in_order = 0.0, _duration(container, stream), _timed(container, stream)
        wanted = [begin + (part + 0.5) / count * duration for part in range(count)]
        images, times, last = [], [], None
        for shown in shown_in_order:
            # The picture before this one was on show until now.
            if last and wanted and wanted[0] < shown.begin_s:
                _keep(last, images, times)
                wanted = [moment for moment in wanted if moment >= shown.begin_s]
            last = shown
        if last is None:
            raise MediaError("no picture in it can be decoded")
        if last.end_s < begin + duration - max(0.5, 0.1 * duration):  # containers round their length up
            raise cut.ends_early(last.end_s) if cut else truncated(last.end_s, duration)
        if wanted:
            _keep(last, images, times)
    if len({image.shape for image in images}) > 1:
        raise MediaError("its pictures change their size")
    images = [np.ascontiguousarray(cut.of(image)) for image in images] if cut else images
    return Frames(np.stack(images), np.array(times) - begin, duration)


def _pictures(container, file):
    for stream in container.streams.video:
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
    if container.streams.audio:
        raise MediaError("no pictures: it holds sound alone")
    raise not_media(file)


def _duration(container, stream) -> float:
    stated = seconds(stream) or (container.duration or 0) / av.time_base
    if stated > LONGEST_S:
        raise too_long(stated)
    if stated > 0:
        return stated
    # A stream recorded live states no length: its packets tell, without decoding.
    begin = float((stream.start_time or 0) * stream.time_base)
    ends = [
        float((packet.pts + (packet.duration or 0)) * stream.time_base)
        for packet in container.demux(stream)
        if packet.pts is not None
    ]
    container.seek(0)
    if not ends:
        raise MediaError("no picture in it can be decoded")
    return max(ends) - begin


@dataclass(frozen=True)
class _Shown:
    """A picture, and when it comes on show and goes, in seconds from the first."""

    begin_s: float
    end_s: float
    frame: av.VideoFrame


def _timed(container, stream) -> Iterator[_Shown]:
    step = 1 / float(stream.average_rate or 25)
    first = None
    for index, frame in enumerate(decoded(container, stream)):
        time = index * step if frame.time is None else frame.time
        first = time if first is None else first
        length = float(frame.duration * frame.time_base) if frame.duration and frame.time_base else step
        yield _Shown(time - first, time - first + length, frame)


def _timed_within(container, stream, cut: Cut) -> Iterator[_Shown]:
    """The pictures on show within a cut, or the last one where the recording ends before it."""
    step = 1 / float(stream.average_rate or 25)
    zero = next((frame.time for frame in decoded(container, stream)), None)
    if zero is None:
        raise MediaError("a part cannot be cut out of it: it has no pictures, or they state no time")
    last = None
    for frame in _decoded_near(container, stream, zero + cut.begin_s):
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


def _decoded_near(container, stream, begin_s: float) -> Iterator["av.VideoFrame"]:
    """Pictures from one at or before a moment on: from the first where the recording cannot be entered midway."""
    for target in (max(0, int((begin_s - 1) / stream.time_base)), 0):
        try:
            container.seek(target, stream=stream)
            frames = decoded(container, stream)
            first = next(frames, None)
        except (av.error.FFmpegError, MediaError):
            continue
        if first is not None and first.time is not None and (first.time <= begin_s or target == 0):
            yield first
            yield from frames
            return


def _keep(shown: _Shown, images: list, times: list) -> None:
    image = shown.frame.to_ndarray(format="rgb24")
    quarter_turns = round(shown.frame.rotation / 90) % 4  # phones store upright pictures lying, and say so
    images.append(np.ascontiguousarray(np.rot90(image, quarter_turns)))
    times.append(shown.begin_s)
