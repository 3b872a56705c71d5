"""An hour of sound takes no more memory than some minutes of it; a clip's features are what they always were."""

import json
import subprocess
import sys

import numpy as np
import opensmile
import pytest
import soundfile
from emoflow import media
from emoflow.encoders import make
from emoflow.encoders.audio import RATE, LogMel, mel_bands, pieces
from emoflow.errors import MediaError

MEASURED = """
import json, resource, sys
from emoflow.encoders import audio, make
audio.PIECE_S = 60
memory = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
encoder = make([sys.argv[1]], {})[0]
encoder.encode(sys.argv[2])
before = memory()
tokens = encoder.encode(sys.argv[3])
print(json.dumps({"tokens": len(tokens), "grown": memory() - before}))
"""


def speech(seconds: float, seed: int = 0) -> np.ndarray:
    """Bursts of a voiced sound that changes its pitch, and noise: float32 [samples]."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    pitch = 140 + 40 * np.sin(2 * np.pi * time / 3.3)
    voice = sum(np.sin(2 * np.pi * n * np.cumsum(pitch) / RATE) / n for n in range(1, 9))
    return (0.1 * voice * (np.sin(4 * time) > -0.3) + random.normal(0, 0.003, len(time))).astype(np.float32)


@pytest.fixture(scope="module")
def wav(tmp_path_factory):
    """A function: minutes → a wav of so many, written minute by minute."""

    def made(minutes: int) -> str:
        path = tmp_path_factory.mktemp("long") / f"{minutes}.wav"
        with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
            minute = speech(60)
            for _ in range(minutes):
                file.write(minute)
        return str(path)

    return made


@pytest.mark.slow
@pytest.mark.parametrize(
    ("encoder", "short", "long"),
    [("logmel", 2, 20), ("egemaps", 2, 5)],
)
def test_memory_does_not_grow_with_the_recording(encoder, short, long, wav):
    code = [sys.executable, "-c", MEASURED, encoder, wav(short), wav(long)]
    ended = subprocess.run(code, capture_output=True, text=True, check=True)
    found = json.loads(ended.stdout)
    expected = {"logmel": 25 * 60 * long, "egemaps": 1}[encoder]
    assert found["tokens"] == pytest.approx(expected, abs=2)
    assert found["grown"] < 25  # MB; the samples alone would be 3.7 MB a minute


@pytest.mark.slow
def test_functionals_of_a_clip_are_opensmiles_own(wav):
    samples = speech(7)
    path = wav(1)
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    own = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
    assert np.array_equal(make(["egemaps"], {})[0].encode(path), own(samples, RATE)[0].T)


@pytest.mark.slow
def test_log_mel_frames_across_blocks_are_those_of_the_whole(wav):
    path = wav(1)
    soundfile.write(path, np.concatenate([speech(60), speech(65.37, 1)]), RATE, subtype="FLOAT")
    samples = media.decode_audio(path)
    windows = np.lib.stride_tricks.sliding_window_view(samples, LogMel.window)[:: LogMel.hop]
    shape = np.hanning(LogMel.window + 1)[:-1]
    power = np.abs(np.fft.rfft(windows * shape, LogMel.bins)) ** 2 / shape.sum() ** 2
    frames = np.log(power @ mel_bands().T + 1e-10)
    starts = np.arange(0, len(frames), 4)
    whole = np.add.reduceat(frames, starts) / np.diff([*starts, len(frames)])[:, None]
    found = make(["logmel"], {})[0].encode(path)
    assert found.shape == whole.shape
    assert np.allclose(found, whole, rtol=1e-6, atol=1e-5)


@pytest.mark.slow
def test_functionals_of_a_long_recording_are_the_means_over_its_pieces(wav, monkeypatch):
    """Low-level descriptors follow one another."""
    monkeypatch.setattr("emoflow.encoders.audio.PIECE_S", 5)
    path = wav(1)
    soundfile.write(path, speech(7), RATE, subtype="FLOAT")
    halves = np.split(media.decode_audio(path), 2)
    for name in ("egemaps", "compare"):
        encoder = make([name], {})[0]
        pieces = np.concatenate([encoder.encode_decoded([half]) for half in halves])
        assert np.allclose(encoder.encode(path), pieces.mean(0), rtol=1e-5, atol=1e-6)
    frames = make(["egemaps-lld"], {})[0]
    found = frames.encode(path)
    assert np.array_equal(found, np.concatenate([frames.encode_decoded([half]) for half in halves]))
    assert len(found) == pytest.approx(20 * 7, abs=5)


@pytest.mark.parametrize("seconds", [1, 5, 5.01, 9, 10, 10.5, 17, 23])
def test_pieces_are_the_recording_and_none_is_too_short(seconds, monkeypatch):
    monkeypatch.setattr("emoflow.encoders.audio.PIECE_S", 5)
    samples = np.arange(round(seconds * RATE))
    blocks = np.array_split(samples, 4)
    found = list(pieces(blocks))
    assert np.array_equal(np.concatenate(found), samples)
    assert len(found) == -(-seconds // 5)
    assert all(2.5 * RATE <= len(piece) <= 5 * RATE for piece in found) or len(found) == 1


def test_what_only_the_whole_tells_is_told_of_long_recordings_too(wav):
    path = wav(3)
    with soundfile.SoundFile(path, "r+") as file:
        file.truncate(0)
        file.write(np.zeros(3 * 60 * RATE, np.float32))
    for name in ("logmel", "egemaps"):
        with pytest.raises(MediaError, match="silent"):
            make([name], {})[0].encode(path)
