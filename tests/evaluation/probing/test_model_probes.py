"""Probes of the layers of models that the stage ``train`` left: planted truth, and that no test row is learned from."""

from dataclasses import replace
from pathlib import Path

import documents
import numpy as np
import pytest
import torch
import yaml
from conftest import ROOT
from emoflow.artifacts.model import PREDICTIONS
from emoflow.evaluation.probing import figure
from emoflow.evaluation.probing.inputs import Inputs
from emoflow.evaluation.probing.model_layers import LayerName, representations
from emoflow.evaluation.probing.model_splits import by_model
from emoflow.evaluation.probing.models import features_by_modality
from emoflow.evaluation.probing.run import probing
from emoflow.evaluation.probing.sentences import of_embedding
from emoflow.evaluation.probing.table import tables
from emoflow.evaluation.probing.targets import speaker_codes, targets_of
from emoflow.evaluation.robustness.scoring import load
from emoflow.stages import train
from emoflow.training.rows import Part
from in_process import run_stages
from planted_features import CLASSES, SPEAKERS, holding, lay_out, utterances
from rich.console import Console

CONFIG = {"width": 16, "layers": 1, "heads": 4, "learning_rate": 0.01, "dropout": 0.1, "unimodal_weight": 0.3}
FOLDS = 3
AMONG = FOLDS / SPEAKERS
"""Chance to name one of the speakers that a fold tests."""
NEAR = 0.12

pytestmark = pytest.mark.slow


