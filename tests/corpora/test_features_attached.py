"""Pre-computed features of every kind that people keep, joined to a corpus."""

import io
import resource
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from emoflow.corpora import attached_features, read
from emoflow.corpora.acquire.add import add
from emoflow.corpora.attached.joining import read_features, to_attach
from emoflow.errors import CorpusError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from safetensors.numpy import save_file

IDS = ["mylab/a1", "mylab/a2", "mylab/a3"]
POOLED = {"a1": [[1.0, 2.0]], "a2": [[3.0, 4.0]]}
SEQUENCES = {"a1": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], "a2": [[7.0, 8.0]]}


def joined(path, ids=IDS):
    return read_features(path, "mylab", lambda name: name.removesuffix(".wav") or None, ids)


def held(path, ids=IDS) -> dict:
    return {each.removeprefix("mylab/"): tokens.tolist() for each, tokens in joined(path, ids).tokens.items()}


def write(folder, kind: str, tokens: dict) -> None:
    """The same features in one of the ways that people keep them; returns the file or folder."""
    arrays_of = {name: np.array(rows, np.float32) for name, rows in reversed(tokens.items())}
    frames = [
        pd.DataFrame(rows, columns=["f1", "f2"]).assign(name=name, frame=range(len(rows)))
        for name, rows in arrays_of.items()
    ]
    path = folder / f"face.{kind.split()[0]}"
    match kind:
        case "csv" | "tsv":
            pd.concat(frames).sample(frac=1, random_state=1).to_csv(
                path, index=False, sep="\t" if kind == "tsv" else ","
            )
        case "parquet":
            pd.concat(frames).sample(frac=1, random_state=1).to_parquet(path, index=False)
        case "npz":
            np.savez(path, **arrays_of)
        case "npz of ids":
            longest = max(map(len, arrays_of.values()))
            padded = [np.pad(rows, ((0, longest - len(rows)), (0, 0))) for rows in arrays_of.values()]
            lengths = [len(rows) for rows in arrays_of.values()]
            np.savez(path, ids=np.array(list(arrays_of)), features=np.stack(padded), lengths=lengths)
        case "safetensors":
            save_file(arrays_of, path)
        case _:
            path = folder / "face"
            path.mkdir()
            (path / "readme.txt").touch()
            (path / "._a1.npy").touch()
            for name, frame in zip(arrays_of, frames, strict=True):
                if kind == "folder of npy":
                    np.save(path / f"{name}.npy", arrays_of[name])
                elif kind == "folder of parquet":
                    frame.drop(columns="name").to_parquet(path / f"{name}.parquet")
                else:
                    frame.drop(columns="name").to_csv(path / f"{name}.csv", index=False)
    return path


