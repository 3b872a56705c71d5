"""The stage and the gate: what is let through by design or by waiver, what is inflated, what is left out; by name."""

from pathlib import Path

import pandas as pd
import pytest
import yaml
from documents import validated
from emoflow import params
from emoflow.artifacts.folds import FOLDS, Folds, Leakage
from emoflow.errors import LeakageError, ProtocolError
from emoflow.leakage import KINDS
from emoflow.protocols.published import names, read
from emoflow.protocols.rules import parse
from emoflow.stages import folds as stage
from made_tables import iemocap, own

LABELS = ["anger", "neutral"]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of which only params.yaml stands; returns a function that puts utterance tables into it."""
    held = yaml.safe_load(params.PATH.read_text(encoding="utf-8"))
    monkeypatch.chdir(tmp_path)

    def put(*tables: pd.DataFrame, verdicts=None, waivers=None, **changes) -> dict:
        corpora = [table["corpus"].iloc[0] for table in tables]
        changed = held | {"corpora": corpora} | changes
        changed["folds"] = held["folds"] | {"waivers": waivers or {}}
        params.PATH.write_text(yaml.safe_dump(changed), encoding="utf-8")
        for name, table in zip(corpora, tables, strict=True):
            validated(Path(), table, **(verdicts or {}).get(name, {}))
        stage.main()
        return Folds.read().model_dump()

    return put


def test_every_leak_by_design_is_one_that_the_gate_knows():
    for name in names():
        assert set(read(name).leaks) <= set(KINDS)
    for name in ("random5", "kfold5.rand20", "loso.valtest", "kfold5", "cross:a:b"):
        assert set(parse(name).leaks) <= set(KINDS)
    assert not parse("kfold5").leaks and not parse("official").leaks
    for name in ("random5", "kfold5.rand20"):  # two films of one face may look alike
        assert "face-track" in parse(name).leaks


def test_random_folds_pass_and_are_called_inflated(project, capsys):
    held = project(iemocap(), protocol="iemocap4.random")
    assert held["protocol"] == "iemocap4.random (inflated)"
    assert "also train" in held["inflated"]
    assert {"speaker", "session", "dialogue"} <= {each["kind"] for each in held["waived"]}
    assert held["count"] == 1 and held["id"] == "iemocap4.random"
    said = capsys.readouterr().out
    assert "inflated: utterances are split" in said and "lets through speaker" in said
    leaks = Leakage.read().model_dump()
    assert leaks["protocol"] == held["protocol"] and leaks["waived"] == held["waived"]


@pytest.mark.parametrize("name", sorted(name for name in names() if name.startswith("iemocap4.")))
def test_iemocap_s_protocols_all_pass_the_gate(project, name):
    held = project(iemocap(), protocol=name)
    assert held["protocol"].startswith(name)
    assert ("(inflated)" in held["protocol"]) == (held["inflated"] is not None)
    if name.endswith("loso10"):
        assert held["protocol"] == f"{name} (leaks: dialogue, session)"
        assert held["waived"][0]["reason"].startswith("Validation is the other speaker")
    short = [each for each in held["findings"] if each["kind"] == "count"]
    assert len(short) == (0 if ".impro." in name else 1)  # this one is not the whole of IEMOCAP
    assert all("5,531 utterances; here there are" in each["explanation"] for each in short)
    if name.endswith("nested"):
        assert (held["protocol"], held["waived"]) == (name, [])


def test_what_somebody_answers_for_passes_by_name_and_reason(project):
    table = own([f"s{n}" for n in range(6)], LABELS, session=["studio"] * 6)
    with pytest.raises(ProtocolError, match=r"folds\.waivers: \{session"):
        project(table, protocol="kfold3")
    held = project(table, protocol="kfold3", waivers={"session": "one studio for all"})
    assert held["protocol"] == "own.kfold3 (waived: session)"
    assert held["waived"] == [{"kind": "session", "reason": "one studio for all", "count": 8}]
    assert held["inflated"] is None


def test_a_waiver_with_nothing_to_waive_is_told_and_not_carried(project):
    table = own([f"s{n}" for n in range(6)], LABELS)
    held = project(table, protocol="kfold3", waivers={"episode": "an old one"})
    assert held["protocol"] == "own.kfold3" and held["waived"] == []
    assert [each["severity"] for each in held["findings"] if "episode" in each["explanation"]] == ["warning"]
    with pytest.raises(LeakageError, match="no kind of leak is called friends"):
        project(table, protocol="kfold3", waivers={"friends": "they know each other"})


def test_a_leak_that_is_not_by_design_refuses_an_inflated_protocol_too(project):
    table = own([f"s{n}" for n in range(6)], LABELS)
    table[["audio", "audio_digest"]] = ["a.wav", "the same bytes"]
    with pytest.raises(LeakageError, match="duplicate"):
        project(table, protocol="random3")
    assert not FOLDS.path().exists()


@pytest.mark.parametrize(
    ("speakers", "name"),
    [
        (["a", "b", "c", "d", "e"], "own.kfold5"),
        (["a", "b", "c"], "own.loso"),
        (["a", "b"], "own.random5 (inflated)"),
        ([None] * 6, "own.random5 (inflated)"),
    ],
)
def test_a_folder_of_one_s_own_needs_no_protocol_and_no_label_space(project, speakers, name):
    held = project(own(speakers, ["lo", "hi", "mid"], known=False))
    assert held["protocol"] == name
    assert held["classes"] == ["hi", "lo", "mid"] and held["label_space"] == "own"


def test_one_corpus_trains_and_another_tests_in_a_shared_label_space(project):
    a, b = (
        own([f"s{n}" for n in range(6)], [*LABELS, "calm", "boredom"], corpus=name) for name in ("a", "b")
    )
    spaces = {
        "two": {"classes": LABELS, "mapping": {"anger": "anger", "neutral": "neutral", "calm": "neutral"}}
    }
    b["speaker"] = None  # whoever they are, none of them trains
    held = project(a, b, protocol="cross:a:b", label_space="two", label_spaces=spaces)
    assert held["protocol"] == "two.cross:a:b" and held["count"] == 1
    assert held["dropped_by_corpus"] == {"a": {"boredom": 6}, "b": {"boredom": 6}}
    assert {each.split("/")[0] for each in held["folds"][0]["test_speakers"]} == {"b"}
    assert held["inflated"] is None
    assert held["selection"].startswith("Validation is a fifth of the training speakers")


def test_an_official_split_of_unknown_speakers_is_inflated_for_all_one_knows(project):
    table = own([None] * 6, LABELS)
    table["split_official"] = ["train"] * 6 + ["validation"] * 3 + ["test"] * 3
    held = project(table, protocol="official")
    assert held["protocol"] == "own.official (inflated)"
    assert "the speakers of 12 utterances are unknown" in held["inflated"]


def test_what_validation_set_aside_is_left_out_and_counted_by_corpus(project):
    a, b = (own([f"s{n}" for n in range(6)], [*LABELS, "fear"], corpus=name) for name in ("a", "b"))
    aside = [{"utterance_id": "a/000-anger", "reasons": ["end before start"]}]
    verdicts = {"a": {"quarantined": aside, "unusable": ["a/000-anger", "a/000-neutral"]}}
    two = {"label_space": "two", "label_spaces": {"two": {"classes": LABELS}}}
    held = project(a, b, verdicts=verdicts, protocol="kfold3", **two)
    assert held["dropped_by_corpus"] == {
        "a": {"(no usable media)": 1, "(quarantined: breaks its contract)": 1, "fear": 6},
        "b": {"fear": 6},
    }
    assert held["dropped"] == {"(no usable media)": 1, "(quarantined: breaks its contract)": 1, "fear": 12}
    assert held["utterances"] == 22
