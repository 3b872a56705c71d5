"""The stages ``corpora`` and ``utterances``, and the list of corpora."""

import hashlib
import io
import json
import shutil
import subprocess
import sys

import pandas as pd
import pytest
import yaml
from conftest import ROOT
from emoflow.corpora.describe import listing
from emoflow.errors import CorpusError, EmoflowError, ParamsError
from emoflow.files import tree_digest
from emoflow.schema import EMOTION7
from emoflow.stages import corpora as corpora_stage
from emoflow.stages import utterances
from emoflow.synthesis import bayes_ceilings, control_corpus, truth, utterance_sampling
from rich.console import Console


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A control corpus whose media are not worth decoding: the tables are what counts here."""

    def fake(studio, folder, job):
        for name in job:
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"{path.name} {studio.seed}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(control_corpus, "record", fake)
        return control_corpus.synthesise(
            tmp_path_factory.mktemp("made") / "control", speakers=3, clips=2, workers=1
        )


@pytest.fixture
def project(tmp_path, made, monkeypatch):
    shutil.copytree(made, tmp_path / "data" / "raw" / "control")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stage(monkeypatch, main, *arguments):
    monkeypatch.setattr(sys, "argv", ["stage", *arguments])
    main()


def test_utterances_of_control(project, monkeypatch, capsys):
    stage(monkeypatch, utterances.main, "control")
    table = pd.read_parquet("data/utterances/control.parquet")
    assert len(table) == 42
    row = table.iloc[5]
    content = (project / "data/raw/control" / row["audio"]).read_bytes()
    assert row["audio_digest"] == hashlib.sha256(content).hexdigest()
    assert row["text_digest"] == hashlib.sha256(row["text"].encode()).hexdigest()
    ceilings = json.loads((project / "data/ceilings/control/ceilings.json").read_text())
    assert ceilings["population"] == bayes_ceilings.population(truth.Truth(utterance_sampling.RELIABILITY))
    oracle = pd.read_parquet("data/ceilings/control/oracle.parquet")
    told = ["utterance_id", "subset", "label", "prediction", "correct"]
    assert (
        list(oracle.columns) == [*told, *EMOTION7]
        and (oracle[list(EMOTION7)].sum(axis=1) - 1).abs().max() < 1e-9
    )
    assert set(oracle["utterance_id"]) == set(table["utterance_id"]) and len(oracle) == 7 * 42
    for subset, score in ceilings["oracle"].items():
        assert oracle.loc[oracle["subset"] == subset, "correct"].mean() == pytest.approx(score)
    assert "42 utterances of 3 speakers; 0 not read" in capsys.readouterr().out


def test_the_same_corpus_gives_the_same_bytes(project, monkeypatch):
    stage(monkeypatch, utterances.main, "control")
    first = tree_digest([project / "data/utterances", project / "data/ceilings"])
    shutil.rmtree("data/utterances")
    monkeypatch.setenv("EMOFLOW_WORKERS", "1")
    stage(monkeypatch, utterances.main, "control")
    assert tree_digest([project / "data/utterances", project / "data/ceilings"]) == first


def test_empty_and_missing_files_have_no_digest_and_missing_ones_are_listed(project, monkeypatch, capsys):
    raw = project / "data/raw/control"
    (raw / "audio/s01-001.wav").write_bytes(b"")
    (raw / "video/s01-002.mp4").unlink()
    stage(monkeypatch, utterances.main, "control")
    table = pd.read_parquet("data/utterances/control.parquet").set_index("utterance_id")
    assert pd.isna(table.loc["control/s01-001", "audio_digest"])
    assert pd.isna(table.loc["control/s01-002", "video_digest"])
    assert table["audio_digest"].isna().sum() == table["video_digest"].isna().sum() == 1
    reason = {"path": "video/s01-002.mp4", "reason": "utterances.csv names it, and it does not exist"}
    assert json.loads((project / "data/utterances/control.unread.json").read_text()) == {
        "schema_version": 1,
        "files": [reason],
    }
    assert "not read: video/s01-002.mp4" in capsys.readouterr().err


def test_truth_of_another_corpus_is_refused(project, monkeypatch):
    path = project / "data/raw/control/utterances.csv"
    lines = path.read_text().splitlines(keepends=True)
    word = lines[1].rsplit(",", 1)[1].strip()
    lines[1] = lines[1].replace(f",{word}\n", ",fear\n" if word != "fear" else ",anger\n")
    path.write_text("".join(lines))
    with pytest.raises(CorpusError, match="control/s01-001; make the corpus again"):
        stage(monkeypatch, utterances.main, "control")


def test_utterances_of_a_corpus_without_planted_truth(project, monkeypatch):
    path = project / "data/raw/ravdess/Actor_01/03-01-02-01-01-01-01.wav"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"RIFF")
    stage(monkeypatch, utterances.main, "ravdess")
    assert len(pd.read_parquet("data/utterances/ravdess.parquet")) == 1
    ceilings = json.loads((project / "data/ceilings/ravdess/ceilings.json").read_text())
    assert ceilings == {"schema_version": 1, "truth": {}, "population": {}, "oracle": {}}
    people = json.loads((project / "data/ceilings/ravdess/people.json").read_text())
    assert people == {"schema_version": 1, "agreement": {}}
    oracle = pd.read_parquet("data/ceilings/ravdess/oracle.parquet")
    assert list(oracle.columns) == ["utterance_id", "subset", "label", "prediction", "correct"]
    assert oracle.empty


def test_a_corpus_that_is_not_here(project, monkeypatch):
    with pytest.raises(
        CorpusError, match="data/raw/ravdess does not exist; to get it: emoflow corpora fetch ravdess"
    ):
        stage(monkeypatch, utterances.main, "ravdess")
    assert not (project / "data/utterances").exists()


def test_select_clears_other_corpora_and_nothing_else(project, monkeypatch):
    held = yaml.safe_load((ROOT / "params.yaml").read_text()) | {"corpora": ["control"]}
    (project / "params.yaml").write_text(yaml.safe_dump(held))
    names = (
        "data/utterances/{}.parquet", "data/utterances/{}.unread.json", "data/ceilings/{}/ceilings.json",
        "data/features/{}/audio/egemaps/index.parquet", "reports/validation/{}/verdict.json",
    )  # fmt: skip
    kept = [name.format("control") for name in names] + ["data/utterances/.gitignore", "data/folds.parquet"]
    for path in [name.format("ravdess") for name in names] + kept:
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text("x")
    stage(monkeypatch, corpora_stage.main)
    assert json.loads((project / "data/corpora.json").read_text()) == {
        "schema_version": 1,
        "corpora": ["control"],
    }
    assert all((project / path).is_file() for path in kept)
    assert not [path for path in project.rglob("*ravdess*")]
    assert (project / "data/raw/control/utterances.csv").is_file()


def test_select_clears_nothing_while_another_run_reads_it(project, monkeypatch):
    held = yaml.safe_load((ROOT / "params.yaml").read_text()) | {"corpora": ["control"]}
    (project / "params.yaml").write_text(yaml.safe_dump(held))
    features = project / "data/features/ravdess/audio"
    features.mkdir(parents=True)
    other = subprocess.Popen(["sleep", "60"])
    locks = project / ".dvc/tmp/rwlock"
    locks.parent.mkdir(parents=True, exist_ok=True)
    reader = {"pid": other.pid, "cmd": "dvc repro"}
    locks.write_text(json.dumps({"read": {str(project / "data/features"): [reader]}, "write": {}}))
    try:
        with pytest.raises(CorpusError, match=f"another run \\(process {other.pid}\\)"):
            stage(monkeypatch, corpora_stage.main)
        assert features.is_dir()
    finally:
        other.kill()
        other.wait()
    stage(monkeypatch, corpora_stage.main)
    assert not features.exists()


def test_select_clears_nothing_for_a_corpus_that_is_not_here(project, monkeypatch):
    held = yaml.safe_load((ROOT / "params.yaml").read_text()) | {"corpora": ["ravdess"]}
    (project / "params.yaml").write_text(yaml.safe_dump(held))
    (project / "data/utterances").mkdir()
    (project / "data/utterances/control.parquet").write_text("x")
    with pytest.raises(
        CorpusError, match="data/raw/ravdess does not exist; to get it: emoflow corpora fetch ravdess"
    ):
        stage(monkeypatch, corpora_stage.main)
    assert (project / "data/utterances/control.parquet").exists()


def test_select_with_params_that_cannot_be_clears_nothing(project, monkeypatch):
    (project / "params.yaml").write_text("corpora: []\n")
    (project / "data/utterances").mkdir()
    (project / "data/utterances/ravdess.parquet").write_text("x")
    with pytest.raises(ParamsError):
        stage(monkeypatch, corpora_stage.main)
    assert (project / "data/utterances/ravdess.parquet").exists()


def state(project, changes):
    """params.yaml as it is, with these changes: ``section.key`` → value."""
    held = yaml.safe_load((ROOT / "params.yaml").read_text())
    for key, value in changes.items():
        *sections, last = key.split(".")
        inner = held
        for name in sections:
            inner = inner[name]
        inner[last] = value
    (project / "params.yaml").write_text(yaml.safe_dump(held))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"protocol": "kfld4"}, r"protocol 'kfld4' is not known; did you mean 'kfold<k>'"),
        ({"protocol": "auto.shot8"}, r"did you mean 'kfold4\.shots<k>'"),
        ({"protocol": "kfold4.zero-feer"}, r"'feer' is no class of its label space; did you mean 'fear'"),
        ({"protocol": "cross:contrl:meld"}, r"of the corpora contrl, meld, and here are control"),
        ({"search.strategies": ["late-averge"]}, r"search\.strategies: .*did you mean 'late-average'"),
        ({"search.space": {"learning_rat": 0.1}}, r"'learning_rat' is no .*did you mean 'learning_rate'"),
        ({"search.space": {"late-average": {"widht": [8]}}}, r"has no 'widht'; did you mean 'width'"),
        ({"folds.waivers": {"speakers": "x"}}, r"no kind of leak is called speakers; did you mean 'speaker'"),
        (
            {"features.audio.encoders": [{"hf": "whisper-tinny.en"}]},
            r"params\.yaml: features: the encoder whisper-tinny\.en is not here.*Did you mean 'whisper-tiny\.en'",
        ),
        ({"modalities": ["audio", "txt"]}, r"modalities: 'txt' is none of audio, text, face.*did you mean 'text'"),
        ({"modalities": ["audio", "face"]}, r"strategy 'text' is the modality.*names audio, face: add text there"),
    ],
)  # fmt: skip
def test_a_name_that_a_later_stage_would_refuse_ends_the_first(project, monkeypatch, tmp_path, changes, said):
    monkeypatch.setenv("EMOFLOW_ENCODERS", str(tmp_path / "encoders"))
    state(project, changes)
    with pytest.raises(EmoflowError, match=said):
        stage(monkeypatch, corpora_stage.main)
    assert not (project / "data/corpora.json").exists()


def test_a_modality_that_came_as_features_is_known(project, monkeypatch):
    state(project, {"modalities": ["audio", "text", "face", "gesture"]})
    with pytest.raises(ParamsError, match=r"'gesture' is none of .*--features gesture=PATH"):
        stage(monkeypatch, corpora_stage.main)
    table = project / "data/raw/control/attached/gesture.csv"
    table.parent.mkdir()
    table.write_text("never opened")
    stage(monkeypatch, corpora_stage.main)


def test_an_encoder_that_ran_may_be_absent_whatever_its_name(project, monkeypatch, tmp_path):
    """Its features are pulled with DVC."""
    monkeypatch.setenv("EMOFLOW_ENCODERS", str(tmp_path / "encoders"))
    state(project, {"features.audio.encoders": [{"hf": "whisper-tiny-fi"}]})
    with pytest.raises(ParamsError, match=r"Did you mean 'whisper-tiny\.en'"):
        stage(monkeypatch, corpora_stage.main)
    (project / "dvc.lock").write_text("- hf: whisper-tiny-fi\n")
    stage(monkeypatch, corpora_stage.main)


def test_listing(project):
    states = {row.corpus.name: row.state for row in listing.rows(project / "data/raw")}
    assert states.pop("control") == "here" and set(states.values()) == {"absent"}
    (project / "data/raw/ravdess.dvc").write_text("outs: []")
    assert {row.corpus.name: row.state for row in listing.rows(project / "data/raw")}["ravdess"] == "tracked"
    screen = Console(width=200, record=True, file=io.StringIO())
    screen.print(listing.table(project / "data/raw"))
    assert "dvc pull" in (told := screen.export_text()) and "control" in told
