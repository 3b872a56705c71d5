"""The learned sum of an encoder's layers: in front of every strategy, for every member, and what it finds."""

from dataclasses import replace

import pytest
import torch
from emoflow.fusion.layer_weights import learned, shares
from emoflow.fusion.model import EmotionModel, members_state
from emoflow.fusion.preparation import Preparation, plan
from emoflow.fusion.reduction import Reduction
from emoflow.fusion.strategy import BASELINES, REGISTRY, build, parameter_count, uses
from emoflow.training.data import Rows
from emoflow.training.members import Member
from emoflow.training.population import Population
from emoflow.training.rows import fit_preparation, prepare
from torch.func import functional_call, stack_module_state, vmap

CLASSES = 4
SIZES = {"audio": 2 + 3 * 5 + 2 * 4, "face": 3, "text": 4 * 2}
SUMMED = {"audio": 2 + 5 + 4, "face": 3, "text": 2}
LAYERS = {"audio": ((2, 1), (5, 3), (4, 2)), "text": ((2, 4),)}
CONFIG = {"width": 8, "layers": 1, "heads": 2, "narrow": 4, "rank": 2, "order": 1, "slots": 4, "experts": 2}
NAMES = ["audio", "text", *(name for name in REGISTRY if name not in BASELINES)]


def make(name: str, seed: int = 0):
    torch.manual_seed(seed)
    sizes = {m: SIZES[m] for m in uses(name, tuple(SIZES))}
    model = build(name, dimensions=sizes, classes=CLASSES, config=CONFIG, layers=LAYERS)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model.eval()


def batch(model, seed: int = 1):
    generator = torch.Generator().manual_seed(seed)
    tokens = {m: torch.randn(5, 4, SIZES[m], generator=generator) for m in model.modalities}
    return tokens, {m: torch.rand(5, 4, generator=generator) < 0.7 for m in model.modalities}


def by_hand(model, tokens):
    """The layers summed without the module."""
    summed = dict(tokens)
    for name in set(LAYERS) & set(tokens):
        parts, at = [], 0
        for i, (size, count) in enumerate(LAYERS[name]):
            scalars = model.layer_weights.scalars[name]
            weights = shares(scalars[str(i)]) if count > 1 else torch.ones(1)
            layers = [
                tokens[name][..., at + k * size : at + (k + 1) * size] * weights[k] for k in range(count)
            ]
            parts.append(torch.stack(layers).sum(0))
            at += size * count
        summed[name] = torch.cat(parts, dim=-1)
    return summed


@pytest.mark.parametrize("name", NAMES)
def test_a_strategy_sees_the_weighted_sum(name):
    model = make(name)
    plain = build(
        name, dimensions={m: SUMMED[m] for m in model.modalities}, classes=CLASSES, config=CONFIG
    ).eval()
    own = {key: x for key, x in model.state_dict().items() if not key.startswith("layer_weights.")}
    plain.load_state_dict(own)
    scalars = sum(
        layers for m in set(LAYERS) & set(model.modalities) for _, layers in LAYERS[m] if layers > 1
    )
    assert parameter_count(model) == parameter_count(plain) + scalars
    tokens, present = batch(model)
    torch.testing.assert_close(
        model(tokens, present).logits, plain(by_hand(model, tokens), present).logits, atol=1e-5, rtol=1e-4
    )


@pytest.mark.parametrize("name", NAMES)
def test_padding_changes_neither_what_comes_out_nor_the_gradient(name):
    model = make(name)
    tokens, present = batch(model)
    padded = {m: torch.cat((x, torch.full((5, 3, SIZES[m]), float("nan"))), 1) for m, x in tokens.items()}
    masks = {m: torch.cat((p, torch.zeros(5, 3, dtype=torch.bool)), 1) for m, p in present.items()}
    gradients = []
    for given in ((tokens, present), (padded, masks)):
        model.zero_grad()
        output = model(*given)
        (output.logits.logsumexp(-1) - output.logits[:, 0]).sum().backward()
        gradients.append({key: p.grad.clone() for key, p in model.named_parameters() if p.grad is not None})
    assert any(key.startswith("layer_weights.") and x.abs().max() > 0 for key, x in gradients[0].items())
    for key, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][key], gradient, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_every_row_and_every_member_for_itself(name):
    models = [make(name, seed) for seed in range(3)]
    tokens, present = batch(models[0])
    parameters, buffers = stack_module_state(models)
    together = vmap(lambda p, b: functional_call(models[0], (p, b), (tokens, present)).logits)(
        parameters, buffers
    )
    for k in range(3):
        alone = torch.cat(
            [
                models[k](
                    {m: x[i : i + 1] for m, x in tokens.items()},
                    {m: x[i : i + 1] for m, x in present.items()},
                ).logits
                for i in range(5)
            ]
        )
        torch.testing.assert_close(together[k], alone, atol=1e-5, rtol=1e-4)


