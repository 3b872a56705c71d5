"""The registry with a real MLflow on SQLite: published once, gated, promoted, rolled back, loaded back."""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import finished
import pytest
from documents import changed
from emoflow import experiments
from emoflow.artifacts.model import ModelCard
from emoflow.artifacts.reports import Metrics
from emoflow.artifacts.utterances import UTTERANCES
from emoflow.artifacts.validation import Verdict
from emoflow.cli import app
from emoflow.encoders.conversion import av_hubert
from emoflow.errors import EmoflowError, EvaluationError, GateRefused, PromotionConflict, RegistryError
from emoflow.evaluation import run_links
from emoflow.files import read_json, write_json
from emoflow.lineage import Store, parse, tree
from emoflow.registry import gates, listing, loadback, measure, predict, promotion, publish
from emoflow.registry.tracking import PACKAGE, alias_of, runs_page, tracking
from standin_experiment import EPOCHS, POLICY, experiment
from typer.testing import CliRunner

pytestmark = [pytest.mark.slow, pytest.mark.integration]

URIS = {"tracking_uri": "sqlite:///mlflow.db", "lineage_uri": "sqlite:///.emoflow/lineage.db"}
NAME = "emotion-emotion3"


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A finished experiment that was published once, and a copy of it as it then was."""
    root = experiment(tmp_path_factory.mktemp("published") / "project")
    first = publish.publish(root=root, **URIS)
    assert first == publish.Published(run_id=_run(root), name=NAME, version=1, reused=False, clean=True)
    copy = root.with_name("copy")
    shutil.copytree(root, copy)
    return root, copy


@pytest.fixture
def root(published):
    """The published project, as it was before any test changed it.

    It has the same place in every test, since MLflow keeps absolute paths. Its databases are written over and not
    replaced, since MLflow keeps connections to them.
    """
    root, copy = published
    for path in root.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.suffix != ".db":
            path.unlink()
    shutil.copytree(copy, root, dirs_exist_ok=True)
    return root


def _run(root):
    with client(root) as mlflow:
        return mlflow.get_model_version(NAME, "1").run_id


@pytest.fixture(autouse=True)
def stores(monkeypatch):
    """Every lineage store that the registry opens; whatever happened, it is closed at the end."""
    opened, closed = [], []

    class Watched(Store):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            opened.append(self)

        def close(self):
            super().close()
            closed.append(self)

    for module in (gates, listing, promotion, publish):
        monkeypatch.setattr(module, "Store", Watched)
    yield opened
    assert set(map(id, opened)) == set(map(id, closed))


def client(root):
    return tracking(URIS["tracking_uri"], root=root)


def promote(root, *args, **kwargs):
    kwargs = {"reason": "test", "policy": POLICY} | kwargs
    return promotion.promote(NAME, *args, root=root, **URIS, **kwargs)


@pytest.fixture
def loads_back(monkeypatch):
    """Models are not loaded back, which takes the longest of all gates: for tests of the others."""
    monkeypatch.setattr(loadback, "check", as_if_loaded_back)


def as_if_loaded_back(*_, **__) -> dict:
    return {"ok": True, "package_sha256": "0" * 64, "cases": [], "problems": []}


def test_the_store_is_closed_where_a_rollback_is_refused(tmp_path, stores):
    with pytest.raises(RegistryError, match="no earlier champion"):
        promotion.rollback(NAME, root=tmp_path, reason="test", **URIS)
    assert len(stores) == 1  # closed: the fixture looks


def test_publishing_twice_is_once(root):
    first = publish.Published(_run(root), NAME, 1, reused=True, clean=True)
    assert publish.publish(root=root, **URIS) == first
    with client(root) as mlflow:
        assert len(mlflow.search_model_versions(f"name='{NAME}'")) == 1
        run = mlflow.get_run(first.run_id)
        assert run.info.status == "FINISHED"
        assert set(run.data.metrics) == {
            f"{name}{bound}" for name in ("ua", "wa", "wf1") for bound in ("", "_low", "_high")
        }
        assert run.data.metrics["ua"] == pytest.approx(0.6)
        strategies = json.loads(
            Path(mlflow.download_artifacts(first.run_id, "report/strategies.json")).read_text()
        )
        assert [row[0] for row in strategies["data"]] == ["chosen", "late-average"]
        assert strategies["columns"][:5] == ["strategy", "registered", "ua", "ua_low", "ua_high"]
        assert run.data.params["search.seed"] == "7"
        assert {each.dataset.name for each in run.inputs.dataset_inputs} == {
            "data/raw/control",
            "data/folds.parquet",
        }
        children = mlflow.search_runs(
            [run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{first.run_id}'"
        )
        assert len(children) == 3
        assert {each.data.tags["protocol"] for each in [run, *children]} == {"emotion3.kfold3"}
        assert {name for each in children for name in each.data.metrics} == {
            f"validation/{name}" for name in ("ua", "wa", "loss", "train_loss")
        }
        assert len(mlflow.get_metric_history(children[0].info.run_id, "validation/loss")) == EPOCHS
        assert {each.path for each in mlflow.list_artifacts(first.run_id, "search")} == {
            f"search/{name}"
            for name in ("best.json", "choices.json", "curves.parquet", "trials.parquet", "trials.csv")
        }
        assert {each.path for each in mlflow.list_artifacts(first.run_id)} >= {
            "report",
            "search",
            "data",
            "lineage",
        }
        assert alias_of(mlflow, NAME, "challenger") == 1
        _described(mlflow, root, run)
    store = Store(URIS["lineage_uri"], root=root)
    assert [event["kind"] for event in store.events(NAME)] == ["published", "reused"]
    assert len(store.members(NAME, 1)) == 36
    assert "data/raw/control" in str([node.label for node in _walk(tree(f"models:/{NAME}/1", store=store))])


def test_the_report_s_folder_says_when_and_where_it_was_published(root):
    metrics = Metrics.read(root)
    said = (root / "reports" / "run.js").read_text()
    assert run_links.identity(metrics) in said and re.search(r'"commit": "[0-9a-f]{40}"', said)
    publish.publish(root=root, **URIS, flow_run_url="http://127.0.0.1:4200/flow-runs/flow-run/1")
    again = (root / "reports" / "run.js").read_text()
    assert again == said.replace('"prefect": null', '"prefect": "http://127.0.0.1:4200/flow-runs/flow-run/1"')


def _described(mlflow, root, run):
    """Run, version, model and experiment say what they are; the run says who made it from which commit."""
    tags = run.data.tags
    assert tags["mlflow.source.git.commit"] == finished.git(root, "rev-parse", "HEAD")
    assert tags["mlflow.source.name"] == "emoflow publish"
    assert tags["mlflow.user"]
    experiment = mlflow.get_experiment(run.info.experiment_id)
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    texts = [
        tags["mlflow.note.content"],
        mlflow.get_model_version(NAME, "1").description,
        mlflow.get_registered_model(NAME).description,
        experiment.tags["mlflow.note.content"],
    ]
    for text in texts:
        assert "UA 60.0 % (50.0–70.0)" in text
        assert "emotion3.kfold3" in text
        assert f"runs/{run.info.run_id}/artifactPath/report/index.html" in text


def test_the_printed_address_is_that_of_the_runs(monkeypatch):
    query = "#/experiments/4/runs?workflowType=machine_learning"
    assert runs_page("https://user:secret@mlflow.example/", "4") == f"https://mlflow.example/{query}"
    monkeypatch.setenv("MLFLOW_PORT", "5050")
    assert runs_page("sqlite:///mlflow.db", "4") == f"http://127.0.0.1:5050/{query}"


def test_recordings_are_found_in_files_folders_and_patterns(tmp_path):
    for name in ("b.wav", "deep/a.MP4", "deep/er/c.flac", "notes.txt", ".hidden/d.wav", "empty.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"" if name == "empty.wav" else b"x")
    names = lambda found: [path.relative_to(tmp_path).as_posix() for path in found]  # noqa: E731
    found = predict.find([tmp_path / "b.wav", tmp_path])
    assert names(found.files) == ["b.wav", "deep/a.MP4", "deep/er/c.flac"]
    assert names(found.skipped) == ["empty.wav", "notes.txt"]
    assert "0 bytes" in found.skipped[tmp_path / "empty.wav"]
    assert names(predict.find([f"{tmp_path}/**/*.flac"]).files) == ["deep/er/c.flac"]
    (tmp_path / "odd[1].wav").write_bytes(b"x")
    assert names(predict.find([f"{tmp_path}/odd[1].wav"]).files) == ["odd[1].wav"]
    assert names(predict.find([f"{tmp_path}/b.wav#t=1.5,16"]).files) == ["b.wav#t=1.5,16"]
    (row,) = predict.media_table([tmp_path / "deep/a.MP4#t=0.5,1"], None).to_dict("records")
    assert row["video"].endswith("a.MP4#t=0.5,1") and row["audio"] is None
    assert predict.is_film(Path("a.MP4#t=0.5,1")) and not predict.is_film(Path("a.wav#t=0.5,1"))
    for given, message in (
        (tmp_path / "nowhere.wav", "does not exist"),
        (tmp_path / "nowhere.wav#t=1,2", "does not exist"),
        (tmp_path / "notes.txt#t=1,2", "not a recording: the ending '.txt'"),
        (tmp_path / "notes.txt", "not a recording: the ending '.txt'"),
        (tmp_path / "empty.wav", "0 bytes"),
        (f"{tmp_path}/*.mp3", "holds no recording"),
    ):
        with pytest.raises(RegistryError, match=message):
            predict.find([given])


def test_an_attempt_that_was_cut_short_is_made_again(root, monkeypatch):
    experiment(root, seed=1)
    monkeypatch.setattr(publish, "_register", lambda *_: sys.exit("killed"))
    with pytest.raises(SystemExit):
        publish.publish(root=root, **URIS)
    monkeypatch.undo()
    found = publish.publish(root=root, **URIS)
    assert (found.version, found.reused) == (2, False)
    with client(root) as mlflow:
        tag = mlflow.get_run(found.run_id).data.tags["weights_sha256"]
        runs = mlflow.search_runs(
            mlflow.get_run(found.run_id).info.experiment_id, f"tags.weights_sha256='{tag}'"
        )
        assert len([run for run in runs if "mlflow.parentRunId" not in run.data.tags]) == 1


def test_the_whole_way_of_two_champions_and_back(root, monkeypatch):
    first = promote(root)
    assert first.changed
    assert first.report.ok
    names = [gate.gate for gate in first.report.gates]
    assert names == ["data", "consent", "lineage", "alarms", "chance", "licence", "pre-training", "load-back"]
    cases = {case["case"]: case for case in first.report.loadback["cases"]}
    assert {"batches of 1", "batches of 3", "features that training saw"} <= set(cases)
    assert cases["features that training saw"]["rows"] == loadback.RECORDINGS
    assert not promote(root).changed  # the same weights again: nothing to do

    experiment(root, seed=1, right=0.8)
    second = publish.publish(root=root, **URIS)
    better = promote(root, second.version, expected=1)
    assert (better.version, better.before) == (2, 1)
    assert [gate.gate for gate in better.report.gates][7:9] == ["protocol", "better"]

    monkeypatch.setattr(loadback, "check", as_if_loaded_back)  # the first two were
    experiment(root, seed=2, right=0.3)
    third = publish.publish(root=root, **URIS)
    with pytest.raises(GateRefused, match=r"better: UA 33\.3 against 83\.3 on 36 utterances of 6 speakers"):
        promote(root, third.version)
    with pytest.raises(GateRefused, match=r"chance: UA 30\.0 \(20\.0–40\.0\); chance is 33\.3"):
        promote(root, third.version, waive=["better"], reason="for a demonstration")
    with pytest.raises(RegistryError, match="with a reason"):
        promote(root, third.version, waive=["better"], reason="")
    with pytest.raises(PromotionConflict, match="not 1 as expected"):
        promote(root, third.version, expected=1)
    promote(root, third.version, waive=["better", "chance"], reason="for a demonstration")

    store = Store(URIS["lineage_uri"], root=root)
    assert store.ledger(NAME)[-1].waived == ["chance", "better"]
    back = promotion.rollback(NAME, root=root, reason="worse", **URIS)
    assert (back.version, back.before) == (2, 3)
    assert promotion.rollback(NAME, root=root, reason="worse still", **URIS).version == 1
    with pytest.raises(RegistryError, match="no earlier champion"):
        promotion.rollback(NAME, root=root, reason="once more", **URIS)
    assert [row.action for row in store.ledger(NAME)] == ["promote"] * 3 + ["rollback"] * 2
    assert [row.reason for row in store.ledger(NAME)][2:] == ["for a demonstration", "worse", "worse still"]

    with client(root) as mlflow:
        assert alias_of(mlflow, NAME, "champion") == 1
        mlflow.set_registered_model_alias(NAME, "champion", 3)  # somebody moves it by hand
    rows = listing.models(root=root, **URIS)
    assert {row["version"]: row["role"] for row in rows}[1] == "champion"
    assert "the ledger says version 1" in {row["version"]: row["note"] for row in rows}[3]
    promote(root, 1)
    with client(root) as mlflow:
        assert alias_of(mlflow, NAME, "champion") == 1

    wav = root / "data" / "raw" / "control" / "05.wav"
    for written in (NAME, f"{NAME}@champion", f"models:/{NAME}@champion", f"{NAME}/1", f"models:/{NAME}/1"):
        assert {row["version"] for row in listing.models(parse(written), root=root, **URIS)} >= {1}
    found = predict.predict(parse(f"{NAME}@champion"), [wav, wav], text="hello", root=root, **URIS)
    assert found["modalities_used"].tolist() == ["audio+text"] * 2
    assert found["file"].tolist() == [str(wav)] * 2
    assert set(found["model"]) == {f"models:/{NAME}/1"}
    assert set(found["trained_on"]) == {"the synthetic control corpus (no real speech)"}
    _beside_each_other(root, 1, 3)


def test_what_learned_from_a_speaker_who_withdrew_is_never_champion_again(root, loads_back, monkeypatch):
    """Version 2 learns from control/9, who is control/5 to versions 1 and 3."""
    promote(root)
    table = UTTERANCES.read(root, corpus="control")
    for version, named in ((2, {"control/5": "control/9"}), (3, {})):
        UTTERANCES.write(table.assign(speaker=table["speaker"].replace(named)), root, corpus="control")
        experiment(root, seed=version, right=0.6)
        assert publish.publish(root=root, **URIS).version == version
        promote(root, version, waive=["better"])
    with Store(URIS["lineage_uri"], root=root) as store:
        store.withdraw("control/9", who="test", reason="a letter")
    with pytest.raises(
        GateRefused, match="consent: the version learned from control/9, who withdrew consent"
    ):
        promote(root, 2, waive=["better"])
    with pytest.raises(RegistryError, match="consent cannot be waived"):
        promote(root, 2, waive=["consent"])
    notes = {row["version"]: row["note"] for row in listing.models(root=root, **URIS)}
    assert [version for version, note in notes.items() if "learned from control/9" in note] == [2]
    monkeypatch.chdir(root)
    done = CliRunner().invoke(app, ["rollback", NAME, "--reason", "worse"])
    assert "version 2 was skipped: it learned from control/9, who withdrew consent on" in done.output
    assert f"models:/{NAME}@champion is version 1 again; it was version 3" in done.output


def _beside_each_other(root, *versions):
    """Two versions in one clean process, beside a package of the user's that is called ``emoflow``."""
    mine = root.parent / "application"
    (mine / "emoflow").mkdir(parents=True, exist_ok=True)
    (mine / "emoflow" / "__init__.py").write_text("MINE = True\n")
    code = f"""
import sys; sys.path.insert(0, {str(mine)!r})
import emoflow, mlflow, pandas
mlflow.set_tracking_uri("sqlite:///{root / "mlflow.db"}")
models = [mlflow.pyfunc.load_model(f"models:/{NAME}/{{version}}") for version in {list(versions)}]
found = [model.predict(pandas.DataFrame({{"text": ["hello you"]}})) for model in models + models]
assert emoflow.MINE
names = {{name.split(".")[0] for name in sys.modules if name.startswith("emotion_")}}
assert len(names) == len(models), names
assert not [name for name in sys.modules if name.startswith("emoflow.")]
print([float(each["p_anger"].iloc[0]) for each in found])
"""
    environment = {
        "PATH": "/usr/bin:/bin",
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    done = subprocess.run(
        [sys.executable, "-I", "-c", code],
        cwd=mine,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    one, other, *again = json.loads(done.stdout.splitlines()[-1])
    assert again == [one, other]
    assert one != other


def test_a_published_model_is_compared_with_the_workspace(root, monkeypatch):
    promote(root, 1)
    experiment(root, seed=1, right=1.0)  # better than the published one
    monkeypatch.chdir(root)
    names = [f"models:/{NAME}/1", f"{NAME}/1", f"{NAME}@champion", f"models:/{NAME}@champion", _run(root)]
    for name in names:
        read = experiments.read(name, root=root, tracking_uri=URIS["tracking_uri"])
        assert _run(root) in read.source and read.registered == "late-average"
    done = CliRunner().invoke(app, ["compare", names[0], ".", "--json", "-"])
    assert done.exit_code == 0, done.exception
    found = json.loads(done.stdout)
    (pair,) = found["pairs"]
    assert pair["figures"]["ua"]["difference"]["mean"] == pytest.approx(1 / 3)  # 4 of 6 clips, and 6 of 6
    assert (pair["outcomes"]["only_b"], pair["outcomes"]["only_a"]) == (12, 0)
    assert found["params"] == {} and found["a"]["source"].startswith(f"models:/{NAME}/1, run ")
    for name, message in (
        (f"{NAME}/7", "has no version 7"),
        (f"{NAME}@challenger", "no version of emotion-emotion3 is challenger"),
        ("0" * 32, "MLflow at "),
        (NAME, "names no experiment here"),
    ):
        with pytest.raises((EvaluationError, RegistryError), match=message):
            experiments.read(name, root=root, tracking_uri=URIS["tracking_uri"])


def test_a_published_model_is_measured_as_it_predicts(root, monkeypatch):
    monkeypatch.chdir(root)
    broken = root / "broken.wav"
    broken.write_bytes(b"no recording")
    clips = [str(root / "data/raw/control" / f"{number:02}.wav") for number in (3, 8)]
    asked = ["--model", f"{NAME}/1", "--text", "I hate this"]
    done = CliRunner().invoke(app, ["measure", *clips, *asked, "--repeat", "3", "--json", "cost.json"])
    assert done.exit_code == 0, done.output
    assert "encode audio/logmel" in done.output and "throughput: " in done.output
    found = read_json("cost.json")
    where = {"root": root, **URIS}
    expected = predict.predict(
        parse(f"{NAME}/1"), [Path(each) for each in clips], text="I hate this", **where
    )
    assert [clip["label"] for clip in found["clips"]] == expected["label"].tolist()
    for clip in found["clips"]:
        stages = {name: latency["p50_s"] for name, latency in clip["stages"].items()}
        total, other = stages.pop("total"), stages.pop("other")
        assert set(stages) == {
            "decode audio", "encode audio/logmel", "decode text", "encode text/hashing", "fuse"
        }  # fmt: skip
        assert other > 0 and max(stages.values()) < total
        assert all(each["p50_s"] <= each["p95_s"] for each in clip["stages"].values())
    assert found["model"] == f"models:/{NAME}/1" and found["load_s"] > 0
    slowest = max(clip["stages"]["total"]["p95_s"] for clip in found["clips"])
    assert 0 < 1 / found["clips_per_s"] <= 2 * slowest
    mean_s = sum(clip["duration_s"] for clip in found["clips"]) / len(clips)
    assert found["real_time_factor"] == pytest.approx(1 / found["clips_per_s"] / mean_s)
    assert found["peak_memory_bytes"] > 50_000_000
    assert (found["energy_j"] is None) == bool(found["energy_why_not"])

    half = CliRunner().invoke(
        app, ["measure", str(broken), clips[0], "--model", f"{NAME}/1", "--repeat", "1", "--json", "-"]
    )
    assert half.exit_code == 1, "there is a clip without a prediction"
    unusable, usable = json.loads(half.stdout)["clips"]
    assert unusable["label"] is None and unusable["reason"] and not unusable["stages"]
    assert usable["stages"]["total"]["p50_s"] > 0
    with pytest.raises(RegistryError, match="no clip can be used"):
        measure.measure(parse(f"{NAME}/1"), [broken], **where)


@pytest.mark.parametrize(
    ("given", "kind"), [(["data/raw/control/03.wav"], "calibrated"), (["--text", "I hate this"], "p")]
)
def test_the_bars_of_a_prediction_are_of_the_probabilities_that_its_confidence_is_of(
    root, monkeypatch, given, kind
):
    """The model was calibrated for sound alone, and not for words alone."""
    monkeypatch.chdir(root)
    asked = ["predict", *given, "--model", f"{NAME}/1"]
    (row,) = json.loads(CliRunner().invoke(app, [*asked, "--json", "-"]).stdout)
    assert (row["confidence"] is None) == (kind == "p")
    shown = CliRunner().invoke(app, asked).output
    figures = dict(re.findall(r"^(\w+) +(?:> )?(\d\.\d\d) ", shown, re.MULTILINE))
    assert set(figures) == {"anger", "happiness", "neutral"}
    assert {name: float(share) for name, share in figures.items()} == pytest.approx(
        {name: row[f"{kind}_{name}"] for name in figures}, abs=0.006
    )
    assert ("not calibrated" in shown) == (kind == "p")
    if kind == "calibrated":
        assert f"calibrated confidence {max(figures.values())}" in shown


def test_a_published_model_is_explained_as_it_predicts(root, monkeypatch):
    monkeypatch.chdir(root)
    clip, words = str(root / "data/raw/control/08.wav"), "I hate [this] day"
    asked = ["--model", f"{NAME}/1", "--text", words]
    done = CliRunner().invoke(
        app, ["explain", clip, *asked, "--window", "0.2", "--json", "why.json", "--figure", "why.png"]
    )
    assert done.exit_code == 0, done.output
    assert "Shapley value" in done.output and "[this]" in done.output and "hate" in done.output
    assert Path("why.png").read_bytes().startswith(b"\x89PNG")
    found = read_json("why.json")
    assert set(found) == {
        "file", "model", "label", "probability", "confidence", "probabilities", "nothing_given", "unused",
        "recognised_text", "window_s", "modalities", "audio", "words", "face",
    }  # fmt: skip
    (answer,) = predict.predict(
        parse(f"{NAME}/1"), [Path(clip)], text=words, root=root, **URIS
    ).to_dict(orient="records")  # fmt: skip
    assert (found["model"], found["label"]) == (answer["model"], answer["label"])
    assert found["probability"] == pytest.approx(answer[f"p_{answer['label']}"], abs=1e-6)
    assert found["probabilities"] == pytest.approx(
        {name: answer[f"p_{name}"] for name in found["probabilities"]}
    )
    assert found["confidence"] == pytest.approx(answer.get("confidence"))
    assert list(found["modalities"]) == ["audio", "text"]
    total = sum(each["shapley"] for each in found["modalities"].values())
    assert total == pytest.approx(found["probability"] - 1 / 3)
    assert set(found["audio"][0]) == {"start_s", "end_s", "probability", "drop"}
    assert [each["word"] for each in found["words"]] == words.split()

    plain = CliRunner().invoke(app, ["explain", clip, "--model", f"{NAME}/1", "--json", "-"])
    assert json.loads(plain.stdout)["words"] == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["gone.wav"], "gone.wav does not exist"),
        (["data/raw/control"], "recordings: name one of them"),
        (["data/raw/control/03.wav", "--figure", "why.pdf"], "the picture is a PNG file"),
        (["data/raw/control/03.wav", "--model", f"{NAME}/7"], "has no version 7"),
        (["broken.wav"], "nothing of the clip can be used: audio: "),
    ],
)
def test_what_cannot_be_explained_is_refused_with_the_reason(root, monkeypatch, words, message):
    monkeypatch.chdir(root)
    (root / "broken.wav").write_bytes(b"no recording")
    done = CliRunner().invoke(app, ["explain", "--model", f"{NAME}/1", *words])
    assert isinstance(done.exception, EmoflowError) and message in str(done.exception), done.output


