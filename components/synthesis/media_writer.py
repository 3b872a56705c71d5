"""Writing audio and video files in the formats of published corpora, byte for byte reproducibly.

=====  =======================================
.wav   16-bit PCM
.flac  16-bit
.mp4   H.264, AAC
.avi   MPEG-4 part 2 (DivX), MP3
.flv   Sorenson H.263, AAC
=====  =======================================
"""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np

# One thread, and no macroblock tree: with it x264 reads memory that nobody has written, and the bytes vary.
FILMS = {
    ".mp4": (
        "libx264",
        {"preset": "veryfast", "crf": "26", "threads": "1", "x264-params": "mbtree=0"},
        "aac",
    ),
    ".avi": ("mpeg4", {"threads": "1", "qmin": "6", "qmax": "6"}, "libmp3lame"),
    ".flv": ("flv", {"threads": "1", "qmin": "6", "qmax": "6"}, "aac"),
}
"""What each container holds: the codec of the pictures, its options, the codec of the sound."""
SOUNDS = {".wav": "WAV", ".flac": "FLAC"}
SOUND_BITS = 40_000  # a second and channel


def write_sound(path: Path, sound: np.ndarray, rate: int) -> None:
    """Float samples within ±1, [n] or [n, channels], as 16-bit WAV or FLAC by the file's suffix."""
    import soundfile

    soundfile.write(path, sound, rate, subtype="PCM_16", format=SOUNDS[path.suffix])


def write_film(
    path: Path,
    *,
    frames: Iterable[np.ndarray] | None,
    fps: float,
    sound: np.ndarray | None,
    rate: int,
) -> None:
    """Pictures and sound, or one of the two, in the container that the file's suffix names.

    Args:
        frames: uint8 [H, W, 3], height and width even, all of one size.
        sound: float32 within ±1, [n] or [n, channels], at ``rate`` Hz.
    """
    import av

    codec, options, sound_codec = FILMS[path.suffix]
    with av.open(str(path), "w", format=path.suffix[1:]) as container:
        each_s = 1 / Fraction(fps).limit_denominator(1001)
        video = audio = None
        if frames is not None:
            video = container.add_stream(codec, rate=1 / each_s, options=options)
            video.pix_fmt = "yuv420p"
        if sound is not None:
            channels = 1 if sound.ndim == 1 else sound.shape[1]
            audio = container.add_stream(sound_codec, rate=rate, layout=_layout(channels))
            audio.bit_rate = SOUND_BITS * channels
        for number, picture in enumerate(frames if video else ()):
            if number == 0:
                video.height, video.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, each_s
            container.mux(video.encode(frame))
        if video:
            container.mux(video.encode(None))
        if audio:
            _encode_sound(container, audio, sound.reshape(len(sound), -1), rate)


def _encode_sound(container, stream, sound: np.ndarray, rate: int) -> None:
    import av

    block = stream.codec_context.frame_size or 1024
    for start in range(0, len(sound), block):
        part = np.ascontiguousarray(sound[start : start + block].T, np.float32)
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=_layout(len(part)))
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _layout(channels: int) -> str:
    return {1: "mono", 2: "stereo"}[channels]
