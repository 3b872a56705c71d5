"""The stage in a folder of its own: what it writes, what it drops, how it refuses."""

from pathlib import Path

import pandas as pd
import pytest
import yaml
from documents import validated
from emoflow import params
from emoflow.artifacts.folds import FOLDS, Folds, Leakage
from emoflow.artifacts.utterances import UTTERANCES
from emoflow.errors import ArtifactError, LeakageError, ParamsError, ProtocolError
from emoflow.stages import folds as stage
from made_tables import ALL_ACTORS, LUNA_ONE_EACH, ravdess


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of which only params.yaml stands; returns a function that puts an utterance table into it."""
    held = yaml.safe_load(params.PATH.read_text(encoding="utf-8")) | {"corpora": ["ravdess"]}
    monkeypatch.chdir(tmp_path)

    def put(table: pd.DataFrame, *, unusable=(), fold_features=(), **changes) -> None:
        params.PATH.write_text(yaml.safe_dump(held | changes), encoding="utf-8")
        validated(Path(), table, unusable=list(unusable), fold_features=dict(fold_features))

    return put


def written() -> tuple[pd.DataFrame, dict]:
    return FOLDS.read(), Folds.read().model_dump()


def test_what_the_stage_writes(project, capsys):
    project(ravdess(LUNA_ONE_EACH, channels=("01", "02")))
    stage.main()
    folds, held = written()
    assert held["protocol"] == "ravdess8.luna5 (subset 5 of 24)"
    assert held["digest"] == stage.digest(folds)
    assert (held["count"], held["utterances"], held["speakers"]) == (5, 80, "subset 5 of 24")
    assert held["dropped"] == {"song": 80}
    assert held["text_repeats"] is True
    assert held["folds"][0] == {
        "fold": 0,
        "test_speakers": ["ravdess/02"],
        "test": 16,
        "train": 48,
        "unlabelled": 0,
        "validation": 16,
    }
    assert [finding["kind"] for finding in held["findings"]] == ["count", "repeated-text"]
    assert "left out of ravdess: 80 × song" in capsys.readouterr().out
    assert Leakage.read().model_dump()["protocol"] == held["protocol"]


def test_few_shots_of_the_protocol_that_the_corpus_resolves_to(project):
    table = ravdess(ALL_ACTORS)
    project(table, protocol="auto.shots4")
    stage.main()
    assert written()[1]["id"] == "ravdess8.luna5.shots4"
    project(table, protocol="auto.shots4", label_space="emotion4", layouts={"ravdess": {"layout": "folder"}})
    stage.main()
    assert written()[1]["id"] == "emotion4.kfold5.shots4"


def test_the_same_inputs_give_the_same_bytes(project):
    table = ravdess(ALL_ACTORS)
    outputs = []
    for rows in (table, table.sample(frac=1, random_state=3)):
        project(rows)
        stage.main()
        outputs.append([path.read_bytes() for path in (FOLDS.path(), Folds.path(), Leakage.path())])
    assert outputs[0] == outputs[1]


def test_what_little_is_left_to_learn_from_is_in_the_name_and_the_description(project, capsys):
    project(ravdess(ALL_ACTORS), protocol="ravdess8.luna5.shots4.zero-calm")
    stage.main()
    folds, held = written()
    assert held["protocol"] == held["id"] == "ravdess8.luna5.zero-calm.shots4"
    assert (held["shots"], held["unseen"], held["utterances"]) == (4, ["calm"], 384)
    assert "4 clips a class in all" in held["selection"] and held["text_repeats"] is True
    assert {(part["train"], part["validation"]) for part in held["folds"]} == {(14, 14)}
    assert set(folds[folds["label"] == "calm"]["role"]) == {"test"}
    assert "ravdess8.luna5.zero-calm.shots4: 5 folds" in capsys.readouterr().out


def test_a_rule_is_named_with_its_space(project):
    project(ravdess(LUNA_ONE_EACH), protocol="kfold4")
    stage.main()
    assert written()[1]["protocol"] == "ravdess8.kfold4"


def test_utterances_are_left_out_by_id_with_the_reason_in_every_figure(project):
    table = ravdess(LUNA_ONE_EACH)
    first, second = table.loc[table["label"].notna(), "utterance_id"].iloc[:2]
    exclude = {"ravdess": {"reason": "cut off", "ids": [first, second.removeprefix("ravdess/")]}}
    project(table, folds={"seed": 7, "waivers": {}, "exclude": exclude})
    stage.main()
    folds, held = written()
    assert not folds["utterance_id"].isin([first, second]).any()
    assert held["dropped"]["(excluded: cut off)"] == 2
    assert "2 excluded" in held["protocol"]


@pytest.mark.parametrize(
    ("exclude", "error", "message"),
    [
        ({"ravdess": {"reason": "cut off", "ids": ["nobody"]}}, ProtocolError, "has no utterance nobody"),
        (
            {"meld": {"reason": "cut off", "ids": ["a"]}},
            ParamsError,
            "names meld, and the corpora are ravdess",
        ),
    ],
)
def test_an_exclusion_of_what_is_not_there_is_refused(project, exclude, error, message):
    project(ravdess(LUNA_ONE_EACH), folds={"seed": 7, "waivers": {}, "exclude": exclude})
    with pytest.raises(error, match=message):
        stage.main()


def own_split() -> pd.DataFrame:
    """RAVDESS's songs and speech as a corpus of another name, of which actors 1 to 4 are the test."""
    table = ravdess(ALL_ACTORS)
    for column in ("utterance_id", "speaker", "corpus"):
        table[column] = table[column].str.replace("ravdess", "mylab")
    number = table["speaker"].str[-2:].astype(int)
    table["split_official"] = pd.Series("train", index=table.index).where(number > 4, "test")
    return table


