"""The published protocols: each file is whole, and its folds are what its id says."""

import pandas as pd
import pytest
from emoflow.errors import ProtocolError
from emoflow.protocols import assign, protocol, select
from emoflow.protocols.fold_table import digest
from emoflow.protocols.published import names, read
from emoflow.schema import CORPORA, LABEL_SPACES
from made_tables import iemocap, own, table_of

PINNED = {
    "iemocap4.loso5.rand20": "22ff97a926e886c1",
    "iemocap4.random": "fa2bff1127a3023f",
    "iemocap6.erc": "d9f1fe3d1d51ad3b",
    "iemocap4.loso10": "49c58d79d43367e7",
}
IEMOCAP = sorted(name for name in names() if name.startswith("iemocap"))


def plan_of(name: str, **how):
    return protocol(name, LABEL_SPACES[read(name).label_space], **how)


def roles(folds: pd.DataFrame, fold: int) -> dict[str, pd.DataFrame]:
    return {role: part for role, part in folds[folds["fold"] == fold].groupby("role")}


@pytest.mark.parametrize("name", names())
def test_a_file_is_whole_and_its_id_begins_with_its_label_space(name):
    held = read(name)
    assert name.startswith(f"{held.label_space}.")
    assert held.corpus in CORPORA and held.label_space in LABEL_SPACES
    assert held.title and held.source
    plan = plan_of(name)
    assert (plan.inflated is not None) == name.endswith((".rand20", ".valtest", ".random"))
    assert plan.selection


def test_every_known_corpus_has_a_protocol_that_is_there():
    for corpus in CORPORA.values():
        assert protocol(corpus.protocol, LABEL_SPACES[corpus.label_space])


@pytest.mark.parametrize("name", IEMOCAP)
def test_iemocap_is_tested_by_session_or_by_speaker(name):
    plan, table = plan_of(name), iemocap()
    folds = assign(plan, table)
    rows = select(plan, table).rows
    by_id = rows.set_index("utterance_id")
    single = name.endswith((".erc", ".random"))
    assert folds["fold"].nunique() == (1 if single else 10 if name.endswith("loso10") else 5)
    tested = folds.loc[folds["role"] == "test", "utterance_id"]
    assert tested.is_unique and (single or set(tested) == set(rows["utterance_id"]))
    for fold in folds["fold"].unique():
        part = roles(folds, fold)
        sessions = {role: set(by_id.loc[held["utterance_id"], "session"]) for role, held in part.items()}
        speakers = {role: set(held["speaker"]) for role, held in part.items()}
        if name.endswith(".random"):
            assert len(part["test"]) == pytest.approx(len(rows) / 10, abs=1)
            assert len(part["validation"]) == pytest.approx(len(rows) / 10, abs=1)
            continue
        assert not speakers["test"] & speakers["train"]
        assert not sessions["test"] & sessions["train"]
        if name.endswith("nested"):
            assert [len(sessions[role]) for role in ("train", "validation", "test")] == [3, 1, 1]
        elif name.endswith("loso10"):
            assert sessions["validation"] == sessions["test"]
            assert len(speakers["validation"]) == len(speakers["test"]) == 1
            assert speakers["validation"] != speakers["test"]
        elif name.endswith("rand20"):
            assert len(part["validation"]) == round(0.2 * (len(rows) - len(part["test"])))
            assert speakers["validation"] == speakers["train"]
        elif name.endswith("valtest"):
            assert set(part["validation"]["utterance_id"]) == set(part["test"]["utterance_id"])
        elif name.endswith("erc"):
            assert sessions["test"] == {"iemocap/Ses05"}
            dialogues = by_id.loc[part["validation"]["utterance_id"], "dialogue"]
            assert dialogues.nunique() == round(0.1 * 4 * 6)
            trained = set(by_id.loc[part["train"]["utterance_id"], "dialogue"])
            assert not trained & set(dialogues)


def test_iemocap_s_conventions_differ_in_what_they_merge_and_leave_out():
    table = iemocap(turns=1)
    four = select(plan_of("iemocap4.loso5.nested"), table)
    assert four.rows["label"].value_counts().to_dict()["happiness"] == 2 * 60  # happiness and excitement
    assert four.dropped == {"frustration": 60, "xxx": 60}
    assert select(plan_of("iemocap6.erc"), table).dropped == {"xxx": 60}
    impro = select(plan_of("iemocap4.impro.loso5.nested"), table)
    assert impro.dropped == {"frustration": 40, "scripted": 140, "xxx": 40}
    assert impro.rows["dialogue"].str.contains("impro").all()


def test_a_published_deal_does_not_hang_on_the_seed():
    table = iemocap()
    for name in ("iemocap4.loso5.rand20", "iemocap4.random", "iemocap6.erc"):
        made = [assign(plan_of(name, seed=seed), table) for seed in (1, 2)]
        pd.testing.assert_frame_equal(*made)


