"""Protocols by rule for any corpus: who is dealt with whom, what is the test, what is refused and why."""

import pandas as pd
import pytest
from emoflow.errors import ProtocolError
from emoflow.protocols import assign, automatic, protocol, select
from emoflow.protocols.fold_table import digest
from emoflow.schema import LABEL_SPACES, LabelSpace
from hypothesis import given, settings
from hypothesis import strategies as st
from made_tables import iemocap, own

TWO = LabelSpace("two", ("anger", "neutral"))
LABELS = ["anger", "neutral"]


def named(count: int) -> list[str]:
    return [f"s{number:02}" for number in range(count)]


def speakers(folds: pd.DataFrame, fold: int, role: str) -> set[str]:
    return set(folds[(folds["fold"] == fold) & (folds["role"] == role)]["speaker"])


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    meetings=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=6),
    column=st.sampled_from(["session", "dialogue"]),
    seed=st.integers(0, 9),
)
def test_speakers_who_meet_have_one_role(meetings, column, seed):
    rows = own(named(10), LABELS)
    extra = []
    for place, pair in enumerate(meetings):
        for speaker in pair:
            part = rows[rows["speaker"] == f"own/s{speaker:02}"].copy()
            part["utterance_id"] += f"-{place}-{speaker}"
            part[column] = f"own/meeting {place}"
            extra.append(part)
    table = pd.concat([rows, *extra]).drop_duplicates("utterance_id")
    try:
        folds = assign(protocol("kfold3", TWO, seed=seed), table)
    except ProtocolError as error:
        assert "are kept together" in str(error) and "folds.waivers" in str(error)
        return
    role_of = folds.groupby(["fold", "speaker"])["role"].agg(set)
    assert role_of.map(len).eq(1).all()
    for one, other in meetings:
        for fold in range(3):
            assert role_of[fold, f"own/s{one:02}"] == role_of[fold, f"own/s{other:02}"]


def test_a_waived_kind_deals_its_speakers_apart():
    table = own(named(6), LABELS, session=["studio"] * 6)
    with pytest.raises(ProtocolError, match=r"6 speakers form 1 group.*folds\.waivers: \{session:"):
        assign(protocol("kfold3", TWO), table)
    for kind in ("session", "episode"):
        assert (
            assign(protocol("kfold3", TWO, waived={kind: "one studio for all"}), table)["fold"].nunique() == 3
        )
    with pytest.raises(ProtocolError, match="are kept together"):
        assign(protocol("kfold3", TWO, waived={"dialogue": "another"}), table)


def test_loso_tests_each_speaker_and_logo_each_value():
    table = own(named(5), LABELS, session=["a", "a", "b", "c", "d"])
    folds = assign(protocol("loso", TWO), table)
    assert [speakers(folds, fold, "test") for fold in range(5)] == [{f"own/s{n:02}"} for n in range(5)]
    folds = assign(protocol("logo:session", TWO), table)
    assert folds["fold"].nunique() == 4 and speakers(folds, 0, "test") == {"own/s00", "own/s01"}
    with pytest.raises(ProtocolError, match="have no dialogue"):
        assign(protocol("logo:dialogue", TWO), table)
    with pytest.raises(ProtocolError, match=r"'text' makes no folds; logo takes .*session"):
        protocol("logo:text", TWO)


def test_folds_beyond_reason_are_refused():
    with pytest.raises(ProtocolError, match="101 folds"):
        assign(protocol("loso", TWO), own([f"{n:03}" for n in range(101)], LABELS))


def test_the_official_split_is_taken_and_the_rest_counted():
    table = own(named(6), LABELS)
    split = ["train", "train", "train", "validation", "test", None]
    table["split_official"] = [part for part in split for _ in LABELS]
    plan = protocol("official", TWO)
    folds = assign(plan, table)
    assert speakers(folds, 0, "test") == {"own/s04"} and speakers(folds, 0, "validation") == {"own/s03"}
    assert select(plan, table).dropped == {"(in no part of the official split)": 2}
    table["split_official"] = table["split_official"].replace("validation", "train")
    folds = assign(plan, table)
    assert len(speakers(folds, 0, "validation")) == 1
    assert not speakers(folds, 0, "validation") & speakers(folds, 0, "train")
    table["split_official"] = "train"
    with pytest.raises(ProtocolError, match=r"no labelled row is in the test.*kfold5"):
        assign(plan, table)


def test_one_corpus_trains_and_another_is_the_test():
    a, a2, b = (own(named(6), LABELS, corpus=name) for name in ("a", "a2", "b"))
    b["speaker"] = None  # whoever they are, they are nobody of the corpora that train
    plan = protocol("cross:a+a2:b", TWO)
    folds = assign(plan, pd.concat([a, a2, b]))
    assert folds["fold"].nunique() == 1
    assert {
        role: {each.split("/")[0] for each in part} for role, part in folds.groupby("role")["utterance_id"]
    } == {
        "train": {"a", "a2"},
        "validation": {"a", "a2"},
        "test": {"b"},
    }
    assert not speakers(folds, 0, "validation") & speakers(folds, 0, "train")
    with pytest.raises(ProtocolError, match=r"corpora: \[a, a2, b\]"):
        assign(plan, pd.concat([a, b]))
    with pytest.raises(ProtocolError, match="named once"):
        protocol("cross:a:a", TWO)
    with pytest.raises(ProtocolError, match="none of b has a label of the space two"):
        assign(plan, pd.concat([a, a2, b.assign(label="fear")]))
    with pytest.raises(ProtocolError, match=r"held-out speakers of a, and its 1 speaker"):
        assign(protocol("cross:a:b", TWO), pd.concat([own(["s"], LABELS, corpus="a"), b]))


