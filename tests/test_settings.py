"""The environment: a variable of an earlier version is refused with its new name."""

import pytest
import torch
from emoflow import settings
from emoflow.errors import SettingsError


def test_a_renamed_variable_is_refused_with_its_new_name(monkeypatch):
    monkeypatch.setenv("EMOFLOW_POPULATIONS_PER_GPU", "2")
    assert settings.load().populations_per_gpu == 2
    monkeypatch.setenv("EMOFLOW_GANGS_PER_GPU", "2")
    with pytest.raises(
        SettingsError, match="EMOFLOW_GANGS_PER_GPU is now called EMOFLOW_POPULATIONS_PER_GPU"
    ):
        settings.load()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused_before_any_work(monkeypatch):
    monkeypatch.setenv("EMOFLOW_DEVICE", "cuda")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(
        SettingsError, match=r"EMOFLOW_DEVICE is cuda, .*finds no GPU here: set EMOFLOW_DEVICE=cpu"
    ):
        settings.load().torch_device()
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")  # the cluster's nodes may have one
    assert settings.load().torch_device() == "cuda"
