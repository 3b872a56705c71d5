"""The objectives inside a population: each as it would be alone, and none without effect on the others' members."""

from dataclasses import replace

import numpy as np
import pytest
import simulated_rows
import torch
from emoflow.fusion.strategy import BASELINES, REGISTRY
from emoflow.training.contrast import unit
from emoflow.training.data import UNLABELLED, Rows
from emoflow.training.hyperparameters import common
from emoflow.training.metrics import unweighted_recall, weighted_accuracy
from emoflow.training.population import Member, Population
from simulated_rows import CLASSES, SHAPE, SIZES
from sklearn.utils.class_weight import compute_class_weight
from torch.func import functional_call, grad
from torch.nn.functional import cross_entropy

LEARNT = SHAPE | {"learning_rate": 3e-3}
EVERYTHING = {
    "class_balance": 0.5,
    "focal": 1.5,
    "soft_labels": 0.4,
    "unimodal_weight": 0.3,
    "dimension_weight": 0.3,
    "intensity_weight": 0.2,
    "gender_adversary": 0.3,
    "contrast_weight": 0.2,
    "align_weight": 0.2,
    "distill_weight": 0.3,
    "adversarial": 0.1,
}
PLAIN = {"mixup": 0.2, "dropout": 0.2}
WITHOUT = {*BASELINES, "early-summation", "early-concatenation", "resampled-concatenation"}
"""Strategies in which no modality is encoded for itself."""


def rows(count: int, seed: int) -> Rows:
    """With votes of some, and with all that may be told beside the label, of some."""
    made = simulated_rows.rows(count, seed, there=0.7)
    generator = torch.Generator().manual_seed(1000 + seed)
    signal = torch.nn.functional.one_hot(made.target, CLASSES).float()
    some = torch.rand(count, generator=generator)
    shares = torch.where((some < 0.6)[:, None], (signal + 0.5) / 2.5, 0.0)
    side = {
        name: torch.where(torch.rand(count, generator=generator) < 0.7, made.target / 2 - k / 4, torch.nan)
        for k, name in enumerate(("valence", "arousal", "intensity"))
    }
    side["gender"] = (some < 0.5).float()
    return replace(made, shares=shares, side=side)


def population(*configs: dict, strategy: str = "intermediate-concatenation") -> Population:
    dimensions = {"audio": 6} if strategy == "audio" else SIZES
    members = [Member(LEARNT | config, seed=50 + i) for i, config in enumerate(configs)]
    return Population(strategy, members, dimensions=dimensions, classes=CLASSES)


def trained(made: Population, data: Rows, epochs: int = 4) -> Population:
    made.fit(data.of([name for name in SIZES if name in made.model.modalities]), epochs=epochs)
    return made


@pytest.mark.parametrize(
    "strategy", ["audio", "late-average", pytest.param("bottleneck", marks=pytest.mark.slow)]
)
def test_a_member_alone_equals_the_member_in_a_population(strategy):
    data, validation = rows(120, 1), rows(50, 2)
    if strategy == "audio":
        data, validation = data.of(["audio"]), validation.of(["audio"])
    configs = [EVERYTHING | PLAIN, PLAIN, {"focal": 2.0, "gender_adversary": 1.0}]
    together = population(*configs, strategy=strategy).fit(data, epochs=2, validation=validation)
    for i, config in enumerate(configs):
        alone = Population(
            strategy,
            [Member(LEARNT | config, seed=50 + i)],
            dimensions={name: SIZES[name] for name in data.tokens},
            classes=CLASSES,
        ).fit(data, epochs=2, validation=validation)
        for name in ("train_loss", "loss"):
            mine = [epoch[0] for epoch in getattr(alone, name)]
            theirs = [epoch[i] for epoch in getattr(together, name)]
            assert mine == pytest.approx(theirs, abs=1e-4), (name, i)


@pytest.mark.parametrize("name", EVERYTHING)
def test_each_changes_its_member_and_to_the_bit_no_other(name):
    data = rows(90, 1)
    without = trained(population({}, {}), data).state()
    with_it = trained(population({}, {name: EVERYTHING[name]}), data).state()
    for weights, expected in zip(with_it.values(), without.values(), strict=True):
        assert torch.equal(weights[0], expected[0])
    assert any(not torch.equal(with_it[key][1], without[key][1]) for key in without)


