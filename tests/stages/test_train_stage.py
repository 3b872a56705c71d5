"""The stage ``train`` on a small experiment, with a choice made by hand."""

import documents
import numpy as np
import pandas as pd
import pytest
import torch
from emoflow.artifacts.fold_models import FoldModels
from emoflow.artifacts.model import ModelCard, Operations
from emoflow.artifacts.search import Best, Chosen, OtherChoice, StrategyChoice
from emoflow.encoders.store import FeatureStore, Row, write
from emoflow.errors import ProtocolError
from emoflow.evaluation.robustness import scoring
from emoflow.files import tree_digest
from emoflow.fusion.model import EmotionModel
from emoflow.fusion.preparation import Preparation
from emoflow.stages import train
from emoflow.training.refit import choice_for_everything
from emoflow.training.rows import folds_of
from planted_experiment import CLASSES, lay_out
from safetensors.torch import load_file

OUTPUTS = ["data/model", "data/fold_models", "data/operations.json", "data/predictions.parquet"]
CONFIG = {"width": 16, "layers": 1, "learning_rate": 0.01, "dropout": 0.2}


def chosen(trial: int, epochs: int, ua: float, fitted: dict | None = None) -> Chosen:
    return documents.chosen(
        trial=trial,
        config=CONFIG | {"dropout": trial / 10},
        epochs=epochs,
        fitted=fitted or {},
        validation={"wa": ua, "ua": ua, "loss": 1.0},
    )


def best() -> Best:
    """By the ensemble of the seeds fold 0 chooses the same, fold 1 the other strategy, and fold 2 fewer epochs."""
    late = {k: chosen(1, 40 + k, 0.8, {"weights": [0.6, 0.3, 0.1]}) for k in range(3)}
    audio = {k: chosen(2, 40, 0.6) for k in range(3)}
    first = {0: "late-weighted", 1: "audio", 2: "late-weighted"}
    by_ensemble = late | {2: late[2].model_copy(update={"epochs": 2})}
    other = OtherChoice(
        choose_by="ensemble", per_fold_best=dict.fromkeys(range(3), "late-weighted"), folds=by_ensemble
    )
    return documents.best({"late-weighted": late, "audio": audio}, per_fold_best=first, other=other)


@pytest.mark.slow
def test_predictions_and_the_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMOFLOW_DEVICE", "cpu")
    monkeypatch.setenv("EMOFLOW_WORKERS", "2")
    lay_out(tmp_path)
    best().write()
    train.main()
    table = pd.read_parquet("data/predictions.parquet")
    assert list(table.columns)[5:] == [f"p_{name}" for name in CLASSES]
    assert set(table["strategy"]) == {"late-weighted", "audio", "chosen", "chosen-by-ensemble", "svm"}
    np.testing.assert_allclose(table.filter(like="p_").sum(axis=1), 1)
    one = table[(table["seed"] == 0) & (table["strategy"] == "late-weighted")]
    assert sorted(one["utterance_id"]) == sorted(
        pd.read_parquet("data/folds.parquet")["utterance_id"].unique()
    )
    right = one.filter(like="p_").to_numpy().argmax(1) == one["label"].map(CLASSES.index)
    assert right.mean() > 0.8

    probabilities = [name for name in table if name.startswith("p_")]
    for fold, name in best().per_fold_best.items():
        part = table[table["fold"] == fold]
        copied = part[part["strategy"] == "chosen"][probabilities].to_numpy()
        assert (copied == part[part["strategy"] == name][probabilities].to_numpy()).all()

    both = [
        table.loc[table["strategy"] == name, ["fold", *probabilities]].set_index("fold")
        for name in ("late-weighted", "chosen-by-ensemble")
    ]
    same = (both[0] == both[1]).all(axis=1).groupby("fold").mean()
    assert same[0] == same[1] == 1 and same[2] < 0.5

    fewer = pd.read_parquet("data/subsets.parquet")
    assert set(fewer["strategy"]) == {"late-weighted"}
    assert set(fewer["modalities"]) == {"audio", "face", "text", "audio+face", "audio+text", "face+text"}
    np.testing.assert_allclose(fewer.filter(like="p_").sum(axis=1), 1, atol=1e-6)
    counts = fewer.groupby("modalities").size()
    assert counts.pop("face") == len(one) - 1, "one clip is without a face"
    assert (counts == len(one)).all()
    right = fewer.filter(like="p_").to_numpy().argmax(1) == fewer["utterance_id"].map(
        lambda name: CLASSES.index(name.split("-")[1])
    )
    assert right.groupby(fewer["modalities"]).mean().min() > 1 / 3

    counted = Operations.read()
    assert counted.tokens == {fold: {"audio": 1, "face": 1, "text": 1} for fold in range(3)}
    assert counted.strategies["late-weighted"][0] > counted.strategies["audio"][0] > 0

    card = ModelCard.read()
    assert card.epochs == 41
    assert card.modalities["face"].model_dump() == {
        "encoders": ["appearance"], "parameters": {"frames": 8, "track": None}, "layout": [("appearance", 6)],
        "pretrained": {}, "models": {}, "join": "concatenate", "layer_weights": {}, "recogniser": None,
    }  # fmt: skip
    state = load_file("data/model/weights.safetensors")
    model = EmotionModel.empty(
        card.strategy, card.config, members=len(card.seeds), classes=len(card.classes),
        preparation=Preparation.from_description(card.preparation),
    )  # fmt: skip
    model.load_state_dict(state)
    assert card.parameters == model.parameters_declared
    store = FeatureStore.open("data/features/control")
    ids = store.ids("audio")
    read = {name: store.tokens(name, ids) for name in store.modalities}
    given = [{name: torch.from_numpy(each[i]) for name, each in read.items()} for i in (0, 1)]
    label = torch.tensor([CLASSES.index(id_.split("-")[1]) for id_ in ids])
    assert (model(*given).argmax(1) == label).float().mean() > 0.7

    # the models that scored the folds are kept, and say the same
    models = FoldModels.read()
    assert models.strategy == "late-weighted" and sorted(models.folds) == [0, 1, 2]
    ensemble = (
        table[table["strategy"] == "late-weighted"].groupby(["fold", "utterance_id"])[probabilities].mean()
    )
    for fold in models.folds:
        own = ensemble.loc[fold]
        rows = [
            {name: read[name][0][[ids.index(id_)]][0] for name in read if read[name][1][ids.index(id_)].any()}
            for id_ in own.index
        ]
        scored = scoring.probabilities(scoring.load(models, fold), rows)
        np.testing.assert_allclose(scored, own.to_numpy(), atol=1e-5)

    # run again: nothing is refitted, the bytes are the same; work that is lost is done again
    before = tree_digest(OUTPUTS)
    kept = sorted(tmp_path.glob(".emoflow/work/train-*/*.safetensors"))
    assert len(kept) == 3 * 3 + 1 + 1  # with the SVM; the registered model; what the ensemble alone chose
    times = {path: path.stat().st_mtime_ns for path in kept[1:]}
    kept[0].unlink()
    train.main()
    assert {path: path.stat().st_mtime_ns for path in kept[1:]} == times
    assert kept[0].is_file()
    assert tree_digest(OUTPUTS) == before


