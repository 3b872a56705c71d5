"""The control corpus: deterministic, resumable, and as described."""

import hashlib
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
from emoflow import cli
from emoflow.corpora import read
from emoflow.corpora.acquire import raw_data
from emoflow.errors import CorpusError
from emoflow.files import tree_digest
from emoflow.schema import EMOTIONS, MODALITIES
from emoflow.synthesis import bayes_ceilings, control_corpus, rendering, sentences, truth, utterance_sampling
from emoflow.synthesis.layouts import layout_spec
from typer.testing import CliRunner

SMALL = {"speakers": 1, "clips": 1, "workers": 1}


def planned(speakers: int, clips: int, seed: int, **truth_) -> list[utterance_sampling.Take]:
    wanted = layout_spec("control")
    return utterance_sampling.make(
        wanted, utterance_sampling.planted(wanted, **truth_), speakers=speakers, clips=clips, seed=seed
    )


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    return control_corpus.synthesise(tmp_path_factory.mktemp("control") / "control", **SMALL)


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
    assert ceilings["population"] == bayes_ceilings.population(truth.Truth(utterance_sampling.RELIABILITY))
    assert sorted(path.name for path in small.iterdir()) == ["audio", "truth", "utterances.csv", "video"]


@pytest.mark.slow
def test_the_same_request_gives_the_same_bytes_with_any_number_of_workers(small, tmp_path):
    again = control_corpus.synthesise(tmp_path / "control", **SMALL | {"workers": 2})
    assert tree_digest([again]) == tree_digest([small])


def test_asked_again_it_does_nothing(small, monkeypatch):
    monkeypatch.setattr(control_corpus, "record", lambda *_: pytest.fail("recorded again"))
    before = {path: path.stat().st_mtime_ns for path in small.rglob("*")}
    control_corpus.synthesise(small, **SMALL)
    assert {path: path.stat().st_mtime_ns for path in small.rglob("*")} == before


@pytest.mark.parametrize("recorded", [True, False])
def test_a_corpus_that_dvc_tracks_already_is_not_added_again(small, tmp_path, monkeypatch, recorded):
    asked, added = [], []
    (tmp_path / "data" / "raw").mkdir(parents=True)
    (tmp_path / "data" / "raw" / "control").symlink_to(small)
    (tmp_path / "params.yaml").touch()
    if recorded:
        (tmp_path / "data" / "raw" / "control.dvc").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(control_corpus, "synthesise", lambda out, **request: asked.append(request) or out)
    monkeypatch.setattr(raw_data, "track", added.append)
    done = CliRunner().invoke(cli.app, ["corpora", "synthesise"])
    assert done.exit_code == 0 and len(asked) == 1
    assert added == ([] if recorded else [Path("data/raw/control")])


def test_another_request_is_refused_and_nothing_changes(small):
    before = tree_digest([small])
    with pytest.raises(CorpusError, match=r"seed 7, not 8"):
        control_corpus.synthesise(small, **SMALL, seed=8)
    assert tree_digest([small]) == before


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(CorpusError, match="exists and is not a control corpus"):
        control_corpus.synthesise(tmp_path, **SMALL)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"speakers": 0}, "0 speakers"),
        ({"clips": 0}, "0 clips"),
        ({"seed": -1}, "seed is -1"),
        ({"reliability": {"audio": 0.1}}, "audio is 0.1; it must be from 0.143"),
        ({"reliability": {"gesture": 0.7}}, "names gesture; this layout has audio, text, face"),
        ({"relation": "sarcastic"}, "it must be one of redundant, complementary, interacting"),
        ({"missing": 1.0}, "missing is 1.0"),
        ({"raters": 12}, "12 raters"),
        ({"raters": 3, "agreement": 0.0}, "agreement is 0.0"),
        ({"snr": 200.0}, "snr is 200.0 dB"),
        ({"language": "sv"}, "language is 'sv'; this layout can be in en, fi, de"),
        ({"layout": "iemocamp"}, "'iemocamp' is not a layout; it must be one of control, iemocap"),
    ],
)
def test_a_request_that_cannot_be(tmp_path, wrong, said):
    with pytest.raises(CorpusError, match=re.escape(said)):
        control_corpus.synthesise(tmp_path / "control", **SMALL | wrong)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_run_that_was_cut_off_goes_on_where_it_stopped(small, tmp_path, monkeypatch):
    finished = []
    record = control_corpus.record

    def cut(studio_, folder, job):
        if len(finished) == 5:
            raise OSError(28, "No space left on device")
        record(studio_, folder, job)
        finished.extend([sorted(job)])

    out = tmp_path / "control"
    monkeypatch.setattr(control_corpus, "record", cut)
    with pytest.raises(CorpusError, match="No space left"):
        control_corpus.synthesise(out, **SMALL)
    assert not out.exists()
    (partial,) = tmp_path.iterdir()
    (partial / "audio" / ".s01-006.wav.x.partial").mkdir()  # as a process killed while writing leaves it
    second = []
    monkeypatch.setattr(
        control_corpus, "record", lambda a, b, job: (second.append(sorted(job)), record(a, b, job))
    )
    control_corpus.synthesise(out, **SMALL)
    assert len(second) == 2 and not [job for job in second if job in finished]
    assert tree_digest([out]) == tree_digest([small])
    assert list(tmp_path.iterdir()) == [out]


