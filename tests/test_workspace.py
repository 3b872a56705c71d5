"""`emoflow init`: what a workspace outside a clone holds, and that its stages know which code they ran."""

import subprocess
from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from emoflow import template, workspace
from emoflow.errors import WorkspaceError

STAGES = [
    *(
        "corpora",
        "utterances",
        "validate",
        "features",
        "folds",
        "search",
        "train",
        "robustness",
        "evaluate",
        "timings",
    ),
    *(
        "inputs",
        "av-hubert",
        "reconstruction",
        "data2vec",
        "labels",
        "fine-tuning",
        "adaptation",
    ),  # of pre-training
]


def _stages(root: Path) -> dict:
    """Of both pipelines."""
    files = (root / "dvc.yaml", root / "pretrain" / "dvc.yaml")
    return {
        name: stage for path in files for name, stage in yaml.safe_load(path.read_text())["stages"].items()
    }


@pytest.fixture
def made(tmp_path) -> Path:
    workspace.create(tmp_path / "emotions")
    return tmp_path / "emotions"


def test_a_workspace_holds_the_experiment_and_git_and_dvc(made):
    assert (made / "params.yaml").read_text() == (ROOT / "params.yaml").read_text()
    assert (made / ".git").is_dir() and (made / ".dvc" / "config").is_file()
    assert not (made / "components").exists()
    subprocess.run(["dvc", "stage", "list"], cwd=made, check=True, capture_output=True)


def test_stages_depend_on_the_installed_code_in_place_of_source_files(made):
    stages, cloned = _stages(made), _stages(ROOT)
    assert list(stages) == list(cloned) == STAGES
    code = yaml.safe_load((made / "code.yaml").read_text())
    for name, stage in stages.items():
        assert not [dep for dep in stage.get("deps", []) if dep.startswith("components/")]
        own = {"code.yaml": [f"stages.{name}"]}
        assert own in stage["params"]
        assert [each for each in stage["params"] if each != own] == cloned[name]["params"]
        assert code["stages"][name] == template.code_digest(name)
        rest = {key: value for key, value in stage.items() if key not in ("deps", "params")}
        assert rest == {key: value for key, value in cloned[name].items() if key not in ("deps", "params")}
    assert len(set(code["stages"].values())) == len(STAGES)


def test_what_is_there_stays(made):
    (made / "params.yaml").write_text("mine: true\n")
    assert workspace.create(made) == []
    assert (made / "params.yaml").read_text() == "mine: true\n"


def test_a_folder_with_a_pipeline_of_its_own_is_refused_and_left_alone(tmp_path):
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    with pytest.raises(WorkspaceError, match="name an empty folder"):
        workspace.create(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["dvc.yaml"]
    with pytest.raises(WorkspaceError, match="is a clone of emoflow"):
        workspace.create(ROOT)


def test_other_code_than_stated_stops_a_stage_until_the_workspace_is_upgraded(made):
    workspace.require_code("folds", made)
    code = made / "code.yaml"
    stated = yaml.safe_load(code.read_text())
    stated["stages"]["folds"] = "0" * 64
    code.write_text(yaml.safe_dump(stated))
    workspace.require_code("search", made)
    with pytest.raises(WorkspaceError, match=r"'folds' is installed; .*emoflow init --upgrade"):
        workspace.require_code("folds", made)
    assert workspace.create(made, upgrade=True) == ["code.yaml"]
    workspace.require_code("folds", made)


def test_another_clone_s_code_stops_a_stage(tmp_path):
    workspace.require_code("folds", ROOT)
    (tmp_path / "components").mkdir()
    with pytest.raises(WorkspaceError, match="other code for the stage 'folds' than this clone"):
        workspace.require_code("folds", tmp_path)
