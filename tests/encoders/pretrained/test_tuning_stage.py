"""The stage ``train`` with an encoder that is tuned, and the model that comes of it."""

import hashlib
import multiprocessing
import shutil

import documents
import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from conftest import ROOT
from emoflow import params
from emoflow.artifacts.model import ModelCard, Operations
from emoflow.artifacts.robustness import PERTURBED, RobustnessNotes
from emoflow.artifacts.search import Best
from emoflow.artifacts.utterances import UTTERANCES
from emoflow.encoders import ModelFiles, make, open_all
from emoflow.encoders.dialogue import turns
from emoflow.encoders.store import Row, write
from emoflow.errors import ParamsError
from emoflow.evaluation.timing.stopwatch import Stopwatch
from emoflow.files import tree_digest, write_table
from emoflow.registry.inference import Predictor
from emoflow.registry.package import pack
from emoflow.registry.timed_model import time_stages
from emoflow.schema import UTTERANCE_COLUMNS
from emoflow.settings import load as load_settings
from emoflow.stages import robustness, train
from emoflow.stages.training_inputs import Inputs
from emoflow.stages.tuning import CheckpointFile, TunedEncoders
from emoflow.training.refit import choice_for_everything
from emoflow.training.tuning import jobs
from emoflow.training.tuning.jobs import TuneJob
from emoflow.training.workers import Context, StoredReader
from in_process import no_processes, run_stages
from safetensors.numpy import load_file, save_file
from tiny_models import save_blind

CLASSES = ["anger", "happiness", "neutral"]
BEFORE = {"anger": "I hate this", "happiness": "what a lovely day", "neutral": "it is four"}
ENCODER = {"hf": "tiny-bert", "context": 1, "tune": "lora"}
CONFIG = {"width": 8, "layers": 1, "learning_rate": 0.01, "dropout": 0.1}
NAME = "tiny-bert.context1.mean"


def state(root, *, encoder=ENCODER, **space) -> None:
    """``params.yaml``."""
    stated = yaml.safe_load((ROOT / "params.yaml").read_text())
    stated |= {"corpora": ["mine"], "modalities": ["text"]}
    stated["features"]["text"]["encoders"] = ["hashing", encoder]
    stated["search"] |= {"strategies": ["text"], "configurations": 1, "epochs": 2, "halvings": 0}
    stated["train"] = {
        "seeds": [0, 1],
        "tuning": {"epochs": 20, "learning_rate": 0.01, "batch": 3, "accumulate": 1, "rank": 4},
    }
    (root / "params.yaml").write_text(yaml.safe_dump(stated))


