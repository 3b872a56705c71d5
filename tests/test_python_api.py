"""`import emoflow`: what it gives, that it is light, and that the manual's example runs."""

import re
import subprocess
import sys

import emoflow
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from emoflow.encoders.store import Row, write
from emoflow.errors import EvaluationError, FeatureError, ParamsError, ProtocolError, SearchError
from emoflow.synthesis import control_corpus

MANUAL = ROOT / "docs" / "python-api.md"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("api")
    control_corpus.synthesise(folder / "control", speakers=8, clips=1, workers=2)
    return folder


def test_every_public_name_is_there_and_documented():
    reference = MANUAL.read_text().split("## Reference")[1]
    for name in dir(emoflow):
        assert getattr(emoflow, name).__doc__
        if name[0].islower():
            assert f"`{name}(" in reference
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        emoflow.nothing  # noqa: B018


def test_importing_it_imports_nothing_heavy():
    heavy = "{'torch', 'numpy', 'pandas', 'mlflow', 'pydantic'}"
    code = f"import sys, emoflow; sys.exit(', '.join({heavy} & set(sys.modules)) or 0)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
def test_the_manual_s_example_runs(corpus, monkeypatch, capsys):
    example = re.search(
        r"this block is run as it stands -->\n```python\n(.*?)```", MANUAL.read_text(), re.DOTALL
    )
    monkeypatch.chdir(corpus)
    exec(compile(example[1], "python-api.md", "exec"), {"__name__": "example"})  # noqa: S102
    printed = capsys.readouterr().out
    assert "cross-attention" in printed and "ua_low" in printed


@pytest.mark.slow
def test_a_table_becomes_folds_and_what_is_wrong_is_named(corpus):
    table = emoflow.load_corpus(corpus / "control")
    assert len(table) == 8 * 7 and table.attrs["unread"] == []
    folds = emoflow.assign_folds(table, "loso")
    assert folds.table["fold"].nunique() == 8 and folds.inflated is None
    assert emoflow.assign_folds(table, "random5").inflated
    with pytest.raises(ProtocolError, match="kfold"):
        emoflow.assign_folds(table, "kflod5")


@pytest.mark.slow
def test_features_and_a_population(corpus, tmp_path):
    table = emoflow.load_corpus(corpus / "control")
    folds = emoflow.assign_folds(table, "kfold4", label_space="emotion7")
    encoders = {"text": ["hashing"]}
    store = emoflow.extract_features(
        table, corpus / "control", tmp_path / "features", encoders=encoders, cache=tmp_path / "cache"
    )
    with pytest.raises(ParamsError, match="names gesture; recordings are encoded as audio, text, face"):
        emoflow.extract_features(table, corpus / "control", tmp_path / "other", encoders={"gesture": ["x"]})
    faces = {"encoders": {"face": ["appearance"]}, "face_track": "dlib"}
    with pytest.raises(ParamsError, match=r"features\.face\.track"):
        emoflow.extract_features(table, corpus / "control", tmp_path / "other", **faces)
    joins = {"encoders": encoders, "join": {"audio": "streams"}}
    with pytest.raises(ParamsError, match="join names audio; what is encoded is text"):
        emoflow.extract_features(table, corpus / "control", tmp_path / "other", **joins)
    with pytest.raises(FeatureError, match="load_features"):
        emoflow.extract_features(table, corpus / "control", tmp_path / "features", encoders=encoders)
    assert emoflow.load_features(tmp_path / "features").ids("text") == store.ids("text")
    with pytest.raises(ProtocolError, match="there is no fold 9; folds are 0, 1, 2, 3"):
        emoflow.prepare_fold(store, folds, 9)
    fold = emoflow.prepare_fold(store, folds, 1)
    with pytest.raises(SearchError, match="no configuration is given"):
        emoflow.fit_population("text", [], fold)

    configs = emoflow.configurations("text", modalities=["text"], count=3)
    configs.append(configs[0] | {"learning_rate": 1e-3})
    population = emoflow.fit_population("text", configs, fold, epochs=2)
    assert population.validation_ua.shape == (4, 2) and np.isfinite(population.validation_ua).all()
    probabilities = population.probabilities(fold.test)
    assert probabilities.shape == (4, len(fold.test_ids), 7)
    np.testing.assert_allclose(probabilities.sum(-1), 1)
    alone = emoflow.fit_population("text", [configs[2]], fold, epochs=2)
    np.testing.assert_allclose(alone.probabilities(fold.test)[0], probabilities[2], atol=1e-4)

    predictions = population.predictions(fold, member=2)
    figures = emoflow.evaluate(predictions, folds)
    right = predictions.filter(like="p_").to_numpy().argmax(1) == [
        folds.classes.index(label) for label in predictions["label"]
    ]
    assert figures.loc["text", "wa"] == pytest.approx(right.mean())
    assert figures.loc["text", "wa_low"] is None or figures.loc["text", "wa_low"] <= figures.loc["text", "wa"]
    with pytest.raises(EvaluationError, match="lacks"):
        emoflow.evaluate(pd.concat([predictions.iloc[1:]]), folds)


def test_features_of_the_fold_are_read_and_posteriors_are_not_learned_from(tmp_path):
    rows = [
        {"utterance_id": f"c/{speaker}-{label}", "speaker": f"c/{speaker}", "label": label}
        for speaker in range(3)
        for label in ("anger", "neutral")
    ]
    names = ("train", "validation", "test")
    table = pd.DataFrame(
        row | {"fold": fold, "role": names[(int(row["speaker"][-1]) - fold) % 3]}
        for fold in range(3)
        for row in rows
    )
    for modality, encoder in (("audio", "egemaps"), ("text", "posteriors")):
        held = [
            Row(row["utterance_id"], "0", np.full((1, 2), 0.1 + 0.2 * fold, np.float32), fold=fold)
            for fold in range(3)
            for row in rows
        ]
        about = {"modality": modality, "encoder": encoder, "params_digest": "0", "feature_names": ["x", "y"]}
        write(tmp_path / "c", held, **about)
    folds = emoflow.Folds(table, ("anger", "neutral"), "c.kfold3", None, {})
    prepared = emoflow.prepare_fold(emoflow.load_features(tmp_path / "c"), folds, 2)
    assert prepared.test.posteriors == {"text"}
    stored = emoflow.load_features(tmp_path / "c").tokens("audio", ["c/0-anger"], [2])[0]
    np.testing.assert_allclose(stored, 0.5)
    with pytest.raises(
        SearchError, match="early-concatenation learns from training rows, where the text posteriors"
    ):
        emoflow.fit_population("early-concatenation", [{}], prepared)
