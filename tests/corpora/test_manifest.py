"""A corpus described by a table of its own: the control corpus, and anyone's."""

import json

import numpy as np
import pandas as pd
import pytest
import soundfile
from emoflow.corpora import attached_features, read
from emoflow.corpora.describe.durations import durations
from emoflow.errors import CorpusError
from emoflow.schema import EMOTION7, UTTERANCE_COLUMNS, Layout
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HEADER = "id,speaker,gender,session,text,label\n"
LINES = ['a1,s1,female,s1-1,"Well, so.",anger\n', "a2,s2,male,s2-1,Fine.,happiness\n"]


@pytest.fixture
def root(tmp_path):
    (tmp_path / "utterances.csv").write_text(HEADER + "".join(LINES))
    for name in ("audio/a1.wav", "audio/a2.wav", "video/a1.mp4", "video/a2.mp4", "truth/request.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


@pytest.fixture
def alone(tmp_path):
    """A corpus that is a table and nothing else."""

    def write(content: str | bytes):
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / "utterances.csv").write_bytes(data)
        return tmp_path

    return write


def rows(reading) -> list[dict]:
    return [row.dropna().to_dict() for _, row in reading.table.iterrows()]


def test_the_control_corpus(root):
    reading = read("control", root)
    assert reading.unread == []
    assert rows(reading)[0] == {
        "utterance_id": "control/a1",
        "corpus": "control",
        "speaker": "control/s1",
        "speaker_gender": "female",
        "session": "control/s1-1",
        "audio": "audio/a1.wav",
        "video": "video/a1.mp4",
        "text": "Well, so.",
        "language": "en",
        "label_raw": "anger",
        "label": "anger",
    }
    assert {name: str(kind) for name, kind in reading.table.dtypes.items()} == UTTERANCE_COLUMNS


def test_rows_are_sorted_whatever_the_order_of_lines(root):
    before = read("control", root).table
    (root / "utterances.csv").write_text(HEADER + "".join(reversed(LINES)))
    pd.testing.assert_frame_equal(read("control", root).table, before)


def test_the_truth_is_not_opened(root):
    (root / "truth" / "displays.parquet").write_bytes(b"no Parquet")
    assert read("control", root).unread == []


def test_what_is_missing_and_what_is_unknown_is_listed(root):
    (root / "video" / "a2.mp4").unlink()
    (root / "audio" / "b9.wav").write_bytes(b"x")
    (root / "notes.docx").write_bytes(b"x")
    reading = read("control", root)
    assert reading.unread == [
        {"path": "audio/b9.wav", "reason": "utterances.csv has no utterance of this name"},
        {"path": "notes.docx", "reason": "neither a recording nor the table"},
        {"path": "video/a2.mp4", "reason": "utterances.csv names it, and it does not exist"},
    ]
    assert len(reading.table) == 2


def test_an_id_is_enough(alone):
    assert rows(read("mylab", alone("id\na1\n"))) == [{"utterance_id": "mylab/a1", "corpus": "mylab"}]


def test_every_column_as_people_write_it(alone):
    raters = json.dumps({"r1": "Wut", "r2": ["meh", "joy"]}).replace('"', '""')
    reading = read(
        "mylab",
        alone(
            "Utterance_ID;Sex;Emotion;label_raw;Transcript;Language;turn;start;end;valence;arousal;dominance;"
            "intensity;raters;split;speaker;dialogue;mood\n"
            f'a1;F;Ärger;W;"Nein; so";DE;3;0.5;1.25;5;3;1;hi;"{raters}";devel;s1;d1;blue\n'
            "a2;weiblich;Ilo;;;;;;;;;;;;;;;\n"
            "a3;robot;lie;;;;;;;;;;;;;;;\n"
        ),
        Layout(language="fi", scale=(1, 5), labels={"lie": "contempt"}),
    )
    first, second, third = rows(reading)
    assert first == {
        "utterance_id": "mylab/a1", "corpus": "mylab", "speaker": "mylab/s1", "speaker_gender": "female",
        "dialogue": "mylab/d1", "turn": 3, "start_s": 0.5, "end_s": 1.25, "text": "Nein; so", "language": "de",
        "label_raw": "W", "label": "anger", "valence": 1, "arousal": 0, "dominance": -1, "intensity": "strong",
        "raters": '{"r1": ["anger"], "r2": ["meh", "happiness"]}', "split_official": "validation",
    }  # fmt: skip
    assert (second["label"], second["label_raw"], second["language"]) == ("happiness", "Ilo", "fi")
    assert (third["label"], third["label_raw"]) == ("contempt", "lie") and "speaker_gender" not in third
    assert reading.unread == [
        {"path": "utterances.csv", "reason": "column(s) mood are none of the utterance table's: not read"},
        {
            "path": "utterances.csv: speaker_gender",
            "reason": "'robot': not known, taken as not said",
        },
    ]


