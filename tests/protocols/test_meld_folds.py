"""MELD's own split on its real annotations, and what remains of it without its leaks."""

import pandas as pd
import pytest
from emoflow.corpora import read
from emoflow.protocols import assign, protocol, select
from emoflow.protocols.repeats import leaking
from emoflow.schema import LABEL_SPACES

pytestmark = pytest.mark.corpora


@pytest.fixture(scope="module")
def table(corpora) -> pd.DataFrame:
    return read("meld", corpora / "meld").table


def sizes(name: str, table: pd.DataFrame) -> dict[str, int]:
    plan = protocol(name, LABEL_SPACES[name.split(".")[0]])
    return assign(plan, table)["role"].value_counts().to_dict()


def test_the_official_split_is_taken_as_it_is(table):
    assert sizes("meld7.official", table) == {"train": 9989, "validation": 1109, "test": 2610}
    assert sizes("sentiment3.meld-official", table) == {"train": 9989, "validation": 1109, "test": 2610}


@pytest.mark.slow
def test_without_its_leaks_nothing_of_the_test_is_in_training(table):
    plan = protocol("meld7.clean", LABEL_SPACES["meld7"])
    selection = select(plan, table)
    folds = assign(plan, table)
    kept = table[table["utterance_id"].isin(folds["utterance_id"])]
    assert leaking(kept).empty
    assert folds["role"].value_counts()["train"] == 9989
    dropped = selection.dropped
    assert sum(count for why, count in dropped.items() if "overlap" in why) == 35 + 8
    assert sum(count for why, count in dropped.items() if "duplicate-text" in why) == 331 + 135
    assert sum(dropped.values()) == leaking(table)["utterance_id"].nunique()
    assert 2200 < folds["role"].value_counts()["test"] < 2300
    assert sizes("sentiment3.meld-clean", table) == folds["role"].value_counts().to_dict()


def test_dealt_by_speakers_who_meet_meld_makes_one_group(table):
    from emoflow.errors import ProtocolError

    with pytest.raises(
        ProtocolError, match=r"share a dialogue or a session.*Chandler|speakers form \d+ group"
    ):
        assign(protocol("kfold5", LABEL_SPACES["meld7"]), table)
