"""Recognised words in place of transcripts: features, training, packing, and prediction of sound and film alone."""

import hashlib
import shutil
from contextlib import redirect_stdout
from io import StringIO

import av
import documents
import emoflow
import numpy as np
import pandas as pd
import pytest
import soundfile
import yaml
from conftest import ROOT
from emoflow import media
from emoflow.artifacts.features import RECOGNISED, Exclusions, Recognition
from emoflow.artifacts.fold_models import FoldModels
from emoflow.artifacts.model import ModelCard
from emoflow.artifacts.robustness import PERTURBED, RobustnessNotes
from emoflow.cli.registry import _answer
from emoflow.encoders import ModelFiles, encode, make, open_all
from emoflow.encoders.pretrained.recogniser import SpeechRecogniser
from emoflow.errors import EvaluationError, SettingsError
from emoflow.evaluation.robustness import scoring, sound
from emoflow.evaluation.robustness.perturbation import generator
from emoflow.evaluation.timing.stopwatch import Stopwatch
from emoflow.files import file_digest
from emoflow.registry import loadback
from emoflow.registry.inference import Predictor
from emoflow.registry.package import pack
from emoflow.registry.timed_model import time_stages
from emoflow.schema import UTTERANCE_COLUMNS
from emoflow.stages import features, robustness, train
from in_process import no_processes, run_stages
from rich.console import Console
from tiny_models import RATE, save_recogniser, voice

CLASSES = ["anger", "neutral", "sadness"]
COLUMNS = [f"p_{label}" for label in CLASSES]
NAME = "tiny-whisper"
ASR = f"{NAME}.asr"
SILENT = "mine/0-anger"

pytestmark = pytest.mark.slow


def lay_out(root) -> None:
    """Six speakers with a clip of each class, of which one is silent, and half of which have a transcript."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params |= {"corpora": ["mine"], "modalities": ["audio", "text"]}
    params["features"]["audio"]["encoders"] = [{"hf": NAME, "pooling": "mean"}]
    params["features"]["text"] = {"encoders": ["hashing"], "dimensions": 64, "from": "asr", "model": NAME}
    params["search"] |= {"strategies": ["late-average"], "configurations": 1, "epochs": 2, "halvings": 0}
    params["train"]["seeds"] = [0]
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    (root / "data/raw/mine").mkdir(parents=True)
    rows = []
    for speaker in range(6):
        for number, label in enumerate(CLASSES):
            name = f"{speaker}-{label}"
            sound = voice(0.3 + 0.2 * number + 0.05 * speaker, seed=3 * speaker + number)
            path = root / f"data/raw/mine/{name}.wav"
            soundfile.write(path, 0 * sound if f"mine/{name}" == SILENT else sound, RATE, subtype="PCM_16")
            rows.append(
                {
                    "utterance_id": f"mine/{name}",
                    "corpus": "mine",
                    "speaker": f"mine/{speaker}",
                    "label": label,
                    "audio": path.name,
                    "audio_digest": file_digest(path),
                    "text": "Hello!" if speaker % 2 else None,
                    "text_digest": "0" * 64 if speaker % 2 else None,
                    "language": "en",
                }
            )
    table = pd.DataFrame(rows).reindex(columns=list(UTTERANCE_COLUMNS))
    nothing = {"utterance_id": "mine/1-anger", "modality": "text", "reason": "no words in the transcript"}
    documents.validated(root, table, excluded=[nothing])
    documents.three_folds(root, table)
    documents.protocol(classes=CLASSES).write(root)
    config = {"width": 8, "layers": 1, "learning_rate": 0.01, "dropout": 0.1}
    choices = {fold: documents.chosen(config=config, epochs=2) for fold in range(3)}
    documents.best({"late-average": choices}, modalities=["audio", "text"]).write(root)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The finished experiment; and what the stage ``features`` printed, the first time and the second."""
    root = tmp_path_factory.mktemp("experiment")
    lay_out(root)
    return finished(root)


@pytest.fixture(scope="module")
def transcribed(tmp_path_factory):
    """The same with transcripts, which are read."""
    root = tmp_path_factory.mktemp("transcribed")
    lay_out(root)
    params = yaml.safe_load((root / "params.yaml").read_text())
    params["features"]["text"] |= {"from": "transcripts", "model": None}
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    table = pd.read_parquet(root / "data/utterances/mine.parquet")
    texts = [f"word{number} word{number + 1}" for number in range(len(table))]
    digests = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    table.assign(text=texts, text_digest=digests).to_parquet(root / "data/utterances/mine.parquet")
    documents.verdict("mine").write(root, corpus="mine")
    return finished(root)


