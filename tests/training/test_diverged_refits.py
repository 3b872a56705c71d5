"""A member whose refit diverges is left out and counted; only where none is left is it an error."""

from collections.abc import Iterator

import documents
import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from emoflow import params
from emoflow.artifacts.model import ModelCard
from emoflow.artifacts.search import Best
from emoflow.encoders.store import open_all
from emoflow.errors import SearchError
from emoflow.stages import train
from emoflow.stages.training_inputs import Inputs
from emoflow.training.population import Member, Population
from emoflow.training.predicted import predictions
from emoflow.training.refit import Choice, refit
from emoflow.training.rows import Fold, Part, fit_preparation, prepare, read
from in_process import no_processes
from planted_experiment import lay_out
from safetensors.torch import load_file
from simulated_rows import rows as simulated

CONFIG = {"width": 16, "layers": 1, "dropout": 0.2, "weight_decay": 0.0}
EPOCHS, SEEDS = 6, list(range(6))


def at_the_border(rows, *, classes: int) -> tuple[dict, list[int]]:
    """A configuration whose weights come so near to what float32 can hold that only some of the seeds diverge.

    Returns:
        The configuration, and the seeds that diverge.
    """
    dimensions = {name: x.shape[-1] for name, x in rows.tokens.items()}
    for exponent in np.arange(17.5, 19.5, 0.04):
        config = CONFIG | {"learning_rate": 10.0**exponent}
        members = [Member(config, seed) for seed in SEEDS]
        population = Population("audio", members, dimensions=dimensions, classes=classes)
        population.fit(rows, epochs=EPOCHS)
        diverged = [seed for seed, alive in zip(SEEDS, population.alive, strict=True) if not alive]
        if 0 < len(diverged) < len(SEEDS):
            return config, diverged
    raise AssertionError("no learning rate at which some of the seeds diverge and others do not")


def audio(count: int):
    return simulated(count, 1, tokens=1, there=1.0).of(("audio",))


@pytest.mark.slow
def test_a_refit_goes_on_with_the_members_that_did_not_diverge():
    rows = audio(90)
    config, diverged = at_the_border(rows, classes=3)
    population = refit(Choice("audio", config, EPOCHS, {}), seeds=SEEDS, rows=rows, classes=3)
    assert [member.seed for member in population.members] == [s for s in SEEDS if s not in diverged]
    assert all(torch.isfinite(x).all() for x in population.state().values())


def test_a_refit_in_which_every_member_diverges_is_an_error_that_says_what_to_do():
    choice = Choice("audio", CONFIG | {"learning_rate": 1e30}, EPOCHS, {})
    with pytest.raises(
        SearchError, match=r"audio: .*all of the seeds 3, 4 diverged.*params\.yaml.*learning_rate"
    ):
        refit(choice, seeds=[3, 4], rows=audio(90), classes=3)


def test_what_a_diverged_member_would_have_predicted_is_null():
    fold = Fold(1, Part((), ()), Part((), ()), Part(("a", "b"), (0, 1)))
    given = np.array([[[0.9, 0.1], [0.2, 0.8]]])
    table = predictions(
        given, fold, strategy="audio", seeds=[0, 1], trained=[1], classes=["anger", "neutral"]
    )
    assert table["seed"].tolist() == [0, 0, 1, 1] and table["label"].tolist() == ["anger", "neutral"] * 2
    assert table["p_anger"].tolist()[2:] == [0.9, 0.2]
    assert table[["p_anger", "p_neutral"]].isna().all(axis=1).tolist() == [True, True, False, False]


def test_a_class_that_the_test_lacks_keeps_its_column():
    fold = Fold(0, Part((), ()), Part((), ()), Part(("a", "b"), (2, 0)))
    given = np.array([[[0.5, 0.2, 0.3], [0.6, 0.3, 0.1]]])
    classes = ["anger", "neutral", "sadness"]
    table = predictions(given, fold, strategy="audio", seeds=[0], trained=[0], classes=classes)
    assert table.columns.tolist()[-3:] == ["p_anger", "p_neutral", "p_sadness"]
    assert table["p_neutral"].tolist() == [0.2, 0.3] and table["p_sadness"].tolist() == [0.3, 0.1]
    assert table["label"].tolist() == ["sadness", "anger"]


def choose(border: dict, *, fold: int) -> None:
    """``best.json``: audio alone, of that configuration in one fold, and of a usual one in the others."""
    usual = CONFIG | {"learning_rate": 0.01}
    folds = {
        k: documents.chosen(config=border if k == fold else usual, epochs=EPOCHS, trial=int(k == fold))
        for k in range(3)
    }
    documents.best({"audio": folds}).write()


@pytest.fixture
def experiment(tmp_path, monkeypatch) -> Iterator[Inputs]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMOFLOW_DEVICE", "cpu")
    monkeypatch.setenv("EMOFLOW_WORKERS", "1")
    lay_out(tmp_path, strategies=["audio"])
    stated = yaml.safe_load((tmp_path / "params.yaml").read_text())
    stated["train"]["seeds"] = SEEDS
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(stated))
    with no_processes():
        yield Inputs.of(params.load())


@pytest.mark.slow
def test_the_stage_leaves_the_member_out_and_goes_on(experiment):
    part = experiment.folds[1].seen
    stored = read(open_all("data/features", experiment.corpora).tokens, part, ["audio"])
    layouts = {"audio": experiment.store.layout("audio")}
    rows = prepare(fit_preparation(stored, layouts, experiment.reduction), stored)
    config, diverged = at_the_border(rows, classes=len(experiment.protocol.classes))
    choose(config, fold=1)
    train.main()

    table = pd.read_parquet("data/predictions.parquet")
    null = table.filter(like="p_").isna()
    lost = null.all(axis=1)
    assert (null.any(axis=1) == lost).all()
    expected = {(name, 1, seed) for name in ("audio", "chosen") for seed in diverged}
    assert set(table[lost][["strategy", "fold", "seed"]].itertuples(index=False, name=None)) == expected
    assert table.groupby(["strategy", "fold", "seed"]).size().nunique() == 1
    assert ModelCard.read().seeds == SEEDS and ModelCard.read().left_out == []


@pytest.mark.slow
def test_the_registered_model_is_of_the_members_that_are_left(experiment):
    part = train._everything(experiment)
    stored = read(open_all("data/features", experiment.corpora).tokens, part, ["audio"])
    layouts = {"audio": experiment.store.layout("audio")}
    rows = prepare(fit_preparation(stored, layouts, experiment.reduction), stored)
    config, diverged = at_the_border(rows, classes=len(experiment.protocol.classes))
    choose(CONFIG | {"learning_rate": 0.01}, fold=1)
    best = Best.read()
    across = documents.chosen(config=config, epochs=EPOCHS)
    alone = best.strategies["audio"].model_copy(update={"across_folds": across})
    best.model_copy(update={"strategies": {"audio": alone}}).write()
    train.main()
    card = ModelCard.read()
    assert card.left_out == diverged and card.seeds == [s for s in SEEDS if s not in diverged]
    members = {
        name.split(".")[1]
        for name in load_file("data/model/weights.safetensors")
        if name.startswith("members.")
    }
    assert members == {str(k) for k in range(len(card.seeds))}
    assert card.parameters % len(card.seeds) == 0


@pytest.mark.slow
def test_where_no_member_is_left_the_stage_says_which(experiment):
    choose(CONFIG | {"learning_rate": 1e30}, fold=2)
    with pytest.raises(SearchError, match=r"audio, fold 2: .*all of the seeds 0, 1, 2, 3, 4, 5 diverged"):
        train.main()
