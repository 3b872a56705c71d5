"""`emoflow results` on an experiment that is finished, and on one that is not."""

import shutil

import pytest
from conftest import ROOT
from documents import changed
from emoflow import cli
from emoflow.artifacts.folds import Folds
from emoflow.artifacts.reports import Metrics
from emoflow.files import read_json, write_json
from emoflow.stages.evaluate import evaluate
from fabricated_experiment import experiment
from typer.testing import CliRunner


@pytest.mark.slow
def test_an_earlier_experiment_s_figures_are_not_shown_as_this_one_s(tmp_path, monkeypatch):
    data = experiment(tmp_path, speakers=3, folds=3, clips=2)
    evaluate(root=tmp_path, corpora=["control"], seed=7)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(cli.app, ["results"])
    assert shown.exit_code == 0 and "protocol emotion7.kfold3" in shown.output
    assert "Every strategy had the same" in shown.output

    path = Metrics.path(tmp_path)
    metrics = read_json(path)
    for older in ({"schema_version": None}, {"intervals": None}):
        write_json(path, {k: v for k, v in (metrics | older).items() if v is not None or k not in older})
        refused = CliRunner().invoke(cli.app, ["results"])
        assert "make it again: dvc repro" in str(refused.exception or refused.output)

    write_json(path, metrics)
    changed(Folds, tmp_path, protocol="emotion7.loso")
    refused = CliRunner().invoke(cli.app, ["results"])
    assert "of an earlier experiment, emotion7.kfold3" in str(refused.exception or refused.output)
    (data / "folds.json").unlink()
    assert CliRunner().invoke(cli.app, ["results"]).exit_code
