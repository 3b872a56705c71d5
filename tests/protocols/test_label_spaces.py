"""Label spaces over utterance tables: mapped, by a corpus's own words, cut, or read off; what is dropped is counted."""

import pandas as pd
import pytest
from emoflow.errors import ProtocolError
from emoflow.protocols import assign, protocol, select
from emoflow.schema import LABEL_SPACES, LabelSpace
from made_tables import own, table_of


def selected(space: LabelSpace, table: pd.DataFrame):
    return select(protocol("random3", space), table)


def test_a_space_without_classes_has_those_that_the_corpus_shows():
    table = own(["a", "b", "c"], ["Calm ", "TENSE", "anger"], known=False)
    table.loc[table["label_raw"] == "anger", "label"] = "anger"
    table.loc[0, ["label", "label_raw"]] = None
    selection = selected(LabelSpace("mylab", ()), table)
    assert selection.classes == ("anger", "calm", "tense")
    assert selection.dropped == {"(no label)": 1}
    folds = assign(protocol("loso", LabelSpace("mylab", ())), own(["a", "b", "c"], ["lo", "hi"], known=False))
    assert set(folds["label"]) == {"hi", "lo"}


def test_what_makes_no_classes_is_refused():
    many = own(["a"], [f"sentence {n}" for n in range(41)], known=False)
    with pytest.raises(ProtocolError, match=r"these are 41 .*sentence 0.*label_spaces"):
        selected(LabelSpace("mylab", ()), many)
    with pytest.raises(ProtocolError, match="every labelled utterance is 'lo'"):
        selected(LabelSpace("mylab", ()), own(["a", "b"], ["lo"], known=False))
    with pytest.raises(ProtocolError, match=r"none of the 2 utterances has a label of the space emotion7"):
        selected(LABEL_SPACES["emotion7"], own(["a", "b"], ["lo"], known=False))
    with pytest.raises(ProtocolError, match="without any label a corpus can be pre-trained on"):
        bare = own(["a", "b"], ["lo"], known=False).assign(label_raw=None)
        selected(LABEL_SPACES["emotion7"], bare)


def test_a_corpus_s_own_words_go_before_the_common_ones():
    space = LabelSpace(
        "stress2",
        ("calm", "tense"),
        mapping={"calm": "calm", "fear": "tense"},
        raw={"mylab": {"Lo": "calm", "hi": "tense"}},
    )
    mine = own(["a", "b"], ["lo", "HI ", "fear"], corpus="mylab")
    theirs = own(["a", "b"], ["calm", "fear", "anger"], corpus="other")
    selection = selected(space, pd.concat([mine, theirs], ignore_index=True))
    assert selection.by_corpus == {"mylab": {"fear": 2}, "other": {"anger": 2}}
    assert selection.rows.groupby("corpus")["label"].agg(sorted).to_dict() == {
        "mylab": ["calm", "calm", "tense", "tense"],
        "other": ["calm", "calm", "tense", "tense"],
    }


def test_a_corpus_s_own_words_hold_under_another_name_too():
    table = own(["a", "b"], ["0", "1", "2"], corpus="mine", known=False)
    plan = protocol("random3", LABEL_SPACES["humour2"], known={"mine": "muse"})
    selection = select(plan, table)
    assert set(selection.rows["label"]) == {"no humour", "humour"}
    assert selection.by_corpus == {"mine": {"2": 2}}


def test_cuts_look_at_valence_alone():
    values = [-1.0, -0.5, -0.49, 0.0, 0.49, 0.5, 1.0, None]
    table = table_of(
        [
            {
                "utterance_id": f"own/{n}",
                "corpus": "own",
                "speaker": "own/a",
                "label": "anger",
                "valence": value,
            }
            for n, value in enumerate(values)
        ]
    )
    selection = selected(LABEL_SPACES["valence3"], table)
    assert selection.rows["label"].tolist() == ["negative"] * 2 + ["neutral"] * 3 + ["positive"] * 2
    assert selection.dropped == {"(no valence)": 1}


def test_what_a_harmonised_space_drops_is_counted_by_corpus():
    a = own(["a", "b"], ["anger", "boredom"], corpus="emodb")
    b = own(["a", "b"], ["anger", "calm", "contempt"], corpus="ravdess")
    b.loc[b["label"] == "contempt", ["label", "label_raw"]] = [None, "Verachtung"]
    selection = selected(LABEL_SPACES["emotion7"], pd.concat([a, b], ignore_index=True))
    assert selection.by_corpus == {"emodb": {"boredom": 2}, "ravdess": {"Verachtung": 2}}
    assert selection.dropped == {"Verachtung": 2, "boredom": 2}
    assert set(selection.rows.loc[selection.rows["corpus"] == "ravdess", "label"]) == {"anger", "neutral"}


def test_every_space_of_ours_maps_into_its_own_classes():
    for space in LABEL_SPACES.values():
        targets = {*space.mapping.values(), *(each for held in space.raw.values() for each in held.values())}
        assert targets <= set(space.classes)
        if space.cuts:
            assert len(space.classes) == 3 and space.cuts[0] < space.cuts[1]
