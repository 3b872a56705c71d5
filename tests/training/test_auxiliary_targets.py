"""Targets beside the label: votes as shares of the classes, numbers, and none of a test row."""

import json

import documents
import numpy as np
import pandas as pd
import pytest
import torch
from emoflow.errors import SearchError
from emoflow.schema import LABEL_SPACES, LabelSpace, Layout
from emoflow.stages import train
from emoflow.training.auxiliary_targets import COLUMNS, auxiliary_targets_of
from emoflow.training.data import UNLABELLED, Rows
from emoflow.training.rows import Part
from planted_experiment import CLASSES as PLANTED
from planted_experiment import lay_out

CLASSES = ["anger", "happiness", "neutral", "sadness"]


def said(**columns) -> dict:
    return {name: None for name in COLUMNS} | {"corpus": "lab"} | columns


def tell(rows: list[dict], *, space=LABEL_SPACES["emotion4"], layout=None, classes=CLASSES):
    table = pd.DataFrame(rows, columns=COLUMNS)
    return auxiliary_targets_of(table, {"lab": layout or Layout()}, space=space, classes=classes)


def rated(**raters: list[str]) -> str:
    return json.dumps(raters)


def bare(*target: int) -> Rows:
    return Rows({}, {}, torch.tensor(target))


def test_votes_are_shares_of_the_classes_by_the_label_space():
    targets = tell(
        [
            said(utterance_id="lab/a", raters=rated(r1=["anger"], r2=["excitement", "sadness"])),
            said(utterance_id="lab/b", raters=rated(r1=["fear"], r2=["Neutral "])),
            said(utterance_id="lab/c", raters=rated(r1=["fear"])),
            said(utterance_id="lab/d"),
        ],
    )
    rows = targets.of(bare(0, 2, 1, 3), Part(("lab/a", "lab/b", "lab/c", "lab/d"), (0, 2, 1, 3)))
    expected = [[0.5, 0.25, 0, 0.25], [0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    torch.testing.assert_close(rows.shares, torch.tensor(expected))


def test_where_the_label_is_of_some_raters_theirs_are_the_votes():
    held = [said(utterance_id="lab/a", raters=rated(**{"audio-1": ["anger"], "face-1": ["sadness"]}))]
    part = Part(("lab/a",), (0,))
    heard = tell(held, layout=Layout(raters="audio")).of(bare(0), part)
    assert heard.shares.tolist() == [[1, 0, 0, 0]]
    assert tell(held).of(bare(0), part).shares.tolist() == [[0.5, 0, 0, 0.5]]


def test_a_corpus_of_raw_labels_and_one_of_cuts():
    held = [said(utterance_id="lab/a", raters=rated(r1=["Lo"], r2=["hi"], r3=["lo"], r4=["anger"]))]
    raw = LabelSpace("stress2", ("calm", "tense"), raw={"lab": {"lo": "calm", "hi": "tense"}})
    part = Part(("lab/a",), (0,))
    made = tell(held, space=raw, classes=["calm", "tense"]).of(bare(0), part)
    torch.testing.assert_close(made.shares, torch.tensor([[2 / 3, 1 / 3]]))
    cut = LABEL_SPACES["sentiment3"]
    assert not tell(held, space=cut, classes=list(cut.classes)).shares.any()


def test_who_speaks_is_told_of_any_part_and_nothing_else():
    held = [
        said(utterance_id=f"lab/{name}", speaker=who)
        for name, who in zip("abcd", ("s1", None, "s1", None), strict=True)
    ]
    part = Part(("lab/c", "lab/b", "lab/a", "lab/d"), (0, 1, 0, 1))
    rows = tell(held).spoken(bare(0, 1, 0, 1), part)
    one, two, again, four = rows.speaker.tolist()
    assert one == again and len({one, two, four}) == 3
    assert rows.shares is None and not rows.side


def test_side_targets_are_numbers_or_nan():
    targets = tell(
        [
            said(utterance_id="lab/b", valence=-0.5, intensity="strong", speaker_gender="male"),
            said(utterance_id="lab/a", arousal=1.0, intensity="low", speaker_gender="female"),
            said(utterance_id="lab/c", intensity="normal"),
        ],
    )
    rows = targets.of(bare(0, 1, 2), Part(("lab/a", "lab/b", "lab/c"), (0, 1, 2)))
    np.testing.assert_array_equal(rows.side["valence"], [np.nan, -0.5, np.nan])
    np.testing.assert_array_equal(rows.side["arousal"], [1.0, np.nan, np.nan])
    np.testing.assert_array_equal(rows.side["intensity"], [0.0, 1.0, 0.5])
    np.testing.assert_array_equal(rows.side["gender"], [0.0, 1.0, np.nan])


def test_nothing_is_told_of_a_row_without_a_label():
    held = said(utterance_id="lab/a", valence=1.0, raters=rated(r1=["anger"]), speaker_gender="male")
    rows = tell([held]).of(bare(UNLABELLED), Part(("lab/a",), (UNLABELLED,)))
    assert not rows.shares.any()
    assert all(x.isnan().all() for x in rows.side.values())


def test_what_nobody_is_told_of_cannot_be_learned():
    targets = tell([said(utterance_id="lab/a", valence=0.5, speaker_gender="male")])
    targets.check([{"soft_labels": 0.0}, {"dimension_weight": 1.0, "gender_adversary": 0.1}])
    with pytest.raises(SearchError, match=r"search\.space uses soft_labels, which learns from raters' votes"):
        targets.check([{}, {"soft_labels": 0.3}])
    with pytest.raises(SearchError, match=r"intensity_weight.*\(they hold gender, valence\): leave it out"):
        targets.check([{"intensity_weight": 0.3}])


@pytest.mark.slow
def test_what_is_told_of_a_test_row_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMOFLOW_DEVICE", "cpu")
    monkeypatch.setenv("EMOFLOW_WORKERS", "1")
    lay_out(tmp_path, strategies=["audio"])
    used = {"soft_labels": 1.0, "intensity_weight": 0.5, "gender_adversary": 0.5}
    config = {"width": 16, "layers": 1, "learning_rate": 0.01} | used
    documents.best({"audio": {k: documents.chosen(config=config, epochs=6) for k in range(3)}}).write()

    def predictions(seed: int, of: pd.Series | None = None) -> pd.DataFrame:
        """After the votes and numbers of these rows were drawn anew; of all rows without ``of``."""
        table = pd.read_parquet("data/utterances/control.parquet").astype(object)
        drawn = np.random.default_rng(seed).integers(3, size=(len(table), 3))
        new = pd.DataFrame(
            {
                "raters": [json.dumps({"r1": [PLANTED[i]]}) for i in drawn[:, 0]],
                "intensity": np.array(["low", "normal", "strong"])[drawn[:, 1]],
                "speaker_gender": np.array(["female", "male", None])[drawn[:, 2]],
            }
        )
        which = slice(None) if of is None else table["utterance_id"].isin(of)
        table.loc[which, new.columns] = new.loc[which]
        table.to_parquet("data/utterances/control.parquet")
        train.main()
        table = pd.read_parquet("data/predictions.parquet")
        return table[table["strategy"] != "svm"].reset_index(drop=True)  # which learns from labels alone

    folds = pd.read_parquet("data/folds.parquet")
    tested = folds[(folds["fold"] == 0) & (folds["role"] == "test")]["utterance_id"]
    before, after = predictions(1), predictions(2, of=tested)
    same = (before.filter(like="p_") == after.filter(like="p_")).all(axis=1).groupby(before["fold"]).mean()
    assert same[0] == 1
    assert same[1] < 0.1 and same[2] < 0.1
