"""Recordings that are damaged or mean harm: the answer is a MediaError, within bounds of memory."""

import json
import subprocess
import sys

import numpy as np
import pytest
from emoflow import media
from emoflow.errors import MediaError
from recordings import encoded, muxed, tone

WAV = encoded(tone())
FLAC = encoded(tone(), format="FLAC")


def stating(content: bytes, at: int, value: int, size: int = 4) -> bytes:
    """The recording with another number in its header."""
    return content[:at] + value.to_bytes(size, "little") + content[at + size :]


def without(codec: bytes, film: bytes) -> bytes:
    """An mp4 whose track of this codec FFmpeg cannot identify."""
    assert codec in film and b"esds" in film
    return film.replace(codec, b"zzzz").replace(b"esds", b"none")


STATES_NONSENSE = {
    "1 Hz": (stating(WAV, 24, 1), "sampling rate of 1 Hz; 2000 to 768000 are read"),
    "4 GHz": (stating(WAV, 24, 4_000_000_000), "undecodable|sampling rate of"),
    "1,000 channels": (encoded(np.zeros((50, 1000), np.float32)), "states 1000 channels; 1 to 64 are read"),
    "days": (FLAC[:22] + b"\xf0\0\0\0" + FLAC[26:], "too long: 69.9 h, at most 4 are read at once"),
    "unknown codec": (without(b"mp4a", muxed("mp4", tone())), "audio track is of a codec that FFmpeg does not know"),
}  # fmt: skip


@pytest.mark.parametrize("case", STATES_NONSENSE)
def test_a_header_outside_the_limits_is_refused_before_decoding(case):
    content, reason = STATES_NONSENSE[case]
    for read in (media.audio_facts, media.decode_audio):
        with pytest.raises(MediaError, match=reason):
            read(content)


def test_pictures_outside_the_limits_are_refused_before_decoding():
    with pytest.raises(MediaError, match="video track is of a codec that FFmpeg does not know"):
        media.frames(without(b"mp4v", muxed("mp4", pictures=10)), count=2)
    film = muxed("mp4", pictures=10, picture_codec="ffv1")
    at = film.index(b"stsd") + 44  # width and height in its sample description, two bytes each
    huge = film[:at] + (9000).to_bytes(2) * 2 + film[at + 4 :]
    for read in (media.video_facts, lambda film: media.frames(film, count=2)):
        with pytest.raises(MediaError, match=r"pictures of 9000 × 9000; at most 35 million pixels"):
            read(huge)


def test_sound_of_eight_channels_is_read():
    tones = np.stack([tone(hertz=200 + 50 * channel) for channel in range(8)], 1)
    from_film = media.decode_audio(muxed("matroska", tones, sound_codec="flac", layout="7.1"))
    assert np.allclose(from_film, tones.mean(1), atol=1e-3)


FUZZ = """
import json, resource, sys
import av, numpy as np
sys.path.insert(0, sys.argv[1])
from recordings import encoded, muxed, tone
from emoflow import media
from emoflow.errors import MediaError

av.logging.set_level(None)
sound, wide = tone(0.6), tone(0.6, rate=48_000)
recordings = {
    **{format: encoded(sound, format=format) for format in ("WAV", "FLAC", "OGG", "AIFF", "W64", "CAF", "RF64")},
    "mp3 in a wav": muxed("wav", sound, sound_codec="libmp3lame"),
    "mp3": muxed("mp3", sound, sound_codec="libmp3lame"),
    "aac": muxed("adts", sound),
    "mp4": muxed("mp4", sound, pictures=6),
    "fragmented mp4": muxed("mp4", sound, pictures=6, picture_codec="libx264", movflags="frag_keyframe+empty_moov"),
    "mov": muxed("mov", sound, pictures=6),
    "mkv": muxed("matroska", sound, pictures=6),
    "webm": muxed("webm", wide, sound_codec="libopus", rate=48_000, pictures=6, picture_codec="libvpx"),
    "avi": muxed("avi", sound, sound_codec="libmp3lame", pictures=6),
    "mpegts": muxed("mpegts", sound, pictures=15, picture_codec="mpeg2video", fps=25),
    "mpg": muxed("mpeg", sound, sound_codec="mp2", pictures=15, picture_codec="mpeg1video", fps=25),
    "flv": muxed("flv", tone(0.6, rate=44_100), rate=44_100, pictures=6, picture_codec="flv"),
    "asf": muxed("asf", sound, sound_codec="libmp3lame", pictures=6),
    "opus": muxed("ogg", wide, sound_codec="libopus", rate=48_000),
}
def part_of(recording):
    with open(sys.argv[3], "wb") as file:
        file.write(recording)
    return sys.argv[3] + "#t=0.1,0.4"

readers = (
    media.audio_facts,
    media.decode_audio,
    media.video_facts,
    lambda recording: media.frames(recording, count=4),
    lambda recording: media.decode_audio(part_of(recording)),
    lambda recording: media.frames(part_of(recording), count=2),
)
memory = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before, read, refused, failed = memory(), 0, 0, []
for name, whole in recordings.items():
    random = np.random.default_rng(list(name.encode()))
    for trial in range(int(sys.argv[2])):
        damaged = bytearray(whole)
        for _ in range(random.integers(1, 6)):  # most of them in the header
            at = random.integers(min(len(whole), 800) if random.random() < 0.6 else len(whole))
            damaged[at] = random.integers(256) if random.random() < 0.5 else damaged[at] ^ 1 << random.integers(8)
        for reader in readers:
            try:
                reader(bytes(damaged))
                read += 1
            except MediaError as error:
                refused += 1
                if not str(error):
                    failed.append(f"{name} {trial}: no reason")
            except Exception as error:
                failed.append(f"{name} {trial}: {error!r}")
print(json.dumps({"read": read, "refused": refused, "failed": failed, "grown": memory() - before}))
"""


@pytest.mark.slow
def test_flipped_bytes_of_every_container_give_samples_or_a_reason(request, tmp_path):
    """In a process of its own, whose memory is measured and whose crash is seen."""
    code = [sys.executable, "-c", FUZZ, str(request.path.parent), "40", str(tmp_path / "damaged")]
    ended = subprocess.run(code, capture_output=True, text=True, timeout=900, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
    found = json.loads(ended.stdout)
    assert found["failed"] == []
    assert found["read"] > 500 and found["refused"] > 500  # the damage is neither trivial nor total
    assert found["grown"] < 300  # MB
