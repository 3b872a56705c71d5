"""What holds of every corpus, row by row, on a corpus that nobody knows: each breach by its rows, and no others."""

import json

import pytest
from emoflow.validation.quarantine import quarantined
from judging import an_actor, columns, facts_of, found, judged, own_rows, ravdess_row

pytestmark = pytest.mark.slow  # Great Expectations takes seconds to import


def test_a_corpus_of_words_alone_breaks_nothing():
    verdict = judged(own_rows(16), "mylab", "manifest").verdict.model_dump()
    assert verdict["ok"]
    assert verdict["critical"] == verdict["warnings"] == verdict["excluded"] == verdict["unusable"] == []
    assert verdict["counts"] == {
        "utterances": 16,
        "speakers": 4,
        "clips_of_a_speaker": {"fewest": 4, "most": 4},
        "without_speaker": 0,
        "labels": {"anger": 8, "neutral": 8},
        "own_words": {},
        "unlabelled": 0,
        "rated": 0,
        "modalities": {
            "audio": {"usable": 0, "unusable": 0},
            "face": {"usable": 0, "unusable": 0},
            "text": {"usable": 16, "unusable": 0},
        },
        "features": {},
        "excluded": 0,
    }


PLANTED = {
    "corpus": ("corpus", {"corpus": "another"}, "critical"),
    "session of another corpus": ("session", {"session": "another/1"}, "critical"),
    "undeclared label": ("label", {"label": "rage"}, "critical"),
    "digest": ("text_digest", {"text_digest": "abc"}, "critical"),
    "no digest": ("text_digest", {"text_digest": None}, "critical"),
    "gender": ("speaker_gender", {"speaker_gender": "F"}, "critical"),
    "intensity": ("intensity", {"intensity": "very"}, "critical"),
    "split": ("split_official", {"split_official": "dev"}, "critical"),
    "scale": ("valence", {"valence": 4.5}, "critical"),
    "infinite": ("arousal", {"arousal": float("inf")}, "critical"),
    "raters that are no JSON": ("raters_state", {"raters": "anger"}, "critical"),
    "raters without lists": ("raters_state", {"raters": '{"a": "anger"}'}, "critical"),
    "no raters": ("raters_state", {"raters": "{}"}, "critical"),
    "audio outside": (
        "audio_file",
        {"audio": "../a.wav", "audio_file": "outside the corpus"},
        "critical",
    ),
    "too short": ("duration_s", {"duration_s": 0.1}, "critical"),
    "one rater": ("rater_count", {"raters": '{"a": ["anger"], "b": []}'}, "warnings"),
    "language": ("language", {"language": "english"}, "warnings"),
    "no speaker": ("speaker", {"speaker": None}, "warnings"),
    "own word": ("label_state", {"label": None, "label_raw": "bored stiff"}, "warnings"),
    "no label": ("label_state", {"label": None, "label_raw": None}, "warnings"),
    "reversed": ("length_s", {"start_s": 3.0, "end_s": 2.0}, "warnings"),
    "no length": ("length_s", {"start_s": 3.0, "end_s": 3.0}, "warnings"),
    "too long": ("off_s", {"start_s": 3.0, "end_s": 5.0, "duration_s": 3.5}, "warnings"),
    "rate": ("rate", {"rate": 4000.0}, "warnings"),
    "stereo": ("channels", {"channels": 2.0}, "warnings"),
}


def test_each_breach_is_found_with_its_row_and_its_severity():
    rows = own_rows(4 * len(PLANTED))
    expected: dict[str, dict[str, list[str]]] = {"critical": {}, "warnings": {}}
    for place, (column, change, severity) in enumerate(PLANTED.values()):
        row = rows[4 * place + 1]
        row |= change
        expected[severity].setdefault(column, []).append(row["utterance_id"])
    # The one utterance with audio leaves the others without, and two values of `text_digest` break two clauses.
    verdict = judged(rows, "mylab", "manifest").verdict.model_dump()
    merged: dict[str, dict[str, list[str]]] = {"critical": {}, "warnings": {}}
    for severity, held in merged.items():
        for each in verdict[severity]:
            if each["table"] == "utterances" and each["column"] != "audio_coverage":
                held[each["column"]] = sorted({*held.get(each["column"], []), *each["rows"]})
    assert merged == expected
    for each in (*verdict["critical"], *verdict["warnings"]):
        assert each["expected"]
        assert each["advice"].endswith(".")
        assert each["count"] == len(each["rows"])


def test_the_order_of_the_rows_does_not_matter():
    rows = own_rows(12)
    for place, word in ((2, "rage"), (5, "fury"), (9, "bliss")):
        rows[place] |= {"label": word, "valence": float(place)}
    first, second = (judged(held, "mylab", "manifest") for held in (rows, rows[7:] + rows[6::-1]))
    assert first == second
    assert first.pages == second.pages


def test_turns_are_in_the_order_of_time_and_each_in_its_place():
    rows = own_rows(8)
    for turn, row in enumerate(rows):
        row |= {"dialogue": f"mylab/d{turn // 4}", "turn": turn % 4, "start_s": turn, "end_s": turn + 0.5}
    assert judged(rows, "mylab", "manifest").verdict.model_dump()["warnings"] == []
    rows[2]["start_s"], rows[2]["end_s"] = 0.5, 0.9  # before turn 1, which begins at 1.0
    rows[6]["turn"] = 1  # as another is
    verdict = judged(rows, "mylab", "manifest").verdict.model_dump()
    assert columns(verdict, "warnings") == {
        "since_s": ["mylab/00002"],
        "place": ["mylab/00005", "mylab/00006"],
    }


