"""Encoder and fusion trained together, on a planted class that the frozen encoder does not show."""

import multiprocessing
from dataclasses import replace

import numpy as np
import pytest
import torch
from emoflow.encoders.dialogue import Line, Turn
from emoflow.encoders.pretrained.spec import PretrainedSpec
from emoflow.errors import FeatureError
from emoflow.fusion.reduction import Reduction
from emoflow.training.auxiliary_targets import AuxiliaryTargets
from emoflow.training.refit import Choice, probabilities, refit
from emoflow.training.rows import Part, fit_preparation, prepare, read
from emoflow.training.tuning import jobs
from emoflow.training.tuning.jobs import TuneContext, TuneJob
from emoflow.training.tuning.learner import Tuning
from emoflow.training.workers import Context
from tiny_models import SIZE, save_blind, tunable_of

CLASSES = ("hate", "lovely", "four")
"""The word that was said before tells the class."""
CONFIG = {"width": 8, "layers": 1, "learning_rate": 0.01, "dropout": 0.1}
CHOICE = Choice("text", CONFIG, 3, {})
NAME = "tiny.context1.mean"
TUNING = Tuning(epochs=20, learning_rate=0.02, batch=8, accumulate=2)

NOBODY = AuxiliaryTargets(
    {f"mine/{number}": number for number in range(96)},
    np.zeros((96, 3), np.float32),
    {},
    np.arange(96, dtype=np.int64),
)
"""No votes, no side targets."""


