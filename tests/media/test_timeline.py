"""One timeline for a recording's tracks: the container's, from where its earliest track begins."""

from functools import cache

import numpy as np
import pytest
from emoflow import media
from emoflow.errors import MediaError
from emoflow.media.container import Recording
from recordings import RATE, muxed, tone

CONTAINERS = {
    "mp4": {},
    "mov": {},
    "matroska": {},
    "avi": {"sound_codec": "libmp3lame"},
    "mpegts": {"picture_codec": "mpeg2video", "fps": 25},
    "mpeg": {"sound_codec": "mp2", "picture_codec": "mpeg1video", "fps": 25},
    "webm": {"sound_codec": "libopus", "rate": 48_000, "picture_codec": "libvpx"},
    "flv": {"rate": 44_100, "picture_codec": "flv"},
    "asf": {"sound_codec": "libmp3lame"},
}

LATE = [name for name in CONTAINERS if name != "avi"]
"""Those whose tracks may begin at different times, as FFmpeg writes them."""


def hertz(second: int) -> int:
    """Of the tone in a test recording's n-th second of sound."""
    return 400 + 200 * second


def heard(samples: np.ndarray) -> float:
    """The loudest frequency, in Hz."""
    return float(np.argmax(np.abs(np.fft.rfft(samples * np.hanning(len(samples))))) * RATE / len(samples))


@cache
def film(format: str, *, sound: bool = True, pictures: bool = True, **starts: float) -> bytes:
    """Four seconds of sound, a tone each, and of pictures, a grey level each."""
    options = CONTAINERS[format]
    rate, fps = options.get("rate", RATE), options.get("fps", 10)
    tones = np.concatenate([tone(rate=rate, hertz=hertz(second)) for second in range(4)])
    return muxed(format, *[tones] * sound, pictures=4 * fps * pictures, **options, **starts)


@pytest.fixture
def cut(tmp_path):
    """A function: a recording, a span in seconds → the name of that part of it."""

    def named(content: bytes, begin: float, end: float) -> str:
        path = tmp_path / "recording"
        path.write_bytes(content)
        return f"{path}#t={begin},{end}"

    return named


@pytest.mark.parametrize("format", LATE)
def test_sound_that_begins_late_is_heard_when_a_player_plays_it(format, cut):
    late = film(format, sound_starts_s=1)
    for second in range(3):
        samples = media.decode_audio(cut(late, second + 1.2, second + 1.9))
        assert heard(samples) == pytest.approx(hertz(second), abs=3)
        assert len(samples) == pytest.approx(0.7 * RATE, abs=1)
    beginning = media.decode_audio(cut(late, 0, 2))
    assert len(beginning) == 2 * RATE
    assert not beginning[: round(0.85 * RATE)].any() and beginning[round(1.1 * RATE) :].any()
    with pytest.raises(MediaError, match="silent"):
        media.decode_audio(cut(late, 0.1, 0.6))
    with pytest.raises(MediaError, match="the recording ends at"):
        media.decode_audio(cut(late, 5, 6))


@pytest.mark.parametrize("format", CONTAINERS)
def test_sound_of_tracks_that_begin_together(format, cut):
    whole = film(format)
    for second in range(4):
        assert heard(media.decode_audio(cut(whole, second + 0.2, second + 0.8))) == pytest.approx(
            hertz(second), abs=3
        )


@pytest.mark.parametrize("format", LATE)
def test_pictures_that_begin_late_are_seen_when_a_player_shows_them(format, cut):
    late = film(format, pictures_start_s=1)
    on_time = media.frames(cut(film(format), 1, 2), count=4).images
    shown = media.frames(cut(late, 2, 3), count=4).images
    assert shown.mean((1, 2, 3)) == pytest.approx(on_time.mean((1, 2, 3)), abs=9)  # a picture more or less


@pytest.mark.parametrize("format", LATE)
@pytest.mark.parametrize("late", ["sound_starts_s", "pictures_start_s"])
def test_a_whole_recording_with_a_late_track_is_whole(format, late):
    recording = film(format, **{late: 1})
    assert len(media.decode_audio(recording)) / RATE == pytest.approx(4, abs=0.12)
    assert media.audio_facts(recording).duration_s == pytest.approx(4, abs=0.15)
    shown = media.frames(recording, count=4)
    assert shown.duration_s == media.video_facts(recording).duration_s == pytest.approx(4, abs=0.35)
    on_time = media.frames(film(format), count=4)
    assert shown.images.mean((1, 2, 3)) == pytest.approx(on_time.images.mean((1, 2, 3)), abs=40)


@pytest.mark.parametrize("format", ["mp4", "matroska"])
def test_a_track_that_is_alone_begins_at_zero(format, cut):
    sound = film(format, pictures=False, sound_starts_s=1)
    assert heard(media.decode_audio(cut(sound, 1.2, 1.9))) == pytest.approx(hertz(1), abs=3)
    assert len(media.decode_audio(sound)) / RATE == pytest.approx(4, abs=0.1)
    pictures = film(format, sound=False, pictures_start_s=1)
    assert media.frames(pictures, count=4).duration_s == pytest.approx(4, abs=0.1)


@pytest.mark.parametrize("format", ["matroska", "flv", "asf", "avi"])
def test_half_a_recording_of_several_tracks_is_refused(format):
    recording = film(format)
    for read in (media.decode_audio, lambda part: media.frames(part, count=4)):
        with pytest.raises(MediaError, match="truncated"):
            read(recording[: len(recording) // 2])


ENTERED = {
    "ipod": {},
    "mov": {},
    "matroska": {},
    "webm": {"sound_codec": "libopus", "rate": 48_000},
    "asf": {"sound_codec": "libmp3lame"},
    "mp3": {"sound_codec": "libmp3lame"},
}


@pytest.mark.parametrize("format", ENTERED)
def test_a_part_is_the_same_whether_entered_midway_or_reached_from_the_beginning(format, cut, monkeypatch):
    options = ENTERED[format]
    rate = options.get("rate", RATE)
    moments = np.arange(20 * rate) / rate
    # No noise: AAC makes it up anew each time.
    sweep = (0.3 * np.sin(2 * np.pi * (200 * moments + 40 * moments**2))).astype(np.float32)
    long = muxed(format, sweep, **options)
    whole = media.decode_audio(long)
    decoded, frames = [], Recording.decoded

    def counted(self, stream):
        for frame in frames(self, stream):
            decoded.append(frame.samples / rate)
            yield frame

    monkeypatch.setattr(Recording, "decoded", counted)
    for begin in (0, 0.4, 7.3, 18.9):
        decoded.clear()
        part = media.decode_audio(cut(long, begin, begin + 1))
        at = round(begin * RATE)
        assert len(part) == RATE
        differences = [  # but for the ends, which are resampled without their neighbours
            np.abs(part[200:-200] - whole[at + 200 + lag :][: RATE - 400]).max()
            for lag in range(-16, 17)  # Matroska's times are in milliseconds
        ]
        assert min(differences) < 0.02
        if format != "mp3":  # which can only be counted through from its beginning
            assert sum(decoded) < 8  # seconds


@pytest.mark.corpora
def test_a_film_whose_sound_begins_after_two_seconds(corpora):
    path = corpora / "video" / "face_noface.mov"
    whole = media.decode_audio(path)
    from_three = media.decode_audio(f"{path}#t=3,4")
    begin = round((3 - 2.43002) * RATE)
    assert np.corrcoef(from_three, whole[begin : begin + len(from_three)])[0, 1] > 0.9
