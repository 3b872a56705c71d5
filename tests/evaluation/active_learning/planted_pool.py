"""A pool in which most clips show the same and a few show what the others do not."""

import numpy as np
import torch
from emoflow.evaluation.active_learning.plan import Budget, Simulation, plan
from emoflow.training.data import Rows
from emoflow.training.refit import Choice
from emoflow.training.rows import Fold, Part

CLASSES, SIZE = 3, 6
CONFIG = {"width": 16, "layers": 1, "learning_rate": 0.01, "dropout": 0.1}
RARE = 0.05
"""Share of the pool's clips that are between classes 0 and 1, where another feature tells them apart."""


def part(name: str, targets: np.ndarray) -> Part:
    return Part(tuple(f"{name}/{i:03}" for i in range(len(targets))), tuple(targets.tolist()))


def rows(targets: np.ndarray, rare: np.ndarray, generator: np.random.Generator) -> Rows:
    """Feature 0 tells class 0 from class 1, except of rare clips, where feature 1 does; feature 2 shows class 2."""
    x = generator.normal(size=(len(targets), SIZE)) * 0.6
    side = np.select([targets == 0, targets == 1], [-1, 1], 0)
    x[:, 0] += np.where(rare, 0, 4 * side)
    x[:, 1] += np.where(rare, 3 * side, 0)
    x[:, 2] += np.where(targets == 2, 4, 0)
    tokens = torch.from_numpy(x[:, None].astype(np.float32))
    there = torch.ones(len(targets), 1, dtype=torch.bool)
    return Rows({"audio": tokens}, {"audio": there}, torch.from_numpy(targets))


def planted(seed: int = 0, clips: int = 200) -> tuple[Fold, Rows, Rows]:
    """A fold, and the rows of its pool and of its test, half of which are rare ones of classes 0 and 1."""
    generator = np.random.default_rng(seed)
    pool, test = np.arange(clips) % CLASSES, np.arange(150) % CLASSES
    rare = (generator.random(clips) < RARE) & (pool < 2)
    fold = Fold(0, part("pool", pool), part("validation", test[:3]), part("test", test))
    asked = (np.arange(150) // 6 % 2 == 0) & (test < 2)
    return fold, rows(pool, rare, generator), rows(test, asked, generator)


def speakers(fold: Fold) -> dict[str, str]:
    """Five in training and six in the test."""
    of_pool = {name: f"t{i % 5}" for i, name in enumerate(fold.train.ids)}
    return of_pool | {name: f"s{i % 6}" for i, name in enumerate(fold.test.ids)}


def simulations(fold: Fold, *functions: str, repeats: int = 1, **budget: int) -> list[Simulation]:
    return plan(
        [fold],
        {0: Choice("audio", CONFIG, 20, {})},
        speakers(fold),
        classes=CLASSES,
        seeds=[0, 1, 2],
        functions=functions or ["entropy", "bald"],
        budget=Budget(**({"first": 6, "ask": 6, "rounds": 2} | budget)),
        repeats=repeats,
    )
