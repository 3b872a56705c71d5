"""The sound of whatever else FFmpeg demuxes: films, mp3, AAC, mobile phones' formats, also within a wav."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import BinaryIO

import av
import numpy as np

from ..errors import MediaError
from .container import Recording, codec_of, demuxed, not_media, truncated
from .segment import Cut
from .sound import TRIVIAL_S, Sound
from .wav import WavHeader, wav_header

_INDEXED = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "asf"}
"""Containers that state each packet's time, so that it holds after a jump too."""

_NEAR_S = 2
"""A part that begins before is read from the recording's beginning, whose first packet primes the decoder."""

_JUMP_S = 0.1
"""Frames' times are rounded to milliseconds; a larger difference is a gap in the track."""


@contextmanager
def sound_track(file: BinaryIO, cut: Cut | None, number: int = 0) -> Iterator[Sound]:
    """A sound track, or the part of it that ``cut`` names.

    Args:
        file: the recording.
        cut: which part of it; None for the whole.
        number: of the track, among those of sound.

    Raises:
        MediaError: no sound track, one of an unknown codec, an undecodable or truncated one.
    """
    header = wav_header(file)
    with demuxed(file) as recording:
        stream = _tracks(recording, file)[number]
        codec = codec_of(stream)
        duration = cut.duration_s if cut else (recording.end_s(stream) or 0) - recording.begin_s(stream)
        blocks = _part(recording, stream, cut) if cut else _whole(recording, stream, header)
        yield Sound(codec.sample_rate, codec.channels, duration, codec.name, blocks)


def count_tracks(file: BinaryIO) -> int:
    """How many sound tracks a recording has. Raises MediaError where it has none."""
    with demuxed(file) as recording:
        return len(_tracks(recording, file))


def _tracks(recording: Recording, file: BinaryIO) -> "tuple[av.AudioStream, ...]":
    streams = recording.container.streams
    if streams.audio:
        return streams.audio
    if streams.video:
        raise MediaError("no sound track")
    raise not_media(file)


def _whole(recording: Recording, stream: "av.AudioStream", header: WavHeader | None) -> Iterator[np.ndarray]:
    found = 0
    for _, samples in _converted(recording, stream, recording.decoded(stream)):
        found += len(samples)
        yield samples
    if not found:
        raise MediaError("no sound in its sound track")
    begin, duration = recording.begin_s(stream), found / stream.codec_context.sample_rate
    if header and header.stated and header.there < header.stated:
        stated = duration * header.stated / max(header.there, 1)
        if stated - duration >= TRIVIAL_S:
            raise truncated(duration, stated)
    end = recording.stated_end_s(stream)
    expected = duration if end is None else end - begin
    recording.check_whole(stream, begin + duration, max(0.25, 0.1 * expected))


def _part(recording: Recording, stream: "av.AudioStream", cut: Cut) -> Iterator[np.ndarray]:
    """What a player plays from one moment to the other: silence where the track has not begun, or has a gap."""
    rate = stream.codec_context.sample_rate
    begin, end = cut.samples(rate)
    given, at = begin, None
    for time_s, samples in _converted(recording, stream, _frames_near(recording, stream, cut)):
        due = at if time_s is None else round(time_s * rate)
        if at is None or (due is not None and abs(due - at) > _JUMP_S * rate):
            at = due or 0
        if at >= end:
            break
        part = samples[max(0, given - at) : max(0, end - at)]
        if len(part):
            if at > given:
                yield np.zeros((at - given, samples.shape[1]), np.float32)
            yield part
            given = max(at, given) + len(part)
        at += len(samples)
    if at is None:
        raise MediaError("no sound in its sound track")
    if at < end:
        cut.check_within(at / rate)
    elif given < end:
        yield np.zeros((end - given, stream.codec_context.channels), np.float32)


def _frames_near(recording: Recording, stream: "av.AudioStream", cut: Cut) -> Iterator["av.AudioFrame"]:
    """The frames from before a cut on: from the first one where times cannot be relied upon after a jump."""
    if cut.begin_s > _NEAR_S and recording.container.format.name in _INDEXED:
        frames = recording.entered(stream, recording.zero_s + cut.begin_s)
        if frames is not None:
            return frames
    return recording.decoded(stream)


def _converted(
    recording: Recording, stream: "av.AudioStream", frames: Iterator["av.AudioFrame"]
) -> Iterator[tuple[float | None, np.ndarray]]:
    """Blocks of samples and when each is due, in seconds of the timeline; None where it is not stated."""
    # Only the sample's type changes here: mixing and resampling are the same for every kind of file. Packed, since
    # PyAV 18 reads a ninth plane of planar sound of eight channels, beyond its memory.
    packed = av.AudioResampler(format="flt", rate=stream.codec_context.sample_rate)
    for frame in chain(frames, [None]):
        time_s = frame and recording.time_s(frame)
        try:
            blocks = packed.resample(frame)
        except ValueError:
            raise MediaError(
                "its sound track changes its sampling rate, channels or kind of samples"
            ) from None
        for block in blocks:
            yield time_s, block.to_ndarray().reshape(-1, block.layout.nb_channels)
            time_s = None
