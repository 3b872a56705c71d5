"""Encoders joined as streams: each is prepared for itself, told of the others by their means, and learned from."""

import numpy as np
import pytest
import torch
from emoflow.encoders import merge
from emoflow.fusion.layers import masked_mean
from emoflow.fusion.model import EmotionModel, members_state
from emoflow.fusion.preparation import Preparation, plan
from emoflow.fusion.reduction import Reduction
from emoflow.fusion.strategy import uses
from emoflow.training.data import Rows
from emoflow.training.members import Member
from emoflow.training.population import Population
from emoflow.training.rows import fit_preparation, prepare
from hypothesis import given, settings
from hypothesis import strategies as st

SIZES = (5, 3)
LAYOUT = {"audio": [("frames", 5), ("speech", 3)]}
SMALL = Reduction("pca", components=2, above=4)  # reduces the first stream


def joined(clips: list[list[np.ndarray]], join: str = "streams", padding: int = 0):
    """Clips of several encoders' tokens as the store gives them: ``[N, T, D]`` and ``[N, T]``."""
    rows = [merge(parts, join) for parts in clips]
    tokens = torch.full(
        (len(rows), max(map(len, rows)) + padding, sum(SIZES)), float("nan") if padding else 0.0
    )
    present = torch.zeros(tokens.shape[:2], dtype=torch.bool)
    for i, row in enumerate(rows):
        tokens[i, : len(row)], present[i, : len(row)] = torch.from_numpy(row), True
    return {"audio": tokens}, {"audio": present}


def clips_of(lengths, seed: int = 0) -> list[list[np.ndarray]]:
    generator = np.random.default_rng(seed)
    return [
        [
            generator.normal(3, 2, size=(n, size)).astype(np.float32)
            for n, size in zip(each, SIZES, strict=True)
        ]
        for each in lengths
    ]


def alone(clips: list[list[np.ndarray]], place: int):
    """One encoder's tokens: ``[N, T, D]`` and ``[N, T]``."""
    parts = [clip[place] for clip in clips]
    tokens = torch.zeros(len(parts), max(1, *map(len, parts)), SIZES[place])
    present = torch.zeros(tokens.shape[:2], dtype=torch.bool)
    for i, part in enumerate(parts):
        tokens[i, : len(part)], present[i, : len(part)] = torch.from_numpy(part), True
    return {"audio": tokens}, {"audio": present}


PRESENT = st.tuples(st.integers(0, 5), st.integers(0, 5)).filter(any)


@settings(max_examples=25, deadline=None)
@given(st.lists(PRESENT, min_size=6, max_size=8), st.integers(1, 3))
def test_each_stream_is_prepared_as_if_it_were_alone(lengths, padding):
    clips = clips_of([(4, 3), (5, 2), *lengths])
    preparation = Preparation(plan(LAYOUT, SMALL)).fit(*joined(clips))
    tokens, present = joined(clips)
    z = preparation(tokens, present)["audio"]
    assert z.isfinite().all()
    padded = preparation(*joined(clips, padding=padding))["audio"]
    torch.testing.assert_close(padded[:, : z.shape[1]], z)
    assert (padded[:, z.shape[1] :] == 0).all()

    column = 0
    for place, layout in enumerate(LAYOUT["audio"]):
        own = Preparation(plan({"audio": [layout]}, SMALL)).fit(*alone(clips, place))
        fitted = preparation.blocks["audio"][place].state_dict()
        for name, x in own.blocks["audio"][0].state_dict().items():
            torch.testing.assert_close(fitted[name], x)
        expected, mask = own(*alone(clips, place))["audio"], alone(clips, place)[1]["audio"]
        width = expected.shape[-1]
        columns = z[..., column : column + width]
        at = sum(SIZES[:place])
        for i in range(len(clips)):
            made = ~tokens["audio"][i, :, at].isnan() & present["audio"][i]
            torch.testing.assert_close(columns[i][made], expected[i][mask[i]])
        # The mean of all tokens is the streams' means side by side; zeros where a clip lacks a stream.
        torch.testing.assert_close(
            masked_mean(columns, present["audio"]), masked_mean(expected, mask), atol=1e-5, rtol=1e-4
        )
        column += width


