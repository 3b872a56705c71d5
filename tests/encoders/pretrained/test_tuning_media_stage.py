"""The stage ``train`` with encoders of sound and of faces that are tuned, and the model that comes of it."""

import multiprocessing
import shutil
from dataclasses import replace

import documents
import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from conftest import ROOT
from emoflow import params
from emoflow.artifacts import fold_models
from emoflow.artifacts.fold_models import FoldModels
from emoflow.artifacts.model import TUNED, ModelCard
from emoflow.artifacts.search import Best
from emoflow.encoders import ModelFiles, make, open_all
from emoflow.encoders.cache import Cache
from emoflow.encoders.jobs import Source
from emoflow.encoders.parallel import Recipe
from emoflow.encoders.store import Row, write
from emoflow.errors import CorpusError, ParamsError
from emoflow.evaluation.robustness.extraction import Wanted
from emoflow.evaluation.robustness.perturbation import Perturbation
from emoflow.evaluation.robustness.tuned import TunedFold
from emoflow.files import file_digest, write_table
from emoflow.registry.inference import Predictor
from emoflow.registry.package import pack
from emoflow.schema import UTTERANCE_COLUMNS
from emoflow.settings import load as load_settings
from emoflow.stages import robustness, train
from emoflow.stages.training_inputs import Inputs
from emoflow.stages.tuning import CheckpointFile, TunedEncoders
from emoflow.synthesis import face_drawing
from emoflow.synthesis.media_writer import write_film
from emoflow.training.refit import choice_for_everything
from emoflow.training.tuning import jobs
from emoflow.training.tuning.jobs import TuneJob
from emoflow.training.workers import Context, StoredReader
from in_process import no_processes, run_stages
from safetensors.numpy import load_file, save_file
from tiny_models import RATE, save

CLASSES = ["anger", "happiness", "neutral"]
CONFIG = {"width": 8, "layers": 1, "learning_rate": 0.01, "dropout": 0.1}
STRATEGIES = {"early-concatenation": "audio+face", "audio": "audio"}
ENCODERS = {
    "audio": [{"hf": "tiny-whisper", "tune": "full"}],
    "face": ["appearance", {"hf": "tiny-dinov2", "tune": "lora"}],
}