def said(number: int) -> Turn:
    own = ("it is", "a day", "happy o", "it hate")[number // 3 % 4]
    return Turn("Ann", own, (Line("Bob", f"what {CLASSES[number % 3]} day"),))


SOURCES = {f"mine/{number}": said(number) for number in range(96)}


def part(start: int, stop: int) -> Part:
    ids = tuple(SOURCES)[start:stop]
    return Part(ids, tuple(int(each.partition("/")[2]) % 3 for each in ids))


TRAIN, TEST = part(0, 72), part(72, 96)


@pytest.fixture(scope="module")
def opener(tmp_path_factory):
    """A model whose tokens do not see one another, since its attention adds up zeros."""
    folder = save_blind(tmp_path_factory.mktemp("models") / "tiny")
    spec = PretrainedSpec(str(folder), "mean", None, None, 1, "lora")
    return tunable_of(spec, "text", SOURCES, rank=4)


class Memory:
    """A checkpoint that is kept here, and that fails on its ``fails``-th writing, once it is written."""

    def __init__(self, fails: int = 0):
        self.state, self.written, self.fails = None, 0, fails

    def read(self):
        return dict(self.state) if self.state else None

    def write(self, state):
        self.state, self.written = dict(state), self.written + 1
        if self.written == self.fails:
            raise KeyboardInterrupt


@pytest.fixture
def begin(opener, monkeypatch):
    """Sets a worker up in this process; gives what all jobs have in common."""

    def start(tuning: Tuning = TUNING, opens=opener) -> Context:
        common = Context(
            stored(opener),
            {"text": [(NAME, SIZE)]},
            ("text",),
            3,
            "cpu",
            Reduction(),
            NOBODY,
        )
        monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
        jobs._stored.cache_clear()
        context = TuneContext(common, tuning, {NAME: ("text", opens)})
        jobs._start(context, multiprocessing.get_context("spawn").Queue())
        return common

    return start


def stored(opener):
    """A reader of what the frozen encoder makes of each utterance."""
    encoder = opener(0, "cpu").encoder
    features = {name: encoder.encode_decoded(turn) for name, turn in SOURCES.items()}

    def reader(_, ids, folds):
        return np.stack([features[name] for name in ids]), np.ones((len(ids), 1), bool)

    return reader


def job(**stated) -> TuneJob:
    return TuneJob(
        **{"choice": CHOICE, "seed": 3, "train": TRAIN, "epochs": 1, "checkpoint": Memory()} | stated
    )


@pytest.mark.slow
def test_what_the_frozen_encoder_does_not_show_is_learned(begin):
    begin()
    curve = jobs._run(job(epochs=20, validation=TEST))
    assert curve["ua"].shape == (21,) and curve["ua"][0] < 0.5 and curve["ua"][-1] > 0.9
    assert curve["loss"][-1] < curve["loss"][0] / 2


def test_before_the_first_step_scores_are_those_of_the_frozen_encoders_model(begin):
    common = begin()
    rows = read(common.reader, TRAIN, ["text"])
    preparation = fit_preparation(rows, common.layouts, common.reduction)
    population = refit(CHOICE, seeds=[3], rows=prepare(preparation, rows), classes=3)
    frozen = probabilities(population, prepare(preparation, read(common.reader, TEST, ["text"])))[0]
    tuned = jobs._run(job(epochs=0, test=TEST))["probabilities"]
    np.testing.assert_allclose(tuned, frozen, atol=1e-6)


@pytest.mark.slow
def test_dimensions_are_learned_with_the_encoder(begin, monkeypatch):
    valence = np.array([number % 3 - 1 for number in range(96)], np.float32)
    monkeypatch.setattr(f"{__name__}.NOBODY", replace(NOBODY, side={"valence": valence}))
    begin()
    choice = replace(CHOICE, config=CONFIG | {"dimension_weight": 1.0})
    found = jobs._run(job(choice=choice, epochs=20, test=TEST))
    assert "dimension.valence" in found and not jobs._run(job(epochs=0, test=TEST)).keys() & {
        "dimension.valence"
    }
    truth = [int(each.partition("/")[2]) % 3 - 1 for each in TEST.ids]
    assert np.corrcoef(found["dimension.valence"], truth)[0, 1] > 0.8


@pytest.mark.slow
@pytest.mark.parametrize("ends", [1, 2])
def test_interrupted_and_run_again_it_ends_with_the_same_weights(ends, begin):
    begin()
    whole = jobs._run(job(epochs=2))
    kept = Memory(fails=ends)
    with pytest.raises(KeyboardInterrupt):
        jobs._run(job(epochs=2, checkpoint=kept))
    again = jobs._run(job(epochs=2, checkpoint=kept))
    assert kept.written == 2
    del whole["seconds"], again["seconds"]
    assert whole.keys() == again.keys() and any("lora_B" in name for name in whole)
    assert all(np.array_equal(x, again[name]) for name, x in whole.items())


@pytest.mark.slow
def test_the_curve_of_validation_goes_on_after_an_interruption(begin):
    begin()
    curve = jobs._run(job(epochs=2, validation=TEST))
    kept = Memory(fails=1)
    with pytest.raises(KeyboardInterrupt):
        jobs._run(job(epochs=2, validation=TEST, checkpoint=kept))
    again = jobs._run(job(epochs=2, validation=TEST, checkpoint=kept))
    assert np.isfinite(curve["loss"]).all()
    assert np.array_equal(curve["ua"], again["ua"]) and np.array_equal(curve["loss"], again["loss"])


def test_a_batch_in_parts_is_the_batch(begin, opener):
    """But for dropout, which is drawn for each part."""

    def still(seed, device):
        tuned = opener(seed, device)
        tuned.module.train = lambda mode=True: tuned.module
        return tuned

    found = []
    for accumulate in (1, 4):
        begin(Tuning(epochs=1, learning_rate=0.001, batch=24, accumulate=accumulate), still)
        choice = Choice("text", CONFIG | {"dropout": 0.0}, 3, {})
        found.append(jobs._run(job(choice=choice, epochs=1)))
        del found[-1]["seconds"]
    assert all(np.allclose(x, found[1][name], atol=1e-6) for name, x in found[0].items())


def test_a_member_that_diverges_has_no_weights_and_a_curve_that_ends(begin):
    begin(Tuning(epochs=2, learning_rate=1e30, batch=16, accumulate=1))
    assert set(jobs._run(job(epochs=2, test=TEST))) == {"seconds"}
    curve = jobs._run(job(epochs=2, validation=TEST))["ua"]
    assert np.isfinite(curve[0]) and np.isnan(curve[-1])


def test_features_that_another_encoder_made_are_refused(begin, monkeypatch):
    common = begin()

    def others(name, ids, folds):
        tokens, present = common.reader(name, ids, folds)
        return tokens + 1, present

    context = replace(jobs._context, common=replace(common, reader=others))
    monkeypatch.setattr(jobs, "_context", context)
    jobs._stored.cache_clear()
    with pytest.raises(
        FeatureError, match=r"gives other features than those that are stored.*dvc repro -f features"
    ):
        jobs._run(job())