KINDS = [
    "csv", "tsv", "parquet", "npz", "npz of ids", "safetensors", "folder of npy", "folder of csv", "folder of parquet",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tokens", [POOLED, SEQUENCES], ids=["pooled", "sequences"])
def test_every_kind_gives_the_same(tmp_path, kind, tokens):
    path = write(tmp_path, kind, tokens)
    found = joined(path)
    assert {each.removeprefix("mylab/"): rows.tolist() for each, rows in found.tokens.items()} == tokens
    assert all(rows.dtype == np.float32 for rows in found.tokens.values()) and len(found.names) == 2
    assert "2 features of 2 of 3 utterances" in found.coverage(IDS)
    assert "1 have none: mylab/a3" in found.coverage(IDS)
    assert ("sequences of up to 3 tokens" in found.coverage(IDS)) == (tokens is SEQUENCES)
    if kind.startswith("folder"):
        assert "1 file(s) beside them hold no features" in found.notes


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_attached_is_found_in_the_corpus(tmp_path, kind):
    root = tmp_path / "mylab"
    root.mkdir()
    (root / "utterances.csv").write_text("id\na1\na2\na3\n")
    for where, path in to_attach("face", write(tmp_path, kind, POOLED)).items():
        (root / where).parent.mkdir(parents=True, exist_ok=True)
        (root / where).write_bytes(path.read_bytes())
    assert list(attached_features("mylab", root, IDS)["face"].tokens) == ["mylab/a1", "mylab/a2"]
    assert read("mylab", root).unread == []


@pytest.mark.parametrize("kind", ["safetensors", "folder of csv"])
def test_features_are_taken_in_with_their_corpus(tmp_path, monkeypatch, kind):
    monkeypatch.setattr("emoflow.corpora.acquire.add.track", lambda *_, **__: None)
    source, root = tmp_path / "source", tmp_path / "data" / "raw"
    source.mkdir()
    (tmp_path / ".dvc").mkdir()
    (source / "utterances.csv").write_text("id\na1\na2\na3\n")
    told = []
    target = add(
        "mylab", source, features={"gesture": write(tmp_path, kind, SEQUENCES)}, root=root, say=told.append
    )
    found = attached_features("mylab", target, IDS)["gesture"]
    assert {each.removeprefix("mylab/"): rows.tolist() for each, rows in found.tokens.items()} == SEQUENCES
    assert any(
        "modality gesture: 2 features of 2 of 3 utterances; sequences of up to 3" in each for each in told
    )
    assert not list(target.rglob("readme.txt"))
    with pytest.raises(CorpusError, match=r"brings attached/gesture.* of its own"):
        add("mylab", target, features={"gesture": write(tmp_path, "npz", POOLED)}, root=root, say=told.append)


def test_two_of_one_modality(tmp_path):
    (tmp_path / "attached" / "face").mkdir(parents=True)
    (tmp_path / "attached" / "face.csv").touch()
    (tmp_path / "utterances.csv").write_text("id\na1\n")
    with pytest.raises(CorpusError, match=r"has face and face\.csv, both of modality face"):
        attached_features("mylab", tmp_path, IDS)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["a1", "a2", "a3"]),
        st.integers(1, 4).flatmap(
            lambda length: arrays(np.float32, (length, 3), elements=st.floats(-1e6, 1e6, width=32))
        ),
        min_size=1,
    ),
    st.sampled_from(["npz", "safetensors", "npy"]),
)
def test_arrays_come_back_as_they_were(tmp_path_factory, tokens, kind):
    folder = tmp_path_factory.mktemp("arrays")
    if kind == "npy":
        for name, rows in tokens.items():
            np.save(folder / f"{name}.npy", rows)
        path = folder
    else:
        path = folder / f"x.{kind}"
        np.savez(path, **tokens) if kind == "npz" else save_file(tokens, path)
    found = joined(path).tokens
    assert list(found) == sorted(f"mylab/{name}" for name in tokens)
    assert all(np.array_equal(found[f"mylab/{name}"], rows) for name, rows in tokens.items())


@pytest.mark.parametrize("column", ["name", "utterance_id", "id", "file", "filename"])
def test_the_column_of_names(tmp_path, column):
    (tmp_path / "f.csv").write_text(f" {column} , f1\na1.wav, 1\nmylab/a2, 2\n")
    assert held(tmp_path / "f.csv") == {"a1": [[1]], "a2": [[2]]}


def test_a_table_as_opensmile_writes_it(tmp_path):
    (tmp_path / "f.csv").write_text(
        "file,start,end,F0\n"
        "/data/rec/a1.wav,0 days 00:00:01,0 days 00:00:02,2\n/data/rec/a1.wav,0 days,0 days 00:00:01,1\n"
    )
    assert held(tmp_path / "f.csv") == {"a1": [[1], [2]]}


def test_names_of_a_corpus_whose_ids_are_paths(tmp_path):
    ids = ["mylab/joy/s1/001", "mylab/fear/s1/001", "mylab/fear/s1/002"]
    path = tmp_path / "f.csv"
    path.write_text("name,f\n/home/me/mylab/joy/s1/001.wav,1\nfear/s1/001,2\n002,3\n")
    assert held(path, ids) == {"joy/s1/001": [[1]], "fear/s1/001": [[2]], "fear/s1/002": [[3]]}
    path.write_text("name,f\n001,1\nfear/s1/002,2\n")
    with pytest.raises(CorpusError, match=r"fit several .*: 001 \(mylab/fear/s1/001, mylab/joy/s1/001\)"):
        joined(path, ids)
    path.write_text("name,f\nsadness/s1/002,1\nfear/s1/002,2\n")
    assert joined(path, ids).foreign == 1


OPENFACE = (
    "frame, face_id, timestamp, confidence, success, AU01_r, AU01_c\n"
    "2, 0, 0.033, 0.9, 1, 0.2, 0\n"
    "1, 0, 0.000, 0.9, 1, 0.1, 1\n"
    "3, 0, 0.067, 0.0, 0, 9.9, 9\n"
    "1, 1, 0.000, 0.99, 1, 7.7, 1\n"
)


