"""dvc.yaml is true: what a stage imports is among its deps, and what it reads of params.yaml is declared."""

import pytest
import yaml
from conftest import ROOT
from imports import closure

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


@pytest.mark.parametrize("name", STAGES)
def test_every_module_that_a_stage_imports_is_a_dep(name):
    stage = STAGES[name]
    python, flag, module, *_ = stage["cmd"].split()
    assert (python, flag) == ("python", "-m")
    deps = [ROOT / dep for dep in stage["deps"]]
    missing = [
        path.relative_to(ROOT).as_posix()
        for path in sorted(closure(module))
        if not any(path == dep or path.is_relative_to(dep) for dep in deps)
    ]
    assert not missing, f"stage {name}: add to its deps: {missing}"


@pytest.mark.parametrize("name", STAGES)
def test_what_a_stage_depends_on_exists(name):
    code = [dep for dep in STAGES[name]["deps"] if dep.startswith("components/")]
    assert code
    assert not [dep for dep in code if not (ROOT / dep).exists()]


def test_params_named_by_stages_exist():
    held = yaml.safe_load((ROOT / "params.yaml").read_text())
    for name, stage in STAGES.items():
        for key in stage.get("params", []):
            value = held
            for part in key.split("."):
                assert part in value, f"stage {name} names {key}, which params.yaml does not have"
                value = value[part]