def test_where_folds_tried_other_configurations_the_choice_is_the_mode_and_the_median():
    folds = {
        0: chosen(3, 10, 0.9, {"weights": [0.5, 0.5]}),
        1: chosen(1, 20, 0.5, {"weights": [1.0, 0.0]}),
        2: chosen(1, 40, 0.6, {"weights": [0.0, 1.0]}),
    }
    choice = choice_for_everything("late-weighted", searched(folds))
    assert choice.config == CONFIG | {"dropout": 0.1}
    assert choice.epochs == 20
    assert choice.fitted == {"weights": [0.5, 0.5]}
    del folds[2]
    assert choice_for_everything("late-weighted", searched(folds)).config == CONFIG | {"dropout": 0.3}


def searched(folds: dict[int, Chosen]) -> StrategyChoice:
    return documents.best({"late-weighted": folds}).strategies["late-weighted"]


def test_a_class_that_no_training_row_has_is_named():
    roles = ["train", "train", "validation", "test"]
    table = pd.DataFrame(
        {
            "utterance_id": list("abcd"),
            "fold": 0,
            "label": ["anger", "neutral", "sadness", "anger"],
            "role": roles,
        }
    )
    with pytest.raises(ProtocolError, match="fold 0: no training row is of class sadness"):
        folds_of(table, CLASSES)
    with pytest.raises(ProtocolError, match="fold 0 has no test rows"):
        folds_of(table[table["role"] != "test"], CLASSES)


@pytest.mark.slow
def test_a_modality_that_came_as_features_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMOFLOW_DEVICE", "cpu")
    monkeypatch.setenv("EMOFLOW_WORKERS", "1")
    lay_out(tmp_path, strategies=["gesture"], modalities=("audio", "gesture"))
    ids = sorted(pd.read_parquet("data/folds.parquet")["utterance_id"].unique())
    hands = np.random.default_rng(0).normal(size=(len(ids), 1, 5)).astype(np.float32)
    write(
        tmp_path / "data/features/control",
        [Row(id_, "0", tokens) for id_, tokens in zip(ids, hands, strict=True)],
        modality="gesture",
        encoder="table",
        params_digest="0",
        feature_names=[f"hand_{i}" for i in range(5)],
    )
    documents.best({"gesture": {k: chosen(0, 1, 0.4) for k in range(3)}}).write()
    train.main()
    assert ModelCard.read().model_dump()["modalities"] == {
        "gesture": {
            "encoders": ["table"],
            "parameters": {},
            "layout": [("table", 5)],
            "pretrained": {},
            "models": {},
            "join": "concatenate",
            "layer_weights": {},
            "recogniser": None,
        }
    }
