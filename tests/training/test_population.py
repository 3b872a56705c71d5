"""A member of a population comes out as it would alone."""

import math

import pytest
import torch
from emoflow.fusion.model import EmotionModel, members_state
from emoflow.fusion.preparation import Preparation, plan
from emoflow.fusion.strategy import BASELINES, REGISTRY, build
from emoflow.training.data import Batch, Rows
from emoflow.training.losses import objective
from emoflow.training.metrics import log_loss, unweighted_recall, weighted_accuracy
from emoflow.training.population import Member, Population
from simulated_rows import CLASSES, SHAPE, SIZES, rows

CONFIGS = [
    {"learning_rate": 3e-3, "weight_decay": 0.01, "dropout": 0.2, "smoothing": 0.1, "mixup": 0.3},
    {
        "learning_rate": 1e-3,
        "weight_decay": 0.10,
        "dropout": 0.5,
        "input_dropout": 0.2,
        "modality_dropout": 0.3,
    },
    {"learning_rate": 6e-3, "weight_decay": 0.00, "unimodal_weight": 0.5},
]


def population(strategy: str, which: list[int], **changes) -> Population:
    members = [Member(SHAPE | CONFIGS[i] | changes, seed=100 + i) for i in which]
    dimensions = {"audio": 6} if strategy == "audio" else SIZES
    return Population(strategy, members, dimensions=dimensions, classes=CLASSES)


@pytest.mark.parametrize("strategy", ["audio", *REGISTRY])
def test_a_member_alone_equals_the_member_in_a_population(strategy):
    modalities = ("audio",) if strategy == "audio" else tuple(SIZES)
    training, validation = rows(80, 1).of(modalities), rows(60, 2).of(modalities)
    together = population(strategy, [0, 1, 2])
    curves = together.fit(training, epochs=3, validation=validation)
    for i in range(3):
        alone = population(strategy, [i])
        curve = alone.fit(training, epochs=3, validation=validation)
        for name in ("train_loss", "loss"):
            mine = [epoch[0] for epoch in getattr(curve, name)]
            theirs = [epoch[i] for epoch in getattr(curves, name)]
            assert mine == pytest.approx(theirs, abs=1e-4), (name, i)


def test_each_expert_of_an_ensemble_is_trained_as_if_it_were_alone():
    training, validation = rows(150, 1), rows(60, 2)
    one, average = population("late-ensemble", [0, 2], experts=1), population("late-average", [0, 2])
    curves = [pop.fit(training, epochs=3, validation=validation) for pop in (one, average)]
    assert torch.tensor(curves[0].loss).allclose(torch.tensor(curves[1].loss), atol=1e-5)


def test_what_moves_an_expert_of_an_ensemble_is_its_own_error():
    data = rows(40, 1)
    shape = {"width": 16, "layers": 1, "experts": 2}
    ensemble = build("late-ensemble", dimensions=SIZES, classes=CLASSES, config=shape)
    alone = build("late-average", dimensions=SIZES, classes=CLASSES, config=shape)
    second = {n: n.replace("experts.", "", 1).split(".", 1) for n, _ in alone.named_parameters()}
    second = {name: f"experts.{modality}.1.{rest}" for name, (modality, rest) in second.items()}
    alone.load_state_dict({name: ensemble.state_dict()[theirs] for name, theirs in second.items()})
    hot = torch.nn.functional.one_hot(data.target, CLASSES).float()
    batch = Batch(data.tokens, data.present, hot, torch.ones(40), hot, {})
    for model in (ensemble, alone):
        output = model(data.tokens, data.present)
        objective(
            output, batch, {"unimodal_weight": torch.ones(())}, frozenset({"unimodal_weight"})
        ).backward()
    moved = dict(ensemble.named_parameters())
    for name, parameter in alone.named_parameters():
        torch.testing.assert_close(2 * moved[second[name]].grad, parameter.grad)


@pytest.mark.slow
def test_it_learns():
    pop = population("late-average", [0, 2])
    curves = pop.fit(rows(300, 1), epochs=15, validation=rows(200, 2))
    assert min(curves.ua[-1]) > 0.6
    assert curves.train_loss[-1] < curves.train_loss[0]


def test_one_step_counts():
    few = rows(20, 1)
    made = population("early-concatenation", [0, 1])
    before = made.evaluate(few)
    made.fit(few, epochs=1)
    assert ((made.evaluate(few) - before).abs().amax((1, 2)) > 1e-5).all()


