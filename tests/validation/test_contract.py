"""Contracts run by Great Expectations: each planted breach is found, with its rows; whole corpora pass."""

import shutil

import pandas as pd
import pytest
import soundfile
from emoflow.artifacts.validation import Verdict
from emoflow.files import file_digest
from emoflow.schema import UTTERANCE_COLUMNS
from emoflow.stages.validate import breach
from emoflow.validation.check import check
from emoflow.validation.clause import Clause
from emoflow.validation.data_docs import index
from emoflow.validation.facts import gather
from emoflow.validation.quarantine import quarantined
from emoflow.validation.recordings import unusable_at_most
from judging import an_actor, columns, facts_of, found, judged, own_rows, ravdess_row

pytestmark = pytest.mark.slow  # Great Expectations takes seconds to import


def judge(*said, **named) -> dict:
    return judged(*said, **named).verdict.model_dump()


def test_whole_actors_pass_and_a_subset_is_said():
    verdict = judge([row for actor in range(1, 25) for row in an_actor(f"{actor:02}")])
    assert verdict["ok"]
    assert verdict["warnings"] == []
    assert verdict["counts"]["utterances"] == 1440
    subset = judge(an_actor("01") + an_actor("02"))
    assert subset["ok"]
    assert [(each["expected"], each["found"], each["rows"]) for each in subset["warnings"]] == [
        ("as many as were published", "'2 of 24' in 1 of 3", ["actors"])
    ]


def test_the_pages_name_their_table_and_fit_a_phone():
    outcome = judged(an_actor())
    assert set(outcome.pages) >= {"utterances", "speakers"}
    for name, text in outcome.pages.items():
        assert f"Data asset: ravdess: {name}<" in text and "None" not in text
        assert '<meta name="viewport" content="width=device-width' in text


def test_every_planted_breach_is_found_with_its_rows():
    rows = an_actor()
    rows[0] |= {"label": "rage"}
    rows[1] |= {"label": None}
    rows[2] |= {"speaker": None}
    rows[3] |= {"audio_file": "missing", "duration_s": None}
    rows[4] |= {"audio_file": "outside the corpus"}
    rows[5] |= {"duration_s": 305.0}
    rows[6] |= {"rate": 44100.0}
    rows[7] |= {"utterance_id": "ravdess/01-09-01-01-01-01"}
    rows[8] |= {"utterance_id": rows[9]["utterance_id"]}
    rows.append(ravdess_row("01-01-02-01-01-01"))
    verdict = judge(rows)
    assert not verdict["ok"]
    names = [row["utterance_id"] for row in rows]
    assert found(verdict) == {
        ("expect_column_values_to_be_unique", "utterance_id"): [names[8], names[9]],
        ("expect_column_values_to_not_be_null", "speaker"): [names[2]],
        ("expect_column_values_to_not_be_null", "label"): [names[1]],
        ("expect_column_values_to_be_in_set", "label"): [names[0]],
        ("expect_column_values_to_be_in_set", "audio_file"): [names[3], names[4]],
        ("expect_column_values_to_be_between", "duration_s"): [names[5]],
        ("expect_column_values_to_match_regex", "utterance_id"): [names[7]],
        ("expect_column_values_to_be_in_set", "rate"): [names[6]],
        ("expect_column_values_to_be_in_set", "intensity"): [names[-1]],
    }
    said = str(breach(Verdict.model_validate(verdict)))
    for needle in (
        "'rage' in 1 of 61",
        "305 in 1 of 61",
        "A label that nobody declared",
        "dvc checkout",
        names[5],
    ):
        assert needle in said
    assert said.count("\n  - ") == 9
    assert said.endswith("validation.on_breach: quarantine in params.yaml.")


def test_an_empty_corpus_and_one_without_labels_are_breaches():
    assert found(judge([])) == {("expect_table_row_count_to_be_between", None): []}
    rows = [row | {"label": None} for row in an_actor()]
    assert len(found(judge(rows))[("expect_column_values_to_not_be_null", "label")]) == 60


def test_stereo_clips_copies_and_incomplete_actors_are_warnings_that_name_them():
    rows = an_actor()[:-1] + an_actor("02")
    rows[4]["channels"] = 2.0
    rows[7]["audio_digest"] = rows[8]["audio_digest"]
    verdict = judge(rows)
    assert verdict["ok"]
    assert found(verdict, "warnings") == {
        ("expect_column_values_to_be_in_set", "channels"): [rows[4]["utterance_id"]],
        ("expect_column_values_to_be_unique", "audio_digest"): [
            rows[7]["utterance_id"],
            rows[8]["utterance_id"],
        ],
        ("expect_column_values_to_be_null", "lacking"): ["actors", "spoken clips of the actor 01"],
    }


def test_one_unusable_clip_is_listed_and_many_are_a_breach():
    broken = {"audio_state": "unusable", "audio_reason": "silent: its peak is 0"}
    rows = an_actor()
    rows[3] |= broken
    verdict = judge(rows)
    assert verdict["ok"]
    assert verdict["excluded"] == [
        {"utterance_id": rows[3]["utterance_id"], "modality": "audio", "reason": "silent: its peak is 0"}
    ]
    assert verdict["unusable"] == []  # the words are left
    assert ("expect_column_values_to_be_in_set", "audio_state") in found(verdict, "warnings")

    rows[:4] = [row | broken for row in rows[:4]]  # 4 of 60: over 5 %
    assert [each["expected"] for each in judge(rows)["critical"]] == [
        "at most 3 of 60 recordings of audio that cannot be used"
    ]


