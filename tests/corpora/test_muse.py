"""Packages of the MuSe challenges: windows, curves and clips; their features as modalities."""

import numpy as np
import pandas as pd
import pytest
from emoflow.corpora import attached_features, read
from emoflow.corpora.adapters.muse import adapter as muse
from emoflow.corpora.adapters.muse.package import modality_of
from emoflow.errors import CorpusError
from emoflow.schema import Layout
from emoflow.synthesis.layouts import layout_spec
from emoflow.synthesis.layouts.muse import SETS
from laid_out import lay_out, takes


def put(root, files: dict[str, str]):
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


def rows(root, stated=None) -> list[dict]:
    table = read("muse", root, stated or Layout("muse")).table
    return [row.dropna().to_dict() for _, row in table.iterrows()]


def unread(root) -> dict[str, str]:
    return {each["path"]: each["reason"] for each in read("muse", root, Layout("muse")).unread}


def held(root) -> dict:
    return attached_features(
        "muse", root, read("muse", root, Layout("muse")).table["utterance_id"], Layout("muse")
    )


HUMOUR = {
    "metadata/partition.csv": "Id,Partition\nbaum,train\nfunkel,test\n",
    "label_segments/baum/1.csv": "timestamp_start,timestamp_end,segment_id,humor\n0,2000,1,1.0\n2000,4000,1,0.0\n",
    "label_segments/baum/2.csv": "timestamp_start,timestamp_end,segment_id,humor\n1500,3500,2,0.0\n",
    "label_segments/funkel/1.csv": "timestamp_start,timestamp_end,segment_id,humor\n0,2000,1,\n",
    "feature_segments/egemaps/baum/1.csv": "timestamp,segment_id,F0,F1\n0,1,1,2\n500,1,3,4\n2000,1,5,6\n",
    "feature_segments/egemaps/baum/2.csv": "timestamp,segment_id,F0,F1\n1500,2,7,8\n2000,2,9,\n",
    "feature_segments/faus/funkel/1.csv": "timestamp,segment_id,AU1\n5000,1,1\n",
}


def test_humour_is_a_window_of_two_seconds(tmp_path):
    root = put(tmp_path, HUMOUR)
    first, *_, last = rows(root)
    assert first == {
        "utterance_id": "muse/baum_1_0", "corpus": "muse", "speaker": "muse/baum", "session": "muse/baum",
        "start_s": 0, "end_s": 2, "label_raw": "1", "split_official": "train",
    }  # fmt: skip
    assert last["utterance_id"] == "muse/funkel_1_0" and last["split_official"] == "test"
    assert "label_raw" not in last
    assert unread(root) == {}


def test_features_are_the_rows_within_an_utterances_time(tmp_path):
    found = held(put(tmp_path, HUMOUR))
    assert list(found) == ["audio", "face"]
    assert {each: tokens.tolist() for each, tokens in found["audio"].tokens.items()} == {
        "muse/baum_1_0": [[1, 2], [3, 4]],
        "muse/baum_1_2000": [[5, 6]],
        "muse/baum_2_1500": [[7, 8]],
    }
    assert found["audio"].notes == ("1 row(s) of egemaps with a cell that is not a number are left out",)
    assert found["face"].unusable == {"muse/funkel_1_0": "no row of faus within its time"}


def test_sets_of_one_modality_are_laid_side_by_side_where_both_have_a_row(tmp_path):
    root = put(tmp_path, HUMOUR)
    put(root, {"feature_segments/w2v-msp/baum/1.csv": "timestamp,segment_id,x\n500,1,-1\n2000,1,-2\n"})
    audio = held(root)["audio"]
    assert audio.names == ("egemaps:F0", "egemaps:F1", "w2v-msp:x")
    assert {each: tokens.tolist() for each, tokens in audio.tokens.items()} == {
        "muse/baum_1_0": [[3, 4, -1]],
        "muse/baum_1_2000": [[5, 6, -2]],
    }


