"""Sound and pictures to files: 16 kHz WAV, and H.264 with AAC in an MP4. The same input gives the same bytes."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np

# One thread, and no macroblock tree: with it x264 reads memory that nobody has written, and the bytes vary.
VIDEO_OPTIONS = {"preset": "veryfast", "crf": "26", "threads": "1", "x264-params": "mbtree=0"}
SOUND_BITS = 40_000  # a second


def write_wav(path: Path, sound: np.ndarray, rate: int) -> None:
    """Mono 16-bit WAV of float samples within ±1."""
    import soundfile

    soundfile.write(path, sound, rate, subtype="PCM_16", format="WAV")


def write_mp4(path: Path, frames: Iterable[np.ndarray], fps: int, sound: np.ndarray, rate: int) -> None:
    """Pictures (uint8 [H, W, 3]) at ``fps`` with mono sound (float32 [n] within ±1 at ``rate`` Hz)."""
    import av

    with av.open(str(path), "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=fps, options=VIDEO_OPTIONS)
        video.pix_fmt = "yuv420p"
        audio = container.add_stream("aac", rate=rate, layout="mono")
        audio.bit_rate = SOUND_BITS
        for number, picture in enumerate(frames):
            if number == 0:
                video.height, video.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        block = audio.codec_context.frame_size or 1024
        for start in range(0, len(sound), block):
            part = np.ascontiguousarray(sound[None, start : start + block], np.float32)
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            container.mux(audio.encode(frame))
        container.mux(audio.encode(None))
