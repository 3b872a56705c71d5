"""The gate: planted leaks are refused with their rows, harmless repetitions are reported."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from emoflow import leakage
from emoflow.corpora import read
from emoflow.errors import LeakageError
from emoflow.protocols import repeats
from emoflow.schema import UTTERANCE_COLUMNS, Layout
from hypothesis import given, settings
from hypothesis import strategies as st

LABELS = ("anger", "neutral")


def corpus(speakers: int = 6, sentences: int = 2) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Folds and table: every speaker says every sentence with every label; speaker s is the test of fold s mod 3."""
    folds, table = _corpus(speakers, sentences)
    return folds.copy(), table.copy()


@cache
def _corpus(speakers: int, sentences: int) -> tuple[pd.DataFrame, pd.DataFrame]:
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


def test_one_recording_under_two_speakers_of_a_fold_is_a_finding_of_its_own():
    folds, table = corpus()  # folds are made of speakers modulo 3
    for copy, original in (("own/0-0-anger", "own/3-0-anger"), ("own/1-0-anger", "own/1-1-anger")):
        table["audio_digest"] = table["audio_digest"].replace(f"digest of {copy}", f"digest of {original}")
    apart, alike = (each for each in leakage.find(folds, table) if each.kind == "duplicate")
    assert apart.rows == ["own/0-0-anger", "own/3-0-anger"]
    assert "under the names of different speakers: own/0-0-anger = own/3-0-anger" in apart.explanation
    assert "one of the names is wrong" in apart.advice
    assert alike.rows == ["own/1-0-anger", "own/1-1-anger"]


def test_copies_that_were_published_as_such_are_listed_apart():
    folds, table = corpus()
    pairs = (("own/0-0-anger", "own/0-1-anger"), ("own/1-0-anger", "own/1-1-anger"))
    for copy, original in pairs:
        table["audio_digest"] = table["audio_digest"].replace(f"digest of {copy}", f"digest of {original}")
    found = [
        each for each in leakage.find(folds, table, original_copies=pairs[1]) if each.kind == "duplicate"
    ]
    assert [each.rows for each in found] == [list(pair) for pair in pairs]
    assert ["as it was published" in each.explanation for each in found] == [False, True]


@pytest.mark.slow
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


def critical(kind: str, *, fold: int = 0, count: int = 3) -> leakage.Finding:
    return leakage.Finding(
        kind=kind,
        severity="critical",
        fold=fold,
        rows=["own/1"],
        count=count,
        explanation=f"fold {fold}: {kind} here.",
        advice="Mend it.",
    )


def test_a_waiver_lets_its_kind_pass_and_is_told():
    findings = [critical("speaker"), critical("speaker", fold=1, count=5)]
    waived = leakage.guard(findings, waivers={"speaker": "two takes of one test", "session": "not here"})
    assert [each.model_dump() for each in waived] == [
        {"kind": "speaker", "reason": "two takes of one test", "count": 5}
    ]


def test_a_waiver_of_one_kind_does_not_let_another_pass():
    findings = [critical("speaker"), critical("session")]
    with pytest.raises(LeakageError, match=r"session here") as caught:
        leakage.guard(findings, waivers={"speaker": "why"})
    assert "speaker here" not in str(caught.value)
    assert "folds.waivers: {session: <why>}" in str(caught.value)


def test_what_a_protocol_is_known_for_passes_and_a_waiver_has_the_last_word():
    findings = [critical("speaker"), critical("episode")]
    known = {"speaker": "as published", "episode": "as published", "dialogue": "as published"}
    waived = leakage.guard(findings, waivers={"episode": "ours"}, known=known)
    assert [(each.kind, each.reason) for each in waived] == [("episode", "ours"), ("speaker", "as published")]


@pytest.mark.parametrize("kind", ["speakers", "repeated-text"])
def test_a_waiver_of_no_kind_is_refused_naming_the_kinds(kind):
    with pytest.raises(LeakageError, match=rf"{kind}.*speaker, validation-speaker, session"):
        leakage.guard([], waivers={kind: "why"})


def test_a_waiver_with_nothing_to_waive_is_told():
    findings = [critical("speaker")]
    told = leakage.idle(findings, {"speaker": "why", "overlap": "long ago"})
    assert [(each.severity, each.rows) for each in told] == [("warning", [])]
    assert "overlap (long ago)" in told[0].explanation


