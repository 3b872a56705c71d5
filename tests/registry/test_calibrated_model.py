"""A packed model whose probabilities were calibrated says how sure it is, and among which classes the right one is."""

import pandas as pd
import pytest
from emoflow.artifacts.model import ProbabilityCalibration
from emoflow.registry.inference import Predictor
from emoflow.registry.package import pack
from standin_experiment import CLASSES, experiment

ROWS = pd.DataFrame(
    {"text": ["I hate this", "What a lovely day", None], "audio": [None, None, b"no recording"]}
)

CALIBRATED = [f"calibrated_{name}" for name in CLASSES]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return experiment(tmp_path_factory.mktemp("calibrated") / "project") / "data" / "model"


def calibration(**changes) -> ProbabilityCalibration:
    """Of answers from text; changes are of their correction."""
    usual = {"temperature": 2.0, "threshold": 0.6, "utterances": 36, "speakers": 6}
    return ProbabilityCalibration(level=0.9, given={"text": usual | changes})


def answers(model, folder, held: ProbabilityCalibration | None) -> pd.DataFrame:
    return Predictor(pack(model, folder, calibration=held).model).table(ROWS)


def test_confidence_and_sets_follow_from_the_probabilities(model, tmp_path):
    found = answers(model, tmp_path, calibration())
    for _, row in found.iloc[:2].iterrows():
        given = row.filter(like="p_").astype(float).sort_values(ascending=False)
        softened = given**0.5 / (given**0.5).sum()
        assert row["confidence"] == pytest.approx(softened.iloc[0]) and row["confidence"] < given.iloc[0]
        calibrated = (
            row.filter(like="calibrated_").astype(float).rename(lambda name: name.removeprefix("calibrated_"))
        )
        assert calibrated.sum() == pytest.approx(1) and calibrated.max() == row["confidence"]
        pd.testing.assert_series_equal(
            calibrated,
            softened.rename(lambda name: name.removeprefix("p_"))[calibrated.index],
            check_names=False,
        )
        before = softened.cumsum() - softened  # what is more probable
        expected = [name.removeprefix("p_") for name in given.index if before[name] <= 0.6]
        assert row["prediction_set"].split("+") == expected and expected[0] == row["label"]
    assert found.iloc[2][["label", "confidence", "prediction_set", *CALIBRATED]].isna().all()


@pytest.mark.parametrize(("threshold", "classes"), [(0.0, 1), (1.0, 3)])
def test_a_set_has_the_label_at_least_and_every_class_at_most(model, tmp_path, threshold, classes):
    found = answers(model, tmp_path, calibration(threshold=threshold))
    assert found["prediction_set"].iloc[:2].str.split("+").str.len().tolist() == [classes] * 2


def test_answers_from_modalities_that_were_not_calibrated_have_neither(model, tmp_path):
    held = calibration()
    other = held.model_copy(update={"given": {"audio+text": held.given["text"]}})
    found = answers(model, tmp_path, other)
    assert found["label"].iloc[:2].notna().all() and (found["modalities_used"].iloc[:2] == "text").all()
    assert found[["confidence", "prediction_set", *CALIBRATED]].isna().all(axis=None)


def test_without_a_calibration_there_is_neither_and_the_package_is_another(model, tmp_path):
    plain, calibrated = pack(model, tmp_path / "1"), pack(model, tmp_path / "2", calibration=calibration())
    found = Predictor(plain.model).table(ROWS)
    assert not {"confidence", "prediction_set", *CALIBRATED} & set(found)
    same = Predictor(calibrated.model).table(ROWS).drop(columns=["confidence", "prediction_set", *CALIBRATED])
    pd.testing.assert_frame_equal(same, found)
    assert plain.name != calibrated.name