def trained(root: Path, strategy: str) -> Inputs:
    """A workspace after the stage ``train``: the audio holds voice and emotion, the face the emotion alone."""
    table = utterances()
    emotion = holding(table["label"], seed=1)
    audio = np.hstack([holding(table["speaker"], noise=0.5), emotion])
    face = holding(table["label"], seed=2)
    face[::10] = np.nan
    lay_out(root, table, {"voice": audio})
    lay_out(root, table, {"expression": face}, modality="face")
    choice = documents.chosen(config=CONFIG, epochs=15)
    documents.best({strategy: dict.fromkeys(range(FOLDS), choice)}).write(root)
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params |= {"corpora": ["control"], "modalities": ["audio", "face"]}
    params["train"] |= {"seeds": [0, 1], "classifiers": []}
    (root / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    run_stages(root, train)
    return Inputs.read(["control"], root)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Inputs:
    return trained(tmp_path_factory.mktemp("trained"), "cross-attention")


@pytest.fixture(scope="module")
def found(inputs):
    return probing(inputs, seed=4)


def of(found, modality: str | None, name: str):
    (layer,) = [each for each in found.fusion.layers if (each.modality, each.name) == (modality, name)]
    return layer


def test_the_planted_voice_is_found_before_the_modalities_meet_and_nothing_in_the_control_task(found):
    heard, seen = (of(found, name, "input").targets for name in ("audio", "face"))
    assert heard["speaker"].figure.mean > 0.9
    assert seen["speaker"].figure.mean == pytest.approx(AMONG, abs=NEAR)
    assert seen["emotion"].figure.low > 1 / len(CLASSES) + NEAR
    for layer in found.fusion.layers:
        assert layer.targets["speaker"].control.mean == pytest.approx(AMONG, abs=NEAR)
        assert layer.targets["emotion"].control.mean == pytest.approx(1 / len(CLASSES), abs=NEAR)
        assert layer.targets["speaker"].figure.low is None and layer.targets["emotion"].figure.low is not None
    chance = {target.name: target.chance for target in found.fusion.targets}
    assert chance == pytest.approx({"emotion": 1 / len(CLASSES), "speaker": AMONG, "gender": 0.5})


def test_layers_stand_in_the_order_of_the_model(found):
    assert [(each.modality, each.name) for each in found.fusion.layers] == [
        *((name, layer) for name in ("audio", "face") for layer in ("input", "projected", "block 1")),
        (None, "embedding"),
    ]
    assert of(found, "audio", "block 1").utterances == of(found, None, "embedding").utterances == 270
    assert of(found, "face", "block 1").utterances == 243  # every tenth has no face
    assert of(found, None, "embedding").dimensions == [2 * CONFIG["width"]]


def test_the_voice_is_in_the_embedding_of_a_model_that_hears_alone(found, tmp_path):
    sees = probing(trained(tmp_path, "face"), targets=["speaker"])
    hears, blind = (of(each, None, "embedding").targets["speaker"].figure.mean for each in (found, sees))
    assert hears > AMONG + NEAR > blind


def test_the_models_are_those_that_scored_the_test_folds(inputs):
    scored = PREDICTIONS.read(inputs.root)
    for fold in inputs.folds:
        model = load(inputs.models, fold.number, inputs.root)
        embedding = representations(model, features_by_modality(inputs.store, fold.test, model.modalities))[
            LayerName(None, "embedding")
        ]
        own = scored[(scored["strategy"] == "cross-attention") & (scored["seed"] == 0)]
        expected = own[own["fold"] == fold.number].set_index("utterance_id").loc[list(fold.test.ids)]
        logits = model.members[0].classifier(torch.from_numpy(embedding))
        columns = [f"p_{label}" for label in CLASSES]
        assert np.allclose(logits.softmax(-1), expected[columns], atol=1e-4)


def test_a_probe_is_tested_on_speakers_that_its_model_did_not_hear(inputs):
    ids, speakers = list(inputs.utterances["utterance_id"]), speaker_codes(inputs.utterances)
    targets, _ = targets_of(inputs, None, seed=0)
    for target in targets:
        _, of_folds = by_model(target, inputs.folds, ids, speakers, seed=0)
        for fold, own in zip(inputs.folds, of_folds, strict=True):
            tested = np.concatenate([test for _, test in own.splits])
            assert sorted(ids[row] for row in tested) == sorted(fold.test.ids)
            for learning, test in own.splits:
                assert not set(learning) & set(test)
                learned = {ids[row] for row in learning}
                if target.name == "speaker":
                    assert learned <= set(fold.test.ids) and set(speakers[learning]) == set(speakers[test])
                    assert sorted(own.control[tested]) == sorted(own.values[tested])
                else:
                    assert learned == set(fold.seen.ids)


def test_a_fold_of_one_speaker_has_nobody_to_tell_apart(inputs):
    ids, speakers = list(inputs.utterances["utterance_id"]), speaker_codes(inputs.utterances)
    (target,), _ = targets_of(inputs, ["speaker"], seed=0)
    first = speakers[ids.index(inputs.folds[0].test.ids[0])]
    alone = [name for name in inputs.folds[0].test.ids if speakers[ids.index(name)] == first]
    fold = replace(inputs.folds[0], test=Part(tuple(alone), (0,) * len(alone)))
    assert "tests two speakers or more with 5 utterances each" in by_model(
        target, [fold], ids, speakers, seed=0
    )


def test_it_is_said_in_table_and_picture(found, tmp_path, capsys):
    Console(width=200).print(tables(found))
    said = " ".join(capsys.readouterr().out.split())
    emotion, speaker, gender = of_embedding(found.fusion)
    figure_ = of(found, None, "embedding").targets["emotion"].figure.mean
    assert emotion.startswith(
        f"emotion can be read from the embedding: UA {100 * figure_:.1f} where chance is 33.3; "
    )
    assert speaker.startswith("speaker: UA ") and "no interval" in speaker
    assert "from the input of audio" in speaker
    for each in ("layers of cross-attention", "block 1 (16)", "embedding (32)", emotion, speaker, gender):
        assert each in said
    figure.write(tmp_path / "it.png", found)
    assert (tmp_path / "it.png").read_bytes().startswith(b"\x89PNG")


def test_where_there_are_no_models_or_others_it_is_said(inputs):
    for models, why in (
        (None, "does not exist; make it with: dvc repro train"),
        (inputs.models.model_copy(update={"folds": {}}), "encoders were tuned with the models"),
        (inputs.models.model_copy(update={"tuned": True}), "encoders were tuned with the models"),
        (inputs.models.model_copy(update={"classes": ["a", "b"]}), "is of other features, classes or folds"),
    ):
        found = probing(replace(inputs, models=models), targets=["gender"])
        assert found.fusion is None and why in found.left_out["fusion"]