def test_a_leak_in_many_folds_is_told_once_and_the_folds_named():
    with pytest.raises(LeakageError) as caught:
        leakage.guard([critical("speaker", fold=fold) for fold in range(20)])
    assert str(caught.value).count("speaker here") == 3
    assert "likewise in the folds 3, 4, 5" in str(caught.value)


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(roles=st.lists(st.sampled_from(["train", "validation", "test"]), min_size=24, max_size=24))
def test_speakers_are_found_exactly_where_their_roles_differ(roles):
    folds, table = corpus()
    table["text"] = table["utterance_id"]
    folds = folds[folds["fold"] == 0].assign(role=roles)
    held = folds.groupby("speaker")["role"].agg(set)
    expected = {
        kind
        for kind, role in (("speaker", "test"), ("validation-speaker", "validation"))
        if any(
            role in each and each & ({"train", "validation"} if role == "test" else {"train"}) - {role}
            for each in held
        )
    }
    findings = leakage.find(folds, table)
    assert {each.kind for each in findings} == expected
    for each in findings:
        role = "test" if each.kind == "speaker" else "validation"
        named = folds[folds["utterance_id"].isin(each.rows)]
        assert set(named["role"]) == {role}


def test_an_utterance_with_two_roles_is_told_once_and_counts_as_test():
    folds, table = corpus()
    table["text"] = table["utterance_id"]
    folds = folds[folds["fold"] == 0]
    both = folds[folds["role"] == "test"].assign(role="validation")
    findings = leakage.find(pd.concat([folds[folds["role"] != "validation"], both]), table)
    assert [(each.kind, each.severity, each.count) for each in findings] == [("utterance", "critical", 8)]


def test_utterances_without_a_speaker_are_named():
    folds, table = corpus()
    table["text"] = table["utterance_id"]
    table.loc[3, "speaker"] = None
    findings = leakage.find(folds, table)
    assert [(each.kind, each.severity, each.rows) for each in findings] == [
        ("no-speaker", "warning", ["own/0-1-neutral"])
    ]


def texts(different: int, *, again: int, words: str) -> list[leakage.Finding]:
    """What is found where ``again`` of the test's sentences are training's, and all others are different."""
    folds, table = corpus(speakers=3, sentences=different)
    table["text"] = [f"{words} {row:05d}" for row in range(len(table))]
    tested = table.index[table["speaker"] == "own/0"][:again]
    trained = table.index[table["speaker"] == "own/1"][:again]
    table.loc[tested, "text"] = table.loc[trained, "text"].to_numpy()
    return leakage.find(folds, table)


@pytest.mark.parametrize(
    ("again", "words", "expected"),
    [
        (1, "we have moved the table", ("duplicate-text", "warning")),  # one in 200 moves no score
        (4, "we have moved the table", ("duplicate-text", "critical")),
        (4, "oh", ("repeated-text", "warning")),  # everybody says it
        (100, "we have moved the table", ("repeated-text", "warning")),  # everybody is given it
    ],
)
def test_sentences_refuse_when_they_are_long_many_and_not_given(again, words, expected):
    assert kinds(texts(100, again=again, words=words)) == {expected}


def test_waivers_count_what_is_only_a_warning():
    findings = texts(100, again=1, words="we have moved the table")
    waived = leakage.guard(findings, known={"duplicate-text": "as published"})
    assert [(each.kind, each.count) for each in waived] == [("duplicate-text", 2)]


def test_parts_of_one_recording_are_no_copies_of_each_other():
    folds, table = corpus()
    table["text"] = table["utterance_id"]
    table["video"], table["video_digest"] = "film.avi", "the film's bytes"
    table["start_s"] = np.arange(len(table), dtype=float)
    table["end_s"] = table["start_s"] + 0.9
    assert leakage.find(folds, table) == []
    table.loc[[0, 23], ["start_s", "end_s"]] = [[100.0, 101.0]] * 2
    assert {each.kind for each in leakage.find(folds, table)} == {"duplicate", "overlap"}


@pytest.mark.slow
@pytest.mark.corpora
def test_melds_official_split_leaks_as_its_audit_says(corpora):
    table = read("meld", corpora / "meld", Layout()).table
    folds = table[["utterance_id", "speaker", "label"]].assign(fold=0, role=table["split_official"])
    told = {each.kind: each for each in leakage.find(folds, table)}
    assert {kind for kind, each in told.items() if each.severity == "critical"} == {
        "speaker",
        "validation-speaker",
        "episode",
        "overlap",
    }
    assert "142 of 143 episodes" in told["episode"].explanation
    assert "(2,501 of 2,610 utterances) also train" in told["speaker"].explanation  # 95.8 %
    assert told["overlap"].count == 35 + 8
    assert "331 of 2,610 test and 135 of 1,109 validation" in told["duplicate-text"].explanation

    clean = folds[~folds["utterance_id"].isin(repeats.leaking(table)["utterance_id"])]
    assert not {"overlap", "duplicate-text"} & {each.kind for each in leakage.find(clean, table)}


@pytest.mark.slow
def test_a_hundred_thousand_rows_are_looked_at():
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
    findings = leakage.find(folds, table)
    assert max(len(finding.rows) for finding in findings) == leakage.ROWS_AT_MOST
