"""What a person is told of a corpus: counts, hours, speakers, classes, raters; and the figure."""

import json
import re
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from emoflow.corpora.describe.describe import describe, shown
from emoflow.corpora.describe.durations import durations
from emoflow.corpora.describe.figure import save
from emoflow.errors import CorpusError
from emoflow.files import file_digest
from PIL import Image
from rich.console import Console

RATE = 8000
ROWS = [  # id, speaker, gender, label, seconds of sound
    ("a1", "anna", "female", "anger", 1.0),
    ("a2", "anna", "female", "sadness", 2.0),
    ("b1", "ben", "male", "anger", 3.0),
    ("b2", "ben", "male", "anger", None),
    ("c1", "", "", "", 0.5),
]


@pytest.fixture
def corpus(tmp_path) -> Path:
    root = tmp_path / "mylab"
    (root / "audio").mkdir(parents=True)
    lines = ["id,speaker,gender,session,text,label,audio,raters,start_s,end_s"]
    for local, speaker, gender, label, seconds in ROWS:
        audio = "" if seconds is None else f"audio/{local}.wav"
        votes = json.dumps({"r1": ["anger"], "r2": ["anger"], "r3": ["sadness"]}) if speaker == "ben" else ""
        times = "10,14" if seconds is None else ","
        quoted = votes.replace('"', '""')
        lines.append(f'{local},{speaker},{gender},s1,hello,{label},{audio},"{quoted}",{times}')
        if audio:
            soundfile.write(root / audio, np.zeros(int(RATE * seconds)), RATE)
    (root / "utterances.csv").write_text("\n".join(lines) + "\n")
    return root


def text_of(found) -> str:
    console = Console(width=80, record=True, file=StringIO())
    console.print(shown(found))
    return console.export_text()


def test_counts(corpus):
    found = describe("mylab", corpus)
    assert found.layout == "manifest"
    assert found.hours * 3600 == pytest.approx(1 + 2 + 3 + 4 + 0.5)  # b2 by its times
    assert found.classes().to_dict() == {"anger": 3, "sadness": 1, "unlabelled": 1}
    speakers = found.speakers()
    assert list(speakers.index) == ["mylab/anna", "mylab/ben"]
    assert list(speakers["gender"]) == ["female", "male"] and list(speakers["utterances"]) == [2, 2]
    assert found.media["audio"] == 4 and found.media["video"] == 0
    assert list(found.ceilings) == ["r"] and found.ceilings["r"].utterances == 2
    assert found.ceilings["r"].accuracy == pytest.approx(1 / 3)


def test_said_in_eighty_columns(corpus):
    said = text_of(describe("mylab", corpus))
    for part in (
        "utterances  5",
        "speakers: 2 (1 female, 1 male)",
        "nobody named",
        "1 lack it",
        "anger       3  60%",
        "WA 33.3%",
        "0.92 bits in the mean; all agree on 0%",
    ):
        assert part in said
    assert max(map(len, said.splitlines())) <= 80


@pytest.mark.slow
def test_the_figure_is_the_same_every_time_and_is_not_blank(corpus, tmp_path):
    found = describe("mylab", corpus)
    one, two = (save(found, tmp_path / "figures" / name) for name in ("one.png", "two.png"))
    assert file_digest(one) == file_digest(two)
    pixels = np.asarray(Image.open(one).convert("L"))
    for half in np.array_split(pixels, 2, axis=0):
        for quarter in np.array_split(half, 2, axis=1):
            assert (quarter < 200).mean() > 0.005
    assert save(found, tmp_path / "three.svg").read_text().count("<svg") == 1


def test_a_figure_of_another_kind_is_refused(corpus, tmp_path):
    with pytest.raises(CorpusError, match=r"a figure ends in \.png, \.svg, \.pdf"):
        save(describe("mylab", corpus), tmp_path / "figure.docx")


def test_a_corpus_without_speakers_labels_and_lengths_is_drawn_too(tmp_path):
    root = tmp_path / "bare"
    root.mkdir()
    (root / "utterances.csv").write_text("id,text\n1,hello\n2,goodbye\n")
    found = describe("bare", root)
    assert found.hours == 0 and found.classes().to_dict() == {"unlabelled": 2}
    assert "2 of unknown length" in text_of(found)
    assert save(found, tmp_path / "bare.png").stat().st_size > 10_000


def test_a_recording_that_cannot_be_read_has_no_length(corpus):
    (corpus / "audio" / "a1.wav").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    assert "1 of unknown length" in text_of(describe("mylab", corpus))


def test_recordings_that_are_too_short_or_of_no_length_are_named(corpus):
    (corpus / "audio" / "a1.wav").write_bytes(b"RIFF cut off")
    soundfile.write(corpus / "audio" / "c1.wav", np.zeros(int(RATE * 0.05)), RATE)
    said = text_of(describe("mylab", corpus, shortest_s=0.3))
    assert re.search(r"no length +audio/a1\.wav", said)
    assert re.search(r"under 0\.3 s +audio/c1\.wav \(0\.05 s\)", said)
    assert "under" not in text_of(describe("mylab", corpus))


def test_the_length_of_a_part_of_a_recording_is_the_part_s(corpus):
    table = describe("mylab", corpus).table
    media = ["film.mp4#t=1.5,4", "audio/b1.wav", None]
    rows = table.head(3).assign(start_s=np.nan, end_s=np.nan, audio=pd.Series(media, dtype="str"))
    assert list(durations(rows, corpus, workers=1).fillna(-1)) == [2.5, 3.0, -1.0]


def test_a_corpus_that_is_not_there(tmp_path):
    with pytest.raises(CorpusError, match="does not exist; to get it: emoflow corpora fetch ravdess"):
        describe("ravdess", tmp_path / "ravdess")


@pytest.mark.corpora
def test_meld_as_published(corpora):
    found = describe("meld", corpora / "meld")
    assert len(found.table) == 13_708 and found.media == {"audio": 0, "video": 0, "text": 13_708}
    assert found.classes()["neutral"] == 4710 + 470 + 1256
    assert 11 < found.hours < 14


@pytest.mark.corpora
def test_ravdess_as_published(ravdess_wavs):
    found = describe("ravdess", ravdess_wavs(1, 2))
    assert len(found.table) == 120 and set(found.classes()) == {8, 16}
    assert 3 < found.table["seconds"].median() < 4.5
    assert not found.table["seconds"].isna().any()
