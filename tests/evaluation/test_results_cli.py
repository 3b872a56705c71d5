"""`emoflow results` on an experiment that is finished, and on one that is not."""

import shutil

from conftest import ROOT
from documents import changed
from emoflow import cli
from emoflow.artifacts.folds import Folds
from emoflow.files import read_json, write_json
from emoflow.stages.evaluate import evaluate
from fabricated_experiment import experiment
from typer.testing import CliRunner


def test_an_earlier_experiment_s_figures_are_not_shown_as_this_one_s(tmp_path, monkeypatch):
    data = experiment(tmp_path, speakers=3, folds=3, clips=2)
    evaluate(root=tmp_path, corpora=["control"], seed=7)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(cli.app, ["results"])
    assert shown.exit_code == 0 and "protocol emotion7.kfold3" in shown.output
    assert "Every strategy had the same" in shown.output

    metrics = read_json(tmp_path / "reports" / "metrics.json")
    write_json(tmp_path / "reports" / "metrics.json", {k: v for k, v in metrics.items() if k != "intervals"})
    older = CliRunner().invoke(cli.app, ["results"])
    assert "was written by another version of emoflow" in str(older.exception or older.output)

    write_json(tmp_path / "reports" / "metrics.json", metrics)
    changed(Folds, tmp_path, protocol="emotion7.loso")
    refused = CliRunner().invoke(cli.app, ["results"])
    assert "of an earlier experiment, emotion7.kfold3" in str(refused.exception or refused.output)
    (data / "folds.json").unlink()
    assert CliRunner().invoke(cli.app, ["results"]).exit_code