def lay_out(root) -> None:
    """Six speakers' films, one of each class, which its pitch tells, up to the search."""
    stated = yaml.safe_load((ROOT / "params.yaml").read_text())
    stated |= {"corpora": ["mine"], "modalities": list(ENCODERS)}
    for modality, encoders in ENCODERS.items():
        stated["features"][modality]["encoders"] = encoders
    stated["features"]["face"]["frames"] = 2
    stated["search"] |= {"strategies": list(STRATEGIES), "configurations": 1, "epochs": 2, "halvings": 0}
    stated["train"] = {
        "seeds": [0, 1],
        "tuning": {"epochs": 12, "learning_rate": 0.001, "batch": 3, "accumulate": 1, "rank": 2},
    }
    (root / "params.yaml").write_text(yaml.safe_dump(stated))
    films = root / "data/raw/mine"
    films.mkdir(parents=True)
    rows = []
    for number in range(18):
        generator, label = np.random.default_rng(number), CLASSES[number % 3]
        who, where = face_drawing.look("male", generator), face_drawing.setting(generator)
        shown = face_drawing.express(label, generator)
        pictures = face_drawing.film(shown, who, where, np.linspace(0, 1, 4), generator)
        film = films / f"{number}.mp4"
        noise = generator.normal(0, 0.01, RATE * 3 // 10)
        pitch = 2 * np.pi * (200, 800, 3200)[number % 3] / RATE
        sound = (0.3 * np.sin(pitch * np.arange(len(noise))) + noise).astype(np.float32)
        write_film(film, frames=pictures, fps=25, sound=sound, rate=RATE)
        rows.append(
            {
                "utterance_id": f"mine/{number:02}",
                "corpus": "mine",
                "speaker": f"mine/{number // 3}",
                "label": label,
                "video": film.name,
                "video_digest": file_digest(film),
            }
        )
    table = pd.DataFrame(rows).reindex(columns=list(UTTERANCE_COLUMNS))
    documents.validated(root, table)
    speaker = table["speaker"].str.rpartition("/")[2].astype(int) % 3
    folds = [
        table[["utterance_id", "speaker", "label"]].assign(
            fold=fold,
            role=np.where(speaker == fold, "test", np.where(speaker == 2, "validation", "train")),
        )
        for fold in range(2)
    ]
    write_table(
        root / "data/folds.parquet", pd.concat(folds).sort_values(["fold", "utterance_id"], ignore_index=True)
    )
    documents.protocol(classes=CLASSES).write(root)
    choices = {fold: documents.chosen(config=CONFIG, epochs=2) for fold in range(2)}
    documents.best(
        dict.fromkeys(STRATEGIES, choices), best="early-concatenation", modalities=list(ENCODERS)
    ).write(root)
    models = ModelFiles(pretrained=root / ".emoflow/encoders")
    (root / "data/features/mine").mkdir(parents=True)
    for modality in ENCODERS:
        stated = getattr(params.load(root / "params.yaml").features, modality).model_dump(exclude={"join"})
        for encoder in make(stated.pop("encoders"), stated, models=models):
            write(
                root / "data/features/mine",
                [
                    Row(name, digest, encoder.encode(films / film))
                    for name, film, digest in table[["utterance_id", "video", "video_digest"]].itertuples(
                        index=False
                    )
                ],
                modality=modality,
                encoder=encoder.name,
                params_digest=encoder.digest(),
                feature_names=encoder.feature_names(),
                model=encoder.model(),
            )


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The finished experiment."""
    root = tmp_path_factory.mktemp("tuned")
    for name in ("whisper", "dinov2"):
        save(name, root / f".emoflow/encoders/tiny-{name}")
    lay_out(root)
    with pytest.MonkeyPatch.context() as patch, no_processes():
        within(root, patch)
        train.main()
    return root


def within(root, patch) -> None:
    patch.chdir(root)
    patch.setenv("EMOFLOW_DEVICE", "cpu")
    patch.setenv("EMOFLOW_WORKERS", "1")


@pytest.fixture
def there(root, monkeypatch):
    within(root, monkeypatch)
    return root


@pytest.mark.slow
def test_the_packed_model_gives_what_its_members_gave_in_training(there, tmp_path):
    """The members are trained once more, in this process, and score a fold's rows as test folds are scored."""
    experiment, best, card = params.load(), Best.read(), ModelCard.read()
    assert {name: each.rank for name, each in card.tuning.encoders.items()} == {
        "tiny-whisper.mean-std": None,
        "tiny-dinov2.none": 2,
    }
    assert card.tuning.epochs >= 1
    inputs = Inputs.of(experiment)
    common = Context(
        StoredReader(open_all, (there / "data/features").resolve(), ("mine",)),
        {name: inputs.store.layout(name) for name in ENCODERS},
        tuple(ENCODERS),
        3,
        "cpu",
        inputs.reduction,
        inputs.auxiliary_targets(),
    )
    environment = load_settings()
    tuned = TunedEncoders.of(experiment, inputs, ModelFiles(None, environment.encoders), environment.cache)
    rows = inputs.folds[0].test
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "set_num_threads", lambda _: None)
        jobs._start(tuned.context(common), multiprocessing.get_context("spawn").Queue())
    members = [
        jobs._run(
            TuneJob(
                choice=choice_for_everything("early-concatenation", best.strategies["early-concatenation"]),
                seed=seed,
                train=train._everything(inputs),
                epochs=card.tuning.epochs,
                checkpoint=CheckpointFile(there / f"{seed}.checkpoint"),
                test=rows,
            )
        )["probabilities"]
        for seed in card.seeds
    ]
    package = pack(
        there / "data/model", tmp_path / "packed", models=ModelFiles(pretrained=there / ".emoflow/encoders")
    )
    held = sorted(path.relative_to(package.model).as_posix() for path in package.model.rglob("*.safetensors"))
    assert held == [
        "encoders/tiny-dinov2/model.safetensors",
        "encoders/tiny-whisper/model.safetensors",
        "weights.safetensors",
    ]
    films = [str(there / "data/raw/mine" / f"{int(name[-2:])}.mp4") for name in rows.ids]
    answers = Predictor(package.model).table(pd.DataFrame({"video": films}))
    assert (answers["modalities_used"] == "audio+face").all()
    np.testing.assert_allclose(answers.filter(like="p_"), np.mean(members, axis=0), atol=1e-5)


