"""What each family of strategies can and cannot learn, on simulated tokens whose Bayes ceiling is known.

Three modalities display something of the label; tokens are noisy pictures of the display, clear enough that what
limits a model is the displays. The ceiling is found by enumerating them.
"""

from functools import cache
from itertools import product

import numpy as np
import pytest
import torch
from emoflow.fusion.strategy import BASELINES, REGISTRY
from emoflow.search.space import configurations
from emoflow.training.data import Rows
from emoflow.training.metrics import log_loss
from emoflow.training.population import Member, Population

SIZES = {"audio": 20, "face": 12, "text": 16}
CLASSES, DISPLAYS = 4, 4
LATE = [name for name in REGISTRY if name.startswith("late-")]
JOINT = [name for name in REGISTRY if name not in {*LATE, *BASELINES}]
UNEVEN = (0.65, 0.2, 0.1, 0.05)
TRAINING_ROWS, VALIDATION_ROWS = 2500, 3000
MORE_ROWS = dict.fromkeys([*LATE, "low-rank-tensor", "gradual", "shared-private"], 5000)
"""Of the strategies that learn from fewer only with more epochs; these are quick."""
EPOCHS = {"complementary": 3}
"""Enough for every strategy but those of `MORE_EPOCHS`; 5 for the other kinds."""
MORE_EPOCHS = {"low-rank-tensor": 8}
"""A product of factors leaves the plateau that it starts on after 4 to 6 epochs, by its first weights."""
CONFIG = {
    "learning_rate": 2e-3, "weight_decay": 1e-2, "dropout": 0.1, "input_dropout": 0.0, "smoothing": 0.0, "mixup": 0.0,
    "modality_dropout": 0.0, "auxiliary_weight": 0.1,
}  # fmt: skip
SMALL = {"heads": {"layers": 1}, "experts": {"experts": 2}}
"""Of strategies with attention heads or experts: more layers and experts cost time and gain nothing here."""


def shares(kind: str) -> dict[str, np.ndarray]:
    """``P(display | label, the displays before it)`` as one joint table [label, audio, face, text]."""
    joint = np.zeros((CLASSES, DISPLAYS, DISPLAYS, DISPLAYS))
    for label, audio, face, text in product(range(CLASSES), *[range(DISPLAYS)] * 3):
        if kind == "redundant":
            chance = np.prod(
                [
                    r if shown == label else (1 - r) / 3
                    for r, shown in ((0.75, audio), (0.70, face), (0.65, text))
                ]
            )
        elif (
            kind == "interacting"
        ):  # the label is the sum of two displays, nine times in ten; the face tells nothing
            chance = (0.9 * (text == (label - audio) % 4) + 0.1 / 4) / 4 / 4
        elif kind == "complementary":  # audio tells one half of the label, text the other
            chance = (
                (0.45 if audio % 2 == label // 2 else 0.05) * (0.45 if text % 2 == label % 2 else 0.05) / 4
            )
        elif kind == "uneven":  # one class is two thirds of all, and the face tells nothing
            chance = (0.8 if audio == label else 0.2 / 3) * (0.7 if text == label else 0.1) / 4
        prior = UNEVEN[label] if kind in ("uneven", "interacting") else 1 / CLASSES
        joint[label, audio, face, text] = chance * prior
    assert joint.sum() == pytest.approx(1)
    return joint


def ceiling(kind: str, *modalities: str) -> float:
    axes = tuple(1 + i for i, name in enumerate(SIZES) if name not in modalities)
    return float(shares(kind).sum(axes).max(0).sum())


def reached_by(kind: str, combine) -> float:
    """The share of rows that a rule gets right which is given each modality's exact posterior: ``[M, C] → [C]``."""
    joint = shares(kind)
    right = 0.0
    for shown in product(range(DISPLAYS), repeat=3):
        each = [joint.sum(tuple({1, 2, 3} - {1 + m}))[:, display] for m, display in enumerate(shown)]
        right += joint[(combine(np.stack([x / x.sum() for x in each])).argmax(), *shown)]
    return right


@pytest.fixture(autouse=True)
def _one_thread():
    """Small products gain nothing by threads, and lose much where cores are busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@cache
def rows(kind: str, count: int, seed: int) -> Rows:
    generator = np.random.default_rng(seed)
    joint = shares(kind)
    drawn = np.unravel_index(generator.choice(joint.size, size=count, p=joint.ravel()), joint.shape)
    tokens = {}
    for (name, size), shown in zip(SIZES.items(), drawn[1:], strict=True):
        looks = np.random.default_rng(size).normal(size=(DISPLAYS, size)) * 1.5
        seen = looks[shown][:, None] + generator.normal(size=(count, 2, size))
        tokens[name] = torch.tensor(seen, dtype=torch.float32)
    present = {name: torch.ones(count, 2, dtype=torch.bool) for name in SIZES}
    return Rows(tokens, present, torch.tensor(drawn[0]))


@cache
def learnt(kind: str, strategy: str) -> tuple[float, Population]:
    names = (strategy,) if strategy in SIZES else tuple(SIZES)
    (config,) = configurations(strategy, modalities=tuple(SIZES), count=1, seed=3)
    for size in SMALL.keys() & config.keys():
        config |= SMALL[size]
    config |= CONFIG
    sizes = {name: SIZES[name] for name in names}
    population = Population(strategy, [Member(config, 1)], dimensions=sizes, classes=CLASSES)
    training = rows(kind, MORE_ROWS.get(strategy, TRAINING_ROWS), 1).of(names)
    validation = rows(kind, VALIDATION_ROWS, 2).of(names)
    population.fit(training, epochs=MORE_EPOCHS.get(strategy, EPOCHS.get(kind, 5)) - 1)
    curves = population.fit(training, epochs=1, validation=validation)
    return curves.wa[-1][0], population


@pytest.mark.slow
@pytest.mark.parametrize("strategy", [name for name in LATE if name != "late-maximum"])
def test_on_redundant_displays_late_fusion_reaches_the_ceiling(strategy):
    """But for the maximum, which lets one confident error overrule two that agree."""
    assert learnt("redundant", strategy)[0] > ceiling("redundant", *SIZES) - 0.025


MEANT = {
    "late-average": lambda posterior: posterior.mean(0),
    "late-ensemble": lambda posterior: posterior.mean(0),
    "late-maximum": lambda posterior: posterior.max(0),
}
"""Rules that are no Bayes' rule: with exact posteriors they do not reach the ceiling either."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "strategy",
    [name if name == "late-product" else pytest.param(name, marks=pytest.mark.slow) for name in LATE],
)
def test_on_uneven_classes_late_fusion_reaches_what_its_rule_can(strategy):
    """The prior counts once, however many modalities there are: counted thrice, 5 points are lost."""
    top = ceiling("uneven", *SIZES)
    assert reached_by("uneven", lambda posterior: posterior.prod(0)) < top - 0.05
    assert reached_by("uneven", lambda posterior: posterior.prod(0) / np.square(UNEVEN)) == pytest.approx(top)
    expected = reached_by("uneven", MEANT[strategy]) if strategy in MEANT else top
    assert learnt("uneven", strategy)[0] > expected - 0.025