@pytest.mark.usefixtures("loads_back")
def test_what_is_not_committed_is_refused_by_name(root):
    text = (root / "params.yaml").read_text().replace("seed: 7", "seed: 9")
    experiment(root, seed=1)
    (root / "params.yaml").write_text(text)
    finished.lock(root)
    assert not publish.publish(root=root, **URIS).clean
    with pytest.raises(GateRefused, match=r"params\.yaml:search ran with another value"):
        promote(root)
    finished.git(root, "commit", "-qam", "Another seed")
    again = publish.publish(root=root, **URIS)
    assert (again.reused, again.clean) == (True, True)
    assert promote(root).changed


@pytest.mark.usefixtures("loads_back")
def test_broken_data_alarms_and_another_protocol_are_refused(root):
    promote(root)
    breach = {
        "expectation": "label set",
        "table": "utterances",
        "column": "label",
        "expected": "known labels",
    }
    breach |= {"found": "calm", "rows": [], "count": 1, "of_rows": True, "advice": "correct it"}
    changed(Verdict, root, corpus="control", ok=False, critical=[breach])
    experiment(root, seed=1, protocol="emotion3.kfold9", right=0.9)
    alarms = [{"alarm": "inflated", "strategy": None, "message": "its speakers also train"}]
    changed(Metrics, root, alarms=alarms)
    finished.lock(root)
    published = publish.publish(root=root, **URIS)
    report = gates.judge(NAME, published.version, root=root, policy=POLICY, **URIS)
    refused = {gate.gate: gate for gate in report.refusals}
    assert set(refused) >= {"data", "alarms", "protocol"}
    assert "label set" in refused["data"].found
    assert "its speakers also train" in refused["alarms"].found
    assert "speakers named" in refused["alarms"].advice and "--waive alarms" in refused["alarms"].advice
    assert "emotion3.kfold3" in refused["protocol"].expected
    with pytest.raises(RegistryError, match="cannot be waived"):
        gates.judge(NAME, published.version, root=root, policy=POLICY, waive=["data"], **URIS)


