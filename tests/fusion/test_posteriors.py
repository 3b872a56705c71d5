"""Posteriors of others' models: a temperature is fitted to them on validation rows, and nothing is learned of them."""

import math

import pytest
import torch
from emoflow.fusion.posteriors import COLDEST, HOTTEST, fit_temperature
from emoflow.fusion.preparation import Preparation, plan
from emoflow.fusion.strategy import REGISTRY, build, learns_posteriors
from emoflow.training.data import Rows
from emoflow.training.population import Member, Population
from hypothesis import given, settings
from hypothesis import strategies as st

CLASSES, SIZES = 4, {"audio": 6, "text": 4}
CONFIG = {"width": 8, "layers": 1, "experts": 2, "learning_rate": 0.01}
TAKE_THEM = [
    "text",
    "late-average",
    "late-maximum",
    "late-product",
    "late-weighted",
    "late-stacking",
    "late-ensemble",
]


def prepared(tokens: dict, target, *, posteriors=("text",)) -> Rows:
    layouts = {
        name: [("posteriors" if name in posteriors else "egemaps", x.shape[-1])] for name, x in tokens.items()
    }
    present = {name: torch.ones(x.shape[:2], dtype=torch.bool) for name, x in tokens.items()}
    preparation = Preparation(plan(layouts)).fit(tokens, present)
    return Rows(preparation(tokens, present), present, target, posteriors=preparation.posteriors)


def answers(target, *, right: float, sure: float, seed: int) -> torch.Tensor:
    """One row of posteriors for each target: the class of the target so often, always with this probability."""
    generator = torch.Generator().manual_seed(seed)
    wrong = (target + torch.randint(1, CLASSES, target.shape, generator=generator)) % CLASSES
    said = torch.where(torch.rand(len(target), generator=generator) < right, target, wrong)
    hot = torch.nn.functional.one_hot(said, CLASSES).float()
    return (hot * sure + (1 - hot) * (1 - sure) / (CLASSES - 1)).unsqueeze(1)


