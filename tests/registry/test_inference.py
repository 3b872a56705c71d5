"""The packed predictor: any subset of the modalities, bad input with its reason, batches that change nothing."""

import numpy as np
import pandas as pd
import pytest
import soundfile
from emoflow.registry.inference import Predictor
from standin_experiment import CLASSES, FACE, experiment

PROBABILITIES = [f"p_{name}" for name in CLASSES]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return experiment(tmp_path_factory.mktemp("inference") / "project")


@pytest.fixture(scope="module")
def predictor(root):
    return Predictor(root / "data" / "model")


@pytest.fixture(scope="module")
def wav(root):
    return root / "data" / "raw" / "control" / "03.wav"


def ask(predictor, *rows):
    columns = {name for row in rows for name in row}
    return predictor.table(
        pd.DataFrame({c: pd.Series([row.get(c) for row in rows], dtype=object) for c in columns})
    )


def test_every_subset_is_answered_and_named(predictor, wav):
    face = [0.5] * FACE
    found = ask(
        predictor,
        {"audio": str(wav)},
        {"audio": wav.read_bytes()},
        {"text": "I hate this"},
        {"face": face},
        {"audio": str(wav), "text": "I hate this", "face": face},
    )
    assert list(found["modalities_used"]) == ["audio", "audio", "text", "face", "audio+face+text"]
    assert np.allclose(found[PROBABILITIES].sum(axis=1), 1)
    assert np.array_equal(
        found.loc[0, PROBABILITIES].astype(float), found.loc[1, PROBABILITIES].astype(float)
    )
    assert list(found["label"]) == [CLASSES[at] for at in found[PROBABILITIES].to_numpy().argmax(1)]
    assert (found["unused"] == "").all()
    assert found["reason"].isna().all()
    assert found["model_version"].str.fullmatch("[0-9a-f]{12}").all()


def test_a_row_of_which_nothing_can_be_used_does_not_spoil_the_others(predictor, wav, tmp_path):
    soundfile.write(tmp_path / "silent.wav", np.zeros(16000), 16000)
    found = ask(
        predictor,
        {"audio": str(wav)},
        {"audio": str(tmp_path / "silent.wav")},
        {"audio": str(tmp_path / "nowhere.wav")},
        {"audio": b""},
        {"audio": b"this is text"},
        {"audio": 7.5},
        {"face": [1.0, 2.0]},
        {"face": [float("nan")] * FACE},
        {},
    )
    assert found["label"].notna().tolist() == [True] + [False] * 8
    assert found.loc[1:, PROBABILITIES].isna().all(axis=None)
    assert found.loc[1:, "reason"].str.len().min() > 5
    assert found["reason"].str.contains("silent").tolist()[1]
    assert "wanted a list of 5 numbers" in found["reason"][6]
    assert "nothing was given" in found["reason"][8]
    assert found["modalities_used"].tolist() == ["audio"] + [""] * 8


def test_a_recording_of_an_hour_is_no_utterance(predictor, tmp_path):
    soundfile.write(tmp_path / "hour.flac", np.zeros(3600 * 4000, np.int16), 4000)
    found = ask(predictor, {"audio": str(tmp_path / "hour.flac"), "text": "I hate this"})
    assert found["unused"][0].startswith("audio: too long: 60.0 min, at most 10 are taken as one utterance")
    assert found["modalities_used"][0] == "text"


def test_a_broken_modality_counts_as_missing_and_is_said(predictor):
    alone = ask(predictor, {"text": "I hate this"})
    beside = ask(predictor, {"text": "I hate this", "audio": b"this is text"})
    assert beside["modalities_used"][0] == "text"
    assert beside["unused"][0].startswith("audio: ")
    assert np.array_equal(alone[PROBABILITIES], beside[PROBABILITIES])


def test_media_of_a_modality_that_came_as_features_are_unused(predictor, tmp_path):
    (tmp_path / "clip.mp4").write_bytes(b"no video")
    found = ask(predictor, {"text": "hello you", "audio": b"x", "video": str(tmp_path / "clip.mp4")})
    assert "give them as the column 'face'" in found["unused"][0]


def test_features_are_one_vector_or_a_sequence_of_them(predictor):
    row = np.linspace(-1, 1, FACE)
    found = ask(
        predictor,
        {"face": row.tolist()},
        {"face": [row.tolist()]},
        {"face": [row.tolist(), (2 * row).tolist()]},
        {"face": [[1.0, 2.0]]},
        {"face": []},
    )
    assert found["modalities_used"].tolist() == ["face"] * 3 + ["", ""]
    answers = found[PROBABILITIES].to_numpy(float)
    assert np.allclose(answers[0], answers[1], atol=1e-6) and not np.allclose(answers[0], answers[2])
    assert "or of several such lists" in found["reason"][3]


def test_the_company_a_row_keeps_changes_nothing(predictor, root):
    rows = [
        {"audio": str(path), "text": "hello"} for path in sorted((root / "data/raw/control").glob("??.wav"))
    ]
    rows += [{"text": "hello"}, {"text": None}]
    together = ask(predictor, *rows)[PROBABILITIES].to_numpy()
    alone = np.concatenate([ask(predictor, row)[PROBABILITIES].to_numpy(float) for row in rows])
    assert np.allclose(together, alone, atol=1e-6, equal_nan=True)


def test_the_index_is_kept_and_no_rows_are_no_answer(predictor):
    found = predictor.table(pd.DataFrame({"text": ["hello", "you"]}, index=[7, 3]))
    assert list(found.index) == [7, 3]
    assert len(predictor.table(pd.DataFrame({"text": []}))) == 0


def test_one_modality_alone_says_what_it_does_not_use(root, tmp_path):
    project = experiment(tmp_path / "project", strategy="text")
    found = ask(Predictor(project / "data" / "model"), {"text": "hello", "audio": b"x"}, {"audio": b"x"})
    assert found["modalities_used"].tolist() == ["text", ""]
    assert "not trained on it" in found["unused"][0]
    assert found["label"].isna().tolist() == [False, True]