@pytest.mark.usefixtures("loads_back")
def test_the_licence_and_the_pre_training_of_encoders_are_asked_for(root):
    experiment(root, seed=1, right=0.9)
    modalities = ModelCard.read(root).to_dict()["modalities"]
    model = {"sha256": "0" * 64, "licence": None, "pretrained_on": ["Control", "LibriSpeech"]}
    restricted = model | {"licence": av_hubert.LICENCE, "pretrained_on": ["LRS3"]}
    modalities["text"]["models"] = {"tiny-bert.mean": model, "av.none": restricted}
    changed(ModelCard, root, modalities=modalities)
    finished.lock(root)
    finished.git(root, "commit", "-qam", "A pre-trained encoder")
    version = publish.publish(root=root, **URIS).version
    report = gates.judge(NAME, version, root=root, policy=POLICY, **URIS)
    refused = {gate.gate: gate for gate in report.refusals}
    assert set(refused) == {"licence", "pre-training"}
    assert refused["licence"].found == f"unknown of tiny-bert.mean; av.none: {av_hubert.LICENCE}"
    assert "allows any use" in refused["licence"].advice and "--waive licence" in refused["licence"].advice
    assert refused["pre-training"].found == "tiny-bert.mean has seen control"
    waived = gates.judge(NAME, version, root=root, policy=POLICY, waive=["licence", "pre-training"], **URIS)
    assert waived.ok and waived.waived == ["licence", "pre-training"]


