"""Small recordings that the tests of decoding make: tones and grey pictures, in any container and codec."""

import io
from fractions import Fraction

import av
import numpy as np
import soundfile

RATE = 16_000


def tone(seconds: float = 1.0, *, rate: int = RATE, hertz: float = 220, level: float = 0.3) -> np.ndarray:
    """float32 [samples]: a sine."""
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def encoded(samples: np.ndarray, *, rate: int = RATE, format: str = "WAV", **options) -> bytes:
    """A sound file as libsndfile writes it."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=format, **options)
    return file.getvalue()


def muxed(
    format: str,
    *sounds: np.ndarray,
    sound_codec: str = "aac",
    pictures: int = 0,
    picture_codec: str = "mpeg4",
    fps: int = 10,
    rate: int = RATE,
    layout: str = "mono",
    bits_per_s: int | None = None,
    sound_starts_s: float = 0,
    pictures_start_s: float = 0,
    **options: str,
) -> bytes:
    """A recording as FFmpeg writes it.

    Args:
        format: FFmpeg's name of the container.
        sounds: of each sound track, float32 [samples], or [samples, channels] where ``layout`` names several.
        pictures: how many; the n-th is all of grey level 8 n, modulo 256.
        bits_per_s: of a sound track.
        sound_starts_s, pictures_start_s: when the tracks begin, on the container's timeline.
        options: of the muxer.
    """
    file = io.BytesIO()
    with av.open(file, "w", format=format, options=options) as container:
        film = None
        if pictures:
            film = container.add_stream(picture_codec, rate=fps)
            film.width, film.height, film.pix_fmt = 64, 48, "yuv420p"
        tracks = [container.add_stream(sound_codec, rate=rate, layout=layout) for _ in sounds]
        for track in tracks if bits_per_s else []:
            track.bit_rate = bits_per_s
        for number in range(pictures):
            frame = av.VideoFrame.from_ndarray(
                np.full((48, 64, 3), 8 * number % 256, np.uint8), format="rgb24"
            )
            frame.pts, frame.time_base = round(pictures_start_s * fps) + number, Fraction(1, fps)
            container.mux(film.encode(frame))
        if film:
            container.mux(film.encode(None))
        for track, samples in zip(tracks, sounds, strict=True):
            fits = av.AudioResampler(
                format=track.codec_context.format,
                layout=layout,
                rate=rate,
                frame_size=track.frame_size or 1024,
            )
            whole = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(samples.reshape(1, -1)), format="flt", layout=layout
            )
            whole.sample_rate, whole.pts, whole.time_base = rate, 0, Fraction(1, rate)
            for frame in [*fits.resample(whole), *fits.resample(None)]:
                frame.pts += round(sound_starts_s * rate)
                container.mux(track.encode(frame))
            container.mux(track.encode(None))
    return file.getvalue()