@pytest.mark.slow
@pytest.mark.parametrize("strategy", JOINT)
def test_on_interacting_displays_only_joint_fusion_sees_anything(strategy):
    """Late fusion sees how frequent the classes are, and no more."""
    top = ceiling("interacting", *SIZES)
    late = max(learnt("interacting", name)[0] for name in ("late-product", "late-stacking"))
    assert late < 0.7 and ceiling("interacting", "audio") == pytest.approx(max(UNEVEN))
    reached = learnt("interacting", strategy)[0]
    assert reached > top - 0.05 and reached > late + 0.15


@pytest.mark.slow
@pytest.mark.parametrize("strategy", [name for name in LATE if name != "late-maximum"])
def test_on_complementary_displays_late_fusion_beats_every_modality(strategy):
    """But for the maximum: each modality rules out two of the four classes, and the largest share of the rest ties.

    Joint fusion, which sees what late fusion does not, is held to displays that interact.
    """
    alone = max(learnt("complementary", name)[0] for name in SIZES)
    assert learnt("complementary", strategy)[0] > alone + 0.15


def told_apart_by(strategy: str) -> str:
    """Displays of which a strategy learns all that they tell, the face's being noise."""
    return "uneven" if strategy in LATE else "interacting"


def told(strategy: str, population: Population) -> dict[str, float]:
    """What a strategy's own weights say of each modality, as shares."""
    if strategy == "late-weighted":
        weight = population.buffers["weights"][0]
    elif strategy == "late-stacking":
        mixing = population.buffers["mixing"][0]
        weight = (mixing - mixing.mean(-2, keepdim=True)).norm(
            dim=(-1, -2)
        )  # what is the same for all is none
    else:  # what passes the gates, in the mean over rows
        model, seen = population.model, []
        model.load_state_dict({name: x[0] for name, x in population.state().items()})
        data = rows(told_apart_by(strategy), VALIDATION_ROWS, 2)
        each, _ = model.eval().encode(data.tokens, data.present)
        everything = torch.cat(list(each.values()), dim=-1)
        for name, x in each.items():
            through = model.gate[name](everything).sigmoid() * model.value[name](x).tanh()
            seen.append(through.std(0).mean())
        weight = torch.stack(seen).detach()
    return dict(zip(SIZES, (weight / weight.sum()).tolist(), strict=True))


@pytest.mark.parametrize(
    "strategy",
    [pytest.param(name, marks=pytest.mark.slow) for name in ("late-weighted", "late-stacking", "gated")],
)
def test_a_modality_of_noise_gets_next_to_no_weight(strategy):
    weights = told(strategy, learnt(told_apart_by(strategy), strategy)[1])
    assert weights["face"] < 0.15 < 0.25 < min(weights["audio"], weights["text"]), weights


@pytest.mark.slow
@pytest.mark.parametrize("strategy", LATE + JOINT)
def test_another_rows_noise_changes_next_to_nothing(strategy):
    """Permutation importance (Breiman 2001): one modality's tokens come from another row."""
    kind = told_apart_by(strategy)
    _, population = learnt(kind, strategy)
    data = rows(kind, VALIDATION_ROWS, 2)

    def loss(shuffled: str | None) -> float:
        tokens = {name: x.roll(1, 0) if name == shuffled else x for name, x in data.tokens.items()}
        logits = population.evaluate(Rows(tokens, data.present, data.target))
        return float(log_loss(logits, data.target)[0])

    lost = {name: loss(name) - loss(None) for name in SIZES}
    assert lost["face"] < 0.03 < 0.1 < min(lost["audio"], lost["text"]), lost