@pytest.mark.usefixtures("loads_back")
def test_runs_of_another_version_of_emoflow_are_judged_by_what_can_be_read(root):
    promote(root)
    (champion,) = (root / "mlruns").rglob("report/metrics.json")
    write_json(champion, {"protocol": "emotion3.kfold3", "best": "late-average"})
    experiment(root, seed=1, right=0.9)
    version = publish.publish(root=root, **URIS).version
    report = gates.judge(NAME, version, root=root, policy=POLICY, **URIS)
    answers = {gate.gate: gate for gate in report.gates}
    assert report.ok and answers["protocol"].ok and "UA 100.0 against 66.7" in answers["better"].found

    for path in (root / "mlruns").rglob("report/metrics.json"):
        write_json(path, {"protocol": "emotion3.kfold3", "best": "late-average", "alarms": []})
    (refused,) = gates.judge(NAME, version, root=root, policy=POLICY, **URIS).refusals
    assert refused.gate == "alarms" and "written by another version of emoflow" in refused.found
    assert "--waive alarms" in refused.advice
    assert gates.judge(NAME, version, root=root, policy=POLICY, waive=["alarms"], **URIS).ok


def tamper_with_weights(files):
    (weights,) = files.rglob("weights.safetensors")
    weights.write_bytes(weights.read_bytes()[:-4] + b"\x00\x00\x80\x3f")