def lay_out(root) -> None:
    """Six speakers who say the same two things in each class, after words that tell the class."""
    state(root)
    rows = []
    for speaker in range(6):
        for number in range(6):
            label = CLASSES[number % 3]
            own = ("it is", "a day")[number // 3]
            for turn, (text, shown) in enumerate(((BEFORE[label], None), (own, label))):
                rows.append(
                    {
                        "utterance_id": f"mine/{speaker}-{number}-{turn}",
                        "corpus": "mine",
                        "speaker": f"mine/{speaker}",
                        "dialogue": f"mine/{speaker}-{number}",
                        "turn": turn,
                        "label": shown,
                        "text": text,
                        "text_digest": hashlib.sha256(text.encode()).hexdigest(),
                    }
                )
    table = pd.DataFrame(rows).reindex(columns=list(UTTERANCE_COLUMNS))
    documents.validated(root, table)
    said = table[table["label"].notna()]
    number = said["speaker"].str.rpartition("/")[2].astype(int) % 3
    folds = [
        said[["utterance_id", "speaker", "label"]].assign(
            fold=fold,
            role=np.where(number == fold, "test", np.where(number == 2, "validation", "train")),
        )
        for fold in range(2)
    ]
    write_table(
        root / "data/folds.parquet", pd.concat(folds).sort_values(["fold", "utterance_id"], ignore_index=True)
    )
    documents.protocol(classes=CLASSES).write(root)
    choices = {fold: documents.chosen(config=CONFIG, epochs=2) for fold in range(2)}
    documents.best({"text": choices}, modalities=["text"]).write(root)
    stated = params.load(root / "params.yaml").features.text.model_dump(exclude={"join"})
    models = ModelFiles(pretrained=root / ".emoflow/encoders")
    said = turns(table, context=1)
    (root / "data/features/mine").mkdir(parents=True)
    for encoder in make(stated.pop("encoders"), stated, models=models):
        write(
            root / "data/features/mine",
            [Row(name, said[name].text, encoder.encode(said[name])) for name in table["utterance_id"]],
            modality="text",
            encoder=encoder.name,
            params_digest=encoder.digest(),
            feature_names=encoder.feature_names(),
            model=encoder.model(),
        )


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """An experiment up to its search, with an encoder whose tokens do not see one another before it is tuned."""
    root = tmp_path_factory.mktemp("tuned")
    save_blind(root / ".emoflow/encoders/tiny-bert")
    lay_out(root)
    return root


@pytest.fixture(scope="module")
def root(searched):
    """The finished experiment."""
    with pytest.MonkeyPatch.context() as patch, no_processes():
        within(searched, patch)
        train.main()
    return searched


def within(root, patch) -> None:
    patch.chdir(root)
    patch.setenv("EMOFLOW_DEVICE", "cpu")
    patch.setenv("EMOFLOW_WORKERS", "1")


@pytest.fixture
def untrained(searched, monkeypatch):
    within(searched, monkeypatch)
    yield searched
    state(searched)


@pytest.fixture
def there(root, untrained):
    return root


@pytest.fixture(scope="module")
def package(root, tmp_path_factory):
    models = ModelFiles(pretrained=root / ".emoflow/encoders")
    return pack(root / "data/model", tmp_path_factory.mktemp("packed"), models=models)


def asked(text: str, before: str) -> pd.DataFrame:
    row = {"text": text, "speaker": "Ann", "context": [["Ann", before]]}
    return pd.DataFrame({name: pd.Series([value], dtype=object) for name, value in row.items()})


@pytest.mark.slow
def test_the_test_folds_are_recognised_and_the_model_says_how_it_was_tuned(there):
    table = pd.read_parquet("data/predictions.parquet")
    one = table[(table["seed"] == 0) & (table["strategy"] == "text")]
    right = one.filter(like="p_").to_numpy().argmax(1) == one["label"].map(CLASSES.index)
    assert len(one) == 24 and right.mean() > 0.6  # the frozen encoder shows none of it
    counted = Operations.read()
    assert all(count > 0 for count in counted.strategies["text"].values()) and counted.tokens[0]["text"] > 0
    tuning = ModelCard.read().tuning
    weights = load_file("data/model/weights.safetensors")
    own = {name for name in weights if name.startswith(f"tuned.1.{NAME}.")}
    assert len(own) == 3 * 2 * 2 and tuning.encoders[NAME].parameters == sum(
        weights[each].size for each in own
    )
    assert tuning.encoders[NAME].rank == 4 and 1 <= tuning.epochs <= 20
    assert sorted(tuning.validation) == [0, 1] and all(
        len(curve) == 21 for curve in tuning.validation.values()
    )
    assert all(max(curve) > curve[0] + 0.2 for curve in tuning.validation.values())


@pytest.mark.slow
def test_the_packed_model_holds_the_encoder_once_and_reads_the_turn_before(there, package):
    held = sorted(path.relative_to(package.model).as_posix() for path in package.model.rglob("*.safetensors"))
    assert held == ["encoders/tiny-bert/model.safetensors", "weights.safetensors"]
    assert {"peft", "transformers"} <= {line.partition("==")[0] for line in package.requirements}
    predictor, watch = Predictor(package.model), Stopwatch()
    time_stages(predictor, watch)
    for label in CLASSES:
        answer = predictor.table(asked("it is", BEFORE[label])).iloc[0]
        assert answer["label"] in CLASSES and answer["modalities_used"] == "text"
    alone = predictor.table(pd.DataFrame({"text": ["it is"]})).iloc[0]
    after = predictor.table(asked("it is", BEFORE["anger"])).iloc[0]
    assert abs(alone["p_anger"] - after["p_anger"]) > 0.01
    tuned = f"encode text/{next(iter(predictor.card.tuning.encoders))}"
    assert list(watch.seconds) == ["decode text", "encode text/hashing", tuned, "fuse"]


@pytest.mark.slow
def test_the_packed_model_gives_what_its_members_gave_in_training(there, package):
    """The members are trained once more, in this process, and score rows as test folds are scored."""
    experiment, best, card = params.load(), Best.read(), ModelCard.read()
    inputs = Inputs.of(experiment)
    common = Context(
        StoredReader(open_all, (there / "data/features").resolve(), ("mine",)),
        {"text": inputs.store.layout("text")},
        ("text",),
        3,
        "cpu",
        inputs.reduction,
        inputs.auxiliary_targets(),
    )
    tuned = TunedEncoders.of(
        experiment, inputs, ModelFiles(None, load_settings().encoders), load_settings().cache
    )
    rows = inputs.folds[0].test
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "set_num_threads", lambda _: None)
        jobs._start(tuned.context(common), multiprocessing.get_context("spawn").Queue())
    members = [
        jobs._run(
            TuneJob(
                choice=choice_for_everything("text", best.strategies["text"]),
                seed=seed,
                train=train._everything(inputs),
                epochs=card.tuning.epochs,
                checkpoint=CheckpointFile(there / f"{seed}.checkpoint"),
                test=rows,
            )
        )["probabilities"]
        for seed in card.seeds
    ]
    table = UTTERANCES.read(corpus="mine").set_index("utterance_id")
    answers = []
    for name in rows.ids:
        before = table.loc[name.removesuffix("1") + "0", "text"]
        answers.append(asked(table.loc[name, "text"], before))
    found = Predictor(package.model).table(pd.concat(answers, ignore_index=True)).filter(like="p_").to_numpy()
    np.testing.assert_allclose(found, np.mean(members, axis=0), atol=1e-5)
    assert np.ptp(found, axis=0).min() > 0.05