def test_only_modalities_in_use_can_stop_the_pipeline():
    rows = [row | {"audio_state": "unusable", "audio_reason": "silent: its peak is 0"} for row in an_actor()]
    rows[0] |= {"duration_s": 305.0}
    unused = judge(rows, modalities=["text"])
    assert unused["ok"]
    assert ("expect_column_values_to_be_in_set", "audio_state") in found(unused, "warnings")
    assert ("expect_column_values_to_be_between", "duration_s") in found(unused, "warnings")
    assert set(found(judge(rows, modalities=["audio"]))) == {
        ("expect_column_values_to_be_in_set", "audio_state"),
        ("expect_column_values_to_be_between", "duration_s"),
    }


@pytest.mark.parametrize(
    ("recordings", "most"), [(1, 0), (2, 1), (3, 2), (16, 2), (40, 2), (60, 3), (1440, 72)]
)
def test_in_a_small_corpus_a_few_recordings_may_be_unusable_but_not_all(recordings, most):
    assert unusable_at_most(recordings) == most


def test_one_silent_film_of_sixteen_is_no_breach():
    rows = an_actor()[:16]
    rows[0] |= {"audio_state": "unusable", "audio_reason": "silent: its peak is 0"}
    assert judge(rows)["ok"]


def test_under_quarantine_recordings_that_cannot_be_used_are_set_aside():
    rows = an_actor()
    for row in rows[:4]:
        row |= {"audio_state": "unusable", "audio_reason": "silent: its peak is 0"}
    outcome = judged(rows)
    assert not outcome.verdict.ok
    verdict = quarantined(outcome, [row["utterance_id"] for row in rows])
    assert verdict.ok
    assert [each.utterance_id for each in verdict.quarantined] == sorted(
        row["utterance_id"] for row in rows[:4]
    )


def test_the_control_corpus_has_equal_cells():
    rows = [
        {
            "utterance_id": f"control/{speaker}-{label}-{clip}",
            "corpus": "control",
            "speaker": f"control/{speaker}",
            "label": label,
            "rate": 16000.0,
        }
        for speaker in range(3)
        for label in ("anger", "neutral")
        for clip in range(3)
    ]
    assert judge(facts_of(rows), "control")["ok"]
    verdict = judge(facts_of(rows[1:]), "control")
    assert found(verdict) == {("expect_column_values_to_be_in_set", "of_usual"): ["control/0 anger"]}


def test_an_expectation_that_raises_is_an_error_and_no_verdict():
    clause = Clause("utterances", "ExpectColumnValuesToBeUnique", "critical", "", "", {"column": "nowhere"})
    with pytest.raises(RuntimeError, match=r"could not be evaluated.*nowhere"):
        check("ravdess", facts_of(an_actor()), [clause])


def test_pages_stand_alone_and_are_the_same_bytes_again():
    rows = an_actor()
    rows[0] |= {"label": "<script>rage</script>"}
    first, second = (judged(rows) for _ in range(2))
    assert first == second
    whole = index(first.verdict.to_dict(), list(first.pages))
    for text in (*first.pages.values(), whole):
        assert "http://" not in text
        assert "https://" not in text
        assert "<script" not in text
    assert "&lt;script&gt;rage" in whole
    assert rows[0]["utterance_id"] in first.pages["utterances"]


@pytest.mark.corpora
def test_the_stereo_originals_of_ravdess_are_named_and_known(corpora, tmp_path):
    rows, stereo = [], []
    for path in sorted((corpora / "ravdess" / "original_48k").glob("*.flac")):
        name = path.stem[3:]
        rows.append(ravdess_row(name, audio=f"{path.name}", audio_digest=file_digest(path)))
        stereo += [f"ravdess/{name}"] if soundfile.info(path).channels == 2 else []
        shutil.copyfile(path, tmp_path / f"{path.name}")
    table = pd.DataFrame(rows, columns=list(UTTERANCE_COLUMNS)).astype(UTTERANCE_COLUMNS)
    verdict = judge(gather(table, tmp_path, workers=2))
    assert verdict["ok"]
    channels = next(each for each in verdict["warnings"] if each["column"] == "channels")
    assert len(stereo) == 5
    assert channels["rows"] == stereo
    assert channels["found"] == "2 in 5 of 6, 5 of them stereo in the original release"


def test_a_hundred_thousand_utterances_are_judged():
    facts = facts_of(own_rows(1))
    facts = facts.loc[facts.index.repeat(100_000)].reset_index(drop=True)
    number = facts.index.astype("str")
    facts["utterance_id"] = "mylab/" + number
    facts["text_digest"] = number.str.zfill(64)
    facts["speaker"] = "mylab/s" + (facts.index % 500).astype("str")
    facts["turn"] = facts.index % 20
    facts["dialogue"] = "mylab/d" + (facts.index // 20).astype("str")
    facts.loc[facts.index % 2 == 0, ["label", "valence"]] = ["rage", 3.0]
    outcome = judged(facts, "mylab", "manifest")
    verdict = quarantined(outcome, facts["utterance_id"]).model_dump()
    assert len(verdict["quarantined"]) == 50_000
    assert verdict["ok"]
    assert all(len(page) < 500_000 for page in outcome.pages.values())


def test_clips_that_all_last_equally_long_are_cut_or_padded_copies():
    rows = [row | {"duration_s": 2.0} for row in an_actor()]
    verdict = judged(rows).verdict.model_dump()
    assert len(columns(verdict, "warnings")["duration_state"]) == 60
    rows = [row | {"duration_s": 2.0 + place / 10} for place, row in enumerate(an_actor())]
    assert "duration_state" not in columns(judged(rows).verdict.model_dump(), "warnings")