@pytest.mark.parametrize("layout", [[("a", 5), ("b", 3)], [("a", 5), ("hashing", 3)]])
def test_of_a_stream_that_training_never_had_nothing_is_learned(layout):
    preparation = Preparation(plan({"audio": layout}, SMALL)).fit(*joined(clips_of([(3, 0), (2, 0), (4, 0)])))
    z = preparation(*joined(clips_of([(3, 2), (0, 2)], seed=1)))["audio"]
    assert (z[..., 2:] == 0).all() and z[0].abs().max() > 0 and (z[1] == 0).all()
    again = Preparation.sized(plan({"audio": layout}, SMALL), preparation.state_dict())
    again.load_state_dict(preparation.state_dict())


# -- what is learned ---------------------------------------------------------------------------------------------

CONFIG = {"width": 16, "layers": 1, "heads": 2, "learning_rate": 1e-2, "weight_decay": 1e-2}


def planted(kind: str, join: str, *, count: int, seed: int) -> Rows:
    """Two sequences of different lengths. The class is the first one's sign, or whether both have the same sign."""
    generator = np.random.default_rng(seed)
    signs = generator.choice([-1, 1], size=(count, 2))
    clips = []
    for pair in signs:
        lengths = generator.integers(3, 6), generator.integers(1, 4)
        clips.append(
            [
                (sign * 0.8 + generator.normal(size=(n, size))).astype(np.float32)
                for sign, n, size in zip(pair, lengths, SIZES, strict=True)
            ]
        )
    tokens, present = joined(clips, join)
    target = signs[:, 0] if kind == "one" else signs.prod(1)
    return Rows(tokens, present, torch.from_numpy((target + 1) // 2))


def trained(strategy: str, kind: str, join: str, members: list[Member], epochs: int):
    """A population, the preparation and prepared rows to score."""
    training, test = (planted(kind, join, count=count, seed=seed) for count, seed in ((500, 1), (500, 2)))
    preparation = fit_preparation(training, LAYOUT, Reduction())
    training = prepare(preparation, training)
    population = Population(strategy, members, dimensions=training.dimensions, classes=2)
    population.fit(training, epochs=epochs)
    return population, preparation, prepare(preparation, test)


@pytest.mark.slow
@pytest.mark.parametrize("join", ["concatenate", "streams"])
@pytest.mark.parametrize(
    ("strategy", "kind"), [("audio", "one"), ("audio", "both"), ("single-stream", "both")]
)
def test_what_one_stream_tells_and_what_only_both_tell_is_learned(strategy, kind, join):
    assert uses(strategy, ("audio",)) == ("audio",)
    population, _, test = trained(strategy, kind, join, [Member(CONFIG, 0)], 15)
    right = (population.evaluate(test)[0].argmax(-1) == test.target).float().mean()
    assert right > 0.9


def test_only_both_together_tell():
    """The control of the test above: what one stream tells of the class of both is chance."""
    training, test = (planted("both", "streams", count=500, seed=seed) for seed in (1, 2))
    preparation = fit_preparation(training, LAYOUT, Reduction())
    first = [
        Rows({"audio": rows.tokens["audio"][..., :5]}, rows.present, rows.target)
        for rows in (prepare(preparation, training), prepare(preparation, test))
    ]
    population = Population("audio", [Member(CONFIG, 0)], dimensions=first[0].dimensions, classes=2)
    population.fit(first[0], epochs=15)
    right = (population.evaluate(first[1])[0].argmax(-1) == first[1].target).float().mean()
    assert right < 0.6


def test_members_at_once_are_members_alone_and_the_packed_model_is_what_was_trained():
    members = [
        Member(CONFIG | {"learning_rate": rate, "dropout": 0.2, "mixup": 0.2, "mask_time": 0.3}, seed)
        for seed, rate in enumerate((1e-3, 4e-3))
    ]
    population, preparation, test = trained("single-stream", "both", "streams", members, 1)
    together = population.evaluate(test)
    for k, member in enumerate(members):
        single, _, _ = trained("single-stream", "both", "streams", [member], 1)
        torch.testing.assert_close(single.evaluate(test)[0], together[k], atol=1e-5, rtol=1e-5)

    model = EmotionModel.empty(
        "single-stream", CONFIG, members=2, classes=2,
        preparation=Preparation.from_description(preparation.describe()),
    )  # fmt: skip
    state = {f"preparation.{name}": x for name, x in preparation.state_dict().items()}
    model.load_state_dict(state | members_state(population.state(), 2))
    raw = planted("both", "streams", count=500, seed=2)
    torch.testing.assert_close(
        model(raw.tokens, raw.present), together.softmax(-1).mean(0), atol=1e-6, rtol=1e-5
    )
