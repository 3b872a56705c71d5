import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from emoflow import media
from emoflow.errors import MediaError
from emoflow.media.container import truncated
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import RATE, encoded, muxed, tone

WAV = encoded(tone())
HALF = WAV[: 44 + 16_000]


@pytest.mark.parametrize("format", ["WAV", "FLAC", "OGG", "MP3", "AIFF", "RF64", "W64"])
def test_every_kind_of_file_is_read_by_its_bytes(format):
    samples = media.decode_audio(encoded(tone(), format=format))
    assert samples.dtype == np.float32 and samples.ndim == 1
    assert abs(len(samples) - RATE) <= 0.1 * RATE  # mp3 pads its ends
    assert np.abs(samples).max() == pytest.approx(0.3, abs=0.03)


def test_a_path_and_its_bytes_are_the_same(tmp_path):
    path = tmp_path / "clip.with.dots.wav"
    path.write_bytes(WAV)
    assert np.array_equal(media.decode_audio(path), media.decode_audio(WAV))


def test_channels_are_averaged_and_rates_brought_to_one():
    stereo = np.stack([tone(rate=48_000), np.zeros(48_000, np.float32)], 1)
    samples = media.decode_audio(encoded(stereo, rate=48_000))
    assert len(samples) == RATE
    assert np.allclose(samples[1000:-1000], tone()[1000:-1000] / 2, atol=1e-3)
    assert len(media.decode_audio(WAV, rate=8000)) == 8000


def test_resampling_does_not_leave_full_scale():
    square = np.sign(tone(rate=48_000, hertz=3000)).astype(np.float32)
    assert np.abs(media.decode_audio(encoded(square, rate=48_000, subtype="FLOAT"))).max() <= 1


def test_a_header_written_to_a_pipe_states_no_length():
    piped = WAV[:40] + b"\xff\xff\xff\xff" + WAV[44:]
    assert np.array_equal(media.decode_audio(piped), media.decode_audio(WAV))


@pytest.mark.parametrize("more", [1, 36, 1500])
def test_a_header_that_states_a_little_more_than_is_there(more):
    """36 bytes more is how writers that take the header's size for the sound's do it."""
    stated = WAV[:40] + (2 * RATE + more).to_bytes(4, "little") + WAV[44:]
    assert np.array_equal(media.decode_audio(stated), media.decode_audio(WAV))
    assert media.audio_facts(stated).duration_s == pytest.approx(1)


CODED = {
    "libmp3lame": {},
    "g722": {},
    "g726": {"rate": 8_000, "bits_per_s": 32_000},
    "adpcm_ms": {},
    "pcm_mulaw": {"rate": 8_000},
}