def test_a_modality_may_be_missing_from_the_batch():
    model = make("intermediate-concatenation")
    tokens, present = batch(model)
    absent = model(tokens, present | {"audio": torch.zeros_like(present["audio"])}).logits
    dropped = model(*({m: x[m] for m in ("face", "text")} for x in (tokens, present))).logits
    torch.testing.assert_close(absent, dropped)


def test_a_baseline_has_no_weights_to_learn():
    for name in BASELINES:
        assert not list(build(name, dimensions=SIZES, classes=CLASSES, config={}, layers=LAYERS).parameters())


# -- preparation -------------------------------------------------------------------------------------------------

LAYOUT = [("egemaps", 2), *[("speech", 6)] * 3]


def fitted(reduction: Reduction):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(300, 1, 20, generator=generator) * torch.arange(1, 21) + torch.arange(20)
    present = torch.ones(300, 1, dtype=torch.bool)
    preparation = Preparation(plan({"audio": LAYOUT}, reduction)).fit({"audio": x}, {"audio": present})
    return preparation, x, preparation({"audio": x}, {"audio": present})["audio"]


def test_each_layer_is_standardised_for_itself():
    preparation, _, z = fitted(Reduction("none"))
    assert preparation.layers == {"audio": ((2, 1), (6, 3))}
    assert preparation.dimensions == {"audio": 20}
    torch.testing.assert_close(z.mean((0, 1)), torch.zeros(20), atol=0.05, rtol=0)
    torch.testing.assert_close(z.std((0, 1)), torch.ones(20), atol=0.05, rtol=0)
    again = Preparation.from_description(preparation.describe())
    assert again.layers == preparation.layers and again.plans == preparation.plans


def test_the_sum_of_layers_components_is_the_components_of_their_sum():
    preparation, _, z = fitted(Reduction("pca", components=4, above=5))
    whole = fitted(Reduction("none"))[2]
    assert preparation.layers == {"audio": ((2, 1), (4, 3))} and z.shape[-1] == 2 + 3 * 4
    (_, block) = preparation._of("audio")
    weights = torch.tensor([0.2, 0.7, 0.1])
    of_sum = (weights @ whole[..., 2:].unflatten(-1, (3, 6)) - block.centre) @ block.axes
    torch.testing.assert_close(weights @ z[..., 2:].unflatten(-1, (3, 4)), of_sum, atol=1e-5, rtol=1e-4)


def test_layers_share_an_autoencoder():
    preparation, _, z = fitted(Reduction("autoencoder", components=3, above=5))
    (_, block) = preparation._of("audio")
    layer = fitted(Reduction("none"))[2][..., 8:14]  # the second
    hidden = torch.tanh((layer - block.centre) @ block.axes + block.bias) / block.deviation
    torch.testing.assert_close(z[..., 5:8], hidden)


# -- training ----------------------------------------------------------------------------------------------------

DEPTH, SIZE, TELLING = 5, 6, 3


def planted(count: int, seed: int) -> Rows:
    """Sound whose layer `TELLING` alone tells the class, beside layers of noise; and words that tell nothing."""
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(0, CLASSES, (count,), generator=generator)
    layers = torch.randn(count, 2, DEPTH, SIZE, generator=generator)
    signs = torch.tensor(
        [[1.0, 1, 1, -1, -1, 1], [-1, 1, -1, 1, -1, -1], [1, -1, -1, -1, 1, 1], [-1, -1, 1, 1, 1, -1]]
    )
    layers[:, :, TELLING] += 0.6 * signs[target][:, None]
    there = torch.ones(count, 2, dtype=torch.bool)
    words = torch.randn(count, 1, 3, generator=generator)
    return Rows({"audio": layers.flatten(2), "text": words}, {"audio": there, "text": there[:, :1]}, target)


