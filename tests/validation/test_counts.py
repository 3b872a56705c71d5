"""What is published of the corpora, and the counting of it: on fabricated parts, on plans, and on the real MELD."""

import pandas as pd
import pytest
from emoflow.corpora import read
from emoflow.corpora.media_digests import with_digests
from emoflow.schema import CORPORA, EMOTIONS, LAYOUTS, UTTERANCE_COLUMNS
from emoflow.synthesis import layouts, utterance_sampling
from emoflow.validation.facts import COLUMNS, gather
from emoflow.validation.known import FOLDER, Count, Known, known
from emoflow.validation.tables import counts
from hypothesis import given
from hypothesis import strategies as st
from judging import columns, judged
from pydantic import ValidationError


def table_of(rows: list[dict]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(UTTERANCE_COLUMNS)).astype(UTTERANCE_COLUMNS)


def said(table: pd.DataFrame, *expected: Count, corpus: str = "mylab") -> dict[str, str]:
    """What is lacking or beyond, by what is counted."""
    held = counts(corpus, table, expected)
    differing = held[held[["lacking", "beyond"]].notna().any(axis=1)]
    return {
        row["count"]: f"-{row['lacking']}" if isinstance(row["lacking"], str) else f"+{row['beyond']}"
        for row in differing.to_dict("records")
    }


def test_there_is_a_file_for_every_corpus_but_the_one_made_here():
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(CORPORA) - {"control"}
    for layout in sorted(set(CORPORA) - {"control"}):
        held = known(layout, layout=layout)
        for count in held.counts:
            if count.by[-1:] == ("label",):
                innermost = [count.expected] if len(count.by) == 1 else count.expected.values()
                assert all(set(inner) <= set(EMOTIONS) for inner in innermost)
    assert not [
        known("mine", layout=layout)
        for layout in ("folder", "manifest", "control")
        if known("mine", layout=layout)
    ]


def test_counts_are_of_the_corpus_that_bears_the_name():
    theirs = known("ravdess", layout="ravdess")
    assert theirs.counts and theirs.irregularities and theirs.words
    for other in (known("mine", layout="ravdess"), known("ravdess", layout="ravdess", planted=True)):
        assert other.words == theirs.words
        assert not other.counts and not other.irregularities


def test_the_figures_that_the_papers_give():
    def expected(layout: str, of: str):
        return next(count.expected for count in known(layout, layout=layout).counts if count.of == of)

    of_session = expected("iemocap", "utterances of the session and label")
    assert sum(expected("iemocap", "utterances of the session").values()) == 10_039
    merged = {session: sum(labels.values()) for session, labels in of_session.items()}
    assert list(merged.values()) == [1085, 1023, 1151, 1031, 1241]
    assert sum(merged.values()) == 5531
    assert sum(each["excitement"] for each in of_session.values()) == 1041
    of_split = expected("meld", "utterances of the split")
    assert {
        split: sum(held.values())
        for split, held in expected("meld", "utterances of the split and label").items()
    } == of_split
    assert sum(expected("emodb", "clips of the label").values()) == expected("emodb", "clips") == 535
    assert sum(expected("crema-d", "actors of the gender").values()) == expected("crema-d", "actors") == 91


@pytest.mark.slow
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["anger", "fear"])), max_size=40))
def test_rows_are_counted_within_what_is_there(held):
    table = table_of(
        [
            {
                "utterance_id": f"mylab/{place}",
                "corpus": "mylab",
                "session": f"mylab/{session}",
                "label": label,
            }
            for place, (session, label) in enumerate(held)
        ]
    )
    expected = Count(
        of="clips",
        by=("session", "label"),
        expected={session: {"anger": 3, "fear": 2} for session in "abc"},
    )
    differing = {}
    for session in {session for session, _ in held}:
        for label, number in (("anger", 3), ("fear", 2)):
            there = held.count((session, label))
            if there != number:
                differing[f"clips {session} {label}"] = f"{'-' if there < number else '+'}{there} of {number}"
    assert said(table, expected) == differing


def test_a_part_is_held_against_the_part_and_the_whole_against_the_whole():
    rows = [
        {
            "utterance_id": f"mylab/0{1 + clip % 2}-{speaker}-{clip}",
            "corpus": "mylab",
            "speaker": f"mylab/{speaker}",
            "speaker_gender": "female",
        }
        for speaker in (1, 2)
        for clip in range(4)
    ]
    table = table_of(rows)
    whole = Count(of="speakers", distinct="speaker", expected=5)
    each = Count(of="spoken clips of", by=("speaker",), among="01-", expected=2)
    genders = Count(
        of="speakers of", distinct="speaker", by=("speaker_gender",), expected={"female": 2, "male": 3}
    )
    assert said(table, whole, each, genders) == {"speakers": "-2 of 5"}
    assert said(table[table["utterance_id"] != "mylab/01-1-0"], each) == {"spoken clips of 1": "-1 of 2"}
    assert said(table.iloc[:0], whole, each, genders) == {"speakers": "-0 of 5"}
    more = Count(of="clips", expected=7)
    assert said(table, more) == {"clips": "+8 of 7"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"of": "x", "by": ["colour"], "expected": 1},
        {"of": "x", "distinct": "colour", "expected": 1},
        {"of": "x", "expected": {"a": 1}},
        {"of": "x", "by": ["session"], "expected": {"a": {"b": 1}}},
        {"of": "x", "by": ["session", "label"], "expected": {"a": 1}},
        {"of": "x", "expected": -1},
    ],
)
def test_a_count_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValidationError):
        Known.model_validate({"source": "", "counts": [wrong]})


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_an_adapter_reads_keeps_the_contract_of_its_corpus(layout, tmp_path):
    """Names, words and structure; the counts are another matter, of which only fewer are found."""
    spec = layouts.layout_spec(layout)
    made = utterance_sampling.make(spec, utterance_sampling.planted(spec), speakers=4, clips=2, seed=7)
    plan = spec.plan(made, layout, 7, True)
    for path, content in plan.documents.items() | dict.fromkeys(plan.recordings, b"").items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    table = read(layout, tmp_path).table
    facts = table.assign(**{column: pd.Series(dtype=kind) for column, kind in COLUMNS.items()})
    verdict = judged(facts, layout).verdict.model_dump()
    assert verdict["critical"] == []
    assert set(columns(verdict, "warnings")) <= {"lacking"}


@pytest.mark.slow
@pytest.mark.corpora
def test_meld_has_the_published_counts(corpora):
    root = corpora / "meld"
    table = with_digests(read("meld", root).table, root, workers=2)
    verdict = judged(gather(table, root, workers=2), "meld").verdict.model_dump()
    assert verdict["ok"]
    assert verdict["counts"]["utterances"] == 13_708
    assert "lacking" not in columns(verdict, "warnings")

    part = table[table["split_official"] == "test"]
    part = part[part["utterance_id"] != part["utterance_id"].iloc[0]]
    part = pd.concat(
        [part, table[table["utterance_id"] == "meld/dev_dia0_utt0"].assign(split_official="train")]
    )
    verdict = judged(gather(part, root, workers=2), "meld").verdict.model_dump()
    lacking = next(each for each in verdict["warnings"] if each["column"] == "lacking")
    assert "utterances of the split test" in lacking["rows"]
    assert "'2609 of 2610'" in lacking["found"]
