"""The gate: planted leaks are refused with their rows, harmless repetitions are reported."""

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.errors import LeakageError
from components.schema import UTTERANCE_COLUMNS
from components.validation import leakage

LABELS = ("anger", "neutral")


def corpus(speakers: int = 6, sentences: int = 2) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Folds and table: every speaker says every sentence with every label; speaker s is the test of fold s mod 3."""
    rows, folds = [], []
    for speaker in range(speakers):
        for sentence in range(sentences):
            for label in LABELS:
                name = f"own/{speaker}-{sentence}-{label}"
                rows.append(
                    {
                        "utterance_id": name,
                        "corpus": "own",
                        "speaker": f"own/{speaker}",
                        "audio": f"{name}.wav",
                        "audio_digest": f"digest of {name}",
                        "text": f"Sentence  {sentence}",
                        "label": label,
                    }
                )
                for fold in range(3):
                    role = ("test", "train", "validation")[(speaker - fold) % 3]
                    folds.append([fold, name, f"own/{speaker}", label, role])
    table = pd.DataFrame(rows, columns=list(UTTERANCE_COLUMNS)).astype(UTTERANCE_COLUMNS)
    return pd.DataFrame(folds, columns=["fold", "utterance_id", "speaker", "label", "role"]), table


def kinds(findings) -> set[tuple[str, str]]:
    return {(finding.kind, finding.severity) for finding in findings}


def test_clean_folds_pass():
    folds, table = corpus()
    table["text"] = table["utterance_id"]
    findings = leakage.find(folds, table)
    assert findings == []
    leakage.guard(findings)


def test_a_copy_across_roles_is_refused_with_its_rows():
    folds, table = corpus()
    table["audio_digest"] = table["audio_digest"].replace(
        "digest of own/0-0-anger", "digest of own/1-1-neutral"
    )
    findings = leakage.find(folds, table)
    assert ("duplicate", "critical") in kinds(findings)
    with pytest.raises(LeakageError, match=r"byte-identical audio.*own/0-0-anger.*own/1-1-neutral") as caught:
        leakage.guard(findings)
    assert "Remove the copies" in str(caught.value)


def test_a_copy_of_the_same_speaker_warns_and_stays():
    folds, table = corpus()
    table["audio_digest"] = table["audio_digest"].replace(
        "digest of own/0-0-anger", "digest of own/0-1-anger"
    )
    findings = leakage.find(folds, table)
    leakage.guard(findings)
    found = next(finding for finding in findings if finding.kind == "duplicate")
    assert (found.severity, found.fold, found.count) == ("warning", None, 2)
    assert found.rows == ["own/0-0-anger", "own/0-1-anger"]
    assert "own/0-0-anger = own/0-1-anger" in found.explanation


@settings(max_examples=30, deadline=None)
@given(
    pair=st.lists(st.integers(0, 23), min_size=2, max_size=2, unique=True),
    media=st.sampled_from(["audio", "video"]),
)
def test_a_copy_is_refused_exactly_when_its_speakers_share_no_fold(pair, media):
    folds, table = corpus()
    table.loc[pair, f"{media}_digest"] = "the same bytes"
    first, second = table.loc[pair, "speaker"].str.removeprefix("own/").astype(int)
    found = {each for each in kinds(leakage.find(folds, table)) if each[0] == "duplicate"}
    assert found == {("duplicate", "warning" if first % 3 == second % 3 else "critical")}


def test_a_speaker_in_two_roles_is_refused():
    folds, table = corpus()
    row = folds[(folds["fold"] == 1) & (folds["utterance_id"] == "own/4-0-anger")].index
    folds.loc[row, "role"] = "train"
    findings = leakage.find(folds, table)
    with pytest.raises(LeakageError, match=r"fold 1: 1 speaker.*own/4 \(test and train\)"):
        leakage.guard(findings)
    assert [(finding.fold, finding.count) for finding in findings if finding.kind == "speaker"] == [(1, 3)]


def test_sentences_that_all_repeat_and_tell_nothing_make_text_an_alarm():
    folds, table = corpus()
    findings = leakage.find(folds, table)
    assert leakage.text_is_no_evidence(findings)
    assert kinds(findings) == {("repeated-text", "info")}


def test_sentences_that_all_repeat_and_tell_the_label_are_a_warning():
    folds, table = corpus()
    table["text"] = "I feel " + table["label"]
    findings = leakage.find(folds, table)
    assert not leakage.text_is_no_evidence(findings)
    assert kinds(findings) == {("repeated-text", "warning")}
    assert "tells 100%" in findings[0].explanation


def test_sentences_are_compared_without_case_and_spacing():
    folds, table = corpus()
    table["text"] = [f"own sentence {row}" for row in range(len(table))]
    table.loc[0, "text"] = "Kids  are TALKING"
    table.loc[5, "text"] = "kids are talking"
    findings = leakage.find(folds, table)
    assert kinds(findings) == {("repeated-text", "warning")}
    assert set(findings[0].rows) <= {"own/0-0-anger", "own/1-0-neutral"}


def test_media_without_digest_are_named():
    folds, table = corpus()
    table.loc[2, "audio_digest"] = None
    found = next(finding for finding in leakage.find(folds, table) if finding.kind == "no-digest")
    assert found.rows == ["own/0-1-anger"]


def test_rows_outside_the_folds_are_not_looked_at():
    folds, table = corpus()
    table["text"] = table["utterance_id"]
    table["audio_digest"] = table["audio_digest"].replace(
        "digest of own/0-0-anger", "digest of own/1-1-neutral"
    )
    assert leakage.find(folds[folds["utterance_id"] != "own/0-0-anger"], table) == []


@pytest.mark.slow
def test_a_hundred_thousand_rows_take_seconds():
    count, random = 100_000, np.random.default_rng(0)
    speaker = random.integers(0, 500, count)
    table = pd.DataFrame(index=range(count), columns=list(UTTERANCE_COLUMNS)).astype(UTTERANCE_COLUMNS)
    table["utterance_id"] = [f"own/{row}" for row in range(count)]
    table["speaker"] = [f"own/{each}" for each in speaker]
    table["audio"] = table["utterance_id"]
    table["audio_digest"] = [
        f"{row // 2}" for row in range(count)
    ]  # every clip twice, mostly across speakers
    table["text"] = [f"sentence {each}" for each in random.integers(0, 5000, count)]
    label = random.choice(["anger", "neutral"], count)
    roles = [
        np.select([speaker % 5 == k, speaker % 5 == (k + 1) % 5], ["test", "validation"], "train")
        for k in range(5)
    ]
    folds = pd.concat(
        [
            table[["utterance_id", "speaker"]].assign(fold=k, label=label, role=pd.Series(role, dtype="str"))
            for k, role in enumerate(roles)
        ],
        ignore_index=True,
    )
    began = time.monotonic()
    findings = leakage.find(folds, table)
    assert time.monotonic() - began < 20
    assert max(len(finding.rows) for finding in findings) == leakage.ROWS_AT_MOST