@pytest.mark.slow
def test_heads_are_trained_and_not_packed():
    data = rows(200, 1)
    plain, made = population({}), population({"dimension_weight": 1.0, "intensity_weight": 1.0})
    trained(made, data, epochs=10)
    assert made.state().keys() == plain.state().keys()
    assert made.parameters == plain.parameters
    head = made.stacked.named_heads(made.optimizer.flat)["intensity"][0]
    assert head.abs().sum() > 0
    whole = {name: torch.ones_like(mask) for name, mask in data.present.items()}
    weights = {name: x[0] for name, x in made.state().items()}
    output = functional_call(made.model.eval(), weights, (data.tokens, whole))
    told = data.side["intensity"]
    known = ~told.isnan()
    said = (output.embedding @ head[:-1] + head[-1])[known]
    assert torch.corrcoef(torch.stack((said, told[known])))[0, 1] > 0.5


@pytest.mark.slow
def test_the_adversary_hides_the_gender_from_its_head():
    """Gender is all over the tokens: a head reads it where the embedding hardly resists, and not where it does."""
    data = rows(300, 3)
    direction = torch.randn(6, generator=torch.Generator().manual_seed(9))
    shift = (data.side["gender"] - 0.5)[:, None, None] * 1.5 * direction
    data = replace(data, tokens=data.tokens | {"audio": data.tokens["audio"] + shift}).of(["audio"])
    data = data.at(data.there().any(1))
    made = population({"gender_adversary": 0.03}, {"gender_adversary": 3.0}, strategy="audio")
    made.fit(data, epochs=30)
    missed = []
    for k in range(2):
        weights = {name: x[k] for name, x in made.state().items()}
        x = functional_call(made.model.eval(), weights, (data.tokens, data.present)).embedding
        head = made.stacked.named_heads(made.optimizer.average)["gender"][k]
        said = x @ head[:-1] + head[-1]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(said, data.side["gender"])
        missed.append(loss.item())
    assert missed[0] < 0.45 and missed[1] > 0.55, missed  # who knows nothing misses log 2 = 0.69


def test_rows_without_a_label_teach_no_class():
    data = rows(90, 1)
    hidden = data.target.clone()
    hidden[::3] = UNLABELLED
    held = replace(data, target=hidden)
    other = replace(held, shares=None)
    for config in ({"class_balance": 1.0}, {"contrast_weight": 1.0}, {"focal": 1.0}):
        one, two = (trained(population(config), each).state() for each in (held, other))
        assert all(torch.equal(one[key], two[key]) for key in one)


def test_members_of_one_population_are_attacked_in_as_many_steps():
    assert common({}) == common({"adversarial_steps": 1.0}) != common({"adversarial_steps": 3.0})
    with pytest.raises(AssertionError, match=r"members that differ in .*adversarial_steps"):
        population({"adversarial_steps": 1.0}, {"adversarial_steps": 3.0})
    trained(population({"adversarial": 0.1, "adversarial_steps": 3.0}), rows(90, 1), epochs=1)


@pytest.mark.parametrize("strategy", REGISTRY)
def test_embeddings_of_modalities_can_be_compared(strategy):
    data = rows(20, 1)
    config = {"narrow": 4, "rank": 2, "order": 1, "slots": 4, "experts": 2}
    each = population(config, strategy=strategy).embed(data)
    if each:
        assert set(each) == set(SIZES)
        assert len({x.shape for x in each.values()}) == 1
        assert all(torch.isfinite(x).all() for x in each.values())
    else:
        assert strategy in WITHOUT


@pytest.mark.slow
def test_alignment_brings_a_row_s_modalities_together():
    """What both modalities know of a row beside its class: with alignment its two embeddings lie together."""
    data = rows(240, 4)
    told = torch.randn(240, 1, 2, generator=torch.Generator().manual_seed(5)) * 3
    tokens = {
        name: torch.cat((x[..., :-2], told.expand(-1, 3, -1)), dim=-1) for name, x in data.tokens.items()
    }
    whole = {name: torch.ones_like(mask) for name, mask in data.present.items()}
    data = replace(data, tokens=tokens, present=whole)
    made = population({}, {"align_weight": 0.5})
    made.fit(data, epochs=15)
    audio, face = (unit(x) for x in made.embed(data).values())  # [K, N, E]
    scores = audio @ face.mT
    own = scores.diagonal(dim1=1, dim2=2).unsqueeze(-1)
    before = (scores > own).float().mean((1, 2))  # the share of strangers that lie nearer than oneself
    assert before[0] > 0.4 and before[1] < 0.2


