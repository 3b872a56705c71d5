"""Files are whole or not there, and the same value has the same digest."""

import csv
import errno
import io
import json
import os
import resource

import numpy as np
import pandas as pd
import pytest
import yaml
from emoflow import files
from hypothesis import given
from hypothesis import strategies as st
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

FORMULA = ("=", "+", "-", "@", "\t", "\n")


def test_replacing_leaves_the_old_file_when_the_block_fails(tmp_path):
    path = tmp_path / "table.json"
    files.write_json(path, {"a": 1})
    with pytest.raises(RuntimeError), files.replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert files.read_json(path) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["table.json"]


def test_replacing_takes_a_folders_place_whole(tmp_path):
    folder = tmp_path / "features"
    folder.mkdir()
    (folder / "old").touch()
    with files.replacing(folder) as temporary:
        temporary.mkdir()
        (temporary / "new").touch()
    assert [p.name for p in folder.iterdir()] == ["new"]
    assert [p.name for p in tmp_path.iterdir()] == ["features"]


def _write_bytes(path):
    path.write_bytes(bytes(10_000))


def _write_tensors(path):
    save_file({"tokens": np.zeros(10_000)}, path)


def _write_table(path):
    pd.DataFrame({"number": np.random.default_rng(0).random(10_000)}).to_parquet(path)


@pytest.mark.parametrize("write", [_write_bytes, _write_tensors, _write_table])
def test_a_disk_that_takes_no_more_is_an_error_that_names_the_file(write, tmp_path):
    """Whatever library writes: safetensors has an error of its own, and Parquet's names no file."""
    path = tmp_path / "shard"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as raised, files.replacing(path) as temporary:
            write(temporary)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert raised.value.errno == errno.EFBIG
    assert raised.value.filename == str(path)
    assert list(tmp_path.iterdir()) == []


def test_an_error_that_is_not_of_writing_stays_as_it_is(tmp_path):
    with pytest.raises(SafetensorError), files.replacing(tmp_path / "x") as temporary:
        temporary.write_bytes(b"no tensors")
        load_file(temporary)
    with pytest.raises(FileNotFoundError) as raised, files.replacing(tmp_path / "x"):
        (tmp_path / "absent").read_text()
    assert raised.value.filename == str(tmp_path / "absent")


def test_json_has_no_nan(tmp_path):
    with pytest.raises(ValueError):
        files.write_json(tmp_path / "x.json", {"wa": float("nan")})
    assert list(tmp_path.iterdir()) == []


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.dictionaries(st.text(), inner, max_size=4),
)


@given(values)
def test_a_digest_knows_no_key_order(value):
    again = json.loads(json.dumps(value))
    if isinstance(again, dict):
        again = dict(reversed(again.items()))
    assert files.digest_of(value) == files.digest_of(again)


def test_a_trees_digest_knows_names_and_bytes(tmp_path):
    code = tmp_path / "code"
    code.mkdir()
    (code / "a.py").write_text("a = 1")
    before = files.tree_digest([code])
    (code / "__pycache__").mkdir()
    (code / "__pycache__" / "a.pyc").write_text("compiled")
    assert files.tree_digest([code]) == before
    (code / "a.py").rename(code / "b.py")
    assert files.tree_digest([code]) != before


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("mylab", "mylab"),
        ("like-anger", "like-anger"),
        ("Überdruss", "Überdruss"),
        ("no", '"no"'),
        ("true", '"true"'),
        ("null", '"null"'),
        ("2024", '"2024"'),
        ("1e5", '"1e5"'),
        ("a: b", '"a: b"'),
        ("it's, so", '"it\'s, so"'),
        ("", '""'),
    ],
)
def test_words_that_yaml_would_take_for_something_else_are_quoted(word, written):
    assert files.yaml_word(word) == written
    assert files.parse_yaml(f"[{written}]") == yaml.safe_load(f"[{written}]") == [word]


@pytest.mark.parametrize("name", ["a" * 251 + ".png", "ä" * 125 + ".json"])
def test_a_name_as_long_as_file_systems_take(tmp_path, name):
    files.write_text(tmp_path / name, "whole")
    assert [path.name for path in tmp_path.iterdir()] == [name]


@given(st.text(min_size=1))
def test_no_cell_of_a_csv_is_a_formula(text):
    table = pd.DataFrame({"label": [text, "calm"], "ua": [-0.5, 0.25]})
    header, first, second = csv.reader(io.StringIO(files.csv_text(table), newline=""))
    assert header == ["label", "ua"] and second == ["calm", "0.25"] and first[1] == "-0.5"
    assert not first[0].startswith(FORMULA)
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    assert first[0] == (f"'{lines}" if lines.startswith(FORMULA) else lines)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\nx"])
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(text):
    assert f"'{text}" in files.csv_text(pd.DataFrame({"label": [text]}))


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o007, 0o660), (0o077, 0o600)])
def test_others_may_read_what_the_umask_lets_them(mask, mode, tmp_path):
    path, before = tmp_path / "tensors", os.umask(mask)
    try:
        save_file({"x": np.zeros(3, np.float32)}, path)  # which its owner alone may read
        files.as_new(path)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == mode
    assert list(tmp_path.iterdir()) == [path] and load_file(path)["x"].shape == (3,)
