"""`emoflow withdraw` and `emoflow lineage --speaker`: who is known, what is recorded, what is said."""

import shutil

import pandas as pd
import pytest
from conftest import ROOT
from emoflow import cli
from emoflow.artifacts.utterances import UTTERANCES
from emoflow.errors import LineageError
from emoflow.lineage import Facts, Store
from emoflow.schema import UTTERANCE_COLUMNS
from typer.testing import CliRunner

URI = "sqlite:///.emoflow/lineage.db"
NAME = "emotion-emotion7"


@pytest.fixture(autouse=True)
def workspace(tmp_path, monkeypatch):
    """control/s01 is in the champion, s02 was only scored; muse/9 is in an utterance table and in no model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EMOFLOW_LINEAGE_URI", raising=False)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    for corpus, speakers in {"control": ["s01", "s02"], "muse": ["9"]}.items():
        rows = {
            "utterance_id": [f"{corpus}/{each}_1" for each in speakers],
            "speaker": [f"{corpus}/{each}" for each in speakers],
            "audio": [f"{each}/1.wav" for each in speakers],
        }
        UTTERANCES.write(pd.DataFrame(rows).reindex(columns=list(UTTERANCE_COLUMNS)), corpus=corpus)
    members = [
        {"utterance_id": f"control/{each}_1", "speaker": f"control/{each}", "role": role, "test_fold": 0}
        | {"audio_digest": None, "video_digest": None, "text_digest": None}
        for each, role in (("s01", "train"), ("s02", "test"))
    ]
    facts = Facts(
        NAME, 1, "a" * 64, "run", "emotion7.kfold4", None, [], {}, None, {}, {}, memberships=members
    )
    with Store(URI) as store:
        store.record(facts)
        store.move(NAME, expected=None, to=1, who="test", reason="first")
    return tmp_path


def said(*words: str) -> str:
    done = CliRunner().invoke(cli.app, words)
    assert done.exit_code == 0, done.exception
    return done.stdout


def withdraw(speaker: str, reason: str = "a letter") -> str:
    return said("withdraw", speaker, "--reason", reason)


def test_a_withdrawal_is_recorded_once_and_says_what_is_left_to_do(workspace):
    first = withdraw("control/s01")
    assert "the withdrawal of control/s01 is recorded" in first and ": a letter" in first
    assert f"learned from the speaker:\n  {NAME}/1: train, 1 utterances, champion\n" in first
    assert "rm -r data/raw/control/s01\n" in first and "dvc add data/raw/control\n" in first
    assert "rm -rf .emoflow/cache" in first
    with Store(URI) as store:
        kept = store.withdrawal("control/s01")
    again = withdraw("control/s01", "another")
    assert f"was recorded already: {kept.at}, by {kept.who}: a letter" in again
    assert first.splitlines()[1:] == again.splitlines()[1:]


def test_a_version_that_was_only_scored_may_stay():
    found = withdraw("control/s02")
    assert "no registered version learned from the speaker" in found
    assert f"only scored on the speaker:\n  {NAME}/1: test, 1 utterances, champion\n" in found
    assert "delete_model_version" not in found


def test_a_speaker_of_no_model_may_withdraw():
    found = withdraw("muse/9")
    assert "no registered version learned from the speaker" in found and "rm -r data/raw/muse/9\n" in found
    assert "emoflow publish" not in found


def test_a_withdrawal_without_a_reason_is_not_recorded():
    done = CliRunner().invoke(cli.app, ["withdraw", "control/s01", "--reason", " "])
    assert isinstance(done.exception, LineageError)
    with Store(URI) as store:
        assert store.withdrawal("control/s01") is None


@pytest.mark.parametrize(
    "command", [["withdraw", "--reason", "x"], ["lineage", "--speaker"]], ids=lambda c: c[0]
)
@pytest.mark.parametrize(
    ("speaker", "message"),
    [
        ("s01", "no speaker 's01' is known; did you mean 'control/s01'?"),
        ("contrl/s02", "did you mean 'control/s02'?"),
        ("muse/nobody at all", "these are: control/s01, control/s02, muse/9"),
    ],
)
def test_an_unknown_speaker_is_an_error_with_near_names(command, speaker, message):
    done = CliRunner().invoke(cli.app, [*command, speaker])
    assert isinstance(done.exception, LineageError) and message in str(done.exception)
    assert done.exception.status == 1
    with Store(URI) as store:
        assert "control/s02" in store.speakers() and store.withdrawal(speaker) is None


def test_the_lineage_of_a_speaker_names_the_champion_and_the_withdrawal():
    assert said("lineage", "--speaker", "control/s01") == f"{NAME}/1: train, 1 utterances, champion\n"
    assert said("lineage", "--speaker", "muse/9") == "no registered model heard muse/9\n"
    withdraw("control/s01")
    assert "control/s01 withdrew consent on" in said("lineage", "--speaker", "control/s01")
    assert "learned from control/s01, who withdrew consent" in said("lineage", f"{NAME}@champion")
