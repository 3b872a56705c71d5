"""Posteriors and features that differ by test fold, from an attached table to the registered model."""

import documents
import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT
from emoflow.artifacts.fold_models import FoldModels
from emoflow.artifacts.model import ModelCard
from emoflow.artifacts.robustness import PERTURBED, RobustnessNotes
from emoflow.artifacts.search import Best
from emoflow.encoders import FeatureStore
from emoflow.evaluation.robustness import scoring
from emoflow.registry import loadback
from emoflow.registry.inference import Predictor
from emoflow.registry.package import pack
from emoflow.schema import UTTERANCE_COLUMNS
from emoflow.stages import features, robustness, search, train
from in_process import run_stages
from safetensors.numpy import load_file

CLASSES = ["anger", "neutral", "sadness"]
pytestmark = pytest.mark.slow

SPEAKERS, CLIPS = 6, 20
STRATEGIES = ["audio", "text", "late-weighted", "early-concatenation", "majority"]


def lay_out(root, *, kind: str, strategies=STRATEGIES, epochs: int = 12) -> None:
    """Sound that shows the class a little, and models that are perfect of training speakers, 65 % right of others."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params |= {"corpora": ["mine"], "modalities": ["audio", "text"]}
    params["search"] |= {"strategies": strategies, "configurations": 1, "epochs": epochs, "halvings": 0}
    params["search"]["space"] = {"width": [16], "learning_rate": 0.05}
    params["train"]["seeds"] = [0]
    params["robustness"]["conditions"] = {"missing": [0.0], "fgsm": [0.1]}
    (root / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    generator = np.random.default_rng(0)
    rows = [
        {
            "utterance_id": f"mine/{speaker}-{label}-{clip}",
            "corpus": "mine",
            "speaker": f"mine/{speaker}",
            "label": label,
        }
        for speaker in range(SPEAKERS)
        for label in CLASSES
        for clip in range(CLIPS)
    ]
    table = pd.DataFrame(rows).reindex(columns=list(UTTERANCE_COLUMNS))
    names = table["utterance_id"].str.removeprefix("mine/")
    attached = root / "data/raw/mine/attached"
    attached.mkdir(parents=True)
    (attached.parent / "utterances.csv").write_text("id\n" + "\n".join(names) + "\n")
    truth = table["label"].map(CLASSES.index).to_numpy()
    sound = np.eye(3)[truth] + 0.7 * generator.normal(size=(len(table), 3))
    pd.DataFrame(sound, columns=["x", "y", "z"]).assign(name=names).to_csv(
        attached / "audio.csv", index=False
    )
    documents.three_folds(root, table)
    documents.protocol(classes=CLASSES).write(root)
    folds, said = pd.read_parquet(root / "data/folds.parquet"), []
    for fold, own in folds.groupby("fold"):
        of = own["label"].map(CLASSES.index).to_numpy()
        heard = (own["role"] == "train").to_numpy()
        wrong = (of + generator.integers(1, 3, len(of))) % 3
        hot = np.eye(3)[np.where(heard | (generator.random(len(of)) < 0.65), of, wrong)]
        probabilities = hot * 0.97 + (1 - hot) * 0.015
        local = own["utterance_id"].str.removeprefix("mine/").to_numpy()
        said.append(pd.DataFrame(probabilities, columns=CLASSES).assign(name=local, fold=fold))
    pd.concat(said).to_csv(attached / "text.csv", index=False)
    train_speakers = folds[folds["role"] == "train"].groupby("fold")["speaker"].unique()
    declared = {"protocol": "small.kfold3", "kind": kind} | (
        {"classes": CLASSES} if kind == "posteriors" else {}
    )
    declared["folds"] = {
        fold: {"training_speakers": [name.removeprefix("mine/") for name in of]}
        for fold, of in train_speakers.items()
    }
    (attached / "text.folds.yaml").write_text(yaml.safe_dump(declared), encoding="utf-8")
    documents.validated(root, table)


def right(root, strategy: str) -> float:
    table = pd.read_parquet(root / "data/predictions.parquet")
    table = table[table["strategy"] == strategy]
    scores = table[[f"p_{name}" for name in CLASSES]].to_numpy()
    return float((scores.argmax(1) == table["label"].map(CLASSES.index)).mean())


@pytest.fixture(scope="module")
def of_posteriors(tmp_path_factory):
    root = tmp_path_factory.mktemp("posteriors")
    lay_out(root, kind="posteriors")
    run_stages(root, features, search, train, arguments=("mine",))
    return root


@pytest.fixture(scope="module")
def of_features(tmp_path_factory):
    root = tmp_path_factory.mktemp("features")
    lay_out(root, kind="features", strategies=["early-concatenation"])
    run_stages(root, features, search, train, arguments=("mine",))
    return root


def test_the_store_holds_each_fold(of_posteriors):
    store = FeatureStore.open(of_posteriors / "data/features/mine")
    assert store.layout("text") == [("posteriors", 3)] and store.folds("text") == [0, 1, 2]
    assert store.layout("audio") == [("table", 3)] and store.feature_names("text") == CLASSES


def test_a_strategy_that_would_learn_from_posteriors_is_left_out_with_the_reason(of_posteriors):
    best = Best.read(of_posteriors)
    assert set(best.strategies) == set(STRATEGIES) - {"early-concatenation"}
    assert (
        "the text posteriors are those of models that were trained on these rows"
        in best.left_out["early-concatenation"]
    )
    assert all(choice.fitted["temperature"][0] > 1.5 for choice in best.strategies["text"].folds.values())
    assert best.strategies["text"].parameters == 0 and best.posteriors == ["text"]


def test_models_are_trusted_as_far_as_validation_says(of_posteriors, of_features):
    best, early = Best.read(of_posteriors), Best.read(of_features).strategies["early-concatenation"]
    assert best.best == "late-weighted"
    assert best.strategies["late-weighted"].validation.ua > early.validation.ua + 0.05
    assert (
        right(of_posteriors, "late-weighted")
        > max(right(of_posteriors, name) for name in ("audio", "text")) + 0.03
    )
    assert 0.55 < right(of_posteriors, "text") < 0.8
    table = pd.read_parquet(of_posteriors / "data/predictions.parquet").query("strategy == 'text'")
    sure = table[[f"p_{name}" for name in CLASSES]].max(axis=1).mean()
    assert abs(sure - right(of_posteriors, "text")) < 0.1  # as written they are 97 % sure
    assert (
        abs(right(of_posteriors, "svm") - right(of_posteriors, "audio")) < 0.08
    )  # it learns from sound alone


def test_the_registered_model_takes_posteriors_as_a_column(of_posteriors, tmp_path):
    card = ModelCard.read(of_posteriors)
    assert card.strategy.startswith("late-") and card.modalities["text"].encoders == ["posteriors"]
    predictor = Predictor(pack(of_posteriors / "data/model", tmp_path / "packed").model)
    assert predictor.columns == ["audio", "video", "text"]
    rows = pd.DataFrame(
        {
            "audio": [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], None, None, None],
            "text": [
                [0.97, 0.015, 0.015],
                None,
                [0.015, 0.97, 0.015],
                [0.5, 0.4, 0.4],
                [[0.5, 0.5, 0], [1, 0, 0]],
            ],
        }
    )
    found = predictor.table(rows)
    assert found["modalities_used"].tolist() == ["audio+text", "audio", "text", "", ""]
    assert found["label"].tolist()[:3] == ["anger", "anger", "neutral"]
    assert 0.4 < found["p_neutral"][2] < 0.9
    assert all("of sum 1" in why for why in found["reason"][3:])
    recordings = loadback._recordings(of_posteriors, predictor)
    assert recordings and all({"audio", "text"} == set(tokens) for _, tokens in recordings)


def test_the_folds_models_read_their_own_folds_features(of_posteriors):
    run_stages(of_posteriors, robustness)
    left_out = RobustnessNotes.read(of_posteriors).left_out
    assert left_out == {"fgsm": "text came as posteriors, and attacks move features"}
    models = FoldModels.read(of_posteriors)
    classes = [f"p_{name}" for name in CLASSES]
    table = PERTURBED.read(of_posteriors).set_index("utterance_id")[classes]
    predictions = pd.read_parquet(of_posteriors / "data/predictions.parquet")
    tested = (
        predictions[predictions["strategy"] == models.strategy]
        .groupby("utterance_id")[classes]
        .mean()
        .loc[table.index]
    )
    np.testing.assert_allclose(table, tested, atol=1e-5)
    assert scoring.load(models, 0, of_posteriors).preparation.posteriors == {"text"}


def test_features_are_learned_from_by_every_strategy_and_out_of_fold_by_the_registered_model(of_features):
    assert set(Best.read(of_features).strategies) == {"early-concatenation"}
    card = ModelCard.read(of_features)
    assert card.modalities["text"].encoders == ["table"]
    state = load_file(of_features / "data/model/weights.safetensors")
    table = pd.read_csv(of_features / "data/raw/mine/attached/text.csv").set_index(["fold", "name"])
    folds = pd.read_parquet(of_features / "data/folds.parquet").query("role == 'test'")
    own = [
        (fold, name.removeprefix("mine/"))
        for fold, name in zip(folds["fold"], folds["utterance_id"], strict=True)
    ]
    mean = table.loc[own].to_numpy().mean(0)
    np.testing.assert_allclose(state["preparation.blocks.text.0.mean"], mean, atol=1e-6)


def test_published_models_alone_are_fused_and_compared(tmp_path):
    """Two modalities of posteriors, one of them without a row for who trained the model: nothing is learned, and late
    strategies fuse them all the same."""
    strategies = ["audio", "text", "late-average", "late-weighted"]
    lay_out(tmp_path, kind="posteriors", strategies=strategies, epochs=1)
    attached = tmp_path / "data/raw/mine/attached"
    text = pd.read_csv(attached / "text.csv")
    clips_of_a_class = ["fold", text["name"].str.rpartition("-")[0]]
    other = text.groupby(clips_of_a_class)[CLASSES].transform(np.roll, 3)  # as good, and wrong elsewhere
    pd.concat([text[["name", "fold"]], other], axis=1).to_csv(attached / "audio.csv", index=False)
    (attached / "audio.folds.yaml").write_text((attached / "text.folds.yaml").read_text())
    roles = pd.read_parquet(tmp_path / "data/folds.parquet").query("role == 'train'")
    heard = set(zip(roles["fold"], roles["utterance_id"].str.removeprefix("mine/"), strict=True))
    held_out = [each not in heard for each in zip(text["fold"], text["name"], strict=True)]
    text[held_out].to_csv(attached / "text.csv", index=False)
    run_stages(tmp_path, features, search, train, arguments=("mine",))
    assert set(Best.read(tmp_path).strategies) == set(strategies)
    fused = right(tmp_path, "late-weighted")
    assert fused > 0.5 and fused >= max(right(tmp_path, name) for name in ("audio", "text")) - 0.02
    assert set(pd.read_parquet(tmp_path / "data/predictions.parquet")["strategy"]) == {*strategies, "chosen"}
    assert ModelCard.read(tmp_path).parameters == 0