def test_published_deals_are_the_same_on_every_platform():
    # Pinned: another deal under the same id would silently be another protocol.
    made = {
        name: digest(assign(plan_of(name), iemocap()))[:16]
        for name in ("iemocap4.loso5.rand20", "iemocap4.random", "iemocap6.erc", "iemocap4.loso10")
    }
    assert made == PINNED


def test_a_corpus_under_another_name_is_still_that_corpus():
    table = iemocap(corpus="mine")
    assert assign(plan_of("iemocap4.loso5.nested", known={"mine": "iemocap"}), table)["fold"].nunique() == 5
    with pytest.raises(ProtocolError, match="also holds mine"):
        assign(plan_of("iemocap4.loso5.nested", known={"mine": "folder"}), table)
    both = pd.concat([table, iemocap()], ignore_index=True)
    with pytest.raises(ProtocolError, match="both of that layout"):
        assign(plan_of("iemocap4.loso5.nested", known={"mine": "iemocap"}), both)


def test_a_missing_session_is_named():
    with pytest.raises(ProtocolError, match=r"fold 4 is empty.*Ses05.*logo:session"):
        assign(plan_of("iemocap4.loso5.nested"), iemocap(sessions=4))


def test_crema_d_s_actors_are_each_in_one_fold():
    groups = read("crema-d6.actors5").test.folds
    actors = [actor for fold in groups for actor in fold]
    assert sorted(actors) == [str(number) for number in range(1001, 1092)]
    assert [len(fold) for fold in groups] == [19, 18, 18, 18, 18]


@pytest.mark.parametrize(
    ("name", "corpus", "actors"),
    [
        ("ravdess8.hicmae6", "ravdess", [f"{number:02}" for number in range(1, 25)]),
        ("crema-d6.hicmae5", "crema-d", [str(number) for number in range(1001, 1092)]),
    ],
)
def test_hicmae_s_folds_are_the_actors_in_their_order(name, corpus, actors):
    table = own(actors, list(LABEL_SPACES[read(name).label_space].classes), corpus=corpus)
    if corpus == "ravdess":
        table["utterance_id"] = table["utterance_id"].str.replace("/", "/01-")  # speech
    nested, published = assign(plan_of(name), table), assign(plan_of(f"{name}.valtest"), table)
    tested = []
    for fold in sorted(nested["fold"].unique()):
        part, as_published = roles(nested, fold), roles(published, fold)
        tested.append(sorted({each.split("/")[1] for each in part["test"]["speaker"]}))
        assert not set(part["validation"]["speaker"]) & set(part["test"]["speaker"])
        assert set(as_published["test"]["utterance_id"]) == set(part["test"]["utterance_id"])
        assert set(as_published["validation"]["utterance_id"]) == set(part["test"]["utterance_id"])
        assert len(as_published["train"]) == len(part["train"]) + len(part["validation"])
    size = len(tested[0])
    assert [actor for fold in tested for actor in fold] == actors
    assert all(len(fold) == size for fold in tested[:-1]) and len(tested[-1]) - size in (0, 1)


def test_hicmae_s_broken_clips_of_crema_d_are_left_out_and_counted():
    clips = ["1064_IEO_DIS_MD", "1064_IEO_DIS_HI", "1076_MTI_SAD_XX", "1076_MTI_HAP_XX"]
    table = table_of(
        [
            {"utterance_id": f"crema-d/{clip}", "corpus": "crema-d", "speaker": f"crema-d/{clip[:4]}"}
            | {"label": "disgust"}
            for clip in clips
        ]
    )
    selection = select(plan_of("crema-d6.hicmae5"), table)
    assert selection.dropped == {"broken clips": 2}
    assert selection.rows["utterance_id"].tolist() == ["crema-d/1064_IEO_DIS_HI", "crema-d/1076_MTI_HAP_XX"]


@pytest.mark.parametrize(
    ("name", "test", "validation"),
    [
        ("ravdess8.nkululeko", {"21", "22", "23", "24"}, {"16", "17", "19", "20"}),
        ("ravdess8.chumachenko", {"05", "10", "16", "19"}, {"11", "13", "18", "22"}),
    ],
)
def test_fixed_splits_of_ravdess(name, test, validation):
    table = own([f"{actor:02}" for actor in range(1, 25)], list(LABEL_SPACES["ravdess8"].classes))
    table["corpus"] = "ravdess"
    for column in ("speaker", "utterance_id"):
        table[column] = table[column].str.replace(
            "own/", "ravdess/01-" if column != "speaker" else "ravdess/"
        )
    folds = assign(plan_of(name), table)
    held = {role: {each.split("/")[1] for each in part["speaker"]} for role, part in roles(folds, 0).items()}
    assert (held["test"], held["validation"], len(held["train"])) == (test, validation, 16)