def tamper_with_code(files):
    (module,) = files.rglob("registry/inference.py")
    module.write_text(module.read_text() + f"\nPath({str(files / 'ran')!r}).touch()\n")


def tamper_with_classes(files):
    (card,) = files.rglob("model.json")
    held = read_json(card)
    held["classes"][:2] = reversed(held["classes"][:2])
    write_json(card, held)


def lose_code(files):
    (module,) = files.rglob("media/text.py")
    module.unlink()


def add_code(files):
    (folder,) = files.glob("code")
    (folder / "soundfile.py").write_text(f"open({str(files / 'ran')!r}, 'w').close()\n")


def tamper_with_mlmodel(files):
    (described,) = files.rglob("MLmodel")
    described.write_text(described.read_text().replace("code: code", "code: artifacts"))


TAMPERING = {
    tamper_with_weights: "artifacts/model/weights.safetensors was changed",
    tamper_with_code: "registry/inference.py was changed",
    tamper_with_classes: "artifacts/model/model.json was changed",
    lose_code: "media/text.py is missing",
    add_code: "code/soundfile.py was added",
    tamper_with_mlmodel: "MLmodel was changed",
}


def files_of(root, version=1):
    """The folder of a version's files in MLflow's store."""
    with client(root) as mlflow:
        return Path(mlflow.get_model_version_download_uri(NAME, str(version)).removeprefix("file://"))