def test_survivors_go_on_as_if_nobody_had_left():
    training, validation = rows(150, 1), rows(60, 2)
    whole, cut = population("early-concatenation", [0, 1, 2]), population("early-concatenation", [0, 1, 2])
    expected = whole.fit(training, epochs=4, validation=validation)
    cut.fit(training, epochs=2, validation=validation)
    cut.keep([2, 0])
    rest = cut.fit(training, epochs=2, validation=validation)
    assert rest.loss[-1][0] == pytest.approx(expected.loss[-1][2], abs=1e-4)
    assert rest.loss[-1][1] == pytest.approx(expected.loss[-1][0], abs=1e-4)


def test_a_diverging_member_fails_alone():
    training, validation = rows(150, 1), rows(60, 2)
    shape = {"width": 16, "layers": 1}
    good, bad = Member(shape | CONFIGS[0], 1), Member(shape | {"learning_rate": float("inf")}, 2)
    make = lambda members: Population("audio", members, dimensions={"audio": 6}, classes=CLASSES)  # noqa: E731
    pair, alone = make([bad, good]), make([good])
    curves = pair.fit(training.of(["audio"]), epochs=3, validation=validation.of(["audio"]))
    expected = alone.fit(training.of(["audio"]), epochs=3, validation=validation.of(["audio"]))
    assert pair.alive == [False, True]
    assert [each[1] for each in curves.loss] == pytest.approx([each[0] for each in expected.loss], abs=1e-4)


def test_the_same_twice():
    runs = []
    for _ in range(2):
        pop = population("cross-attention", [0, 1])
        pop.fit(rows(100, 1), epochs=2)
        runs.append(pop.state())
    assert all(torch.equal(runs[0][name], runs[1][name]) for name in runs[0])


def test_the_packed_model_is_the_mean_of_its_members():
    data = rows(80, 1)
    preparation = Preparation(plan({"audio": [("egemaps", 6)], "face": [("table", 4)]}))
    preparation.fit(data.tokens, data.present)
    prepared = Rows(preparation(data.tokens, data.present), data.present, data.target)
    pop = population("late-weighted", [0, 1])
    pop.fit(prepared, epochs=2, validation=prepared)
    model = EmotionModel.empty(
        "late-weighted", {"width": 16, "layers": 1}, members=2, classes=3,
        preparation=Preparation.from_description(preparation.describe()),
    )  # fmt: skip
    state = {f"preparation.{name}": x for name, x in preparation.state_dict().items()}
    model.load_state_dict(state | members_state(pop.state(), 2))
    expected = pop.evaluate(prepared).softmax(-1).mean(0)
    torch.testing.assert_close(model(data.tokens, data.present), expected)
    audio = model({"audio": data.tokens["audio"]}, {"audio": data.present["audio"]})
    torch.testing.assert_close(audio.sum(-1), torch.ones(80))


def test_metrics_by_hand():
    logits = torch.tensor([[2.0, 0.0], [2.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
    target = torch.tensor([0, 0, 1, 1])
    assert weighted_accuracy(logits, target) == 0.75
    assert unweighted_recall(logits, torch.tensor([0, 0, 0, 1])) == pytest.approx(1.0)
    assert unweighted_recall(logits, torch.tensor([0, 1, 1, 1])) == pytest.approx((1 + 1 / 3) / 2)
    right, wrong = math.log(1 + math.exp(-2)), math.log(1 + math.exp(2))
    assert log_loss(logits, target).item() == pytest.approx((3 * right + wrong) / 4)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["audio", *REGISTRY])
def test_products_in_bfloat16_come_near(strategy):
    modalities = ("audio",) if strategy == "audio" else tuple(SIZES)
    training, validation = rows(80, 1).of(modalities), rows(60, 2).of(modalities)
    losses = []
    for bfloat16 in (0.0, 1.0):
        pop = population(strategy, [0, 1], bfloat16=bfloat16)
        losses.append(pop.fit(training, epochs=2, validation=validation).loss[-1])
        assert all(x.dtype == torch.float32 for x in pop.state().values() if x.is_floating_point())
    assert losses[1] == pytest.approx(losses[0], abs=0.02)
    assert strategy in BASELINES or losses[1] != losses[0]
