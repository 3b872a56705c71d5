"""The environment: a variable of an earlier version is refused with its new name."""

import pytest
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
