"""Pre-training on the control corpus, whose phones are known: what two cores learn of speech in a few minutes."""

import json
from pathlib import Path

import pytest
import yaml
from workspace import Workspace

pytestmark = [pytest.mark.accept, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Workspace:
    """Inputs without pictures: with them the same takes fifteen times as long."""
    made = Workspace.make(tmp_path_factory.mktemp("pretraining"))
    path = made.root / "pretrain" / "params.yaml"
    params = yaml.safe_load(path.read_text())
    params["inputs"]["roi"] = None
    for each in params["av-hubert"]["iterations"]:
        each["steps"] = 1500
    params["data2vec"]["steps"] = 1000
    path.write_text(yaml.safe_dump(params))
    made.emoflow("corpora", "synthesise", "control", "--phones")
    return made


def read(workspace: Workspace, name: str) -> dict:
    return json.loads(Path(workspace.root / "data/pretraining" / name).read_text())


def test_the_clusters_of_masked_frames_are_predicted_better_than_by_their_frequencies(workspace):
    print(workspace.emoflow("pretrain", "av-hubert").stdout)
    for each in read(workspace, "av-hubert/history.json")["iterations"]:
        assert each["curve"][-1]["loss"] < 0.85 * each["entropy"]
        assert each["mutual_information"] > 0.2


def test_a_teachers_states_of_masked_frames_are_predicted(workspace):
    print(workspace.emoflow("pretrain", "data2vec").stdout)
    last = read(workspace, "data2vec/history.json")["curve"][-1]
    assert last["loss"] < 0.85 * last["variance"]
