"""The support vector machine beside the strategies: what it is given, what it gives, and what chooses for it."""

import numpy as np
import pytest
import torch
from emoflow.training import svm
from emoflow.training.data import UNLABELLED, Rows


def rows(count: int, *, seed: int, classes: int = 3, noise: float = 1.0, tokens: int = 2) -> Rows:
    """Two modalities, of which only both together tell the class: their signs agree by it."""
    generator = np.random.default_rng(seed)
    target = generator.integers(classes, size=count)
    one = generator.normal(size=(count, 4))
    other = one + 2 * np.eye(classes, 4)[target] + noise * generator.normal(size=(count, 4))
    spread = {
        name: torch.from_numpy(np.repeat(x[:, None], tokens, axis=1)).float()
        for name, x in {"audio": one, "face": other}.items()
    }
    there = {name: torch.ones(count, tokens, dtype=torch.bool) for name in spread}
    return Rows(spread, there, torch.from_numpy(target))


def score(training: Rows, test: Rows, classes: int = 3) -> np.ndarray:
    return svm.probabilities(training, test, cost=1.0, temperature=1.0, classes=classes)


@pytest.mark.parametrize("classes", [2, 3])
def test_it_learns_from_both_modalities(classes):
    training, test = (
        rows(200, seed=0, classes=classes, noise=0.3),
        rows(100, seed=1, classes=classes, noise=0.3),
    )
    scored = score(training, test, classes)
    np.testing.assert_allclose(scored.sum(1), 1)
    assert (scored.argmax(1) == test.target.numpy()).mean() > 0.8
    alone = score(training.of(["face"]), test.of(["face"]), classes)
    assert (alone.argmax(1) == test.target.numpy()).mean() < (scored.argmax(1) == test.target.numpy()).mean()


def test_it_recognises_as_scikit_learns_own():
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    training, test = rows(120, seed=0), rows(60, seed=1)
    means = [
        np.concatenate([x.numpy().mean(1) for x in each.tokens.values()], axis=1) for each in (training, test)
    ]
    own = make_pipeline(StandardScaler(), SVC(C=1.0, class_weight="balanced", break_ties=True))
    own.fit(means[0], training.target.numpy())
    assert (score(training, test).argmax(1) == own.predict(means[1])).all()


def test_rows_without_a_label_and_missing_tokens_change_nothing():
    training, test = rows(90, seed=0), rows(30, seed=1)
    expected = score(training, test)
    more = rows(110, seed=0)
    bare = torch.arange(110) >= 90
    target = torch.where(bare, UNLABELLED, torch.cat([training.target, more.target[90:]]))
    tokens = {name: torch.cat([x, more.tokens[name][90:] + 5]) for name, x in training.tokens.items()}
    # a token that is not present is no part of the mean
    tokens = {name: torch.cat([x, torch.full_like(x[:, :1], 99.0)], dim=1) for name, x in tokens.items()}
    there = {name: torch.tensor([[True, True, False]]).expand(110, 3) for name in tokens}
    np.testing.assert_allclose(score(Rows(tokens, there, target), test), expected, atol=1e-9)


def test_a_class_that_no_row_shows_has_no_probability():
    training = rows(60, seed=0)
    training = training.at(training.target != 1)
    scored = score(training, rows(20, seed=1))
    assert (scored[:, 1] == 0).all() and (scored[:, [0, 2]] > 0).all()


def test_validation_chooses_the_cost_and_the_temperature():
    training, validation, test = rows(150, seed=0), rows(150, seed=1), rows(300, seed=2)
    cost, temperature = svm.choose(training, validation, classes=3)

    def loss(rows: Rows, temperature: float) -> float:
        scored = svm.probabilities(training, rows, cost=cost, temperature=temperature, classes=3)
        return -np.log(scored[np.arange(len(rows)), rows.target.numpy()]).mean()

    recalls = {}
    for each in svm.COSTS:
        right = svm.probabilities(training, validation, cost=each, temperature=1.0, classes=3).argmax(1)
        target = validation.target.numpy()
        recalls[each] = np.mean([(right[target == c] == c).mean() for c in range(3)])
    assert recalls[cost] == max(recalls.values())
    assert (
        loss(validation, temperature)
        <= min(loss(validation, temperature * by) for by in (0.5, 0.9, 1.1, 2)) + 1e-4
    )
    assert loss(test, temperature) < loss(test, 100 * temperature)
