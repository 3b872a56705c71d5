"""Sound files that libsndfile decodes to the sample: wav, FLAC, Ogg."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
import soundfile

from ..errors import MediaError
from .container import truncated
from .segment import Cut
from .sound import TRIVIAL_S, Sound
from .wav import wav_header

_BLOCK = 1 << 18
"""Samples decoded at once."""


# Of a wav: PCM, Microsoft's ADPCM, float, A-law, µ-law, IMA ADPCM, GSM 6.10.
_CODINGS = {1, 2, 3, 6, 7, 0x11, 0x31}


def is_sound_file(file: BinaryIO) -> bool:
    """Whether libsndfile reads it: by its first bytes, not by its name.

    Args:
        file: seekable, at its beginning, where it is left.
    """
    head = file.read(12)
    file.seek(0)
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        header = wav_header(file)
        return header is None or header.coding is None or header.coding in _CODINGS
    return head[:4] in (b"fLaC", b"OggS")


@contextmanager
def sound_file(file: BinaryIO, cut: Cut | None) -> Iterator[Sound]:
    """The sound of a file, or the part of it that ``cut`` names.

    Raises:
        MediaError: it cannot be read, is shorter than its header says, holds no sound.
    """
    with _opened(file) as source:
        duration = cut.duration_s if cut else source.frames / max(source.samplerate, 1)
        yield Sound(source.samplerate, source.channels, duration, source.subtype, _blocks(source, cut))


def _opened(file: BinaryIO) -> soundfile.SoundFile:
    header = wav_header(file)
    stated = header.stated if header else None
    try:
        sound = soundfile.SoundFile(file)
    except soundfile.LibsndfileError as error:
        reason = "undecodable" if stated else "truncated or damaged"
        raise MediaError(f"{reason}: {error.error_string.rstrip('.')}") from None
    if stated and sound.frames and header.there < stated:
        found_s = sound.frames / sound.samplerate
        stated_s = found_s * stated / max(header.there, 1)
        if stated_s - found_s >= TRIVIAL_S:
            raise truncated(found_s, stated_s)
    if not sound.frames:
        raise MediaError("no sound in it: its header states a length of 0")
    return sound


def _blocks(source: soundfile.SoundFile, cut: Cut | None) -> Iterator[np.ndarray]:
    expected, broken = source.frames, None
    begin = 0
    if cut:
        cut.check_within(expected / source.samplerate)
        begin, end = (min(moment, expected) for moment in cut.samples(source.samplerate))
        expected = end - begin
    left = expected
    try:
        if begin:
            source.seek(begin)
        while left and len(block := source.read(min(_BLOCK, left), dtype="float32", always_2d=True)):
            left -= len(block)
            yield block
    except soundfile.LibsndfileError as error:
        broken = error.error_string.rstrip(".")
    if broken or left >= TRIVIAL_S * source.samplerate:
        error = truncated((expected - left) / source.samplerate, expected / source.samplerate)
        raise MediaError(f"{error} ({broken})") if broken else error