def test_a_declared_split_is_the_protocol(project):
    project(own_split(), corpora=["mylab"], layouts={"mylab": {"layout": "manifest"}}, label_space="ravdess8")
    stage.main()
    folds, held = written()
    assert held["protocol"] == "ravdess8.official" and held["count"] == 1
    test = set(folds.loc[folds["role"] == "test", "utterance_id"].str.split("/").str[1])
    assert "split" not in [finding["kind"] for finding in held["findings"]]
    assert len(test) > 1


def test_a_declared_split_that_is_ignored_is_said_with_every_figure(project):
    stated = {"corpora": ["mylab"], "layouts": {"mylab": {"layout": "manifest"}}, "label_space": "ravdess8"}
    project(own_split(), protocol="kfold5", **stated)
    stage.main()
    held = written()[1]
    assert held["protocol"] == "ravdess8.kfold5 (own split ignored)"
    [found] = [finding for finding in held["findings"] if finding["kind"] == "split"]
    assert found["severity"] == "warning" and found["count"] == held["utterances"] * 4 // 24


def test_utterances_with_nothing_usable_are_left_out_and_counted(project):
    table = ravdess(LUNA_ONE_EACH)
    project(table, unusable=[table.loc[0, "utterance_id"]])
    stage.main()
    folds, held = written()
    assert held["dropped"] == {"(no usable media)": 1}
    assert table.loc[0, "utterance_id"] not in set(folds["utterance_id"])


def test_a_planted_copy_refuses_and_leaves_the_findings_to_be_read(project):
    table = ravdess(LUNA_ONE_EACH)
    table.loc[[0, 40], "audio"] = "some.wav"
    table.loc[[0, 40], "audio_digest"] = "the same bytes"
    project(table)
    with pytest.raises(LeakageError, match=table.loc[0, "utterance_id"]):
        stage.main()
    assert not FOLDS.path().exists()
    kinds = [finding["kind"] for finding in Leakage.read().model_dump()["findings"]]
    assert "duplicate" in kinds


def test_a_model_that_heard_the_test_refuses_or_is_said_with_every_figure(project):
    heard = {fold: ["02"] if fold == 0 else [] for fold in range(5)}  # fold 0 tests actor 02
    given = {"protocol": "ravdess8.luna5", "kind": "features", "training_speakers": heard}
    project(ravdess(LUNA_ONE_EACH), fold_features={"text": given})
    with pytest.raises(
        LeakageError, match=r"(?s)trained on ravdess/02.*in the test.*model-heard-test: <why>"
    ):
        stage.main()
    assert not FOLDS.path().exists()
    waivers = {"seed": 7, "waivers": {"model-heard-test": "to see by how much"}}
    project(ravdess(LUNA_ONE_EACH), fold_features={"text": given}, folds=waivers)
    stage.main()
    held = written()[1]
    assert "waived: model-heard-test" in held["protocol"] and held["waived"][0]["count"] == 16
    project(ravdess(LUNA_ONE_EACH), fold_features={"text": given}, modalities=["audio"])
    stage.main()
    assert written()[1]["protocol"] == "ravdess8.luna5 (subset 5 of 24)"  # features that are not used


def test_a_declaration_of_other_folds_is_refused(project):
    given = {"protocol": "ravdess8.kfold4", "kind": "features", "training_speakers": {0: []}}
    project(ravdess(LUNA_ONE_EACH), fold_features={"text": given})
    with pytest.raises(
        ProtocolError, match=r"is of the folds of ravdess8\.kfold4; these are of ravdess8\.luna5"
    ):
        stage.main()


def test_a_missing_table_says_how_to_make_it(project):
    project(ravdess(LUNA_ONE_EACH))
    UTTERANCES.path(corpus="ravdess").unlink()
    with pytest.raises(ArtifactError, match="dvc repro utterances@ravdess"):
        stage.main()