def pooled(count: int, seed: int, *, size: int, shares: tuple[float, ...], strength: float) -> Rows:
    """Rows of one modality, of classes as frequent as said."""
    generator = torch.Generator().manual_seed(seed)
    target = torch.multinomial(torch.tensor(shares), count, replacement=True, generator=generator)
    centres = torch.randn(CLASSES, size, generator=torch.Generator().manual_seed(1)) * strength
    x = centres[target] + torch.randn(count, size, generator=generator)
    return Rows({"audio": x[:, None]}, {"audio": torch.ones(count, 1, dtype=torch.bool)}, target)


def members_of(data: Rows, *configs: dict, epochs: int) -> Population:
    """Each with three seeds."""
    members = [Member(LEARNT | config, seed) for config in configs for seed in range(3)]
    sizes = {"audio": data.tokens["audio"].shape[-1]}
    made = Population("audio", members, dimensions=sizes, classes=CLASSES)
    made.fit(data, epochs=epochs)
    return made


def test_classes_are_weighted_once():
    data = pooled(32, 1, size=6, shares=(0.7, 0.2, 0.1), strength=0.7)
    members = [Member(LEARNT | {"class_balance": b, "dropout": 0.0}, seed=0) for b in (0.0, 1.0)]
    made = Population("audio", members, dimensions={"audio": 6}, classes=CLASSES)
    logits = made.evaluate(data)[0]  # before the first step, which takes all 32 rows
    weights = compute_class_weight("balanced", classes=np.arange(CLASSES), y=data.target.numpy())
    (losses,) = made.fit(data, epochs=1).train_loss
    expected = [cross_entropy(logits, data.target, weight=w) for w in (None, torch.tensor(weights).float())]
    assert losses == pytest.approx([each.item() for each in expected], abs=1e-4)
    twice = cross_entropy(logits, data.target, weight=torch.tensor(weights).float() ** 2)
    assert abs(losses[1] - twice.item()) > 1e-2


@pytest.mark.slow
def test_balance_lifts_the_recall_of_rare_classes():
    of = {"size": 6, "shares": (0.85, 0.1, 0.05), "strength": 0.7}
    test = pooled(2000, 2, **of)
    made = members_of(pooled(600, 1, **of), {}, {"class_balance": 1.0}, epochs=15)
    plain, balanced = unweighted_recall(made.evaluate(test), test.target).view(2, 3).mean(1)
    assert balanced > plain + 0.05


@pytest.mark.slow
def test_who_trained_on_attacks_stands_them_better():
    of = {"size": 40, "shares": (1.0, 1.0, 1.0), "strength": 0.4}
    test = pooled(1000, 2, **of)
    made = members_of(pooled(400, 1, **of), {}, {"adversarial": 0.2}, epochs=20)
    right = []
    for k in range(6):
        weights = {name: x[k] for name, x in made.state().items()}
        says = lambda x, w=weights: functional_call(made.model, w, ({"audio": x}, test.present)).logits  # noqa: E731
        uphill = grad(lambda x, says=says: cross_entropy(says(x), test.target))(test.tokens["audio"])
        hurt = says(test.tokens["audio"] + 0.2 * uphill.sign())
        right.append(weighted_accuracy(hurt, test.target))
    plain, trained = torch.stack(right).view(2, 3).mean(1)
    assert trained > plain + 0.03


@pytest.mark.parametrize(
    "strategy",
    [
        name if name in ("late-weighted", "late-stacking") else pytest.param(name, marks=pytest.mark.slow)
        for name in REGISTRY
        if name not in BASELINES
    ],
)
def test_training_never_sees_what_validation_rows_tell(strategy):
    """With every objective on; the refit has no validation rows, and must come to the same weights."""
    data, validation = rows(64, 1), rows(24, 2)
    permuted = replace(validation, target=validation.target.roll(1))
    config = (
        EVERYTHING | PLAIN | {"consistency_weight": 0.5, "pseudo_threshold": 0.3, "auxiliary_weight": 0.1}
    )
    weights = []
    for seen in (None, validation, permuted):
        made = population(config, strategy=strategy)
        for _ in range(2):  # as at a rung of the search
            made.fit(data, epochs=1, validation=seen)
        weights.append(made.optimizer.flat)
    assert torch.equal(weights[0], weights[1]) and torch.equal(weights[1], weights[2])
