"""Decoding audio: any recording to mono float32 at one sampling rate, or the reason why not."""

import io
from dataclasses import dataclass
from typing import BinaryIO

import av
import numpy as np
import soundfile
import soxr

from ..errors import MediaError
from .container import Source, decoded, demuxed, not_media, opened, seconds, truncated
from .segment import Cut, cut_of

VERSION = 1
"""Of the decoding: raised when the same recording gives other samples, so that no cache mixes the two."""

RATE = 16_000

SILENCE = 1e-3
"""A recording whose peak stays below this (−60 dBFS) is silent. RAVDESS's quietest clip peaks at −47 dBFS."""

SHORTEST_S = 0.1
"""Shorter than two analysis windows of openSMILE: no feature set has anything to say."""

LOUDEST = 4.0
"""Float files overshoot full scale (1) a little; beyond this they hold another scale, such as 16-bit integers."""

# What FFmpeg and SoX write to a pipe, where they cannot know the length.
_LENGTH_UNKNOWN = (0xFFFFFFFF, 0x7FFFF000)


@dataclass(frozen=True)
class AudioFacts:
    """What a recording's header says of its sound."""

    rate: int
    """Sampling rate in Hz."""
    channels: int
    duration_s: float
    codec: str
    """As the decoder names it: ``PCM_16``, ``FLOAT``, ``FLAC``, ``aac`` …"""


def audio_facts(source: Source) -> AudioFacts:
    """Read a recording's header alone.

    Raises:
        MediaError: no such file, 0 bytes, not a media file, no sound track, a wav shorter than its header says.
    """
    cut = cut_of(source)
    with opened(source) as file:
        if _is_sound_file(file):
            with _sound_file(file) as sound:
                duration = cut.duration_s if cut else sound.frames / sound.samplerate
                return AudioFacts(sound.samplerate, sound.channels, duration, sound.subtype)
        with demuxed(file) as container:
            stream = _sound_track(container, file)
            whole = seconds(stream) or (container.duration or 0) / av.time_base
            duration = cut.duration_s if cut else whole
            codec = stream.codec_context
            return AudioFacts(codec.sample_rate, codec.channels, duration, codec.name)


def decode_audio(source: Source, *, rate: int = RATE) -> np.ndarray:
    """Decode, mix to mono (the mean of the channels), resample (soxr, high quality).

    Args:
        source: a path, or the file's bytes; a sound file, or a video with a sound track.
        rate: of the result, in Hz.

    Returns:
        float32 [samples], within ±1.

    Raises:
        MediaError: missing, 0 bytes, not a media file, truncated, no sound track, NaN or Inf, silent, too short.
    """
    cut = cut_of(source)
    with opened(source) as file:
        samples, own = _read_sound_file(file, cut) if _is_sound_file(file) else _read_container(file, cut)
    if not np.isfinite(samples).all():
        count = int((~np.isfinite(samples)).any(1).sum())
        raise MediaError(f"holds NaN or Inf: {count} of {len(samples)} samples")
    if len(samples) < SHORTEST_S * own:
        raise MediaError(
            f"too short: {len(samples) / own * 1e3:.0f} ms, at least {SHORTEST_S * 1e3:.0f} are needed"
        )
    samples = samples.mean(1, dtype=np.float32)
    peak = float(np.abs(samples).max())
    if peak < SILENCE:
        raise MediaError(f"silent: its peak is {peak:.1e} of full scale, below {SILENCE:.0e} (-60 dBFS)")
    if peak > LOUDEST:
        raise MediaError(f"samples reach {peak:.4g} where full scale is 1: scale the file to ±1")
    if own != rate:
        samples = soxr.resample(samples, own, rate, quality="HQ")
    return np.clip(samples, -1, 1)


def _is_sound_file(file: BinaryIO) -> bool:
    """Whether libsndfile reads it: by its first bytes, not by its name."""
    head = file.read(12)
    file.seek(0)
    return head[:4] in (b"fLaC", b"OggS", b"RF64") or (head[:4] == b"RIFF" and head[8:12] == b"WAVE")