def test_ages_and_how_emotions_came_about(alone):
    one, other = rows(read("mylab", alone("id,Age,elicitation\na1,31,acted\na2,,Natural\n")))
    assert (one["speaker_age"], one["elicitation"]) == (31, "scripted")
    assert "speaker_age" not in other and other["elicitation"] == "spontaneous"


def test_a_word_that_is_no_emotion_stays_as_it_is(alone):
    (row,) = rows(read("mylab", alone("id,label\na1,Lüge\n")))
    assert row["label_raw"] == "Lüge" and "label" not in row


def test_paths_of_its_own(alone, tmp_path):
    for name in ("rec/x.flac", "rec/y.wav", "audio/a1.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    reading = read("mylab", alone("id,audio\na1,./rec/x.flac\na2,rec\\y.wav\na3,\na4,rec/z.wav\n"))
    assert reading.table["audio"].fillna("").tolist() == ["rec/x.flac", "rec/y.wav", "", "rec/z.wav"]
    assert [each["path"] for each in reading.unread] == ["audio/a1.wav", "rec/z.wav"]


def test_parts_of_one_recording(alone, tmp_path):
    (tmp_path / "talk.wav").touch()
    (tmp_path / "own.wav").touch()
    reading = read(
        "mylab",
        alone(
            "id,audio,start_s,end_s\na1,talk.wav,0.5,2\na2,./talk.wav,2,3.25\na3,own.wav,7,8\n"
            'a4,talk.wav,,\na5,"own.wav#t=1,2",7,8\n'
        ),
    )
    assert reading.table["audio"].tolist() == [
        "talk.wav#t=0.5,2", "talk.wav#t=2,3.25", "own.wav", "talk.wav", "own.wav#t=1,2",
    ]  # fmt: skip
    assert reading.unread == []


def sound(path, seconds):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(int(8000 * seconds), "float32"), 8000)


def test_a_part_of_a_recording_that_no_other_row_names(alone, tmp_path):
    for name, length in (("long", 43), ("whole", 3.82), ("turn", 2), ("beyond", 1)):
        sound(tmp_path / f"{name}.wav", length)
    reading = read(
        "mylab",
        alone(
            "file,start,end\nlong.wav,0:00:05,8.8\nwhole.wav,0,3.8\n"
            "turn.wav,7.5,9.5\n"  # seconds in a dialogue, whose turns have recordings of their own
            "beyond.wav,0.5,2\ngone.wav,0.5,2\n"
        ),
    )
    assert dict(zip(reading.table["utterance_id"], reading.table["audio"], strict=True)) == {
        "mylab/long": "long.wav#t=5,8.8",
        "mylab/whole": "whole.wav",
        "mylab/turn": "turn.wav",
        "mylab/beyond": "beyond.wav",
        "mylab/gone": "gone.wav",
    }
    assert durations(reading.table, tmp_path, workers=1).sum() == pytest.approx(3.8 + 3.8 + 2 + 1.5 + 1.5)


def test_ids_of_files_and_times(alone, tmp_path):
    sound(tmp_path / "talk.wav", 4)
    sound(tmp_path / "own.wav", 4)
    table = "file,start,end\ntalk.wav,0.50,2\ntalk.wav,00:00:02,3.25\nown.wav,1,2\n"
    assert [(row["utterance_id"], row["audio"]) for row in rows(read("mylab", alone(table)))] == [
        ("mylab/own", "own.wav#t=1,2"),
        ("mylab/talk_0.5-2", "talk.wav#t=0.5,2"),
        ("mylab/talk_2-3.25", "talk.wav#t=2,3.25"),
    ]
    with pytest.raises(CorpusError, match=r"1 id\(s\) named twice: talk_1-2"):
        read("mylab", alone("file,start,end\ntalk.wav,1,2\ntalk.wav,1.0,2.0\n"))
    with pytest.raises(CorpusError, match=r"in start_s that hold no number: line 2 \(talk_soon-2\): 'soon'"):
        read("mylab", alone("file,start,end\ntalk.wav,soon,2\ntalk.wav,2,3\n"))


