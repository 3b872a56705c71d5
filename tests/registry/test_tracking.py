"""Reaching MLflow leaves the process, and what it starts later, as they were."""

import os
import traceback

import pytest
from emoflow.errors import RegistryError
from emoflow.registry.tracking import SET_BY_MLFLOW, runs_page, tracking


@pytest.mark.slow
@pytest.mark.parametrize("before", [{}, {"MLFLOW_TRACKING_URI": "sqlite:///other.db"}])
def test_no_variable_is_left_for_child_processes(tmp_path, monkeypatch, before):
    for name, value in before.items():
        monkeypatch.setenv(name, value)
    with tracking("sqlite:///mlflow.db", root=tmp_path):
        assert os.environ["MLFLOW_REGISTRY_URI"] == f"sqlite:///{tmp_path}/mlflow.db"
    assert {name: os.environ[name] for name in SET_BY_MLFLOW if name in os.environ} == before


@pytest.mark.parametrize(
    "uri",
    [
        "ftp://me:hidden@mlflow.example/registry",
        "http://me:hidden@127.0.0.1:9/?password=hidden",
        "http://127.0.0.1:9/?token=hidden",
    ],
)
def test_a_password_is_in_no_error_and_no_traceback(tmp_path, monkeypatch, uri):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(RegistryError) as caught, tracking(uri, root=tmp_path) as client:
        client.search_registered_models()
    assert "hidden" not in "".join(traceback.format_exception(caught.value))


def test_a_password_is_in_no_address_of_a_run():
    assert runs_page("http://me:hidden@mlflow.example:5000/", "4").startswith("http://mlflow.example:5000/#/")