def sounds(target, *, noise: float, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    shown = torch.nn.functional.one_hot(target, SIZES["audio"]).float()
    return (shown + noise * torch.randn(shown.shape, generator=generator)).unsqueeze(1)


def drawn(count: int, seed: int) -> torch.Tensor:
    return torch.randint(0, CLASSES, (count,), generator=torch.Generator().manual_seed(seed))


@settings(max_examples=20, deadline=None)
@given(temperature=st.floats(0.3, 20), seed=st.integers(0, 99))
def test_the_temperature_by_which_logits_were_scaled_is_found(temperature, seed):
    generator = torch.Generator().manual_seed(seed)
    honest = torch.randn(3000, CLASSES, generator=generator) * 2
    target = torch.multinomial(honest.softmax(-1), 1, generator=generator).squeeze(-1)
    seen = torch.ones(1, len(target), dtype=torch.bool)
    (found,) = fit_temperature(honest[None] * temperature, target, seen, class_weight=torch.ones(1, CLASSES))
    assert math.isclose(found.item(), temperature, rel_tol=0.15)


def test_each_fit_sees_its_own_rows_and_one_without_rows_changes_nothing():
    target = drawn(200, 0)
    sure, unsure = (answers(target, right=0.6, sure=x, seed=1)[:, 0].log() for x in (0.99, 0.6))
    first = torch.arange(200) < 100
    logits = torch.where(first.unsqueeze(-1), sure, unsure)[None]
    seen = torch.stack((first, ~first, torch.zeros_like(first)))
    one, two, none = fit_temperature(logits, target, seen, class_weight=torch.ones(1, CLASSES)).squeeze(-1)
    assert one > 2 and two == pytest.approx(1, abs=0.4) and none == 1


def test_a_few_rows_all_right_or_all_wrong_stay_within_the_bounds():
    target = drawn(9, 0)
    for right, bound in ((1, COLDEST), (0, HOTTEST)):
        logits = answers(target, right=right, sure=0.9, seed=1)[:, 0].log()[None]
        found = fit_temperature(
            logits, target, torch.ones(1, 9, dtype=torch.bool), class_weight=torch.ones(1, CLASSES)
        )
        assert found.item() == pytest.approx(bound, rel=1e-3)


def test_what_is_written_with_few_digits_is_prepared_as_probabilities():
    x = torch.tensor([[[1.0, 0.0, 0.0, 0.0]], [[0.25, 0.2501, 0.25, 0.25]]])
    rows = prepared({"text": x}, torch.tensor([0, 1]))
    assert rows.tokens["text"].isfinite().all() and rows.posteriors == {"text"}
    torch.testing.assert_close(rows.tokens["text"].exp().sum(-1), torch.ones(2, 1))
    torch.testing.assert_close(rows.tokens["text"][1].exp(), x[1], rtol=0, atol=1e-3)


@pytest.mark.parametrize("name", TAKE_THEM)
def test_they_decide_by_themselves_and_have_nothing_to_train(name):
    rows = prepared({"text": answers(drawn(5, 0), right=0.6, sure=0.8, seed=0)}, drawn(5, 0))
    model = build(
        name, dimensions={"text": CLASSES}, classes=CLASSES, config=CONFIG, posteriors=rows.posteriors
    ).eval()
    assert not list(model.parameters())
    assert (model(rows.tokens, rows.present).logits.argmax(-1) == rows.tokens["text"][:, 0].argmax(-1)).all()


def test_one_that_would_learn_from_them_is_named_and_not_built():
    learning = [name for name in REGISTRY if learns_posteriors(name, tuple(SIZES), {"text"})]
    assert set(learning) == set(REGISTRY) - set(TAKE_THEM) - {"majority", "chance"}
    assert learns_posteriors("early-concatenation", tuple(SIZES), {"text"}) == ["text"]
    assert learns_posteriors("audio", tuple(SIZES), {"text"}) == []
    with pytest.raises(AssertionError, match="would learn from posteriors"):
        build("early-concatenation", dimensions=SIZES, classes=CLASSES, config=CONFIG, posteriors={"text"})


LEARNT = {"unimodal_weight": 0.5, "distill_weight": 0.5, "dimension_weight": 0.3, "contrast_weight": 0.2}


@pytest.mark.parametrize("more", [{}, LEARNT], ids=["default", "every loss of the fused decision"])
@pytest.mark.parametrize("name", TAKE_THEM)
def test_what_they_say_of_training_rows_changes_nothing(name, more):
    """Not the weights, not what is fitted, not the curves: whatever is learned beside them."""
    target, held = drawn(60, 0), drawn(30, 1)
    validation = prepared(
        {"audio": sounds(held, noise=1, seed=1), "text": answers(held, right=0.6, sure=0.9, seed=2)}, held
    )
    outcomes = []
    for right, sure in ((1.0, 0.999), (0.0, 0.9)):
        tokens = {
            "audio": sounds(target, noise=1, seed=3),
            "text": answers(target, right=right, sure=sure, seed=4),
        }
        rows = prepared(tokens, target)
        side = {"valence": target / CLASSES} if more else {}
        rows = Rows(rows.tokens, rows.present, target, side=side, posteriors=rows.posteriors)
        modalities = ["text"] if name == "text" else list(SIZES)
        rows = rows.of(modalities).trainable()
        population = Population(
            name,
            [Member(CONFIG | more, 0)],
            dimensions=rows.dimensions,
            classes=CLASSES,
            posteriors=rows.posteriors,
        )
        curves = population.fit(rows, epochs=3, validation=validation.of(modalities))
        outcomes.append((population.state(), curves.train_loss, curves.loss, curves.fitted))
    (one, *curves), (other, *same) = outcomes
    assert one.keys() == other.keys() and all(torch.equal(one[each], other[each]) for each in one)
    assert str(curves) == str(same)
    assert one["temperature"][0, -1] > 1.2


def test_rows_that_have_nothing_else_train_nothing():
    target = drawn(10, 0)
    rows = prepared(
        {"audio": sounds(target, noise=1, seed=1), "text": answers(target, right=1, sure=0.9, seed=2)}, target
    )
    rows.present["audio"][:4] = False
    assert len(rows.trainable()) == 6 and len(rows.of(["text"]).trainable()) == 10
    assert not rows.without_posteriors().present["text"].any() and rows.present["text"].all()


@pytest.mark.slow
def test_models_that_were_right_of_whom_they_knew_are_trusted_as_far_as_validation_says():
    """Perfect on their training speakers, 60 % right elsewhere: fitted on training rows they would decide alone."""
    parts = {"train": drawn(300, 0), "validation": drawn(300, 1), "test": drawn(1000, 2)}
    tokens = {
        part: {
            "audio": sounds(target, noise=0.55, seed=seed),
            "text": answers(target, right=1.0 if part == "train" else 0.6, sure=0.98, seed=seed + 10),
        }
        for seed, (part, target) in enumerate(parts.items())
    }
    right, certain = {}, {}
    for name, posteriors in (
        ("text", {"text"}),
        ("audio", {"text"}),
        ("late-weighted", {"text"}),
        ("late-stacking", {"text"}),
        ("early-concatenation", set()),
    ):
        layouts = {m: [("posteriors" if m in posteriors else "table", SIZES[m])] for m in SIZES}
        present = {
            part: {m: torch.ones(x.shape[:2], dtype=torch.bool) for m, x in own.items()}
            for part, own in tokens.items()
        }
        preparation = Preparation(plan(layouts)).fit(tokens["train"], present["train"])
        modalities = [name] if name in SIZES else list(SIZES)
        rows = {
            part: Rows(
                preparation(tokens[part], present[part]),
                present[part],
                target,
                posteriors=preparation.posteriors,
            ).of(modalities)
            for part, target in parts.items()
        }
        population = Population(
            name,
            [Member(CONFIG | {"learning_rate": 0.03}, 0)],
            dimensions=rows["train"].dimensions,
            classes=CLASSES,
            posteriors=preparation.posteriors,
        )
        population.fit(rows["train"].trainable(), epochs=10, validation=rows["validation"])
        scored = population.evaluate(rows["test"])[0].softmax(-1)
        right[name] = float((scored.argmax(-1) == parts["test"]).float().mean())
        certain[name] = float(scored.amax(-1).mean())
    assert certain["text"] == pytest.approx(right["text"], abs=0.05), "as sure as it is right of strangers"
    assert min(right[name] for name in right if name.startswith("late")) > max(right["audio"], right["text"])
    assert right["late-weighted"] > right["early-concatenation"] + 0.05