@pytest.mark.parametrize(
    ("cell", "second"),
    [
        ("00:00:01.250", 1.25),
        ("0:01:02,5", 62.5),
        ("1:02", 62),
        ("0 days 00:00:01.250000", 1.25),
        ("01:00:00", 3600),
        ("1.25", 1.25),
    ],
)
def test_times_as_clocks_show_them(alone, cell, second):
    assert read("mylab", alone(f'id,start\na1,"{cell}"\n')).table["start_s"].tolist() == [second]


@pytest.mark.parametrize("cell", ["1:75", "0:61:00", "12:", "1:2:3:4", "-0:01"])
def test_times_that_no_clock_shows(alone, cell):
    with pytest.raises(CorpusError, match=r"no number: line 2 .*1\.5, not 1,5; or 00:00:01\.500"):
        read("mylab", alone(f"id,start\na1,{cell}\n"))


def test_a_table_of_files(alone, tmp_path):
    (tmp_path / "rec").mkdir()
    (tmp_path / "rec" / "a.wav").touch()
    reading = read("mylab", alone("path,emotion\nrec\\a.wav,Joy\n./rec/b.mp4,sad\n"))
    assert [row["utterance_id"] for row in rows(reading)] == ["mylab/rec/a", "mylab/rec/b"]
    assert reading.table["audio"].fillna("").tolist() == ["rec/a.wav", ""]
    assert reading.table["video"].fillna("").tolist() == ["", "rec/b.mp4"]
    assert [each["path"] for each in reading.unread] == ["rec/b.mp4"]
    again = read("mylab", alone("File,id\nrec/a.wav,x1\n"))
    assert [(row["utterance_id"], row["audio"]) for row in rows(again)] == [("mylab/x1", "rec/a.wav")]


def test_another_suffix_in_the_default_place(alone, tmp_path):
    (tmp_path / "audio").mkdir()
    (tmp_path / "audio" / "a1.flac").touch()
    reading = read("mylab", alone("id\na1\na2\n"))
    assert reading.table["audio"].tolist() == ["audio/a1.flac", "audio/a2.wav"]
    assert reading.table["video"].isna().all()


def test_a_written_utterance_table_reads_as_what_it_was(root, tmp_path):
    table = read("control", root).table
    other = tmp_path / "other"
    other.mkdir()
    table.to_parquet(other / "utterances.parquet")
    again = read("mylab", other).table
    for column in ("utterance_id", "speaker", "session"):
        assert again[column].tolist() == [each.replace("control/", "mylab/", 1) for each in table[column]]
    for column in ("text", "label", "label_raw", "audio", "speaker_gender", "language"):
        assert again[column].tolist() == table[column].tolist()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (HEADER, "names no utterance"),
        ("name,label\na1,anger\n", r"lacks the column id \(or utterance_id\); it has name, label"),
        ("id,ID\na1,a1\n", "'id' and 'ID' are both utterance_id"),
        (HEADER + LINES[0] * 2, "named twice: a1"),
        (HEADER + ",s1,female,,x,anger\n", "no id in line.* 2"),
        (HEADER + "../a1,s1,female,,x,anger\n", r"leads out of a folder: '\.\./a1'"),
        (HEADER + "/a1,s1,female,,x,anger\n", "leads out of a folder"),
        ("id,start_s,end_s\na1,0,1\na2,2,1.5\n", r"1 utterance.* end before they begin: line 3 \(a2\): '2 to 1.5'"),
        ("id,start_s,end_s\na1,1,1\n", "end before they begin"),
        ("id,start_s\na1,-1\n", "below 0 in start_s"),
        ("id,start_s\na1,soon\n", r"in start_s that hold no number: line 2 \(a1\): 'soon'"),
        ("id,valence\na1,inf\n", "in valence that hold no number"),
        ("id,valence\na1,3\n", r"in valence outside -1 to 1: line 2 \(a1\): 3\.0; state layouts"),
        ("id,turn\na1,1.5\n", "whole number"),
        ("id,intensity\na1,loud\n", r"'loud'; it must be one of low, normal, strong"),
        ("id,split\na1,half\n", "train, validation, test"),
        ("id,language\na1,finnish\n", "two letters"),
        ("id,age\na1,130\n", "of another kind"),
        ("id,age\na1,30.5\n", "of another kind"),
        ("id,elicitation\na1,posed\n", "scripted, improvised, spontaneous"),
        ("id,raters\na1,anger\n", "raters of another kind"),
        ('id,raters\na1,"{""r"": 1}"\n', "raters of another kind"),
        (f"id,raters\na1,{'[' * 100_000}\n", "raters of another kind"),
        ("id,turn\na1,99999999999999999999\n", "up to nine digits"),
        ("id,audio\na1,/etc/passwd\n", r"leave the corpus .* line 2 \(a1\): '/etc/passwd'"),
        ("id,audio\na1,audio/../../x.wav\n", r"leave the corpus"),
        ("id,audio\na1,C:\\x.wav\n", r"leave the corpus"),
        ("path\n/home/me/a.wav\nb.wav\n", r"1 cell.* in path are not recordings .*: line 2: '/home/me/a\.wav'"),
        ("path\nb.txt\n", "not recordings in the corpus's folder"),
        ("file,label\n,joy\n", "line 2: nan"),
    ],
)  # fmt: skip
def test_tables_that_cannot_be(alone, content, said):
    with pytest.raises(CorpusError, match=said):
        read("control", alone(content))


