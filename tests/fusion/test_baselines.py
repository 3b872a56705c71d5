"""The floor: what the most frequent class and what chance reach, through the same trainer as everything else."""

import torch
from emoflow.fusion.model import EmotionModel, members_state
from emoflow.fusion.preparation import Preparation, plan
from emoflow.training.data import Rows
from emoflow.training.metrics import unweighted_recall, weighted_accuracy
from emoflow.training.population import Member, Population

SIZES = {"audio": 6, "face": 4}
CLASSES = 4


def rows(count: int, seed: int) -> Rows:
    """Half of the rows are of class 2."""
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(0, CLASSES, (count,), generator=generator)
    target[: count // 3] = 2
    tokens = {name: torch.randn(count, 3, size, generator=generator) for name, size in SIZES.items()}
    present = {name: torch.rand(count, 3, generator=generator) < 0.8 for name in SIZES}
    return Rows(tokens, present, target)


def population(strategy: str) -> Population:
    return Population(strategy, [Member({}, 1), Member({}, 2)], dimensions=SIZES, classes=CLASSES)


def test_the_majority_is_that_of_the_labelled_training_rows():
    training, test = rows(200, 1), rows(3000, 2)
    training.target[training.target == 2] = torch.where(
        torch.arange((training.target == 2).sum()) < 40, 2, -1
    )
    made = population("majority")
    made.fit(training, epochs=2, validation=test)
    counted = torch.bincount(training.target[training.target >= 0], minlength=CLASSES)
    logits = made.evaluate(test)
    assert made.parameters == 0
    assert (logits.argmax(-1) == counted.argmax()).all()
    torch.testing.assert_close(logits[0, 0].softmax(-1), (counted + 1) / (counted + 1).sum())
    assert unweighted_recall(logits, test.target).tolist() == [1 / CLASSES] * 2


def test_chance_draws_evenly_by_its_seed_and_tells_nothing_of_the_label():
    test = rows(6000, 2)
    made = population("chance")
    made.fit(rows(200, 1), epochs=1)
    logits = made.evaluate(test)
    drawn = logits.argmax(-1)
    for k in range(2):
        assert torch.bincount(drawn[k], minlength=CLASSES).sub(1500).abs().max() < 150  # four deviations
    assert (weighted_accuracy(logits, test.target) - 0.25).abs().max() < 0.025
    assert ((drawn[0] == drawn[1]).double().mean() - 0.25).abs() < 0.025
    assert (logits.softmax(-1) - 0.25).abs().max() < 1e-3
    assert torch.equal(made.evaluate(test.at(torch.arange(100)))[:, :50], logits[:, :50])


def test_a_baseline_is_packed_like_any_other_strategy():
    data = rows(80, 1)
    preparation = Preparation(plan({"audio": [("egemaps", 6)], "face": [("table", 4)]}))
    preparation.fit(data.tokens, data.present)
    prepared = Rows(preparation(data.tokens, data.present), data.present, data.target)
    for strategy in ("majority", "chance"):
        made = population(strategy)
        made.fit(prepared, epochs=1)
        model = EmotionModel.empty(
            strategy, {}, members=2, classes=4,
            preparation=Preparation.from_description(preparation.describe()),
        )  # fmt: skip
        state = {f"preparation.{name}": x for name, x in preparation.state_dict().items()}
        model.load_state_dict(state | members_state(made.state(), 2))
        expected = made.evaluate(prepared).softmax(-1).mean(0)
        torch.testing.assert_close(model(data.tokens, data.present), expected)