def finished(root):
    save_recogniser(root / ".emoflow/encoders" / NAME)
    with pytest.MonkeyPatch.context() as patch, no_processes():
        patch.chdir(root)
        patch.setenv("EMOFLOW_DEVICE", "cpu")
        patch.setenv("EMOFLOW_WORKERS", "1")
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            patch.setenv(name, "1")  # the stage sets them
        patch.setattr("sys.argv", ["features", "mine"])
        for number in range(2):
            with (root / f"said{number}.txt").open("w") as said, redirect_stdout(said):
                features.main()
        train.main()
    return root


@pytest.fixture(scope="module")
def package(root, tmp_path_factory):
    models = ModelFiles(pretrained=root / ".emoflow/encoders")
    return pack(root / "data/model", tmp_path_factory.mktemp("packed"), models=models)


@pytest.fixture(scope="module")
def predictor(package):
    return Predictor(package.model)


def ask(predictor, **row):
    return predictor.table(
        pd.DataFrame({name: pd.Series([x], dtype=object) for name, x in row.items()})
    ).iloc[0]


def test_all_speech_is_recognised_whatever_the_transcripts_are(root):
    table = RECOGNISED.read(root, corpus="mine").set_index("utterance_id")
    assert len(table) == 18 and set(table["model"]) == {NAME}
    assert table["text"].isna().sum() == 1 and table["text"].isna()[SILENT]
    assert table["text"].dropna().str.match(r"word\d+( word\d+)*$").all() and table["text"].nunique() > 1
    store = open_all(root / "data/features", ["mine"])
    store.check(pd.read_parquet(root / "data/utterances/mine.parquet"))
    assert store.ids("text") == sorted(set(table.index) - {SILENT})
    excluded = [each for each in Exclusions.read(root, corpus="mine").exclusions if each.modality == "text"]
    assert [each.utterance_id for each in excluded] == [SILENT] and excluded[0].reason.startswith("silent")


def test_it_is_cached_and_compared_with_the_transcripts(root):
    first, second = ((root / f"said{number}.txt").read_text() for number in range(2))
    assert f"text/{ASR}: words recognised in 17 of 18 recordings, 0 of 18 from the cache" in first
    assert f"text/{ASR}: words recognised in 17 of 18 recordings, 18 of 18 from the cache" in second
    found = Recognition.read(root, corpus="mine")
    assert (found.model, found.recordings, found.recognised) == (NAME, 18, 17)
    errors = found.word_error_rate
    assert (errors.utterances, errors.words) == (9, 9) and errors.rate > 1  # one word against several
    assert f"word error rate {100 * errors.rate:.1f} % on 9 utterances with a transcript (9 words" in first


def test_the_model_states_its_recogniser_like_an_encoder(root):
    text = ModelCard.read(root).modalities["text"]
    assert text.recogniser == {"hf": NAME, "language": None} and text.parameters == {"dimensions": 64}
    weights = file_digest(root / ".emoflow/encoders" / NAME / "model.safetensors")
    assert {name: each.sha256 for name, each in text.models.items()} == {ASR: weights}


def test_the_recogniser_is_packed_once_with_the_encoder_of_the_same_model(package):
    held = {path.relative_to(package.model).as_posix() for path in package.model.rglob("*")}
    assert {name for name in held if name.endswith(".safetensors")} == {
        "weights.safetensors",
        f"encoders/{NAME}/model.safetensors",
    }
    assert f"encoders/{NAME}/generation_config.json" in held
    required = {line.partition("==")[0] for line in package.requirements}
    assert {"transformers", "torch"} <= required
    assert not required & {"torchmetrics", "opensmile", "mediapipe"}


def test_sound_alone_gives_the_words_and_features_of_training(root, predictor):
    clip = root / "data/raw/mine/1-neutral.wav"
    words = RECOGNISED.read(root, corpus="mine").set_index("utterance_id")["text"]["mine/1-neutral"]
    store = open_all(root / "data/features", ["mine"])
    (stored,), _ = store.tokens("text", ["mine/1-neutral"])
    for source in (str(clip), clip.read_bytes()):
        answer = ask(predictor, audio=source)
        assert answer["recognised_text"] == words and answer["modalities_used"] == "audio+text"
        assert answer["unused"] == ""
    tokens = predictor._row({"text": words}).tokens
    np.testing.assert_allclose(tokens["text"], stored, atol=1e-6)


def test_recognising_is_a_stage_of_its_own(root, package):
    predictor, watch = Predictor(package.model), Stopwatch()
    time_stages(predictor, watch)
    ask(predictor, audio=str(root / "data/raw/mine/1-neutral.wav"))
    assert list(watch.seconds)[:2] == ["decode audio", "recognise text"]
    assert watch.seconds["recognise text"] > 0
    watch.reset()
    ask(predictor, text="it is")
    assert "recognise text" not in watch.seconds