def test_what_some_utterances_have_the_others_lack_by_name():
    rows = own_rows(12)
    rows[3]["text"] = rows[3]["text_digest"] = rows[3]["text_state"] = None
    ids = [row["utterance_id"] for row in rows]
    verdict = judged(
        rows, "mylab", "manifest", features={"gesture": ids[:9], "face": ids}
    ).verdict.model_dump()
    assert columns(verdict, "warnings") == {
        "text_coverage": [ids[3]],
        "gesture_features_coverage": ids[9:],
    }
    assert verdict["counts"]["features"] == {"face": 12, "gesture": 9}
    assert verdict["unusable"] == []  # ids[3] has features


def test_a_film_has_sound_too_but_for_a_silent_one():
    rows = own_rows(12)
    for row in rows:
        row |= {"audio": f"{row['utterance_id']}.wav", "audio_state": "usable"}
    rows[3] |= {"audio": None, "video": "film.mp4", "audio_state": "usable"}
    rows[5] |= {"audio": None, "video": "mute.mp4", "audio_state": None}
    verdict = judged(rows, "mylab", "manifest").verdict.model_dump()
    assert columns(verdict, "warnings")["audio_coverage"] == [rows[5]["utterance_id"]]


def test_a_label_of_one_speaker_and_a_speaker_of_two_genders():
    rows = own_rows(16)
    for row in rows:
        row["speaker_gender"] = "female"
    rows[0] |= {"label": "fear"}
    rows[4] |= {"label": "fear", "speaker_gender": "male"}
    verdict = judged(rows, "mylab", "manifest").verdict.model_dump()
    assert columns(verdict, "warnings") == {"genders": ["mylab/s0"], "speakers": ["fear"]}


def test_no_speakers_at_all_are_a_warning_of_own_corpora_and_a_breach_of_known_ones():
    rows = own_rows(8, speaker=None)
    verdict = judged(rows, "mylab", "folder").verdict.model_dump()
    assert verdict["ok"]
    assert set(columns(verdict, "warnings")) == {"speaker"}
    assert verdict["counts"]["speakers"] == 0
    assert verdict["counts"]["without_speaker"] == 8
    assert "speaker" in columns(judged(rows, "mylab", "control").verdict.model_dump(), "critical")


def test_quarantine_sets_the_rows_aside_and_says_why():
    rows = own_rows(12)
    rows[1] |= {"label": "rage", "valence": 7.0}
    rows[2] |= {"audio": "a.wav", "audio_file": "missing"}
    rows[5] |= {"raters": json.dumps({"a": ["anger"]})}  # a warning
    outcome = judged(rows, "mylab", "manifest")
    assert not outcome.verdict.model_dump()["ok"]
    assert outcome.verdict.model_dump()["quarantined"] == []
    verdict = quarantined(outcome, facts_of(rows)["utterance_id"]).model_dump()
    assert verdict["ok"]
    assert verdict["critical"] == []
    assert verdict["counts"]["quarantined"] == 2
    assert [each["utterance_id"] for each in verdict["quarantined"]] == ["mylab/00001", "mylab/00002"]
    first, second = (each["reasons"] for each in verdict["quarantined"])
    assert [reason.split(":")[0] for reason in first] == ["label", "valence"]
    assert first[0].endswith("; found 'rage'")
    assert first[1] == "valence: expected from -1 to 1; found 7"
    assert second == [
        "audio_file: expected audio files that are there, inside data/raw/mylab; found 'missing'"
    ]
    told = columns(verdict, "warnings")
    assert told["label"] == ["mylab/00001"]
    assert told["rater_count"] == ["mylab/00005"]
    assert sum("Set aside" in each["advice"] for each in verdict["warnings"]) == 3


def test_quarantine_lets_the_corpus_as_a_whole_break_its_contract():
    # There are two repetitions, and 60 clips of an actor.
    rows = [*an_actor(), ravdess_row("01-01-01-01-03-01")]
    rows[1] |= {"label": "rage"}
    verdict = quarantined(judged(rows), facts_of(rows)["utterance_id"]).model_dump()
    assert not verdict["ok"]
    assert columns(verdict, "critical") == {"beyond": ["spoken clips of the actor 01"]}
    assert rows[1]["utterance_id"] in {each["utterance_id"] for each in verdict["quarantined"]}


def test_quarantine_of_everything_is_a_breach():
    rows = own_rows(4, label="rage")
    verdict = quarantined(judged(rows, "mylab", "manifest"), facts_of(rows)["utterance_id"]).model_dump()
    assert not verdict["ok"]
    assert verdict["quarantined"] == []
    assert list(found(verdict)) == [("expect_column_values_to_be_in_set", "label")]


def test_what_is_set_aside_is_not_unusable_as_well():
    rows = own_rows(8)
    nothing = {"text": None, "text_digest": None, "text_state": None}
    rows[2] |= nothing | {"label": "rage"}
    rows[3] |= nothing
    verdict = quarantined(judged(rows, "mylab", "manifest"), facts_of(rows)["utterance_id"]).model_dump()
    assert [each["utterance_id"] for each in verdict["quarantined"]] == ["mylab/00002"]
    assert verdict["unusable"] == ["mylab/00003"]


def test_an_id_that_occurs_twice_goes_with_all_its_rows():
    rows = own_rows(8)
    rows[1]["utterance_id"] = rows[0]["utterance_id"]
    verdict = quarantined(judged(rows, "mylab", "manifest"), facts_of(rows)["utterance_id"]).model_dump()
    assert verdict["ok"]
    assert [each["utterance_id"] for each in verdict["quarantined"]] == ["mylab/00000"]
