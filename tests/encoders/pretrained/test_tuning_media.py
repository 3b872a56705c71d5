"""Encoders of sound and of faces trained together with the fusion, on classes that can be heard and seen."""

import multiprocessing
from dataclasses import replace

import numpy as np
import pytest
import torch
from emoflow.encoders.pretrained.spec import PretrainedSpec
from emoflow.encoders.pretrained.tuning.inputs import Recording
from emoflow.fusion.reduction import Reduction
from emoflow.synthesis import face_drawing
from emoflow.synthesis.media_writer import write_film
from emoflow.training.auxiliary_targets import AuxiliaryTargets
from emoflow.training.refit import Choice, probabilities, refit
from emoflow.training.rows import Part, fit_preparation, prepare, read
from emoflow.training.tuning import jobs
from emoflow.training.tuning.jobs import TuneContext, TuneJob
from emoflow.training.tuning.learner import Tuning
from emoflow.training.workers import Context
from tiny_models import RATE, SIZE, save, tunable_of, voice

CLIPS, CLASSES = 12, ("anger", "happiness", "sadness")
IDS = tuple(f"mine/{number}" for number in range(CLIPS))
EVERY = Part(IDS, tuple(number % 3 for number in range(CLIPS)))
CONFIG = {"width": 8, "layers": 1, "learning_rate": 0.01, "dropout": 0.1}
TUNING = Tuning(epochs=2, learning_rate=0.0005, batch=6, accumulate=2)
NOBODY = AuxiliaryTargets(
    {name: number for number, name in enumerate(IDS)},
    np.zeros((CLIPS, 3), np.float32),
    {},
    np.arange(CLIPS, dtype=np.int64),
)
"""No votes, no side targets."""
MODELS = [
    ("audio", "wav2vec2", 2),
    ("audio", "whisper", 2),
    ("audio", "whisper", None),
    ("face", "dinov2", 2),
]


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """A talking head each, whose loudness and face tell the class."""
    root, sources = tmp_path_factory.mktemp("films"), {}
    for number, name in enumerate(IDS):
        generator = np.random.default_rng(number)
        who, where = face_drawing.look("female", generator), face_drawing.setting(generator)
        shown = face_drawing.express(CLASSES[number % 3], generator)
        pictures = face_drawing.film(shown, who, where, np.linspace(0, 1, 4), generator)
        sound = voice(0.3, seed=number) * (1, 0.3, 0.1)[number % 3]
        path = root / f"{number}.mp4"
        write_film(path, frames=pictures, fps=25, sound=sound, rate=RATE)
        sources[name] = Recording(str(path), name)
    return sources


@pytest.fixture(scope="module")
def stored(films, tmp_path_factory):
    """A function: modality, architecture and rank → what opens the model, and what the frozen encoder makes."""
    root, made = tmp_path_factory.mktemp("models"), {}

    def of(modality: str, name: str, rank: int | None):
        if name not in made:
            spec = PretrainedSpec(str(save(name, root / name)), "mean", -1, tune="lora")
            parameters = {"frames": 2} if modality == "face" else {}
            opener = tunable_of(spec, modality, films, cache=root / "cache", **parameters)
            (encoder,) = opener.recipe.encoders()
            made[name] = opener, {each: encoder.encode(films[each].source) for each in IDS}
        opener, features = made[name]
        return replace(opener, rank=rank), features

    return of


@pytest.fixture
def begin(stored, monkeypatch):
    """A function that sets a worker up in this process; it gives what all jobs have in common, and what was opened."""

    def start(modality: str, name: str, rank: int | None):
        opener, features = stored(modality, name, rank)
        opened = []

        def reader(_, ids, folds):
            return np.stack([features[each] for each in ids]), np.ones((len(ids), 1), bool)

        def remembering(seed, device):
            opened.append(opener(seed, device))
            return opened[-1]

        layouts = {modality: [(opener.encoder, SIZE)]}
        common = Context(reader, layouts, (modality,), 3, "cpu", Reduction(), NOBODY)
        monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
        jobs._stored.cache_clear()
        context = TuneContext(common, TUNING, {opener.encoder: (modality, remembering)})
        jobs._start(context, multiprocessing.get_context("spawn").Queue())
        return common, opened

    return start


class Memory:
    """A checkpoint that is kept here, and that fails on its first writing where it should, once it is written."""

    def __init__(self, *, fails: bool = False):
        self.state, self.fails = None, fails

    def read(self):
        return dict(self.state) if self.state else None

    def write(self, state):
        first = self.state is None
        self.state = dict(state)
        if self.fails and first:
            raise KeyboardInterrupt


def job(modality: str, **stated) -> TuneJob:
    choice = Choice(modality, CONFIG, 3, {})
    return TuneJob(
        **{"choice": choice, "seed": 3, "train": EVERY, "epochs": 2, "checkpoint": Memory()} | stated
    )


@pytest.mark.slow
@pytest.mark.parametrize("modality, name, rank", MODELS)
def test_tuning_begins_at_the_frozen_encoders_model_and_lowers_the_loss(modality, name, rank, begin):
    common, opened = begin(modality, name, rank)
    rows = read(common.reader, EVERY, [modality])
    preparation = fit_preparation(rows, common.layouts, common.reduction)
    prepared = prepare(preparation, rows)
    population = refit(job(modality).choice, seeds=[3], rows=prepared, classes=3)
    frozen = probabilities(population, prepared)[0]
    start = jobs._run(job(modality, epochs=0, test=EVERY))["probabilities"]
    np.testing.assert_allclose(start, frozen, atol=1e-4)  # what differs by 1e-6 is scaled to a deviation of 1
    untouched, _ = opened[0], opened.clear()
    curve = jobs._run(job(modality, epochs=4, validation=EVERY))["loss"]
    assert curve[-1] < curve[0]
    trained = opened[0].trained
    for weight, now in opened[0].module.named_parameters():
        before = untouched.module.get_parameter(weight)
        assert torch.equal(before, now) == (weight not in trained), weight


@pytest.mark.slow
@pytest.mark.parametrize("modality, name, rank", MODELS)
def test_interrupted_and_run_again_it_ends_with_the_same_weights(modality, name, rank, begin):
    begin(modality, name, rank)
    whole = jobs._run(job(modality))
    kept = Memory(fails=True)
    with pytest.raises(KeyboardInterrupt):
        jobs._run(job(modality, checkpoint=kept))
    again = jobs._run(job(modality, checkpoint=kept))
    del whole["seconds"], again["seconds"]
    assert whole.keys() == again.keys() and any(each.startswith("tuned.") for each in whole)
    assert all(np.array_equal(x, again[each]) for each, x in whole.items())