@pytest.mark.parametrize("tamper", TAMPERING, ids=lambda each: each.__name__)
def test_a_model_that_was_tampered_with_is_neither_promoted_nor_run(root, tamper):
    files = files_of(root)
    tamper(files)
    with pytest.raises(GateRefused, match=f"load-back: .*{TAMPERING[tamper]}"):
        promote(root)
    for lineage in (URIS["lineage_uri"], "sqlite:///.emoflow/another.db"):  # then by MLflow's tag
        uris = URIS | {"lineage_uri": lineage}
        with pytest.raises(RegistryError, match="not as it was published"):
            predict.predict(parse(f"{NAME}/1"), text="hello", root=root, **uris)
    assert not (files / "ran").exists()


def test_the_command_verifies_the_ledger_and_every_file(root, monkeypatch):
    promote(root)
    monkeypatch.chdir(root)
    run = CliRunner().invoke(app, ["models", "--verify"])
    assert "1 row of the ledger, the files of 1 version: as published and promoted" in run.output
    assert run.exit_code == 0
    tamper_with_weights(files_of(root))
    with sqlite3.connect(root / ".emoflow" / "lineage.db") as connection:
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute("INSERT OR REPLACE INTO promotions SELECT * FROM promotions")
        connection.execute("DROP TRIGGER promotions_no_UPDATE")
        connection.execute("UPDATE promotions SET reason = 'no reason'")
    run = CliRunner().invoke(app, ["models", "--verify"])
    assert f"row 1 of the ledger (promote {NAME} version 1)" in run.output
    assert f"models:/{NAME}/1: artifacts/model/weights.safetensors was changed" in run.output
    assert run.exit_code == 1


