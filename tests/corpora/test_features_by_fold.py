"""Attached features that differ by test fold: a table with a column ``fold``, or a file for each fold."""

import numpy as np
import pandas as pd
import pytest
import yaml
from emoflow.corpora import attached_features, read
from emoflow.corpora.acquire.add import add
from emoflow.corpora.attached.joining import read_features
from emoflow.errors import CorpusError

CLIPS = ["a1", "a2", "b1", "b2"]
IDS = [f"mylab/{clip}" for clip in CLIPS]
CLASSES = ["neutral", "anger"]
DECLARED = {
    "protocol": "mine.kfold2",
    "kind": "posteriors",
    "classes": CLASSES,
    "folds": {0: {"training_speakers": ["b"]}, 1: {"training_speakers": ["a"]}},
}


def posteriors() -> pd.DataFrame:
    """Each clip once a fold; the columns of the classes in another order than declared."""
    rows = [
        {
            "name": clip,
            "fold": fold,
            "anger": 0.1 * place + 0.5 * fold,
            "neutral": 1 - 0.1 * place - 0.5 * fold,
        }
        for fold in (0, 1)
        for place, clip in enumerate(CLIPS)
    ]
    return pd.DataFrame(rows).sample(frac=1, random_state=0)


def laid_out(folder, table=None, declared=DECLARED, name="posteriors.csv"):
    folder.mkdir(exist_ok=True)
    table = posteriors() if table is None else table
    getattr(table, "to_parquet" if name.endswith("parquet") else "to_csv")(folder / name, index=False)
    if declared is not None:
        (folder / f"{name.partition('.')[0]}.folds.yaml").write_text(
            declared if isinstance(declared, str) else yaml.safe_dump(declared)
        )
    return folder / name


def joined(path):
    return read_features(path, "mylab", lambda name: name or None, IDS)


@pytest.mark.parametrize("name", ["posteriors.csv", "posteriors.parquet"])
def test_a_table_holds_each_utterance_once_a_fold(tmp_path, name):
    found = joined(laid_out(tmp_path, name=name))
    assert found.encoder == "posteriors" and found.names == ("neutral", "anger") and found.index == IDS
    held = {(fold, utterance): tokens for fold, utterance, tokens in found.rows()}
    assert sorted(held) == [(fold, each) for fold in (0, 1) for each in IDS]
    np.testing.assert_allclose(held[1, "mylab/b1"], [[0.3, 0.7]], rtol=1e-6)
    assert (
        found.declared.training_speakers == {0: ["b"], 1: ["a"]} and found.declared.protocol == "mine.kfold2"
    )
    assert found.coverage(IDS) == "of fold 0, 1: 2 features of 4 of 4 utterances"


@pytest.mark.parametrize("names", [["0.npz", "1.npz"], ["fold0", "fold-1"]])
def test_a_folder_holds_a_file_or_a_folder_a_fold(tmp_path, names):
    tokens = {clip: np.random.default_rng(place).normal(size=(3, 5)) for place, clip in enumerate(CLIPS)}
    folder = tmp_path / "wav2vec"
    folder.mkdir()
    for fold, name in enumerate(names):
        of_fold = {clip: (x + fold).astype(np.float32) for clip, x in tokens.items()}
        if name.endswith("npz"):
            np.savez(folder / name, **of_fold)
        else:
            (folder / name).mkdir()
            for clip, x in of_fold.items():
                np.save(folder / name / f"{clip}.npy", x)
    declared = {key: value for key, value in DECLARED.items() if key != "classes"} | {"kind": "features"}
    (tmp_path / "wav2vec.folds.yaml").write_text(yaml.safe_dump(declared))
    found = joined(folder)
    assert found.encoder == "table" and len(found.names) == 5
    held = {(fold, utterance): x for fold, utterance, x in found.rows()}
    np.testing.assert_allclose(held[1, "mylab/a2"] - held[0, "mylab/a2"], np.ones((3, 5)), rtol=1e-5)