def test_links_that_leave_the_corpus(alone, tmp_path):
    root = tmp_path / "corpus"
    (root / "audio").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x.wav").touch()
    cached = tmp_path / ".dvc" / "cache" / "files" / "md5" / "ab" / ("c" * 30)
    cached.parent.mkdir(parents=True)
    cached.touch()
    (root / "audio" / "in.wav").symlink_to(cached)
    (root / "utterances.csv").write_text("id,audio\na1,audio/in.wav\n")
    assert read("mylab", root).table["audio"].tolist() == ["audio/in.wav"]
    (root / "audio" / "out.wav").symlink_to(tmp_path / "outside" / "x.wav")
    (root / "more").symlink_to(tmp_path / "outside")
    with pytest.raises(CorpusError, match=r"lead out of the corpus or to a folder: audio/out\.wav, more;"):
        read("mylab", root)


def test_a_link_beside_the_recordings_is_no_way_out(alone, tmp_path_factory):
    """Feature tables and planted truth are not looked through for links; a cell that names one is refused."""
    root, outside = alone("id,audio\na1,attached/x.wav\n"), tmp_path_factory.mktemp("outside")
    (root / "attached").mkdir()
    (root / "attached" / "x.wav").symlink_to(outside / "x.wav")
    with pytest.raises(CorpusError, match=r"leave the corpus .*'attached/x\.wav'"):
        read("mylab", root)


def test_attached_features_that_lie_elsewhere(root, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "face.csv").write_text("name,f1\na1,1\n")
    (root / "attached").mkdir()
    (root / "attached" / "face.csv").symlink_to(outside / "face.csv")
    with pytest.raises(CorpusError, match=r"lead out of the corpus: attached/face\.csv"):
        attached_features("control", root, ["control/a1"])


def test_no_table(root, tmp_path):
    (tmp_path / "above").mkdir()
    (root / "utterances.csv").rename(tmp_path / "above" / "utterances.csv")
    with pytest.raises(CorpusError, match=r"no utterances\.csv .*; it is in above: give that folder"):
        read("control", tmp_path)


def test_which_table(alone, tmp_path):
    alone("id\na1\n").joinpath("utterances.parquet").touch()
    with pytest.raises(CorpusError, match="which is it"):
        read("mylab", tmp_path)


def test_features_join_by_id(root):
    (root / "attached").mkdir()
    (root / "attached" / "gesture.csv").write_text("name,g1\na2.mp4,1\na1,2\n")
    held = attached_features("control", root, read("control", root).table["utterance_id"])["gesture"]
    assert {each: tokens.tolist() for each, tokens in held.tokens.items()} == {
        "control/a1": [[2]],
        "control/a2": [[1]],
    }


def test_a_layout_that_nobody_knows(root):
    with pytest.raises(CorpusError, match="no adapter reads the layout 'contrl'; did you mean 'control'"):
        read("mylab", root, Layout("contrl"))


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(
    st.dictionaries(
        st.from_regex(r"[a-z0-9_]{1,8}", fullmatch=True),
        st.tuples(st.sampled_from(EMOTION7), st.floats(0, 100), st.text("abcäöü ,;\"'\n", max_size=9)),
        min_size=1,
        max_size=8,
    )
)
def test_what_was_written_is_read(tmp_path, planted):
    pd.DataFrame(
        [
            {"id": name, "label": label, "start_s": start, "end_s": start + 1, "text": text}
            for name, (label, start, text) in planted.items()
        ]
    ).to_csv(tmp_path / "utterances.csv", index=False)
    table = read("mylab", tmp_path).table.set_index("utterance_id")
    assert list(table.index) == sorted(f"mylab/{name}" for name in planted)
    for name, (label, start, text) in planted.items():
        row = table.loc[f"mylab/{name}"]
        assert row["label"] == label and row["start_s"] == start
        assert (row["text"] if isinstance(row["text"], str) else "") == text.strip()