def prepared(layouts):
    training, test = planted(400, 1), planted(600, 2)
    preparation = fit_preparation(training, layouts, Reduction())
    return preparation, prepare(preparation, training), prepare(preparation, test)


def averaged(rows: Rows) -> Rows:
    """The mean of all layers in place of each."""
    audio = rows.tokens["audio"].unflatten(-1, (DEPTH, SIZE)).mean(-2)
    return replace(rows, tokens=rows.tokens | {"audio": audio}, layers={})


WEIGHTED = {"audio": [("speech", SIZE)] * DEPTH, "text": [("table", 3)]}
SHAPE = CONFIG | {"learning_rate": 4e-3}


def trained(strategy: str, rows: Rows, members: list[Member], epochs: int = 30) -> Population:
    modalities = uses(strategy, ("audio", "text"))
    rows = rows.of(modalities)
    population = Population(
        strategy, members, dimensions=rows.dimensions, classes=CLASSES, layers=rows.layers
    )
    population.fit(rows, epochs=epochs)
    return population


def accuracy(population: Population, test: Rows) -> list[float]:
    logits = population.evaluate(test.of(population.model.modalities))
    return (logits.argmax(-1) == test.target).float().mean(1).tolist()


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["audio", "late-average", "early-concatenation", "single-stream"])
def test_the_layer_that_tells_is_found_and_beats_the_mean_of_all(strategy):
    _, training, test = prepared(WEIGHTED)
    members = [Member(SHAPE | {"learning_rate": rate}, seed) for seed, rate in enumerate((2e-3, 4e-3))]
    population = trained(strategy, training, members)
    weights = learned(
        {key: x.numpy() for key, x in members_state(population.state(), 2).items()}, "audio", 0, 2
    )
    assert weights.sum(1) == pytest.approx(1, abs=1e-5)
    assert (weights.argmax(1) == TELLING).all() and (weights[:, TELLING] > 0.4).all()

    evenly = accuracy(trained(strategy, averaged(training), members), averaged(test))
    assert min(accuracy(population, test)) > max(evenly) + 0.1


@pytest.mark.parametrize("strategy", ["audio", "late-ensemble", "gradual", "bottleneck"])
def test_a_member_alone_learns_the_same_weights(strategy):
    training = prepared(WEIGHTED)[1].at(torch.arange(80))
    members = [
        Member(SHAPE | {"learning_rate": rate, "mixup": 0.2, "input_dropout": 0.1}, seed)
        for seed, rate in enumerate((1e-3, 4e-3, 2e-3))
    ]
    together = trained(strategy, training, members, epochs=2).state()
    scalars = "layer_weights.scalars.audio.0"
    assert len({tuple(row) for row in together[scalars].tolist()}) == 3
    for k, member in enumerate(members):
        alone = trained(strategy, training, [member], epochs=2).state()
        torch.testing.assert_close(alone[scalars][0], together[scalars][k], atol=1e-4, rtol=1e-3)


def test_the_packed_model_sums_as_training_did():
    preparation, training, test = prepared(WEIGHTED)
    population = trained("late-average", training, [Member(SHAPE, seed) for seed in (1, 2)], epochs=3)
    model = EmotionModel.empty(
        "late-average", SHAPE, members=2, classes=CLASSES,
        preparation=Preparation.from_description(preparation.describe()),
    )  # fmt: skip
    state = {f"preparation.{name}": x for name, x in preparation.state_dict().items()}
    model.load_state_dict(state | members_state(population.state(), 2))
    raw = planted(600, 2)
    expected = population.evaluate(test).softmax(-1).mean(0)
    torch.testing.assert_close(model(raw.tokens, raw.present), expected)
    assert model.parameters_declared == 2 * population.parameters
    assert population.state()["layer_weights.scalars.audio.0"].abs().max() > 0.01
