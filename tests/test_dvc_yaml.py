"""The pipelines are true: what a stage imports is among its deps, and what it reads of params.yaml is declared."""

import pytest
import yaml
from conftest import ROOT
from imports import closure

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
PRETRAINING = yaml.safe_load((ROOT / "pretrain" / "dvc.yaml").read_text())["stages"]
ALL = STAGES | PRETRAINING


def test_no_two_stages_have_one_name():
    """code.yaml of a workspace has their digests by name."""
    assert len(ALL) == len(STAGES) + len(PRETRAINING)


@pytest.mark.parametrize("name", ALL)
def test_every_module_that_a_stage_imports_is_a_dep(name):
    stage = ALL[name]
    python, flag, module, *_ = stage["cmd"].split()
    assert (python, flag) == ("python", "-m")
    deps = [ROOT / dep for dep in stage["deps"]]
    missing = [
        path.relative_to(ROOT).as_posix()
        for path in sorted(closure(module))
        if not any(path == dep or path.is_relative_to(dep) for dep in deps)
    ]
    assert not missing, f"stage {name}: add to its deps: {missing}"


@pytest.mark.parametrize("name", ALL)
def test_what_a_stage_depends_on_exists(name):
    code = [dep for dep in ALL[name]["deps"] if dep.startswith("components/")]
    assert code
    assert not [dep for dep in code if not (ROOT / dep).exists()]


@pytest.mark.parametrize(
    "path",
    [
        "components/corpora/acquire",
        "components/corpora/describe",
        "components/storage/download.py",
        "components/storage/install.py",
        "components/synthesis",
    ],
)
def test_a_change_there_runs_no_stage_again(path):
    """Downloading a corpus, describing one and synthesising one are not part of an experiment."""
    for name, stage in STAGES.items():
        inside = [each for each in closure(stage["cmd"].split()[2]) if each.is_relative_to(ROOT / path)]
        assert not inside, f"stage {name} imports {inside}"
        for dep in stage["deps"]:
            assert not (ROOT / path).is_relative_to(ROOT / dep) and not dep.startswith(path), (
                f"stage {name}: {dep}"
            )


def test_data_docs_are_no_dep():
    """They change with the words on a page; the verdict and the fingerprints are what is read."""
    outs = {out for stage in STAGES.values() for out in stage.get("outs", []) if "validation/" in out}
    assert outs == {
        "reports/validation/${item.corpus}/verdict.json",
        "reports/validation/${item.corpus}/fingerprints.parquet",
    }
    assert not [dep for stage in STAGES.values() for dep in stage["deps"] if "data-docs" in dep]


def test_times_are_read_by_no_stage():
    """They differ from one run to the next; the stage that takes them has no output, and nothing reads its file."""
    assert not {"outs", "metrics", "plots"} & STAGES["timings"].keys()
    assert not [dep for stage in ALL.values() for dep in stage["deps"] if "timings.js" in dep]


def test_params_named_by_stages_exist():
    held = yaml.safe_load((ROOT / "params.yaml").read_text())
    for name, stage in STAGES.items():
        for key in stage.get("params", []):
            value = held
            for part in key.split("."):
                assert part in value, f"stage {name} names {key}, which params.yaml does not have"
                value = value[part]


def test_params_named_by_stages_of_pretraining_exist():
    for name, stage in PRETRAINING.items():
        for file, keys in ((file, keys) for each in stage["params"] for file, keys in each.items()):
            assert not set(keys) - set(yaml.safe_load((ROOT / file).read_text())), (name, file)


def test_other_pipelines_than_the_experiment_keep_nothing_in_the_cache():
    """`dvc exp apply`, `checkout` and `push` would ask for the outputs of a pipeline that was never run.

    The template of workspaces is no pipeline at all.
    """
    from dvc.repo import Repo

    with Repo(ROOT) as repo:
        stages = [stage for stage in repo.index.stages if "data/raw" not in stage.path_in_repo]
        assert {stage.path_in_repo for stage in stages} == {"dvc.yaml", "pretrain/dvc.yaml"}
        others = [out for stage in stages if stage.path_in_repo != "dvc.yaml" for out in stage.outs]
        assert others and not [out for out in others if out.use_cache]