@pytest.mark.slow
def test_strategies_are_tuned_by_the_modalities_that_they_use(there):
    (work,) = there.glob(".emoflow/work/train-*")
    of_audio = {path.name for path in work.glob("audio.*")}
    assert {"audio.0.epochs.safetensors", "audio.1.seed1.safetensors"} <= of_audio
    predictions = pd.read_parquet("data/predictions.parquet")
    assert set(predictions["strategy"]) >= set(STRATEGIES)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("modality", "condition", "level"), [("audio", "noise", 0), ("face", "brightness", 0.3)]
)
def test_the_tuned_encoders_of_a_fold_encode_worse_recordings(there, tmp_path, modality, condition, level):
    """As the published model encodes them, from which the weights are taken here; the frozen encoder beside it, too."""
    model = shutil.copytree(there / "data/model", tmp_path / "model")
    generator = np.random.default_rng(0)
    state = load_file(model / "weights.safetensors")
    # Validation may have chosen no epoch: the members are told apart here.
    state |= {
        name: (x + generator.normal(0, 0.1, x.shape)).astype(x.dtype)
        for name, x in sorted(state.items())
        if name.startswith(TUNED)
    }
    path = fold_models.weights(0, tmp_path)
    path.parent.mkdir(parents=True)
    for each in (model / "weights.safetensors", path):
        save_file(state, each)
    package = pack(model, tmp_path / "packed", models=ModelFiles(pretrained=there / ".emoflow/encoders"))
    predictor, card = Predictor(package.model), ModelCard.read(there)
    how = card.modalities[modality]
    models = ModelFiles(pretrained=there / ".emoflow/encoders")
    recipe = Recipe(modality, tuple(how.stated()), how.parameters, models, how.join)
    fold = TunedFold.of(
        recipe,
        card.tuning.encoders,
        fold=0,
        count=len(card.seeds),
        cache=Cache(tmp_path / "cache"),
        root=tmp_path,
    )
    film = there / "data/raw/mine/1.mp4"
    clean = Source("mine/01", film, file_digest(film))
    change = Perturbation(condition, level, 7, "mine/01")
    worse = replace(clean, digest=change.digest(clean.digest), change=change, unchanged=clean.digest)
    gone = replace(clean, source=film.with_name("gone.mp4"))
    with pytest.raises(CorpusError, match=r"gone\.mp4 is in the utterance table but does not exist"):
        fold.tokens([Wanted(modality, condition, level, gone)], what="test")
    wanted = [Wanted(modality, condition, level, each) for each in (clean, worse)]
    as_it_is, changed = fold.tokens(wanted, what="test")
    expected, _, _ = predictor._encoded(modality, film)
    np.testing.assert_allclose(as_it_is, expected, atol=1e-5)
    assert changed.shape == as_it_is.shape and not np.allclose(changed, as_it_is, atol=1e-3)
    assert not np.allclose(*as_it_is, atol=1e-6), "members of their own"
    again = fold.tokens(wanted, what="test")
    assert np.array_equal(again[1], changed)


@pytest.mark.slow
def test_no_copies_of_whole_encoders_are_kept_of_the_folds(there, tmp_path):
    assert FoldModels.read(there).folds == {}
    stated = yaml.safe_load((there / "params.yaml").read_text())
    stated["robustness"]["conditions"] = {"noise": [0]}
    root = shutil.copytree(there, tmp_path / "other")
    (root / "params.yaml").write_text(yaml.safe_dump(stated))
    with pytest.raises(ParamsError, match=r"tune: full.*take tune: lora"):
        run_stages(root, robustness)