CURVES = {
    "metadata/partition.csv": "id,n,part\n7,1,train\n8_train,1,train\n8_devel,1,devel\n8_test,1,test\n9,1,test\n",
    "label_segments/valence/7.csv": "timestamp,value,segment_id\n0,0.5,1\n500,0.1,1\n5000,-1,2\n",
    "label_segments/physio-arousal/7.csv": "timestamp,value\n0,0.25\n500,0.75\n5000,1\n",
    "label_segments/valence/8_train.csv": "timestamp,value\n0,1\n500,0\n",
    "label_segments/valence/8_devel.csv": "timestamp,value\n1000,0\n",
    "label_segments/valence/8_test.csv": "timestamp,value\n1500,\n",
    "label_segments/trustworthiness/7.csv": "timestamp,value\n0,1\n",
    "feature_segments/bpm/7.csv": "timestamp,segment_id,bpm\n0,1,60\n500,1,61\n5000,2,62\n",
}


def test_curves_are_segments_with_their_means(tmp_path):
    root = put(tmp_path, CURVES)
    found = {row["utterance_id"]: row for row in rows(root)}
    assert list(found) == ["muse/7_1", "muse/7_2", "muse/8_devel", "muse/8_test", "muse/8_train"]
    first = found["muse/7_1"]
    assert (first["valence"], first["arousal"]) == (pytest.approx(0.3), pytest.approx(0.5))
    assert (first["start_s"], first["end_s"]) == (0, 1)
    assert found["muse/7_2"]["valence"] == -1 and found["muse/7_2"]["start_s"] == 5
    assert {found[f"muse/8_{part}"]["speaker"] for part in ("train", "devel", "test")} == {"muse/8"}
    assert [found[f"muse/8_{part}"]["split_official"] for part in ("train", "devel", "test")] == [
        "train", "validation", "test",
    ]  # fmt: skip
    assert "valence" not in found["muse/8_test"]
    assert unread(root) == {
        "9": "metadata/partition.csv names it, and nothing of it is here",
        "label_segments/trustworthiness": "curves of what is neither valence nor arousal",
    }
    assert held(root)["physiology"].tokens["muse/7_1"].tolist() == [[60], [61]]


def test_another_scale(tmp_path):
    files = CURVES | {"label_segments/valence/7.csv": "timestamp,value,segment_id\n0,5,1\n500,3,1\n"}
    assert rows(put(tmp_path, files), Layout("muse", scale=(1, 5)))[0]["valence"] == pytest.approx(0.5)


def test_the_curves_themselves(tmp_path):
    table = muse.annotations(put(tmp_path, CURVES))
    assert list(table) == ["utterance_id", "dimension", "time_s", "value"]
    first = table[(table["utterance_id"] == "muse/7_1") & (table["dimension"] == "valence")]
    assert first[["time_s", "value"]].to_numpy().tolist() == [[0, 0.5], [0.5, 0.1]]
    assert not (table["utterance_id"] == "muse/8_test").any()


CLIPS = {
    "partition.csv": 'File_ID,Partition\n"""12""",train\n[13],devel\n14,test\n15,test\n',
    "labels.csv": 'filename,Approval_,Disgust_,Uncertainty_\n"""12""",0.5,0.25,0\n[13],0.1,0.9,0.2\n99,1,0,0\n',
    "features/egemaps/12.csv": "timestamp,segment_id,F0\n0,1,1\n500,1,2\n",
    "features/egemaps/14.csv": "timestamp,segment_id,F0\n0,1,3\n",
    "features/egemaps/98.csv": "timestamp,segment_id,F0\n0,1,3\n",
}


def test_clips_are_called_what_they_are_most(tmp_path):
    root = put(tmp_path, CLIPS)
    assert rows(root) == [
        {"utterance_id": "muse/12", "corpus": "muse", "label_raw": "Approval", "split_official": "train"},
        {
            "utterance_id": "muse/13", "corpus": "muse", "label_raw": "Disgust", "label": "disgust",
            "split_official": "validation",
        },
        {"utterance_id": "muse/14", "corpus": "muse", "split_official": "test"},
    ]  # fmt: skip
    assert set(unread(root)) == {"15", "labels.csv: 99", "features/egemaps/98.csv"}
    table = muse.annotations(root)
    assert table[table["utterance_id"] == "muse/12"]["value"].tolist() == [0.5, 0.25, 0]
    assert set(table["utterance_id"]) == {"muse/12", "muse/13"} and table["time_s"].isna().all()
    assert {each: tokens.tolist() for each, tokens in held(root)["audio"].tokens.items()} == {
        "muse/12": [[1], [2]],
        "muse/14": [[3]],
    }