@pytest.mark.usefixtures("loads_back")
def test_a_champion_that_was_tampered_with_is_not_gone_back_to(root):
    promote(root)
    experiment(root, seed=1, right=0.9)
    publish.publish(root=root, **URIS)
    promote(root, 2)
    tamper_with_classes(files_of(root))
    with pytest.raises(RegistryError, match=r"model\.json was changed"):
        promotion.rollback(NAME, root=root, reason="worse", **URIS)


@pytest.mark.parametrize("tamper", [tamper_with_weights, tamper_with_code, tamper_with_classes, lose_code])
def test_the_model_itself_refuses_to_be_loaded_when_it_was_tampered_with(root, tamper):
    files = files_of(root)
    tamper(files)
    code = f"import mlflow; mlflow.pyfunc.load_model({str(files)!r})"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert TAMPERING[tamper] in done.stderr
    assert not (files / "ran").exists()


def test_what_loading_leaves_in_the_store_is_no_tampering_and_is_not_run(root, caplog):
    files = files_of(root)
    code = f"import mlflow; mlflow.pyfunc.load_model({str(files)!r})"
    subprocess.run([sys.executable, "-I", "-c", code], cwd=root, capture_output=True, check=True)
    caches = list(files.rglob("__pycache__"))
    assert caches
    for compiled in files.rglob("*.pyc"):
        compiled.write_bytes(b"not what Python wrote")
    found = predict.predict(parse(f"{NAME}/1"), text="hello", root=root, **URIS)
    assert found["label"].notna().all()
    assert not [record for record in caplog.records if record.name == "emoflow"]


