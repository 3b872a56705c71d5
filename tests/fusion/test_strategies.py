"""What holds for every fusion strategy."""

import pytest
import torch
from emoflow.errors import ParamsError
from emoflow.fusion.strategy import BASELINES, REGISTRY, build, entry, parameter_count, search_space, uses
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import functional_call, grad, stack_module_state, vmap

SIZES = {"audio": 7, "text": 5, "face": 3}
LENGTHS = {"audio": 6, "text": 1, "face": 4}
CLASSES = 4
CONFIG = {"width": 16, "layers": 2, "heads": 4, "narrow": 6, "rank": 3, "order": 1, "slots": 4, "experts": 2}
NAMES = ["audio", "text", "face", *REGISTRY]
SUBSETS = [("audio",), ("text",), ("face",), ("audio", "face"), ("audio", "text"), ("text", "face")]


def make(name: str, seed: int = 0):
    torch.manual_seed(seed)
    model = build(
        name, dimensions={m: SIZES[m] for m in uses(name, tuple(SIZES))}, classes=CLASSES, config=CONFIG
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model.eval()


def batch(rows: int = 5, seed: int = 1):
    generator = torch.Generator().manual_seed(seed)
    tokens = {m: torch.randn(rows, LENGTHS[m], SIZES[m], generator=generator) for m in SIZES}
    lengths = {m: torch.randint(0, LENGTHS[m] + 1, (rows,), generator=generator) for m in SIZES}
    present = {m: torch.arange(LENGTHS[m]) < lengths[m][:, None] for m in SIZES}
    return tokens, present


def pick(model, tokens, present):
    return {m: tokens[m] for m in model.modalities}, {m: present[m] for m in model.modalities}


def close(a, b):
    torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), more=st.integers(1, 5))
def test_padding_and_batch_order_change_nothing(name, seed, more):
    model = make(name)
    tokens, present = pick(model, *batch(seed=seed))
    expected = model(tokens, present)
    assert expected.logits.shape == (5, CLASSES)
    assert torch.isfinite(expected.logits).all()

    order = torch.randperm(5, generator=torch.Generator().manual_seed(seed))
    padded = {
        m: torch.cat((x, torch.full((5, more, SIZES[m]), float("nan"))), 1)[order] for m, x in tokens.items()
    }
    masks = {m: torch.cat((p, torch.zeros(5, more, dtype=torch.bool)), 1)[order] for m, p in present.items()}
    close(model(padded, masks).logits, expected.logits[order])
    close(model(padded, masks).embedding, expected.embedding[order])


@pytest.mark.parametrize("name", list(REGISTRY))
@pytest.mark.parametrize("subset", SUBSETS)
def test_absent_equals_dropped(name, subset):
    model = make(name)
    tokens, present = batch()
    present = {m: torch.ones_like(p) for m, p in present.items()}
    masked = {m: p if m in subset else torch.zeros_like(p) for m, p in present.items()}
    absent = model(tokens, masked).logits
    dropped = model({m: tokens[m] for m in subset}, {m: present[m] for m in subset}).logits
    close(absent, dropped)
    assert name == "majority" or not torch.allclose(absent, model(tokens, present).logits)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in BASELINES])
def test_gradients_are_finite_where_everything_is_absent(name):
    model = make(name).train()
    tokens, present = pick(model, *batch())
    present = {m: p & (torch.arange(5) > 1)[:, None] for m, p in present.items()}
    tokens = {m: torch.where(present[m].unsqueeze(-1), x, float("nan")) for m, x in tokens.items()}
    output = model(tokens, present)
    total = output.logits.logsumexp(-1).sum() + sum(
        x.sum() for x in (output.per_modality_logits or {}).values()
    )
    total.backward()
    for parameter_name, parameter in model.named_parameters():
        if parameter.grad is not None:
            assert torch.isfinite(parameter.grad).all(), parameter_name


@pytest.mark.parametrize("name", NAMES)
def test_a_population_under_vmap_equals_its_members(name):
    models = [make(name, seed) for seed in range(3)]
    tokens, present = pick(models[0], *batch())
    target = torch.arange(5) % CLASSES

    def loss(parameters: dict, buffers: dict) -> tuple:
        output = functional_call(models[0], (parameters, buffers), (tokens, present))
        return torch.nn.functional.cross_entropy(output.logits, target), output.logits

    steep = grad(loss, has_aux=True)
    gradients, logits = vmap(steep)(*stack_module_state(models))
    for k, model in enumerate(models):
        alone, expected = steep(dict(model.named_parameters()), dict(model.named_buffers()))
        close(logits[k], expected)
        for parameter, gradient in alone.items():
            close(gradients[parameter][k], gradient)