@pytest.mark.slow
def test_worse_texts_are_encoded_by_what_was_tuned_with_the_folds_model(there, package, tmp_path):
    root = shutil.copytree(there, tmp_path / "other")
    table = under(root, {"dropped_words": [0, 0.5, 1], "fgsm": [1]})
    assert "tuned with each member" in RobustnessNotes.read(root).left_out["fgsm"]
    columns = [f"p_{name}" for name in CLASSES]
    said = (
        pd.read_parquet(root / "data/predictions.parquet").groupby(["fold", "utterance_id"])[columns].mean()
    )
    by_level = {
        key: rows.set_index(["fold", "utterance_id"]) for key, rows in table.groupby(["condition", "level"])
    }
    assert set(by_level) == {("dropped_words", level) for level in (0, 0.5, 1)}
    same = by_level["dropped_words", 0]
    np.testing.assert_allclose(same[columns].astype(float), said.loc[same.index], atol=1e-5)
    assert by_level["dropped_words", 1]["unusable"].all() and not same["unusable"].any()
    worse = by_level["dropped_words", 0.5][columns].to_numpy(float)
    assert np.abs(worse - same[columns].to_numpy(float)).max() > 0.05
    before = {path: path.stat().st_mtime_ns for path in (root / ".emoflow/cache").rglob("*.safetensors")}
    again = under(root, {"dropped_words": [0, 0.5, 1]})
    pd.testing.assert_frame_equal(again, table)
    after = {path: path.stat().st_mtime_ns for path in (root / ".emoflow/cache").rglob("*.safetensors")}
    assert after == before
    # Each fold has weights of its own: other ones of the second change its answers alone.
    weights = root / "data/fold_models/1.safetensors"
    turned = {name: -x if "lora_B" in name else x for name, x in load_file(weights).items()}
    save_file(turned, weights)
    changed = under(root, {"dropped_words": [0]}).set_index(["fold", "utterance_id"])[columns].astype(float)
    np.testing.assert_allclose(changed.loc[0], said.loc[0].loc[changed.loc[0].index], atol=1e-5)
    assert np.abs(changed.loc[1] - said.loc[1]).to_numpy().max() > 0.05


def under(root, conditions: dict) -> pd.DataFrame:
    """What the stage ``robustness`` writes."""
    stated = yaml.safe_load((root / "params.yaml").read_text())
    stated["robustness"] |= {"conditions": conditions, "utterances": None}
    (root / "params.yaml").write_text(yaml.safe_dump(stated))
    run_stages(root, robustness)
    return PERTURBED.read(root)


@pytest.mark.slow
def test_run_again_nothing_is_tuned_again(there):
    before = tree_digest(["data/model", "data/predictions.parquet"])
    (work,) = there.glob(".emoflow/work/train-*")
    members = {path: path.stat().st_mtime_ns for path in work.glob("*.safetensors")}
    assert len(members) == 2 + 2 * 2 + 2 + 3 and not list(work.glob("*.checkpoint"))
    (work / "model.safetensors").unlink()
    train.main()
    assert tree_digest(["data/model", "data/predictions.parquet"]) == before
    assert {path for path, at in members.items() if path.stat().st_mtime_ns != at} == {
        work / "model.safetensors"
    }


def test_what_cannot_be_tuned_is_refused(untrained):
    def of(**changes) -> TunedEncoders:
        experiment = params.load()
        inputs = Inputs.of(experiment)
        assert inputs.trainable == ["text"]
        vars(inputs).update(changes)
        return TunedEncoders.of(
            experiment, inputs, ModelFiles(None, load_settings().encoders), load_settings().cache
        )

    assert of().tunes("text") and not of().tunes("majority")
    state(untrained, encoder=ENCODER | {"tune": None})
    assert not of().specs and not of().facts and not of().tunes("text")
    state(untrained, encoder={"hf": "another", "tune": "full"})
    with pytest.raises(ParamsError, match=r"another\.mean cannot be tuned, since a table of features"):
        of()
    state(untrained)
    with pytest.raises(ParamsError, match="tune is not supported under a zero-shot protocol"):
        of(protocol=documents.protocol(classes=CLASSES, unseen=["anger"]))


def test_a_choice_that_tuning_does_not_support_is_refused(untrained):
    choices = {fold: documents.chosen(config=CONFIG | {"adversarial": 0.1}, epochs=2) for fold in range(2)}
    before = Best.read()
    documents.best({"text": choices}, modalities=["text"]).write()
    try:
        with pytest.raises(ParamsError, match="text was chosen with adversarial, which fine-tuning does not"):
            train.main()
    finally:
        before.write()
