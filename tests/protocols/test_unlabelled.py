"""Utterances without a label: they join training where nothing of theirs is held out, and no figure is of them."""

from pathlib import Path

import pandas as pd
import pytest
import yaml
from documents import validated
from emoflow import params
from emoflow.artifacts.folds import FOLDS, Folds
from emoflow.errors import LeakageError, ParamsError, ProtocolError
from emoflow.protocols import assigned, protocol, select
from emoflow.protocols.unlabelled import ROLE, bare_rows, with_unlabelled
from emoflow.schema import LABEL_SPACES, UTTERANCE_COLUMNS
from emoflow.stages import folds as stage
from made_tables import iemocap, own, table_of

SPEAKERS = ["a", "b", "c", "d", "e", "f"]
EMOTION4 = LABEL_SPACES["emotion4"]


def dealt(name: str, table: pd.DataFrame, *, unlabelled=(), others=False, space=EMOTION4) -> pd.DataFrame:
    plan = protocol(name, space, seed=7)
    selection = select(plan, table[~table["corpus"].isin(list(unlabelled))])
    rows = bare_rows(selection, table, corpora=unlabelled, others=others)
    return with_unlabelled(plan, assigned(plan, selection), selection, rows)


def four(corpus: str, speakers=SPEAKERS) -> pd.DataFrame:
    return own(list(speakers), list(EMOTION4.classes), corpus=corpus)


def without_labels(table: pd.DataFrame, speakers: list[str]) -> pd.DataFrame:
    bare = table["speaker"].str.split("/").str[1].isin(speakers)
    return table.assign(label=table["label"].mask(bare), label_raw=table["label_raw"].mask(bare)).astype(
        UTTERANCE_COLUMNS
    )


def test_a_corpus_without_its_labels_trains_in_every_fold_and_changes_no_other_row():
    table = pd.concat([four("one"), four("other")], ignore_index=True)
    folds = dealt("kfold3", table, unlabelled=["other"])
    bare = folds[folds["role"] == ROLE]
    assert set(bare["utterance_id"]) == set(four("other")["utterance_id"])
    assert len(bare) == 3 * len(four("other")) and bare["label"].isna().all()
    rest = folds[folds["role"] != ROLE].reset_index(drop=True)
    pd.testing.assert_frame_equal(rest, dealt("kfold3", four("one")))


@pytest.mark.parametrize(
    ("name", "silent"),
    [
        ("logo:session", 2),
        ("kfold5", 2),
        ("iemocap4.loso5.nested", 2),
        ("iemocap4.loso10", 0),  # lists its speakers, so that each has to have labels
        ("kfold5.rand20", 2),
    ],
)
def test_nothing_without_a_label_shares_a_speaker_or_a_session_with_what_is_held_out(name, silent):
    """``xxx`` of IEMOCAP is a row without a label; and some speakers have none but such."""
    table = without_labels(iemocap(turns=1), [f"Ses{session:02}F" for session in range(1, 1 + silent)])
    folds = dealt(name, table, others=True, space=LABEL_SPACES["iemocap4"])
    about = table.set_index("utterance_id")
    for _, fold in folds.groupby("fold"):
        held, bare = fold[fold["role"].isin(["validation", "test"])], fold[fold["role"] == ROLE]
        for column in ("speaker", "session", "dialogue"):
            values = about[column]
            assert not set(values[held["utterance_id"]]) & set(values[bare["utterance_id"]])
    learned = folds.loc[folds["role"] == ROLE, "utterance_id"]
    assert about.loc[learned, "label"].isna().all()
    # Where everybody validates, nobody's other utterances may be learned from.
    assert (len(learned) > 0) == (name != "kfold5.rand20")


def test_an_unlabelled_part_of_the_target_is_learned_from_and_its_test_speakers_are_not():
    target = without_labels(four("b"), ["a", "b"])
    third = four("c").assign(language="de")
    table = pd.concat([four("a"), target, third], ignore_index=True)
    folds = dealt("cross:a:b", table, unlabelled=["c"], others=True)
    bare = folds[folds["role"] == ROLE]
    assert set(bare["speaker"].str[0]) == {"b", "c"}
    assert set(bare.loc[bare["speaker"].str[0] == "b", "speaker"]) == {"b/a", "b/b"}
    assert set(folds.loc[folds["role"] == "test", "speaker"]) == {f"b/{name}" for name in "cdef"}


def test_of_an_official_split_the_held_out_rows_stay_out():
    table = four("one").assign(split_official=["train"] * 12 + ["validation"] * 4 + ["test"] * 8)
    bare = without_labels(table, ["a", "d", "f"])  # of training, of validation, of the test
    assert bare[bare["label"].isna()]["split_official"].nunique() == 3
    table = pd.concat(
        [table, bare.assign(**{name: bare[name] + "2" for name in ("utterance_id", "speaker")})],
        ignore_index=True,
    ).astype(UTTERANCE_COLUMNS)
    folds = dealt("official", table, others=True)
    assert set(folds.loc[folds["role"] == ROLE, "speaker"]) == {"one/a2"}