def test_openfaces_own_tables(tmp_path):
    folder = tmp_path / "openface"
    folder.mkdir()
    (folder / "a1.csv").write_text(OPENFACE)
    (folder / "a1_of_details.txt").touch()
    (folder / "a2.csv").write_text(OPENFACE.splitlines()[0] + "\n1, 0, 0, 0.1, 0, 0, 0\n")
    found = joined(folder)
    assert found.names == ("AU01_r", "AU01_c")
    assert found.tokens["mylab/a1"].tolist() == [[pytest.approx(0.1), 1], [pytest.approx(0.2), 0]]
    assert found.unusable == {"mylab/a2": "no token in a2"}
    assert found.notes == (
        "2 row(s) of frames without a face are left out",
        "of 1 clip(s) with several faces the most confident is taken",
        "1 file(s) beside them hold no features",
    )


def test_openface_in_one_table_of_many_clips(tmp_path):
    lines = OPENFACE.splitlines()
    (tmp_path / "f.csv").write_text("\n".join(["name," + lines[0], *(f"a1,{line}" for line in lines[1:4])]))
    assert len(joined(tmp_path / "f.csv").tokens["mylab/a1"]) == 2


LONG = "[" + " ".join(["0.1"] * 2000) + "]"
"""A cell as a list of numbers is written into one."""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("clip,f\nb1,1\n", "no column with the clips' names.* it has clip, f"),
        ("a7,0.25,1.5\na8,0.5,2\n", "its first line holds data, as '0.25'.* names of the columns above it"),
        (f"x,{LONG}\n1,2\n", r"no column .* it has x, \[0\.1 0\.1 [^,]{0,60}…$"),
        (f"name,f\na1,{LONG}\n", r"do not hold numbers alone, as '\[0\.1 0\.1 [^,]{0,60}…' in f: f"),
        (f"name,f,{LONG},{LONG}\na1,1,2,3\n", r"named twice: '\[0\.1 0\.1 [^,]{0,60}…'; name each once"),
        ("name\na1\n", "1 row.* and 0 feature"),
        ("name,f\n", "0 row.* and 1 feature"),
        ("name,f,f\na1,1,2\n", "named twice: 'f'"),
        ("name,f\na1,1\na1,2\n", "more than once: a1; the rows of a sequence need a column"),
        ("name,f\na1,1\na1.wav,2\n", "more than once: mylab/a1"),
        ("name,frame,f\na1,1,1\na1,1,2\n", "same clip at the same time: a1"),
        ("name,f\na1,\na2,1\n", "1 cell.* without a finite number: a1: f; correct"),
        ("name,f\na1,1e99\n", "without a finite number: a1: f"),
        ("name,f\na1,high\n", "do not hold numbers alone, as 'high' in f: f"),
        ("name,f\n,1\n", "1 row.* without a name"),
        ("name,f\na9,1\n", "none of its clips is in the corpus: mylab/a9"),
        ("name,f\n.wav,1\na1,1\n", r"none of mylab's: '\.wav'"),
        ("name,f\na1,1,2\na2,1\n", "more than the 2 columns"),
        ("name,f\na1,1\na2,1,2\n", "is not a table .* Expected 2 fields in line 3, saw 3"),
        (b"name,f\na1,1\n\xff\xfe\x81,2\n", "neither UTF-8 nor"),
        ("", "is not a table|no column"),
    ],
)  # fmt: skip
def test_a_table_that_does_not_join(tmp_path, content, said):
    path = tmp_path / "f.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(CorpusError, match=said):
        joined(path)


@pytest.mark.parametrize("folder", [False, True])
@pytest.mark.parametrize("header", ["clip,f1,f2", "wav_path,f1,f2", "id,f1,f2"])
def test_the_column_of_names_is_found_by_its_values(tmp_path, folder, header):
    path = tmp_path / "face"
    text = header + ",who\n" + "a1.wav,1,2,7\na2.wav,3,4,8\nb9.wav,5,6,9\n"
    if folder:
        path.mkdir()
        (path / "all.csv").write_text(text)
    else:
        path = tmp_path / "face.csv"
        path.write_text(text)
    assert held(path) == {"a1": [[1, 2, 7]], "a2": [[3, 4, 8]]}