W, NARROW, RANK, SLOTS, EXPERTS, M, D = 16, 6, 3, 4, 2, 3, 7 + 5 + 3
OUT = W * CLASSES + CLASSES
SQUARE = W * W + W
ENCODERS = D * W + M * (W + SQUARE)  # one a modality, of two layers
EXPERT = ENCODERS + M * OUT
INTERMEDIATE = EXPERT + M * W  # and what stands for an absent one
ATTENTION = 4 * SQUARE
LAYER = 4 * W + ATTENTION + (2 * W * W + 2 * W) + (2 * W * W + W)  # norms, attention, feed-forward
CROSS = LAYER + 2 * W  # a norm more
STEM = D * W + M * (W + W + W + OUT)  # projections, their biases, kinds, absents, own decisions
DECLARED = {
    "majority": 0,
    "chance": 0,
    "audio": (7 * W + W) + SQUARE + OUT,
    "early-summation": (D * W + M * W) + 2 * SQUARE + OUT,
    "early-concatenation": D + (D * W + W) + SQUARE + OUT,
    "resampled-concatenation": D + (D * W + W) + 2 * LAYER + OUT,
    **dict.fromkeys(
        ("late-average", "late-maximum", "late-product", "late-weighted", "late-stacking"), EXPERT
    ),
    "late-ensemble": EXPERTS * EXPERT,
    "intermediate-concatenation": INTERMEDIATE + (M * W * W + W) + OUT,
    "gradual": INTERMEDIATE + 2 * (2 * W * W + W) + OUT,
    "gated": INTERMEDIATE + M * SQUARE + M * (M * W * W + W) + OUT,
    "shared-private": INTERMEDIATE + SQUARE + 2 * M * SQUARE + (2 * M * W * W + W) + OUT,
    "tensor": INTERMEDIATE + M * (W * NARROW + NARROW) + ((NARROW + 1) ** M * W + W) + OUT,
    "low-rank-tensor": INTERMEDIATE + M * (W * NARROW + NARROW) + M * (NARROW + 1) * W * RANK + RANK + OUT,
    "multiplicative": INTERMEDIATE
    + M * (W * NARROW + NARROW)
    + 2 * (NARROW + 1) * (NARROW * NARROW + NARROW)
    + (NARROW + 1) * CLASSES,
    "cross-attention": D * W + M * (W + W + W + OUT) + 2 * M * CROSS + (M * W * CLASSES + CLASSES),
    "transformer-summation": STEM + M + 2 * LAYER + OUT,
    "single-stream": STEM + 2 * LAYER + OUT,
    "many-to-one": STEM + (M + 2) * LAYER + OUT,
    "one-to-many": STEM + (2 + M) * LAYER + (M * W * CLASSES + CLASSES),
    "cross-concatenation": STEM + M * CROSS + 2 * LAYER + OUT,
    "bottleneck": STEM + 4 * W + 3 * M * LAYER + (M * W * CLASSES + CLASSES),
    "hybrid-stream": STEM + 2 * (M + 1) * LAYER + ((M + 1) * W * CLASSES + CLASSES),
}


@pytest.mark.parametrize("name", ["audio", *REGISTRY])
def test_the_parameter_count_is_the_formula(name):
    assert parameter_count(make(name)) == DECLARED[name]


def test_late_averages_probabilities_of_those_present():
    model = make("late-average")
    tokens, present = batch()
    present = {m: torch.ones_like(p) for m, p in present.items()}
    output = model(tokens, present)
    mean = torch.stack([x.softmax(-1) for x in output.per_modality_logits.values()]).mean(0)
    close(output.logits.softmax(-1), mean)


def test_late_weights_find_the_one_that_knows():
    model = make("late-weighted")
    target = torch.randint(0, CLASSES, (400,), generator=torch.Generator().manual_seed(0))
    right = torch.nn.functional.one_hot(target, CLASSES) * 4.0
    noise = torch.randn(400, CLASSES, generator=torch.Generator().manual_seed(1)) * 3
    logits = {"audio": torch.stack((right, noise)), "face": torch.stack((noise, right))}
    there = torch.ones(400, 2, dtype=torch.bool)
    even = torch.full((2, CLASSES), 1 / CLASSES)
    seen = torch.ones(1, 400, dtype=torch.bool)
    weights = model.fit_on_validation(logits, there, target, seen, even, torch.ones(2, CLASSES))["weights"][0]
    assert weights[0, 0] > 0.7 and weights[1, 1] > 0.7
    assert weights[0, 1] < 0.05 and weights[1, 0] < 0.05


@pytest.mark.parametrize("name", ["late-product", "late-weighted", "late-stacking"])
def test_the_prior_counts_once_however_many_modalities_are_there(name):
    """Where experts know nothing but the prior, so does the fused decision, whatever a row lacks."""
    model, (tokens, present) = make(name), batch()
    prior = torch.tensor([0.7, 0.2, 0.1] + [0.0] * (CLASSES - 3)).clamp(min=0.01)
    prior = prior / prior.sum()
    for buffer, value in type(model).fit_to_prior(prior[None]).items():
        getattr(model, buffer).copy_(value[0])
    for expert in model.experts.values():
        torch.nn.init.zeros_(expert.classifier.weight)
        expert.classifier.bias.data.copy_(prior.log())
    close(model(tokens, present).logits.softmax(-1), prior.expand(len(next(iter(tokens.values()))), -1))


def test_an_unknown_strategy_names_the_nearest():
    with pytest.raises(ParamsError, match="'late-avrage' is not known; did you mean 'late-average'"):
        entry("late-avrage", tuple(SIZES))


@pytest.mark.parametrize("name", NAMES)
def test_every_strategy_can_be_searched(name):
    space = search_space(name, tuple(SIZES))
    kind = entry(name, tuple(SIZES)).load()
    assert set(kind.architecture_keys) <= set(space)
    for axis in space.values():
        for u in (0.0, 0.5, 0.999999):
            axis.at(u)