def test_publishing_sets_the_alias_that_a_killed_promotion_left_out(root):
    with Store(URIS["lineage_uri"], root=root) as store:
        store.move(NAME, expected=None, to=1, who="test", reason="killed before MLflow was told")
    publish.publish(root=root, **URIS)
    with client(root) as mlflow:
        assert (alias_of(mlflow, NAME, "champion"), alias_of(mlflow, NAME, "challenger")) == (1, None)


def test_the_lineage_learns_the_files_of_a_version_that_a_killed_attempt_left(root):
    uris = URIS | {"lineage_uri": "sqlite:///.emoflow/another.db"}
    assert publish.publish(root=root, **uris).reused
    with Store(URIS["lineage_uri"], root=root) as first, Store(uris["lineage_uri"], root=root) as second:
        assert second.manifest(NAME, 1) == first.manifest(NAME, 1)
        assert "artifacts/model/weights.safetensors" in second.manifest(NAME, 1)


def test_a_version_of_an_emoflow_that_recorded_no_files_is_warned_of_and_not_promoted(root, caplog):
    with client(root) as mlflow:
        mlflow.delete_model_version_tag(NAME, "1", PACKAGE)
    uris = URIS | {"lineage_uri": "sqlite:///.emoflow/another.db"}
    assert publish.publish(root=root, **uris).reused
    requirements = files_of(root) / "requirements.txt"
    requirements.write_text(re.sub("numpy==.*", "numpy==0.1", requirements.read_text()))
    predict.predict(parse(f"{NAME}/1"), text="hello", root=root, **uris)
    unverified, other_versions = (
        record.getMessage() for record in caplog.records if record.name == "emoflow"
    )
    assert "they are not verified" in unverified
    assert f"models:/{NAME}/1 was published with numpy 0.1 (here" in other_versions
    with pytest.raises(GateRefused, match="published before emoflow recorded"):
        promotion.promote(NAME, root=root, reason="test", policy=POLICY, **uris)


def test_errors_say_what_to_do(root, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(RegistryError, match="there are: 1"):
        promote(root, 9)
    with pytest.raises(RegistryError, match="no challenger"):
        promotion.promote("emotion-none", root=root, reason="", policy=POLICY, **URIS)
    with pytest.raises(RegistryError, match="dvc repro"):
        publish.publish(root=tmp_path, **URIS)
    with pytest.raises(RegistryError, match="no version of emotion-emotion3 is champion"):
        predict.predict(parse(NAME), text="hello", root=root, **URIS)
    with pytest.raises(RegistryError, match="nothing to predict"):
        predict.predict(parse(f"{NAME}/1"), root=root, **URIS)
    with pytest.raises(RegistryError, match="MLFLOW_TRACKING_URI"):
        listing.models(root=root, tracking_uri="http://127.0.0.1:9", lineage_uri=URIS["lineage_uri"])


def _walk(node):
    yield node
    for child in node.children:
        yield from _walk(child)