def test_where_folds_are_of_speakers_rows_of_nobody_knows_whom_stay_out():
    nobody = without_labels(four("one", ["x"]), ["x"]).assign(speaker=None)
    nobody["utterance_id"] += "?"
    table = pd.concat([four("one"), nobody], ignore_index=True).astype(UTTERANCE_COLUMNS)
    assert ROLE not in set(dealt("kfold3", table, others=True)["role"])
    elsewhere = four("other").assign(speaker=None).astype(UTTERANCE_COLUMNS)
    table = pd.concat([four("one"), elsewhere], ignore_index=True)
    assert (dealt("kfold3", table, unlabelled=["other"])["role"] == ROLE).sum() == 3 * len(elsewhere)


def test_a_corpus_that_no_fold_may_learn_from_is_named():
    table = pd.concat([four("one"), four("other")], ignore_index=True).assign(dialogue="one and the same")
    table.loc[table["corpus"] == "one", "dialogue"] = table["speaker"]
    table.loc[table["corpus"] == "other", "dialogue"] = "one/a"
    folds = dealt("kfold3", table, unlabelled=["other"])
    assert folds.loc[folds["role"] == ROLE, "fold"].nunique() == 1  # where a neither tests nor validates
    with pytest.raises(ProtocolError, match=r"folds\.unlabelled names other, and no fold may learn"):
        dealt("cross:two:one", pd.concat([table, four("two")], ignore_index=True), unlabelled=["other"])


def test_every_row_that_no_space_has_a_class_for_is_not_without_a_label():
    table = pd.concat([four("one"), own(SPEAKERS, ["disgust"], corpus="one")], ignore_index=True)
    assert ROLE not in set(dealt("kfold3", table, others=True)["role"])


# -- the stage ---------------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of which only params.yaml stands; returns a function that puts corpora's utterance tables into it."""
    held = yaml.safe_load(params.PATH.read_text(encoding="utf-8"))
    monkeypatch.chdir(tmp_path)

    def put(*tables: pd.DataFrame, **folds) -> None:
        names = [table["corpus"].iloc[0] for table in tables]
        changes = {"corpora": names, "label_space": "emotion4", "protocol": "kfold3"}
        held["folds"] |= {"unlabelled": [], "keep_unlabelled": False} | folds
        params.PATH.write_text(yaml.safe_dump(held | changes), encoding="utf-8")
        for table in tables:
            validated(Path(), table)

    return put


def written() -> tuple[pd.DataFrame, dict]:
    return FOLDS.read(), Folds.read().model_dump()


def test_what_the_stage_says_of_rows_without_a_label(project, capsys):
    known = four("one")
    silent = without_labels(four("one", ["x", "y"]), ["x"])
    silent[["utterance_id", "speaker"]] += "z"
    silent.loc[silent["speaker"] == "one/yz", "label"] = None  # unlabelled, and of a word that nobody knows
    mine = pd.concat([known, silent], ignore_index=True)
    project(mine, four("lrs"), unlabelled=["lrs"])
    stage.main()
    _, held = written()
    assert held["protocol"] == "emotion4.kfold3 (unlabelled: lrs)"
    assert held["utterances"] == len(known) and held["unlabelled"] == {"lrs": 24}
    assert held["folds"][0]["unlabelled"] == 24 and held["folds"][0]["train"] == 8
    assert held["dropped"]["(no label)"] == 4
    assert "learned from without a label: 24 utterances of lrs" in capsys.readouterr().out
    project(mine, four("lrs"), unlabelled=["lrs"], keep_unlabelled=True)
    stage.main()
    assert written()[1]["unlabelled"] == {"lrs": 24, "one": 8}
    assert written()[1]["dropped"] == {}
    project(mine)
    stage.main()
    assert written()[1]["unlabelled"] == {} and ROLE not in set(written()[0]["role"])


def test_a_copy_of_a_test_clip_is_refused_among_the_unlabelled_too(project):
    tables = []
    for corpus in ("one", "lrs"):
        table = four(corpus)
        table.loc[0, ["audio", "audio_digest"]] = ["x.wav", "the same bytes"]
        tables.append(table.astype(UTTERANCE_COLUMNS))
    project(*tables, unlabelled=["lrs"])
    with pytest.raises(LeakageError, match="byte-identical audio in different roles"):
        stage.main()


def test_params_name_corpora_that_are_read_and_leave_one_with_labels(project):
    project(four("one"), four("lrs"), unlabelled=["lsr"])
    with pytest.raises(ParamsError, match=r"folds\.unlabelled names lsr, which corpora does not"):
        params.load()
    project(four("one"), unlabelled=["one"])
    with pytest.raises(ParamsError, match="names every corpus"):
        params.load()
    project(four("one"), four("lrs"), unlabelled=["lrs"])
    assert params.load().labelled == ["one"]


def test_an_empty_table_of_rows_is_no_trouble():
    assert len(dealt("kfold3", four("one"), others=True)) == len(dealt("kfold3", four("one")))
    assert bare_rows(
        select(protocol("kfold3", EMOTION4), four("one")), table_of([]), corpora=[], others=True
    ).empty
