"""What is found out about media: every way of being unusable has its reason, and nothing is passed over."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
import soundfile

from components.schema import UTTERANCE_COLUMNS
from components.validation.facts import excluded, gather, unusable

RATE = 16_000


def tone(seconds: float = 0.5, *, channels: int = 1) -> np.ndarray:
    wave = 0.3 * np.sin(2 * np.pi * 220 * np.arange(int(seconds * RATE)) / RATE)
    return np.tile(wave[:, None], (1, channels)).astype("float32")


def film(path: Path, *, sound: bool) -> None:
    """Half a second of moving grey, with or without a tone."""
    with av.open(path, "w") as container:
        pictures = container.add_stream("mpeg4", rate=10)
        pictures.width = pictures.height = 32
        pictures.pix_fmt = "yuv420p"
        track = container.add_stream("aac", rate=RATE, layout="mono") if sound else None
        for step in range(5):
            picture = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 40 * step, np.uint8), format="rgb24")
            container.mux(pictures.encode(picture))
        container.mux(pictures.encode())
        if track:
            frame = av.AudioFrame.from_ndarray(tone().T.copy(), format="fltp", layout="mono")
            frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
            container.mux(track.encode(frame))
            container.mux(track.encode())


@pytest.fixture
def facts(tmp_path) -> pd.DataFrame:
    root = tmp_path / "own"
    root.mkdir()
    soundfile.write(root / "good.wav", tone(), RATE)
    soundfile.write(root / "stereo.wav", tone(channels=2), RATE)
    soundfile.write(root / "silent.wav", np.zeros(RATE, "float32"), RATE)
    soundfile.write(root / "nan.wav", np.full(RATE, np.nan, "float32"), RATE, subtype="FLOAT")
    (root / "empty.wav").touch()
    (root / "letter.wav").write_text("Dear Sir", encoding="utf-8")
    whole = (root / "good.wav").read_bytes()
    (root / "torn.wav").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "beside.wav").write_bytes(whole)
    film(root / "film.mp4", sound=True)
    film(root / "mute.mp4", sound=False)
    (root / "broken.mp4").write_bytes((root / "film.mp4").read_bytes()[:200])

    rows = [
        {"utterance_id": f"own/{name}", "corpus": "own", "speaker": "own/1", "label": "anger"} | media
        for name, media in {
            "broken": {"video": "broken.mp4", "text": "words"},
            "empty": {"audio": "empty.wav"},
            "film": {"video": "film.mp4"},
            "good": {"audio": "good.wav", "text": "words"},
            "letter": {"audio": "letter.wav", "text": "words"},
            "missing": {"audio": "missing.wav"},
            "mute": {"video": "mute.mp4"},
            "nan": {"audio": "nan.wav"},
            "outside": {"audio": "../beside.wav"},
            "outside-again": {"audio": str(tmp_path / "beside.wav")},
            "silent": {"audio": "silent.wav", "text": " \n "},
            "stereo": {"audio": "./stereo.wav"},
            "torn": {"audio": "torn.wav"},
        }.items()
    ]
    table = pd.DataFrame(rows, columns=list(UTTERANCE_COLUMNS)).astype(UTTERANCE_COLUMNS)
    return gather(table, root, workers=2)


def test_every_reason_is_listed_once_by_utterance_and_modality(facts):
    reasons = {(each["utterance_id"], each["modality"]): each["reason"] for each in excluded(facts)}
    expected = {
        ("own/broken", "audio"): "truncated",
        ("own/broken", "face"): "truncated",
        ("own/empty", "audio"): "0 bytes",
        ("own/letter", "audio"): "not a media file",
        ("own/missing", "audio"): "missing",
        ("own/mute", "audio"): "no sound track",
        ("own/nan", "audio"): "holds NaN",
        ("own/outside", "audio"): "outside the corpus",
        ("own/outside-again", "audio"): "outside the corpus",
        ("own/silent", "audio"): "silent",
        ("own/silent", "text"): "no words",
        ("own/torn", "audio"): "truncated",
    }
    assert reasons.keys() == expected.keys()
    assert all(reasons[key].startswith(start) for key, start in expected.items()), reasons


def test_places_rates_and_lengths(facts):
    facts = facts.set_index("utterance_id")
    assert facts.loc["own/missing", "audio_file"] == "missing"
    assert facts.loc["own/outside", "audio_file"] == "outside the corpus"
    assert facts.loc["own/stereo", ["audio_file", "audio_state"]].tolist() == ["there", "usable"]
    assert facts.loc["own/stereo", "channels"] == 2
    assert facts.loc["own/good", "rate"] == RATE
    assert facts.loc["own/good", "duration_s"] == pytest.approx(0.5)
    assert pd.isna(facts.loc["own/good", "face_state"])


def test_a_film_has_sound_and_a_mute_one_is_not_broken(facts):
    facts = facts.set_index("utterance_id")
    assert facts.loc["own/film", ["audio_state", "face_state"]].tolist() == ["usable", "usable"]
    assert pd.isna(facts.loc["own/mute", "audio_state"])
    assert facts.loc["own/mute", "face_state"] == "usable"
    assert facts.loc["own/mute", "duration_s"] == pytest.approx(0.5, abs=0.1)


def test_nothing_is_left_where_no_modality_can_be_used(facts):
    nothing = {"empty", "missing", "nan", "outside", "outside-again", "silent", "torn"}
    assert unusable(facts, with_features=set()) == sorted(f"own/{name}" for name in nothing)
    assert "own/nan" not in unusable(facts, with_features={"own/nan"})
