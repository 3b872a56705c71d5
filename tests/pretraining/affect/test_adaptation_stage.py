"""The stage ``adaptation`` on made clips whose emotion is in their sound."""

from pathlib import Path

import pytest
import torch
import yaml
from conftest import ROOT
from emoflow.artifacts.pretraining import RETRIEVED, AdaptationResults
from emoflow.encoders import installed
from emoflow.encoders.av_hubert.network import AvHubert
from emoflow.errors import ParamsError, SettingsError
from emoflow.stages import adaptation
from emotional_clips import lay_out, make_model


@pytest.fixture
def workspace(tmp_path, monkeypatch) -> dict:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMOFLOW_DEVICE", "cpu")
    lay_out("mine", speakers=4, seed=0)
    lay_out("pool", speakers=3, seed=1)
    make_model("data/model")
    params = yaml.safe_load((ROOT / "pretrain" / "params.yaml").read_text())
    params["corpora"] = ["mine", "pool"]
    params["av-hubert"]["training"] |= {"frames": 400, "save_every": 5}
    params["adaptation"] |= {"model": "data/model", "labelled": ["mine"], "streams": "a", "metric_steps": 40}
    params["adaptation"]["iteration"] = {"of": 1, "clusters": 8, "masking": "feature", "steps": 5}
    return params


def state(params: dict) -> None:
    Path("pretrain").mkdir(exist_ok=True)
    Path("pretrain/params.yaml").write_text(yaml.safe_dump(params))


@pytest.mark.slow
def test_clips_that_are_like_emotional_ones_are_found_and_learned_from(workspace, capsys):
    state(workspace)
    adaptation.main()
    results = AdaptationResults.read()
    assert results.pool == 27 and results.labelled == 27 and len(results.speakers) == 1
    assert results.precision > results.chance + 0.3 and results.chance == pytest.approx(1 / 3, abs=0.01)
    assert results.iteration.clusters == 8 and results.iteration.curve
    table = RETRIEVED.read()
    assert len(table) == results.retrieved and table["utterance_id"].is_unique
    assert (
        table["utterance_id"].str.startswith("pool/").all() and table["anchor"].str.startswith("mine/").all()
    )
    assert not set(table["anchor"].str.split("/").str[1].astype(int) // 9) & {
        int(each.split("/")[1]) for each in results.speakers
    }
    page = Path("data/pretraining/adapted/retrieved.html").read_text()
    assert 'src="../../raw/pool/clips/' in page
    about = installed.read(Path("data/pretraining/adapted"))
    assert about.pretrained_on == ("mine", "pool") and installed.is_whole(Path("data/pretraining/adapted"))
    before, after = (
        AvHubert.from_pretrained(each).state_dict() for each in ("data/model", "data/pretraining/adapted")
    )
    assert before.keys() == after.keys() and any(
        not torch.equal(before[name], after[name]) for name in before
    )
    assert "have the emotion of the labelled clip" in capsys.readouterr().out

    # run again: nothing is trained anew, and the bytes are the same
    weights = Path("data/pretraining/adapted/model.safetensors").read_bytes()
    adaptation.main()
    assert Path("data/pretraining/adapted/model.safetensors").read_bytes() == weights


def test_a_pool_that_is_labelled_is_refused(workspace):
    workspace["adaptation"]["pool"] = ["mine"]
    state(workspace)
    with pytest.raises(ParamsError, match="mine is labelled and pool"):
        adaptation.main()


def test_a_folder_without_a_model_is_refused(workspace):
    workspace["adaptation"]["model"] = "data/nowhere"
    state(workspace)
    with pytest.raises(SettingsError, match=r"adaptation\.model.*holds no model"):
        adaptation.main()
