"""The stage ``robustness`` on recordings of which the sound alone tells the class."""

import shutil
import subprocess
import sys
from pathlib import Path

import documents
import numpy as np
import pandas as pd
import pytest
import yaml
from emoflow.artifacts.fold_models import FoldModels
from emoflow.artifacts.robustness import PERTURBED, RobustnessNotes
from emoflow.errors import ParamsError
from emoflow.stages import robustness
from heard_experiment import CACHE, CLASSES, CLIPS, SPEAKERS, trained_workspace
from in_process import run_stages

COLUMNS = [f"p_{label}" for label in CLASSES]
HARDER = {"wrong_words": [1], "pitch": [3], "tempo": [1.5], "fgsm": [0.01, 2], "pgd": [2]}


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A workspace after the stage ``train``: anger is heard below 1 kHz, sadness above; words tell nothing."""
    return trained_workspace(tmp_path_factory.mktemp("trained"))


def state(root: Path, conditions: dict, utterances: int | None = None) -> None:
    params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    params["robustness"] |= {"conditions": conditions, "utterances": utterances}
    (root / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")


def run(root: Path, conditions: dict, utterances: int | None = None) -> pd.DataFrame:
    """What the stage writes of answers given both modalities."""
    state(root, conditions, utterances)
    run_stages(root, robustness)
    table = PERTURBED.read(root)
    return table[table["modalities"] == "audio+text"].reset_index(drop=True)


def accuracy(rows: pd.DataFrame) -> float:
    said = np.array(CLASSES)[rows[COLUMNS].to_numpy(float).argmax(1)]
    return float((rows["utterance_id"].str.split("-").str[1] == said).mean())


def cached(root: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in (root / CACHE).rglob("*.safetensors")}


@pytest.mark.slow
def test_what_tells_the_class_is_lost_with_it_and_with_nothing_else(trained):
    table = run(trained, {"noise": [20, -20], "babble": [-20], "dropped_words": [0.5, 1]} | HARDER)
    by_level = {key: accuracy(rows) for key, rows in table.groupby(["condition", "level"])}
    assert by_level["noise", 20] > 0.9
    assert by_level["noise", -20] < 0.7 and by_level["babble", -20] < 0.8
    assert by_level["dropped_words", 0.5] == by_level["dropped_words", 1] > 0.9
    assert min(by_level[kept] for kept in (("wrong_words", 1), ("tempo", 1.5), ("pitch", 3))) > 0.9
    assert max(by_level["pgd", 2], by_level["fgsm", 2]) < 0.5 < by_level["fgsm", 0.01]
    assert len(table) == 11 * SPEAKERS * 2 * CLIPS
    np.testing.assert_allclose(table[COLUMNS].sum(axis=1), 1)
    # Without a word there is nothing to encode; the sound is still there.
    unusable = table.groupby(["condition", "level"])["unusable"].mean()
    assert unusable["dropped_words", 1] == 1 and unusable["dropped_words", 0.5] < 0.2
    assert not unusable[["noise", "babble"]].any()


def test_each_subset_that_holds_what_is_changed_is_given_too(trained):
    run(trained, {"noise": [-20], "dropped_words": [0.5, 1], "missing": [0.5]})
    table = PERTURBED.read(trained)
    of_level = table.groupby(["condition", "level"])["modalities"].unique().map(sorted).to_dict()
    assert of_level == {
        ("noise", -20): ["audio", "audio+text"],
        ("dropped_words", 0.5): ["audio+text", "text"],
        ("dropped_words", 1): ["audio+text"],  # nothing is left of the text to be given alone
        ("missing", 0.5): ["audio+text"],
    }
    words = table[(table["modalities"] == "text") & (table["level"] == 0.5)]
    assert accuracy(words) < 0.7 and len(words) > 0.8 * SPEAKERS * 2 * CLIPS


def test_a_condition_that_changes_nothing_gives_the_test_predictions(trained):
    table = run(trained, {"dropped_words": [0], "missing": [0]})
    said = pd.read_parquet(trained / "data/predictions.parquet")
    said = said[said["strategy"] == "early-concatenation"].groupby(["fold", "utterance_id"])[COLUMNS].mean()
    for _, rows in table.groupby("condition"):
        found = rows.set_index(["fold", "utterance_id"])[COLUMNS].astype(float)
        pd.testing.assert_frame_equal(found, said, atol=1e-5)


def test_only_what_changed_is_encoded_and_nothing_twice(trained):
    first = run(trained, {"reverberation": [0.3], "missing": [0.5]}, 20)
    assert len(first) == 40
    before = cached(trained)
    again = run(trained, {"reverberation": [0.3], "missing": [0.5]}, 20)
    pd.testing.assert_frame_equal(again, first)
    assert cached(trained) == before
    more = run(trained, {"reverberation": [0.3, 0.6], "missing": [0.5, 0.7]}, 20)
    after = cached(trained)
    assert before.items() <= after.items()
    assert len(after) - len(before) == 20  # one level, one encoder
    old = more.merge(first[["condition", "level"]].drop_duplicates())
    pd.testing.assert_frame_equal(old, first)


def test_a_missing_sound_is_missed_and_missing_words_are_not(trained):
    table = run(trained, {"missing": [1]})
    assert (
        0.5 < accuracy(table) < 0.95
    )  # of the sound or the words one is left, of each in half of the utterances


def test_without_conditions_nothing_is_loaded_or_read(trained):
    state(trained, {})
    command = (
        "import sys; from emoflow.stages import robustness; robustness.main(); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", command], cwd=trained, capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr
    assert PERTURBED.read(trained).empty and RobustnessNotes.read(trained).left_out == {}


def test_a_condition_that_cannot_be_tested_is_left_out_with_the_reason(trained, tmp_path):
    root = shutil.copytree(trained, tmp_path / "other")
    card = root / "data/model/model.json"
    card.write_text(card.read_text().replace('"logmel"', '"table"'))
    assert run(root, {"noise": [0]}).empty
    assert "came as a table" in RobustnessNotes.read(root).left_out["noise"]


def test_models_that_were_not_kept_are_refused(trained, tmp_path):
    root = shutil.copytree(trained, tmp_path / "other")
    documents.changed(FoldModels, root, folds={})
    with pytest.raises(ParamsError, match="tune: full"):
        run(root, {"noise": [0]})
    assert run(root, {}).empty
