"""Reaching MLflow leaves the process, and what it starts later, as they were."""

import os

import pytest
from emoflow.registry.tracking import SET_BY_MLFLOW, tracking


@pytest.mark.parametrize("before", [{}, {"MLFLOW_TRACKING_URI": "sqlite:///other.db"}])
def test_no_variable_is_left_for_child_processes(tmp_path, monkeypatch, before):
    for name, value in before.items():
        monkeypatch.setenv(name, value)
    with tracking("sqlite:///mlflow.db", root=tmp_path):
        assert os.environ["MLFLOW_REGISTRY_URI"] == f"sqlite:///{tmp_path}/mlflow.db"
    assert {name: os.environ[name] for name in SET_BY_MLFLOW if name in os.environ} == before