@pytest.mark.parametrize("name", ["random5", "kfold3.rand20", "loso.valtest", "logo:session.rand20"])
def test_what_compares_with_others_says_that_it_is_inflated(name):
    plan = protocol(name, TWO)
    assert plan.inflated
    table = own(named(4), LABELS * 1, session=named(4))
    folds = assign(plan, table)
    assert (
        folds.groupby(["fold", "utterance_id"])["role"]
        .agg(set)
        .isin([{"train"}, {"validation"}, {"test"}, {"test", "validation"}])
        .all()
    )
    if name.endswith("valtest"):
        assert (folds[folds["role"] != "train"].groupby(["fold", "utterance_id"]).size() == 2).all()
    else:
        assert not folds.duplicated(["fold", "utterance_id"]).any()
    assert protocol("kfold3", TWO).inflated is None


def test_whoever_is_unknown_can_only_be_dealt_at_random():
    table = own(["a", "b", None, "d", "e"], LABELS)
    for name in ("kfold3", "loso", "kfold3.valtest"):
        with pytest.raises(ProtocolError, match=r"2 row\(s\) have no speaker.*random5"):
            assign(protocol(name, TWO), table)
    folds = assign(protocol("random5", TWO), table)
    own_speakers = folds.loc[folds["utterance_id"].str.startswith("own/002"), ["utterance_id", "speaker"]]
    assert (own_speakers["utterance_id"] == own_speakers["speaker"]).all()
    assert select(protocol("random5", TWO), table).nameless == 2


@pytest.mark.parametrize(
    ("names", "shared", "rule"),
    [
        (named(7), {}, "kfold5"),
        (named(4), {}, "loso"),
        (named(3), {}, "loso"),
        (named(2), {}, "random5"),
        ([None] * 8, {}, "random5"),
        (named(8), {"dialogue": ["a", "a", "b", "b", "c", "c", "d", "d"]}, "kfold4"),
        (named(8), {"session": ["one"] * 8}, "kfold5"),
    ],
)
def test_a_corpus_that_nobody_knows_is_split_by_its_speakers(names, shared, rule):
    assert automatic(protocol("kfold5", TWO), own(names, LABELS, **shared)) == rule


@pytest.mark.parametrize(
    ("names", "split", "rule"),
    [
        (named(8), ["train"] * 6 + ["test"] * 2, "official"),
        (named(8), ["train"] * 5 + ["validation"] + ["test"] * 2, "official"),
        ([None] * 8, ["train"] * 5 + ["test"] * 2 + [None], "official"),
        (named(8), ["train"] * 8, "kfold5"),
    ],
)
def test_a_corpus_that_declares_a_split_is_split_so(names, split, rule):
    table = own(names, LABELS)
    table["split_official"] = pd.Series(split, dtype="object").repeat(len(LABELS)).reset_index(drop=True)
    assert automatic(protocol("kfold5", TWO), table) == rule


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(
    name=st.sampled_from(
        ["kfold5", "loso", "logo:dialogue", "random4", "kfold3.rand20", "cross:b:iemocap", "official"]
    ),
    shuffle=st.integers(0, 2**32 - 1),
)
def test_no_fold_hangs_on_the_order_of_rows(name, shuffle):
    import numpy as np

    table = iemocap(turns=1)
    table["split_official"] = ["train", "train", "validation", "test"] * (len(table) // 4)
    if name.startswith("cross"):
        table = pd.concat([table, own(named(7), ["anger", "happiness", "sadness", "neutral"], corpus="b")])
    waived = {"session": "one room", "dialogue": "of one script"}
    plan = protocol(name, LABEL_SPACES["iemocap4"], seed=3, waived=waived if name == "kfold5" else {})
    order = np.random.default_rng(shuffle).permutation(len(table))
    made, again = assign(plan, table), assign(plan, table.iloc[order])
    pd.testing.assert_frame_equal(made, again)
    assert digest(made) == digest(made.sample(frac=1, random_state=shuffle % 1000))


def test_a_dialogue_s_two_speakers_are_dealt_together_in_iemocap():
    space = LABEL_SPACES["iemocap4"]
    folds = assign(protocol("kfold5", space), iemocap())
    for fold in range(5):
        assert len({each[:-1] for each in speakers(folds, fold, "test")}) == 1
    with pytest.raises(ProtocolError, match="10 speakers form 5 group"):
        assign(protocol("kfold8", space), iemocap())