def test_a_column_named_like_ids_that_holds_none_gives_way(tmp_path):
    (tmp_path / "f.csv").write_text("id,file,f\n0,a1.wav,1\n1,a2.wav,2\n")
    assert held(tmp_path / "f.csv") == {"a1": [[1]], "a2": [[2]]}


def test_a_folder_whose_tables_name_no_clip_says_what_was_looked_for(tmp_path):
    (tmp_path / "face").mkdir()
    (tmp_path / "face" / "part1.csv").write_text("who,f\n7,1\n")
    with pytest.raises(
        CorpusError, match=r"none of its clips .*mylab/part1; .*a column of clips' names.*file's own name"
    ):
        joined(tmp_path / "face")


def test_arrays_that_do_not_join(tmp_path):
    path = tmp_path / "x.npz"
    for planted, said in (
        ({"a1": np.zeros(2), "a2": np.zeros(3)}, "x.npz: a2: it has 3 feature.* have 2"),
        (
            {"a1": np.zeros((2, 2, 2))},
            r"a1 is float64 of shape \[2, 2, 2\]; expected numbers \[D\] or \[T, D\]",
        ),
        ({"a1": np.array(["x"])}, "expected numbers"),
        ({"a1": np.array([{"x": 1}])}, "pickled objects are never loaded"),
        (
            {"ids": np.array(["a1"]), "features": np.zeros((2, 3))},
            r"ids is of shape \[1\] and features of \[2, 3\]",
        ),
        ({"a1": np.array([np.nan, 1])}, "without a finite number: a1: f0"),
    ):
        np.savez(path, **planted)
        with pytest.raises(CorpusError, match=said):
            joined(path)
    for name in ("x.npz", "x.safetensors", "x.parquet"):
        (tmp_path / name).write_bytes(b"none of it")
        with pytest.raises(CorpusError, match=r"cannot be read|is not Parquet"):
            joined(tmp_path / name)


def npz(path: Path, header: bytes, zeros: int) -> Path:
    """An archive of one array, of a header and so many zeros, as NumPy would compress it."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("a1.npy", "w") as member,
    ):
        member.write(header)
        for _ in range(zeros >> 20):
            member.write(bytes(1 << 20))
    return path


def header(*shape: int) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return file.getvalue()


@pytest.mark.slow
def test_features_that_expand_beyond_measure(tmp_path):
    """Refused by the headers: nothing of them is read."""
    many = (1 << 30) + (1 << 20)
    constant = pa.table({"name": ["a1"], "f1": [0.0]}).take([0] * 100)
    schema, table = constant.schema, pa.concat_tables([constant] * 10_000).combine_chunks()
    with pq.ParquetWriter(tmp_path / "x.parquet", schema) as writer:
        for _ in range(70):
            writer.write_table(table)
    for path, said in (
        (
            npz(tmp_path / "x.npz", header(many // 4), many),
            r"x.npz is of \d\.\d MB and would take 1\.1 GB of memory",
        ),
        (
            npz(tmp_path / "y.npz", header(1 << 40), 0),
            r"y.npz: a1.npy states an array \[1099511627776\] of float32",
        ),
        (tmp_path / "x.parquet", r"x.parquet is of \d\.\d MB and would take 1\.1 GB of memory"),
    ):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(CorpusError, match=said):
            joined(path)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB
    (tmp_path / "z").mkdir()
    (tmp_path / "z" / "a1.npy").write_bytes(header(1 << 40))
    with pytest.raises(CorpusError, match=r"a1.npy states an array"):
        joined(tmp_path / "z")


def test_files_that_are_no_features(tmp_path):
    with pytest.raises(CorpusError, match="does not exist"):
        joined(tmp_path / "gone.csv")
    with pytest.raises(CorpusError, match="holds no features"):
        joined(tmp_path)
    (tmp_path / "x.pkl").touch()
    with pytest.raises(CorpusError, match=r"is not a feature file: \.csv"):
        joined(tmp_path / "x.pkl")
    (tmp_path / "a1.csv").write_text("f1\n1\n")
    (tmp_path / "a2.csv").write_text("f2\n1\n")
    with pytest.raises(CorpusError, match=r"a2\.csv: it has 1 feature.*; new is f2"):
        joined(tmp_path)


def test_a_spreadsheet_that_writes_a_comma_before_decimals(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("id;f;g\na1;1,5;2\na2;-0,25;3\n", encoding="cp1252")
    assert held(path) == {"a1": [[1.5, 2]], "a2": [[-0.25, 3]]}