def _sound_file(file: BinaryIO) -> soundfile.SoundFile:
    stated = _wav_data(file)
    try:
        sound = soundfile.SoundFile(file)
    except soundfile.LibsndfileError as error:
        reason = "undecodable" if stated else "truncated or damaged"
        raise MediaError(f"{reason}: {error.error_string.rstrip('.')}") from None
    if stated and sound.frames:
        length, there = stated
        if there < length:
            whole_s = sound.frames / sound.samplerate
            raise truncated(whole_s, whole_s * length / max(there, 1))
    if not sound.frames:
        raise MediaError("no sound in it: its header states a length of 0")
    return sound


def _wav_data(file: BinaryIO) -> tuple[int, int] | None:
    """A wav's bytes of sound: as its header states them, and as they are there. None where it does not say.

    libsndfile quietly takes the lesser of the two, so a half-copied file would pass for a short one.
    """
    end = file.seek(0, io.SEEK_END)
    file.seek(0)
    head = file.read(12)
    if head[:4] not in (b"RIFF", b"RF64"):
        file.seek(0)
        return None
    large = None
    found = None
    at = 12
    while found is None and at + 8 <= end:
        file.seek(at)
        chunk = file.read(8)
        size = int.from_bytes(chunk[4:], "little")
        if chunk[:4] == b"ds64":  # RF64 keeps the lengths that 32 bits cannot hold here
            large = int.from_bytes(file.read(16)[8:16], "little")
        if chunk[:4] == b"data":
            size = large if large is not None and size == 0xFFFFFFFF else size
            found = None if size in _LENGTH_UNKNOWN else (size, end - at - 8)
            break
        at += 8 + size + size % 2
    file.seek(0)
    return found


def _read_sound_file(file: BinaryIO, cut: Cut | None) -> tuple[np.ndarray, int]:
    blocks, broken = [], None
    with _sound_file(file) as sound:
        own, expected = sound.samplerate, sound.frames
        if cut:
            _there(cut, expected / own)
            begin, end = (min(moment, expected) for moment in _span(cut, own))
            expected = end - sound.seek(begin)
        left = expected
        try:
            while len(block := sound.read(min(1 << 18, left), dtype="float32", always_2d=True)):
                blocks.append(block)
                left -= len(block)
        except soundfile.LibsndfileError as error:
            broken = error.error_string.rstrip(".")
    samples = np.concatenate(blocks) if blocks else np.empty((0, 1), np.float32)
    if len(samples) < expected:
        error = truncated(len(samples) / own, expected / own)
        raise MediaError(f"{error} ({broken})") if broken else error
    return samples, own


def _sound_track(container, file: BinaryIO):
    if container.streams.audio:
        return container.streams.audio[0]
    if container.streams.video:
        raise MediaError("no sound track")
    raise not_media(file)


def _read_container(file: BinaryIO, cut: Cut | None) -> tuple[np.ndarray, int]:
    with demuxed(file) as container:
        stream = _sound_track(container, file)
        own = stream.codec_context.sample_rate
        # Only the sample's type changes here: mixing and resampling are the same for every kind of file.
        planar = av.AudioResampler(format="fltp", rate=own)
        blocks = [
            block.to_ndarray() for frame in decoded(container, stream) for block in planar.resample(frame)
        ]
        blocks += [block.to_ndarray() for block in planar.resample(None)]
        expected = seconds(stream)
    if not blocks:
        raise MediaError("no sound in its sound track")
    samples = np.concatenate(blocks, axis=1).T
    found = len(samples) / own
    if cut:
        _there(cut, found)
        begin, end = _span(cut, own)
        return samples[begin:end], own
    if expected and found < expected - max(0.25, 0.1 * expected):  # a codec pads its ends by milliseconds
        raise truncated(found, expected)
    return samples, own


def _span(cut: Cut, rate: int) -> tuple[int, int]:
    return round(cut.begin_s * rate), round(cut.end_s * rate)


def _there(cut: Cut, whole_s: float) -> None:
    """Raise MediaError where the recording ends well before the cut does: times are rounded, and codecs pad."""
    if whole_s < cut.end_s - max(0.25, 0.1 * cut.duration_s):
        raise cut.ends_early(whole_s)
