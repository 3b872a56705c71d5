"""The stage ``fine-tuning`` on made clips whose emotion is in their sound."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import ROOT
from emoflow.artifacts.pretraining import ANSWERS, FINE_TUNED, FineTuningResults
from emoflow.encoders import installed
from emoflow.encoders.av_hubert.network import AvHubert
from emoflow.errors import FeatureError, ParamsError
from emoflow.stages import fine_tuning
from emotional_clips import lay_out, make_model


@pytest.fixture
def stated(tmp_path, monkeypatch) -> dict:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMOFLOW_DEVICE", "cpu")
    lay_out("mine", speakers=4, seed=0)
    make_model("data/model")
    params = yaml.safe_load((ROOT / "pretrain" / "params.yaml").read_text())
    params["corpora"] = ["mine"]
    params["fine-tuning"] |= {
        "model": "data/model",
        "corpora": ["mine"],
        "streams": "a",
        "seeds": [0, 1],
        "steps": 30,
    }
    params["fine-tuning"]["training"] |= {"frames": 400, "learning_rate": 0.003}
    return params


def state(params: dict) -> None:
    Path("pretrain").mkdir(exist_ok=True)
    Path("pretrain/params.yaml").write_text(yaml.safe_dump(params))


@pytest.mark.slow
def test_a_model_is_fine_tuned_and_scored_beside_first_weights(stated, capsys):
    state(stated)
    fine_tuning.main()
    results = FineTuningResults.read()
    assert len(results.speakers) == 1 and results.clips == (27, 9) and results.too_fast == 0
    assert [each.seed for each in results.scores] == [each.seed for each in results.from_scratch] == [0, 1]
    assert results.sentences_seen == 1.0
    for name, sign in {"cer": -1, "wer": -1, "wa": 1, "ua": 1}.items():
        own, others = ([getattr(each, name) for each in of] for of in (results.scores, results.from_scratch))
        assert results.summary[name].mean == pytest.approx(np.mean(own))
        assert results.gain[name].mean == pytest.approx(sign * (np.mean(own) - np.mean(others)))
        assert results.summary[name].low <= results.summary[name].mean <= results.summary[name].high
    answers = ANSWERS.read()
    right = answers["label"] == answers["predicted"]
    assert len(answers) == 9 and right.mean() == pytest.approx(results.scores[0].wa)
    assert set(answers["said"]) == {"yes", "no"}
    _, info = AvHubert.from_pretrained(FINE_TUNED, output_loading_info=True)
    assert not info["missing_keys"] and installed.is_whole(FINE_TUNED)
    said = capsys.readouterr().out
    assert "CER" in said and "better than from first weights" in said and "sentence" in said
    before = ANSWERS.path().read_bytes()
    fine_tuning.main()  # finished trainings are kept
    assert ANSWERS.path().read_bytes() == before


def test_a_corpus_of_which_nothing_was_read_is_named(stated):
    stated["fine-tuning"]["corpora"] = ["mine", "other"]
    state(stated)
    with pytest.raises(ParamsError, match="fine-tuning names other, of which no inputs are made"):
        fine_tuning.main()
    stated["corpora"] = ["mine", "other"]
    state(stated)
    with pytest.raises(FeatureError, match="inputs@other"):
        fine_tuning.main()