def test_a_text_that_is_given_is_taken_as_it_is(root, predictor):
    answer = ask(predictor, audio=str(root / "data/raw/mine/1-neutral.wav"), text="it is")
    assert answer["recognised_text"] is None and answer["modalities_used"] == "audio+text"
    assert ask(predictor, text="it is")["modalities_used"] == "text"


def test_a_film_alone_is_recognised_by_its_sound(root, predictor, tmp_path):
    samples, _ = soundfile.read(root / "data/raw/mine/2-sadness.wav", dtype="int16")
    with av.open(str(tmp_path / "film.mkv"), "w") as film:
        pictures = film.add_stream("libx264", rate=5)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 64, "yuv420p"
        sound = film.add_stream("pcm_s16le", rate=RATE, layout="mono")
        for _ in range(4):
            film.mux(pictures.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")))
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.rate, frame.pts = RATE, 0
        film.mux([*sound.encode(frame), *sound.encode(), *pictures.encode()])
    answer = ask(predictor, video=str(tmp_path / "film.mkv"))
    assert answer["modalities_used"] == "audio+text" and answer["recognised_text"].startswith("word")
    assert answer["unused"] == ""


def test_the_command_shows_what_was_recognised(root, predictor):
    answer = ask(predictor, audio=str(root / "data/raw/mine/1-neutral.wav"))
    row = answer.to_dict() | {
        "file": "1-neutral.wav",
        "model": "models:/emotion-mine/1",
        "trained_on": "mine",
    }
    console = Console(file=StringIO(), width=200)
    console.print(_answer(row))
    assert f"recognised: {answer['recognised_text']}\n" in console.file.getvalue()
    console.print(_answer(row | {"recognised_text": None}))
    assert console.file.getvalue().count("recognised:") == 1


def test_a_program_has_words_recognised_too(root, tmp_path):
    table = pd.read_parquet(root / "data/utterances/mine.parquet")
    store = emoflow.extract_features(
        table,
        root / "data/raw/mine",
        tmp_path / "features",
        encoders={"text": ["hashing"]},
        cache=root / ".emoflow/cache",
        models=root / ".emoflow/encoders",
        recogniser=NAME,
    )
    assert store.ids("text") == sorted(set(table["utterance_id"]) - {SILENT}) and list(
        store.models("text")
    ) == [ASR]


def test_where_nobody_speaks_the_text_is_missing_with_its_reason(root, predictor):
    answer = ask(predictor, audio=str(root / f"data/raw/{SILENT}.wav"))
    assert answer["label"] is None and answer["recognised_text"] is None
    assert answer["reason"].count("silent") == 2  # to the encoder and to the recogniser


def test_loading_back_gives_the_recordings_without_words(root, predictor):
    recordings = loadback._recordings(root, predictor)
    assert recordings and all(given["text"] is None for given, _ in recordings)
    for given, tokens in recordings:
        answer = ask(predictor, **given)
        found = answer[[f"p_{name}" for name in CLASSES]].to_numpy(float)
        np.testing.assert_allclose(found, predictor.probabilities([tokens])[0], atol=1e-5)


def test_words_are_recognised_again_in_changed_sound(root, tmp_path):
    """Of both modalities the answers are those of features that are made here of the noisy sound."""
    other = shutil.copytree(root, tmp_path / "other")
    levels = [40, -5]
    table, notes = under(other, {"noise": levels})
    assert set(table["changed"]) == {"audio+text"} and set(table["modalities"]) == {
        "audio",
        "text",
        "audio+text",
    }
    models, (audio, words) = FoldModels.read(other), encoders_of_sound(other)
    hashing = make(["hashing"], {"dimensions": 64})
    heard = {}
    for level in levels:
        for name in ("mine/1-anger", "mine/5-neutral"):
            clip = media.decode_audio(other / f"data/raw/{name}.wav")
            noisy = sound.noise(clip, level, generator(7, "noise", name))
            heard[level, name] = words.words([noisy])
            features = {"audio": audio.encode_decoded([noisy]), "text": encode(hashing, heard[level, name])}
            rows = table[(table["utterance_id"] == name) & (table["level"] == level)].set_index("modalities")
            for given in ("audio", "text", "audio+text"):
                taken = {each: features[each] for each in given.split("+")}
                said = scoring.probabilities(scoring.load(models, int(rows["fold"].iloc[0]), other), [taken])
                np.testing.assert_allclose(rows.loc[given, COLUMNS].to_numpy(float), said[0], atol=1e-5)
    assert heard[40, "mine/1-anger"] != heard[-5, "mine/1-anger"]
    rates = {each.level: (each.condition, each.reference, each.utterances) for each in notes.word_errors}
    assert rates == dict.fromkeys(levels, ("noise", "transcripts", 9))


def test_only_a_new_level_is_recognised_and_encoded(root, tmp_path):
    other = shutil.copytree(root, tmp_path / "other")

    def cached() -> dict:
        return {path: path.stat().st_mtime_ns for path in (other / ".emoflow/cache").rglob("*.safetensors")}

    first, _ = under(other, {"noise": [0]})
    before = cached()
    again, _ = under(other, {"noise": [0]})
    pd.testing.assert_frame_equal(again, first)
    assert cached() == before
    under(other, {"noise": [0, 10]})
    after = cached()
    assert before.items() <= after.items()
    # A recording is recognised and encoded once; of the words some may have been heard before.
    assert 2 * 17 <= len(after) - len(before) <= 3 * 17


def test_without_transcripts_words_are_compared_with_those_heard_in_the_recordings_as_they_are(
    root, tmp_path
):
    other = shutil.copytree(root, tmp_path / "other")
    table = pd.read_parquet(other / "data/utterances/mine.parquet")
    table.assign(text=None).to_parquet(other / "data/utterances/mine.parquet")
    _, notes = under(other, {"noise": [60, -20], "dropped_words": [0]})
    by_level = {each.level: each for each in notes.word_errors}
    assert {each.reference for each in by_level.values()} == {"recognised"}
    assert by_level[60].utterances == 17 and by_level[60].rate < by_level[-20].rate


def test_words_are_dropped_of_those_that_were_recognised(root, tmp_path):
    other = shutil.copytree(root, tmp_path / "other")
    table, notes = under(other, {"dropped_words": [0, 1]})
    assert set(table["changed"]) == {"text"} and notes.word_errors == []
    said = pd.read_parquet(other / "data/predictions.parquet").query("strategy == 'late-average'")
    said = said.set_index("utterance_id")[COLUMNS]
    same = table[(table["level"] == 0) & (table["modalities"] == "audio+text")].set_index("utterance_id")
    np.testing.assert_allclose(same[COLUMNS].astype(float), said.loc[same.index], atol=1e-5)
    assert table[table["level"] == 1].set_index("utterance_id")["unusable"].drop(SILENT).all()


def test_a_recognisers_words_take_the_transcripts_place(transcribed, tmp_path):
    root = shutil.copytree(transcribed, tmp_path / "other")
    with pytest.raises(SettingsError, match=r"emoflow encoders fetch whisper-tiny\.en"):
        under(root, {"recognised_words": [100]})
    table, notes = under(root, {"recognised_words": [100, -5]}, recogniser=NAME)
    assert set(table["changed"]) == {"text"}
    models, (audio, words) = FoldModels.read(root), encoders_of_sound(root)
    hashing, name, heard = make(["hashing"], {"dimensions": 64}), "mine/1-anger", {}
    clip = media.decode_audio(root / f"data/raw/{name}.wav")
    for level in (100, -5):
        heard[level] = words.words([sound.noise(clip, level, generator(7, "noise", name))])
        features = {"audio": audio.encode_decoded([clip]), "text": encode(hashing, heard[level])}
        rows = table[(table["utterance_id"] == name) & (table["level"] == level)].set_index("modalities")
        said = scoring.probabilities(scoring.load(models, int(rows["fold"].iloc[0]), root), [features])
        np.testing.assert_allclose(rows.loc["audio+text", COLUMNS].to_numpy(float), said[0], atol=1e-5)
    assert heard[100] == words.words([clip]) != heard[-5]
    assert [(each.level, each.reference, each.utterances) for each in notes.word_errors] == [
        (level, "transcripts", 18) for level in (-5, 100)
    ]
    silent = table[table["utterance_id"] == SILENT]
    assert silent["unusable"].all() and not table["unusable"].all()


def test_words_cannot_be_recognised_without_sound(transcribed, tmp_path):
    root = shutil.copytree(transcribed, tmp_path / "other")
    table = pd.read_parquet(root / "data/utterances/mine.parquet")
    table.assign(audio=None).to_parquet(root / "data/utterances/mine.parquet")
    with pytest.raises(
        EvaluationError, match=r"no utterance with text has sound.*leave recognised_words out"
    ):
        under(root, {"recognised_words": [100]}, recogniser=NAME)


def under(root, conditions: dict, **stated):
    """What the stage ``robustness`` writes."""
    params = yaml.safe_load((root / "params.yaml").read_text())
    params["robustness"] |= {"conditions": conditions, "utterances": None} | stated
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    run_stages(root, robustness)
    return PERTURBED.read(root), RobustnessNotes.read(root)


def encoders_of_sound(root):
    """The encoder and the recogniser."""
    models = ModelFiles(pretrained=root / ".emoflow/encoders")
    (audio,) = make([{"hf": NAME, "pooling": "mean"}], {}, models=models)
    return audio, SpeechRecogniser(hf=NAME, models=models)
