"""The control corpus: deterministic, resumable, and as described."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from components.corpora import control, read, sentences, truth
from components.errors import CorpusError
from components.files import tree_digest
from components.schema import EMOTION7, MODALITIES

SMALL = {"speakers": 1, "clips": 1, "workers": 1}


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    return control.synthesise(tmp_path_factory.mktemp("control") / "control", **SMALL)


def test_layout(small):
    reading = read("control", small)
    assert reading.unread == []
    table = reading.table
    assert len(table) == 7
    assert table.groupby("speaker")["label"].value_counts().eq(1).all()
    assert set(table["speaker"]) == {"control/s01"} and set(table["speaker_gender"]) == {"female"}
    assert all((small / path).stat().st_size > 1000 for path in [*table["audio"], *table["video"]])
    ceilings = json.loads((small / "truth" / "ceilings.json").read_text())
    assert set(ceilings["population"]) == set(ceilings["oracle"])
    assert ceilings["population"] == truth.population(truth.Truth(control.RELIABILITY))
    assert sorted(path.name for path in small.iterdir()) == ["audio", "truth", "utterances.csv", "video"]


def test_the_same_request_gives_the_same_bytes_with_any_number_of_workers(small, tmp_path):
    again = control.synthesise(tmp_path / "control", **SMALL | {"workers": 2})
    assert tree_digest([again]) == tree_digest([small])


def test_asked_again_it_does_nothing(small, monkeypatch):
    monkeypatch.setattr(control, "record", lambda *_: pytest.fail("recorded again"))
    before = {path: path.stat().st_mtime_ns for path in small.rglob("*")}
    control.synthesise(small, **SMALL)
    assert {path: path.stat().st_mtime_ns for path in small.rglob("*")} == before


def test_another_request_is_refused_and_nothing_changes(small):
    before = tree_digest([small])
    with pytest.raises(CorpusError, match=r"seed 7, not 8"):
        control.synthesise(small, **SMALL, seed=8)
    assert tree_digest([small]) == before


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(CorpusError, match="no control corpus"):
        control.synthesise(tmp_path, **SMALL)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize(
    "wrong", [{"speakers": 0}, {"clips": 0}, {"seed": -1}, {"reliability": {"audio": 0.7}}]
)
def test_a_request_that_cannot_be(tmp_path, wrong):
    with pytest.raises(CorpusError):
        control.synthesise(tmp_path / "control", **SMALL | wrong)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_was_cut_off_goes_on_where_it_stopped(small, tmp_path, monkeypatch):
    finished = []
    record = control.record

    def cut(clip, folder, seed):
        if len(finished) == 5:
            raise OSError(28, "No space left on device")
        record(clip, folder, seed)
        finished.append(clip.id)

    out = tmp_path / "control"
    monkeypatch.setattr(control, "record", cut)
    with pytest.raises(CorpusError, match="No space left"):
        control.synthesise(out, **SMALL)
    assert not out.exists()
    (partial,) = tmp_path.iterdir()
    (partial / "audio" / ".s01-006.wav.x").mkdir()  # as a process killed while writing leaves it
    second = []
    monkeypatch.setattr(control, "record", lambda clip, *rest: (second.append(clip.id), record(clip, *rest)))
    control.synthesise(out, **SMALL)
    assert len(second) == 2 and not set(second) & set(finished)
    assert tree_digest([out]) == tree_digest([small])
    assert list(tmp_path.iterdir()) == [out]


def test_two_at_once_do_not_mix(tmp_path, monkeypatch):
    out = tmp_path / "control"

    def meanwhile(*_):
        with pytest.raises(CorpusError, match="another process"):
            control.synthesise(out, **SMALL)
        raise KeyboardInterrupt

    monkeypatch.setattr(control, "record", meanwhile)
    with pytest.raises(KeyboardInterrupt):
        control.synthesise(out, **SMALL)
    assert not out.exists()


@pytest.mark.slow
def test_killed_it_leaves_no_process_and_resumes(small, tmp_path):
    script = (
        "import sys; from pathlib import Path; from components.corpora.control import synthesise\n"
        "if __name__ == '__main__': synthesise(Path(sys.argv[1]), speakers=1, clips=1, workers=2)\n"
    )
    (tmp_path / "make.py").write_text(script)
    root = Path(control.__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": str(root)}
    out = tmp_path / "out" / "control"
    child = subprocess.Popen(
        [sys.executable, tmp_path / "make.py", out], env=environment, start_new_session=True
    )
    until = time.monotonic() + 120
    while not list(tmp_path.glob("out/.control-*/audio/s*.wav")):
        assert child.poll() is None and time.monotonic() < until
        time.sleep(0.05)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    until = time.monotonic() + 20
    while _group_alive(child.pid):
        assert time.monotonic() < until, "workers outlive the run"
        time.sleep(0.1)
    assert not out.exists()
    control.synthesise(out, **SMALL)
    assert tree_digest([out]) == tree_digest([small])


def _group_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_plan():
    planned = control.plan(speakers=12, clips=4, seed=7, reliability=control.RELIABILITY)
    assert (
        len(planned)
        == 12 * 7 * 4
        == len({clip.id for clip in planned})
        == len({clip.sentence for clip in planned})
    )
    assert [clip.id for clip in planned] == sorted(clip.id for clip in planned)
    for modality in MODALITIES:
        shown = np.mean([getattr(clip, modality) == clip.label for clip in planned])
        assert shown == pytest.approx(control.RELIABILITY[modality], abs=0.08)
    sessions = pd.DataFrame([(c.speaker, c.session, c.label) for c in planned]).value_counts()
    assert len(sessions) == 12 * 2 * 7 and (sessions == 2).all()
    other = control.plan(speakers=12, clips=4, seed=8, reliability=control.RELIABILITY)
    assert [clip.sentence for clip in other] != [clip.sentence for clip in planned]


def test_women_and_men_in_turn():
    planned = control.plan(speakers=4, clips=1, seed=1, reliability=control.RELIABILITY)
    assert [planned[7 * speaker].gender for speaker in range(4)] == ["female", "male"] * 2


def test_more_speakers_leave_the_first_ones_as_they_were():
    few = control.plan(speakers=3, clips=2, seed=1, reliability=control.RELIABILITY)
    many = control.plan(speakers=5, clips=2, seed=1, reliability=control.RELIABILITY)
    assert many[: len(few)] == few


def test_reliable_modalities_always_show_the_truth():
    for clip in control.plan(speakers=2, clips=3, seed=0, reliability=dict.fromkeys(MODALITIES, 1.0)):
        assert clip.audio == clip.text == clip.face == clip.label


def test_what_is_said_aloud_does_not_tell_the_texts_emotion():
    telling = {word for words in sentences.LEXICON.values() for word in words}
    assert len(telling) == sum(len(words) for words in sentences.LEXICON.values())
    for clip in control.plan(speakers=4, clips=4, seed=2, reliability=control.RELIABILITY):
        written = set(re.findall("[a-z]+", clip.sentence.lower()))
        assert written & telling <= set(sentences.LEXICON[clip.text]) and written & telling
        assert not set(re.findall("[a-z]+", clip.spoken.lower())) & telling
    assert set(sentences.LEXICON) == set(EMOTION7)


def test_the_mouth_follows_the_sound():
    quiet, loud = np.zeros(8000), 0.5 * np.sin(np.arange(8000))
    opened = control.openness(np.concatenate([quiet, loud, quiet]))
    assert len(opened) == 38
    assert opened[:11].max() == 0 and opened[15:22].min() > 0.9
    assert np.allclose(opened, control.openness(0.1 * np.concatenate([quiet, loud, quiet])), atol=1e-6)