def test_they_are_taken_in_with_their_corpus_and_their_declaration(tmp_path, monkeypatch):
    monkeypatch.setattr("emoflow.corpora.acquire.add.track", lambda *_, **__: None)
    source = tmp_path / "source"
    source.mkdir()
    (tmp_path / ".dvc").mkdir()
    (source / "utterances.csv").write_text("id\n" + "\n".join(CLIPS) + "\n")
    told = []
    path = laid_out(tmp_path / "theirs")
    target = add("mylab", source, features={"text": path}, root=tmp_path / "data/raw", say=told.append)
    assert (target / "attached/text.folds.yaml").is_file() and read("mylab", target).unread == []
    found = attached_features("mylab", target, IDS)["text"]
    assert len(list(found.rows())) == 8 and found.declared.classes == CLASSES
    assert any("of fold 0, 1: 2 features of 4 of 4 utterances" in each for each in told)


def test_a_column_fold_without_a_declaration_is_refused_with_a_sample(tmp_path):
    path = laid_out(tmp_path, declared=None)
    with pytest.raises(CorpusError, match=r"write .*posteriors\.folds\.yaml(?s:.*)training_speakers"):
        joined(path)


NOTHING_OF_0 = posteriors().query("fold != 0")
BEYOND = pd.concat([posteriors(), posteriors().query("fold == 0").assign(fold=2)])
STRANGER = pd.concat([posteriors(), pd.DataFrame([{"name": "a1", "fold": 0, "anger": 1, "neutral": 0}])])
LOGITS = posteriors().assign(anger=-3.0)
NO_NUMBER = posteriors().assign(fold="first")
HALF = posteriors().assign(fold=0.5)


@pytest.mark.parametrize(
    ("table", "declared", "message"),
    [
        (NOTHING_OF_0, DECLARED, "nothing of fold 0, which the declaration names"),
        (BEYOND, DECLARED, "the declaration says nothing of fold 2"),
        (posteriors().drop(columns="fold"), DECLARED, "has no column 'fold'"),
        (NO_NUMBER, DECLARED, "8 row.s. whose fold is not a whole number"),
        (HALF, DECLARED, "8 row.s. whose fold is not a whole number"),
        (STRANGER, DECLARED, "a1"),
        (LOGITS, DECLARED, "4 row.s. of fold 0 are no probabilities"),
        (posteriors().drop(columns="anger"), DECLARED, "no column for the declared class.es. anger"),
        (posteriors().assign(calm=0.0), DECLARED, "a column for each declared class"),
        (posteriors(), DECLARED | {"kind": "features"}, "kind features is stated with classes"),
        (posteriors(), DECLARED | {"classes": []}, "kind posteriors is stated with classes"),
        (posteriors(), DECLARED | {"classes": ["anger", "anger"]}, "names one twice"),
        (posteriors(), DECLARED | {"folds": {}}, "it names no fold"),
        (posteriors(), {"protocol": "mine.kfold2"}, "it lacks 'folds'"),
        (posteriors(), DECLARED | {"folds": {"first": {"training_speakers": []}}}, "valid integer"),
        (posteriors(), DECLARED | {"folds": {0: {"training_speakers": [8]}}}, "valid string"),
        (posteriors(), DECLARED | {"folds": {0: ["a"]}}, "does not declare features of test folds"),
        (posteriors(), DECLARED | {"speakers": 2}, "speakers: Extra inputs"),
        (posteriors(), "protocol: [", "does not declare features of test folds"),
        (posteriors(), "a word", "does not declare features of test folds"),
    ],
)  # fmt: skip
def test_what_does_not_fit_its_declaration_is_refused(tmp_path, table, declared, message):
    with pytest.raises(CorpusError, match=message):
        joined(laid_out(tmp_path, table, declared))


def test_arrays_of_one_file_cannot_hold_folds(tmp_path):
    np.savez(tmp_path / "posteriors.npz", a1=np.ones(2) / 2)
    laid_out(tmp_path)
    (tmp_path / "posteriors.csv").unlink()
    with pytest.raises(CorpusError, match=r"a folder with a file or folder for each fold: 0\.npz"):
        joined(tmp_path / "posteriors.npz")


def test_a_folder_of_other_names_is_refused(tmp_path):
    laid_out(tmp_path, name="theirs.csv")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/speaker-a.csv").write_text("name,anger,neutral\na1,0.5,0.5\n")
    with pytest.raises(CorpusError, match="which its number names"):
        joined(tmp_path / "theirs")
