"""What unfinished work depends on: with another version of a library it is not taken up."""

from importlib import metadata

import pytest
from emoflow.fusion.reduction import Reduction
from emoflow.stages import training_inputs
from emoflow.stages.training_inputs import Inputs


@pytest.mark.parametrize("library", ["torch", "numpy", "scipy", "scikit-learn", "optuna"])
def test_another_version_of_a_library_is_another_digest(library, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(training_inputs, "tree_digest", lambda paths: "0")  # of no files
    made = Inputs(["control"], ["audio"], {}, None, Reduction())
    before = made.digest({}, code=[], device="cpu")
    assert made.digest({}, code=[], device="cpu") == before
    installed = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "0.0" if name == library else installed(name))
    assert made.digest({}, code=[], device="cpu") != before