def test_two_at_once_do_not_mix(tmp_path, monkeypatch):
    out = tmp_path / "control"

    def meanwhile(*_):
        with pytest.raises(CorpusError, match="another process"):
            control_corpus.synthesise(out, **SMALL)
        raise KeyboardInterrupt

    monkeypatch.setattr(control_corpus, "record", meanwhile)
    with pytest.raises(KeyboardInterrupt):
        control_corpus.synthesise(out, **SMALL)
    assert not out.exists()


@pytest.mark.slow
def test_killed_it_leaves_no_process_and_resumes(small, tmp_path):
    script = (
        "import sys; from pathlib import Path; from emoflow.synthesis.control_corpus import synthesise\n"
        "if __name__ == '__main__': synthesise(Path(sys.argv[1]), speakers=1, clips=1, workers=2)\n"
    )
    (tmp_path / "make.py").write_text(script)
    root = Path(control_corpus.__file__).parents[2]
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
    control_corpus.synthesise(out, **SMALL)
    assert tree_digest([out]) == tree_digest([small])


def _group_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_takes():
    made = planned(12, 4, 7)
    assert len(made) == 12 * 7 * 4 == len({take.text for take in made})
    assert [take.number for take in made] == list(range(len(made)))
    assert [(take.speaker, take.take) for take in made] == sorted((take.speaker, take.take) for take in made)
    for modality in MODALITIES:
        shown = np.mean([take.displays[modality] == take.label for take in made])
        assert shown == pytest.approx(utterance_sampling.RELIABILITY[modality], abs=0.08)
    sessions = pd.DataFrame([(take.speaker, take.session, take.label) for take in made]).value_counts()
    assert len(sessions) == 12 * 2 * 7 and (sessions == 2).all()
    assert [take.text for take in planned(12, 4, 8)] != [take.text for take in made]


def test_the_default_corpus_is_the_same_as_ever():
    """Who has made it has an experiment on it: the first version's table, by its digest."""
    wanted = layout_spec("control")
    document = wanted.plan(planned(12, 4, 7), "control", 7, False).documents["utterances.csv"]
    assert hashlib.sha256(document).hexdigest() == (
        "6c6c4b5f175784974e812cea5a07bd13cb064422e225c60b79750a191d0f4a21"
    )


def test_women_and_men_in_turn():
    made = planned(4, 1, 1)
    assert [made[7 * speaker].gender for speaker in range(4)] == ["female", "male"] * 2


def test_reliable_modalities_always_show_the_truth():
    for take in planned(2, 3, 0, reliability=dict.fromkeys(MODALITIES, 1.0)):
        assert set(take.displays.values()) == {take.label}


@pytest.mark.parametrize("language", sentences.LANGUAGES)
def test_what_is_said_aloud_does_not_tell_the_texts_emotion(language):
    words = sentences.LANGUAGES[language].telling
    assert set(words) == set(EMOTIONS)
    telling = {word for each in words.values() for word in each}
    assert len(telling) == sum(map(len, words.values()))
    generator = np.random.default_rng(2)
    for emotion in EMOTIONS * 8:
        sentence = sentences.compose(emotion, generator, language)
        written = set(re.findall(r"\w+", sentence.text.lower()))
        assert len(written & telling) == 2 and written & telling <= set(words[emotion])
        assert not set(re.findall(r"\w+", sentence.spoken.lower())) & telling


def test_the_mouth_follows_the_sound():
    quiet, loud = np.zeros(8000), 0.5 * np.sin(np.arange(8000))
    opened = rendering.openness(np.concatenate([quiet, loud, quiet]))
    assert len(opened) == 38
    assert opened[:11].max() == 0 and opened[15:22].min() > 0.9
    assert np.allclose(opened, rendering.openness(0.1 * np.concatenate([quiet, loud, quiet])), atol=1e-6)