@pytest.mark.parametrize(
    ("names", "modality"),
    [
        ("egemaps eGeMAPS ds deepspectrum DeepSpectrum vggish wav2vec w2v-msp xlsr hubert", "audio"),
        ("bert-4-sentence-level bert-multilingual electra xlm-roberta", "text"),
        ("faus fau facenet512 vit vit-fer vggface openface", "face"),
        ("biosignals BPM ECG EDA resp", "physiology"),
        ("xception", "xception"),
        ("go.Car", "go-car"),
    ],
)
def test_sets_by_their_names(names, modality):
    assert {modality_of(name) for name in names.split()} == {modality}


@pytest.mark.parametrize(
    ("files", "change", "said"),
    [
        (HUMOUR, {"metadata/partition.csv": "Id,Partition\nbaum,some\n"}, "'baum' is in 'some'; expected train"),
        (HUMOUR, {"metadata/partition.csv": "Id,P\nbaum,train\nbaum,test\n"}, "line 3: baum is in two splits"),
        (HUMOUR, {"metadata/partition.csv": "Id\nbaum\n"}, "an id first, its split last"),
        (HUMOUR, {"metadata/partition.csv": "Id,P\nx,train\n"}, "nothing that metadata/partition.csv names is here: x"),
        (HUMOUR, {"label_segments/baum/2.csv": HUMOUR["label_segments/baum/1.csv"]}, "there twice: baum_1_0"),
        (
            HUMOUR,
            {"label_segments/baum/2.csv": "timestamp_start,timestamp_end,segment_id,humor\n2,1,1,1\n"},
            r"an end that is not after the start, in line\(s\) 2",
        ),
        (
            HUMOUR,
            {"label_segments/baum/2.csv": "timestamp_start,timestamp_end,segment_id,humor\nx,1,1,1\n"},
            r"timestamp_start is not a number in line\(s\) 2",
        ),
        (CURVES, {"label_segments/valence/7.csv": "timestamp,arousal\n0,1\n"}, "lacks the column.* value"),
        (CURVES, {"label_segments/physio-arousal/7.csv": "segment_id,class_id\n1,2\n"}, "MuSe-Sent's classes"),
        (CLIPS, {"labels.csv": "filename,Joy\n12,1\n12,0\n"}, r"or one twice, in line\(s\) 3"),
        (CLIPS, {"labels.csv": "filename,Joy\n12,high\n"}, r"Joy is not a number in line\(s\) 2"),
    ],
)  # fmt: skip
def test_packages_that_cannot_be(tmp_path, files, change, said):
    with pytest.raises(CorpusError, match=said):
        read("muse", put(tmp_path, files | change), Layout("muse"))


def test_the_wrong_folder(tmp_path):
    package = put(tmp_path / "packages" / "c2_muse_humor", HUMOUR)
    for root in (tmp_path / "packages", package / "label_segments"):
        with pytest.raises(
            CorpusError, match=r"is not a package of MuSe: .*c2_muse_humor does; give that folder"
        ):
            read("muse", root, Layout("muse"))


def test_features_of_one_set_have_the_same_columns(tmp_path):
    root = put(
        tmp_path, CURVES | {"feature_segments/bpm/8_train.csv": "timestamp,segment_id,pulse\n0,1,60\n"}
    )
    with pytest.raises(CorpusError, match="the physiology features of 8_train are 1"):
        held(root)


def test_displays_can_be_told_from_the_features_that_are_laid_out(tmp_path):
    layout = layout_spec("muse")
    made = takes(3, 3, layout, missing=0.3)
    plan = layout.plan(made, "muse", 5, False)
    found = held(lay_out(plan, tmp_path))
    for modality in SETS:
        tokens = found[modality].tokens
        shown = {plan.ids[take.number]: take.displays[modality] for take in made if modality in take.displays}
        assert set(tokens) == set(shown)
        means = pd.DataFrame({each: rows.mean(axis=0) for each, rows in tokens.items()}).T
        centres = means.groupby(pd.Series(shown)).mean()
        distance = np.linalg.norm(means.to_numpy()[:, None] - centres.to_numpy(), axis=2)
        assert list(centres.index[distance.argmin(axis=1)]) == [shown[each] for each in means.index]
        assert all(len(rows) == 4 for rows in tokens.values())


def test_names_of_clips():
    assert [muse.local_id(name) for name in ("x/baum_1_0.csv", "baum_1_0", "[12]", " ")] == [
        "baum_1_0", "baum_1_0", "12", None,
    ]  # fmt: skip
