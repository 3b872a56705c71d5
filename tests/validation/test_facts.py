"""What is found out about media: every way of being unusable has its reason, and nothing is passed over."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
import soundfile
from emoflow import media
from emoflow.media import fingerprint_matching
from emoflow.schema import UTTERANCE_COLUMNS
from emoflow.validation.facts import excluded, gather, unusable

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


def own_table(rows: dict[str, dict]) -> pd.DataFrame:
    held = [{"utterance_id": f"own/{name}", "corpus": "own"} | media for name, media in rows.items()]
    return pd.DataFrame(held, columns=list(UTTERANCE_COLUMNS)).astype(UTTERANCE_COLUMNS)


def test_a_part_of_a_recording_is_as_long_as_it_is_and_its_file_is_the_one_looked_for(tmp_path):
    soundfile.write(tmp_path / "long.wav", tone(5), RATE)
    rows = {
        "part": {"audio": "long.wav#t=1.0,3.5"},
        "beyond": {"audio": "long.wav#t=4.0,7.5"},
        "lost": {"audio": "lost.wav#t=1.0,3.5"},
        "outside": {"audio": "../long.wav#t=1.0,3.5"},
    }
    facts = gather(own_table(rows), tmp_path, workers=2).set_index("utterance_id")
    assert facts["audio_file"].to_dict() == {
        "own/part": "there",
        "own/beyond": "there",
        "own/lost": "missing",
        "own/outside": "outside the corpus",
    }
    assert facts.loc["own/part", "duration_s"] == pytest.approx(2.5)
    assert facts.loc["own/part", "audio_state"] == "usable"
    assert facts.loc["own/beyond", "audio_reason"].startswith("truncated")


def test_a_sound_is_known_by_its_fingerprint_and_a_still_picture_by_none(tmp_path):
    noise = np.random.default_rng(3).normal(0, 0.1, 2 * RATE).astype("float32")
    soundfile.write(tmp_path / "first.wav", noise, RATE)
    soundfile.write(tmp_path / "quieter.flac", noise / 4, RATE)
    soundfile.write(tmp_path / "other.wav", noise[::-1].copy(), RATE)
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE, "float32"), RATE)
    film(tmp_path / "film.mp4", sound=True)
    rows = {
        name.partition(".")[0]: {"audio": name}
        for name in ("first.wav", "other.wav", "quieter.flac", "silent.wav")
    }
    facts = gather(own_table(rows | {"film": {"video": "film.mp4"}}), tmp_path, workers=2)
    held = facts.set_index("utterance_id")["audio_fingerprint"]
    known = [held[f"own/{name}"] for name in ("first", "other", "quieter")]
    assert fingerprint_matching.same_sounds(known).tolist() == [[0, 2]]
    assert pd.isna(held["own/silent"])
    assert facts["face_fingerprint"].isna().all()  # nobody is seen


def test_a_recording_of_several_utterances_is_decoded_once(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "both.wav", tone(), RATE)
    opened, decode = [], media.audio.decode_audio
    monkeypatch.setattr(media.audio, "decode_audio", lambda path: opened.append(path) or decode(path))
    facts = gather(own_table({name: {"audio": "both.wav"} for name in "abc"}), tmp_path, workers=2)
    assert len(opened) == 1
    assert facts["audio_state"].tolist() == ["usable"] * 3


def test_a_table_without_media_opens_nothing_and_keeps_its_rows(tmp_path):
    table = own_table({"a": {"text": "words"}, "b": {}, "c": {"text": " "}})
    facts = gather(table, tmp_path / "nowhere", workers=1)
    assert facts["text_state"].fillna("none").tolist() == ["usable", "none", "unusable"]
    assert unusable(facts, with_features={"own/c"}) == ["own/b"]
    assert facts[list(UTTERANCE_COLUMNS)].equals(table)
