"""The sound of whatever else FFmpeg demuxes: films, mp3, AAC, mobile phones' formats."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import av
import numpy as np

from ..errors import MediaError
from .container import codec_of, decoded, demuxed, not_media, seconds, truncated
from .segment import Cut
from .sound import Sound


@contextmanager
def sound_track(file: BinaryIO, cut: Cut | None) -> Iterator[Sound]:
    """The first sound track, or the part of it that ``cut`` names.

    Raises:
        MediaError: no sound track, one of an unknown codec, an undecodable or truncated one.
    """
    with demuxed(file) as container:
        stream = _track(container, file)
        codec = codec_of(stream)
        whole = seconds(stream) or (container.duration or 0) / av.time_base
        duration = cut.duration_s if cut else whole
        yield Sound(codec.sample_rate, codec.channels, duration, codec.name, _blocks(container, stream, cut))


def _track(container: "av.container.InputContainer", file: BinaryIO) -> "av.AudioStream":
    if container.streams.audio:
        return container.streams.audio[0]
    if container.streams.video:
        raise MediaError("no sound track")
    raise not_media(file)


def _blocks(
    container: "av.container.InputContainer", stream: "av.AudioStream", cut: Cut | None
) -> Iterator[np.ndarray]:
    rate, found = stream.codec_context.sample_rate, 0
    begin, end = cut.samples(rate) if cut else (0, None)
    for block in _samples(container, stream, rate):
        part = block[max(0, begin - found) : None if end is None else max(0, end - found)]
        found += len(block)
        if len(part):
            yield part
    if not found:
        raise MediaError("no sound in its sound track")
    expected = seconds(stream)
    if cut:
        cut.check_within(found / rate)
    elif expected and found / rate < expected - max(
        0.25, 0.1 * expected
    ):  # a codec pads its ends by milliseconds
        raise truncated(found / rate, expected)


def _samples(
    container: "av.container.InputContainer", stream: "av.AudioStream", rate: int
) -> Iterator[np.ndarray]:
    # Only the sample's type changes here: mixing and resampling are the same for every kind of file. Packed, since
    # PyAV 18 reads a ninth plane of planar sound of eight channels, beyond its memory.
    packed = av.AudioResampler(format="flt", rate=rate)
    for frame in decoded(container, stream):
        try:
            blocks = packed.resample(frame)
        except ValueError:
            raise MediaError(
                "its sound track changes its sampling rate, channels or kind of samples"
            ) from None
        for block in blocks:
            yield block.to_ndarray().reshape(-1, block.layout.nb_channels)
    for block in packed.resample(None):
        yield block.to_ndarray().reshape(-1, block.layout.nb_channels)