@pytest.mark.parametrize("codec", CODED)
def test_a_wav_may_hold_any_codec(codec):
    """libsndfile decodes some of them, FFmpeg all."""
    options = CODED[codec]
    rate = options.get("rate", RATE)
    wav = muxed("wav", tone(2, rate=rate), sound_codec=codec, **options)
    assert wav.startswith(b"RIFF")
    samples = media.decode_audio(wav)
    assert len(samples) / RATE == pytest.approx(2, abs=0.2)
    middle = samples[RATE // 2 : 3 * RATE // 2]
    assert np.argmax(np.abs(np.fft.rfft(middle))) == pytest.approx(220, abs=1)
    facts = media.audio_facts(wav)
    assert facts.rate == rate and facts.duration_s == pytest.approx(2, abs=0.2)
    with pytest.raises(MediaError, match=r"truncated: [01]\.\d\d s of [12]\.\d\d s are there"):
        media.decode_audio(wav[: len(wav) // 2])


@pytest.mark.parametrize("coding", [0xFF, 0x1600])
def test_a_wav_may_hold_aac(coding):
    aac = muxed("adts", tone(2))
    about = struct.pack("<HHIIHH", coding, 1, RATE, len(aac) // 2, 1, 0)
    wav = b"RIFF" + struct.pack("<I", 36 + len(aac)) + b"WAVEfmt \x10\0\0\0" + about
    wav += b"data" + struct.pack("<I", len(aac)) + aac
    assert len(media.decode_audio(wav)) / RATE == pytest.approx(2, abs=0.2)
    with pytest.raises(MediaError, match="truncated"):
        media.decode_audio(wav[: len(wav) // 2])


def test_a_silent_first_sound_track_names_the_others():
    both = muxed("matroska", 0 * tone(), tone(), pictures=10)
    with pytest.raises(MediaError, match=r"silent.*; sound track 2 of 2 is not: keep it alone .*-map 0:a:1"):
        media.decode_audio(both)
    with pytest.raises(MediaError, match=r"\(-60 dBFS\)$"):
        media.decode_audio(muxed("matroska", 0 * tone(), 0 * tone()))
    assert len(media.decode_audio(muxed("matroska", tone(), 0 * tone()))) >= RATE


def mp3(seconds: float, bits_per_s: int, **options: str) -> bytes:
    return muxed("mp3", tone(seconds), sound_codec="libmp3lame", bits_per_s=bits_per_s, **options)


def test_an_estimated_length_is_no_statement():
    """FFmpeg guesses the length of a stream without a header from its first bit rate; this one's changes."""
    changing = mp3(1, 24_000, write_xing="0", id3v2_version="0") + mp3(
        3, 160_000, write_xing="0", id3v2_version="0"
    )
    for content, seconds in (
        (changing, 4),
        (muxed("adts", tone(2)), 2),
        (muxed("ac3", tone(2, rate=32_000), sound_codec="ac3", rate=32_000), 2),
    ):
        assert len(media.decode_audio(content)) / RATE == pytest.approx(seconds, abs=0.3)
        assert media.audio_facts(content).duration_s == pytest.approx(seconds, abs=0.3)


def test_a_length_that_an_mp3_states_is_held_against_it():
    for cover in (b"", b"ID3\4\0\0\0\0\x10\0" + b"\0" * 2048):  # a tag of 16 × 128 bytes before it
        stating = cover + mp3(4, 64_000, id3v2_version="0")
        assert media.audio_facts(stating).duration_s == pytest.approx(4, abs=0.1)
        with pytest.raises(MediaError, match=r"truncated: [12]\.\d\d s of 4\.\d\d s are there"):
            media.decode_audio(stating[: len(stating) // 2])


def test_what_lacks_is_told_with_digits_that_show_it():
    with pytest.raises(MediaError, match=r"^truncated: 0\.94 s of 1\.00 s are there"):
        media.decode_audio(WAV[:-1920])
    assert str(truncated(12.3401, 12.3402)) == "truncated: 12.3401 s of 12.3402 s are there"
    assert str(truncated(3.14999, 3.1512)) == "truncated: 3.150 s of 3.151 s are there"


BAD = {
    "0 bytes": (b"", r"^0 bytes$"),
    "text": (b"Kids are talking by the door\n" * 50, r"not a media file: it begins with b'Kids"),
    "playlist": (b"ffconcat version 1.0\nfile '/etc/hostname'\n", r"not a media file"),
    "lfs pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        r"Git LFS pointer.*git lfs pull",
    ),
    "half a wav": (HALF, r"truncated: 0\.50 s of 1\.00 s"),
    "half a header": (WAV[:40], r"truncated or damaged"),
    "a header alone": (WAV[:44], r"truncated|no sound"),
    "no samples": (encoded(tone()[:0]), r"no sound in it"),
    "a length of 0": (WAV[:40] + b"\0\0\0\0" + WAV[44:], r"no sound in it: its header states a length of 0"),
    "half an RF64": (encoded(tone(), format="RF64")[:-16_000], r"truncated: 0\.50 s of 1\.00 s"),
    "silent": (encoded(tone() * 0), r"silent: its peak"),
    "nearly silent": (encoded(tone(level=5e-4)), r"silent: its peak is 5\.\de-04"),
    "NaN": (
        encoded(np.where(np.arange(RATE) == 7, np.nan, tone()), subtype="FLOAT"),
        r"NaN or Inf: 1 of 16000",
    ),
    "Inf": (
        encoded(np.where(np.arange(RATE) < 5, np.inf, tone()), subtype="FLOAT"),
        r"NaN or Inf: 5 of 16000",
    ),
    "30 ms": (encoded(tone(0.03)), r"too short: 30 ms, at least 100"),
    "another scale": (
        encoded(tone() * 32768, subtype="FLOAT"),
        r"samples reach 98\d\d where full scale is 1",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_used_is_refused_with_the_reason(case, tmp_path):
    content, reason = BAD[case]
    path = tmp_path / "clip.wav"
    path.write_bytes(content)
    for source in (content, path):
        with pytest.raises(MediaError, match=reason):
            media.decode_audio(source)


def test_noise_cut_short_is_refused_as_flac_too():
    noise = np.random.default_rng(0).normal(0, 0.1, 10 * RATE).astype(np.float32)
    flac = encoded(noise, format="FLAC")
    with pytest.raises(MediaError, match=r"truncated: \d\.\d\d s of 10\.00 s are there"):
        media.decode_audio(flac[: len(flac) // 2])


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(MediaError, match="no such file"):
        media.decode_audio(tmp_path / "nothing.wav")
    with pytest.raises(MediaError, match="cannot be read: is a directory"):
        media.decode_audio(tmp_path)


def test_facts_come_from_the_header():
    facts = media.audio_facts(encoded(np.stack([tone(2)] * 2, 1), rate=48_000))
    assert (facts.rate, facts.channels, facts.codec) == (48_000, 2, "PCM_16")
    assert facts.duration_s == pytest.approx(2 / 3)
    with pytest.raises(MediaError, match="truncated"):
        media.audio_facts(HALF)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(WAV)), st.binary(max_size=40), st.integers(0, 60))
def test_whatever_the_bytes_the_answer_is_samples_or_a_reason(cut, patch, at):
    content = WAV[:at] + patch + WAV[at + len(patch) :]
    try:
        samples = media.decode_audio(content[:cut])
    except MediaError as error:
        assert str(error)
    else:
        assert np.isfinite(samples).all() and np.abs(samples).max() <= 1


def test_importing_the_room_imports_no_decoder():
    import subprocess

    code = "import sys, emoflow.media; sys.exit(bool({'av', 'skimage', 'soundfile', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.corpora
def test_16_and_48_khz_copies_are_the_same_recording(corpora):
    names = sorted((corpora / "ravdess" / "original_48k").glob("*.flac"))
    assert len(names) == 6
    for path in names:
        copy = corpora / "ravdess" / f"Actor_{path.stem[-2:]}" / path.name
        ours, theirs = media.decode_audio(path), media.decode_audio(copy)
        assert abs(len(ours) - len(theirs)) <= 1
        length = min(len(ours), len(theirs))
        assert np.corrcoef(ours[:length], theirs[:length])[0, 1] > 0.99


@pytest.mark.corpora
def test_a_video_has_sound_too(corpora):
    for name, seconds in (("bbaf2n.mpg", 2.98), ("single_face.mp4", 2.42), ("face_noface.mov", 3.97)):
        path: Path = corpora / "video" / name
        assert len(media.decode_audio(path)) / RATE == pytest.approx(seconds, abs=0.02)
        assert media.audio_facts(path).rate == 44_100
    mp4 = (corpora / "video" / "single_face.mp4").read_bytes()
    with pytest.raises(MediaError, match="truncated: the mp4's index"):
        media.decode_audio(mp4[: len(mp4) // 2])
