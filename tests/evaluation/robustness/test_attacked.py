"""Attacked features make a model err, the more the further they may move, and each utterance for itself."""

import numpy as np
import pytest
import torch
from emoflow.evaluation.robustness import attacked, scoring
from emoflow.fusion.model import EmotionModel, members_state
from emoflow.fusion.reduction import Reduction
from emoflow.training.data import Rows
from emoflow.training.refit import Choice, probabilities, refit
from emoflow.training.rows import fit_preparation, prepare

COUNT, CLASSES = 60, 3
LAYOUTS = {"audio": [("egemaps", 6)], "face": [("appearance", 4)]}


@pytest.fixture(scope="module")
def held() -> tuple[EmotionModel, list[dict[str, np.ndarray]], np.ndarray]:
    """A model, the features of utterances, of which some have no face, and their classes."""
    generator = np.random.default_rng(0)
    truth = generator.integers(CLASSES, size=COUNT)
    features = [
        {
            name: (generator.normal(size=(count, size)) + 1.5 * np.eye(size)[c]).astype(np.float32)
            for name, count, size in (("audio", generator.integers(1, 5), 6), ("face", 2, 4))
        }
        for c in truth
    ]
    for each in features[::7]:
        del each["face"]
    raw = _rows(features, truth)
    preparation = fit_preparation(raw, LAYOUTS, Reduction())
    rows = prepare(preparation, raw)
    config = {"width": 16, "layers": 1, "learning_rate": 0.01, "dropout": 0.1}
    population = refit(
        Choice("early-concatenation", config, 80, {}), seeds=[0, 1], rows=rows, classes=CLASSES
    )
    model = EmotionModel.empty(
        "early-concatenation", config, members=2, classes=CLASSES, preparation=preparation
    )
    prepared = {f"preparation.{name}": x for name, x in preparation.state_dict().items()}
    model.load_state_dict(members_state(population.state(), 2) | prepared)
    np.testing.assert_allclose(
        scoring.probabilities(model, features), probabilities(population, rows).mean(0), atol=1e-5
    )
    return model, features, truth


def _rows(features: list[dict[str, np.ndarray]], truth: np.ndarray) -> Rows:
    tokens, present = {}, {}
    for name, layout in LAYOUTS.items():
        tokens[name] = torch.zeros(COUNT, 4, layout[0][1])
        present[name] = torch.zeros(COUNT, 4, dtype=torch.bool)
        for k, each in enumerate(features):
            if name in each:
                tokens[name][k, : len(each[name])] = torch.from_numpy(each[name])
                present[name][k, : len(each[name])] = True
    return Rows(tokens, present, torch.from_numpy(truth))


def attack(held, condition: str, radius: float, which: slice = slice(None)) -> np.ndarray:
    model, features, truth = held
    ids = np.array([f"lab/{k}" for k in range(COUNT)])
    return attacked.probabilities(
        model, features[which], truth[which], condition, radius, utterance_ids=ids[which], seed=7
    )


def loss(held, probabilities: np.ndarray) -> float:
    return float(-np.log(probabilities[np.arange(COUNT), held[2]]).mean())


@pytest.mark.parametrize("condition", attacked.ATTACKS)
def test_the_further_features_may_move_the_more_a_model_errs(held, condition):
    model, features, _ = held
    clean = scoring.probabilities(model, features)
    np.testing.assert_allclose(attack(held, condition, 0), clean, atol=1e-6)
    losses = [loss(held, clean), *(loss(held, attack(held, condition, radius)) for radius in (0.1, 0.3, 1))]
    assert losses == sorted(losses) and losses[-1] > 2 * losses[0]


def test_several_steps_find_worse_than_one_and_both_worse_than_chance(held):
    model, features, _ = held
    one, several = attack(held, "fgsm", 0.5), attack(held, "pgd", 0.5)
    generator = np.random.default_rng(1)
    moved = [
        {
            name: x + 0.5 * _scale(model, name) * generator.choice([-1, 1], x.shape).astype(np.float32)
            for name, x in each.items()
        }
        for each in features
    ]
    by_chance = scoring.probabilities(model, moved)
    assert loss(held, several) >= loss(held, one) - 0.01 > loss(held, by_chance)


def _scale(model: EmotionModel, modality: str) -> np.ndarray:
    """One standard deviation of each feature."""
    return model.preparation.state_dict()[f"blocks.{modality}.0.scale"].numpy()


@pytest.mark.parametrize("condition", attacked.ATTACKS)
def test_what_is_done_to_an_utterance_does_not_depend_on_the_others(held, condition):
    together, alone = attack(held, condition, 0.4), attack(held, condition, 0.4, slice(13, 14))
    np.testing.assert_allclose(alone[0], together[13], atol=1e-6)
    np.testing.assert_array_equal(attack(held, condition, 0.4), together)
