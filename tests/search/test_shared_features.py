"""Folds' rows as files: the same for everybody who maps them, and fetched where they are not seen."""

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from emoflow.errors import FeatureError, SettingsError
from emoflow.files import file_digest
from emoflow.ray_cluster import Site
from emoflow.search.shared_features import (
    FoldFile,
    FoldRows,
    clear,
    fold_file,
    folder_of,
    in_object_store,
    uploaded,
)
from emoflow.training.data import UNLABELLED, Rows


def rows(count: int) -> Rows:
    generator = torch.Generator().manual_seed(count)
    return Rows(
        {"audio": torch.randn(count, 3, 5, generator=generator), "face": torch.randn(count, 1, 2)},
        {"audio": torch.rand(count, 3) < 0.5, "face": torch.ones(count, 1, dtype=torch.bool)},
        torch.randint(UNLABELLED, 3, (count,), generator=generator),
        torch.rand(count, 3, generator=generator),
        {"valence": torch.full((count,), torch.nan)},
        torch.arange(count) // 2,
        {"audio": ((1, 2), (3, 1))},
    )


@pytest.fixture
def fold() -> FoldRows:
    return FoldRows(rows(7), replace(rows(4), shares=None, side={}, speaker=None))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    (tmp_path / "machine").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "machine"))


def assert_same(made: FoldRows, wanted: FoldRows) -> None:
    for a, b in ((made.training, wanted.training), (made.validation, wanted.validation)):
        assert set(a.tokens) == set(b.tokens) and set(a.side) == set(b.side)
        for name in b.tokens:
            assert torch.equal(a.tokens[name], b.tokens[name])
            assert torch.equal(a.present[name], b.present[name])
        assert torch.equal(a.target, b.target) and a.layers == b.layers
        for x, y in ((a.shares, b.shares), (a.speaker, b.speaker)):
            assert (x is None) == (y is None)
            assert y is None or torch.equal(x, y)
        assert all(torch.equal(a.side[name].isnan(), b.side[name].isnan()) for name in b.side)


def unseen(file: FoldFile) -> FoldFile:
    """The file as a machine has it that does not see it."""
    file.path.unlink()
    return file


def test_what_is_opened_is_what_was_written_and_it_is_written_once(fold, tmp_path):
    made = [fold_file(tmp_path / "folds", 3, lambda: fold) for _ in range(2)]
    assert made[0] == made[1] and made[0].path.is_absolute()
    assert_same(made[0].open(), fold)
    before = file_digest(made[0].path)
    fold_file(tmp_path / "folds", 3, lambda: pytest.fail("made again"))
    made[0].open().training.tokens["audio"].zero_()  # a process's own pages: nobody else sees it
    assert file_digest(made[0].path) == before


def test_rows_are_mapped_not_read(fold, tmp_path):
    file = fold_file(tmp_path / "folds", 0, lambda: fold)
    opened = file.open()
    assert str(file.path) in Path("/proc/self/maps").read_text()
    assert len(opened.training) == 7


@pytest.fixture
def bucket(tmp_path, monkeypatch) -> Iterator[Path]:
    """A real S3 endpoint on loopback, as the environment names it, and the folder behind its bucket."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    (tmp_path / "s3/features").mkdir(parents=True)
    arguments = ["--addr", f"127.0.0.1:{port}", "--auth-key", "tests,secret-of-tests"]
    server = subprocess.Popen(
        ["rclone", "serve", "s3", str(tmp_path / "s3"), *arguments], stderr=subprocess.DEVNULL
    )
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "tests",
        "AWS_SECRET_ACCESS_KEY": "secret-of-tests",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield tmp_path / "s3/features"
    finally:
        server.kill()
        server.wait()


@pytest.mark.integration
def test_through_s3_a_machine_fetches_it_once(fold, tmp_path, bucket):
    site = Site(1, "cpu", address="head:6379", shared="s3://features/emoflow")
    there = unseen(uploaded(fold_file(tmp_path / "search-1", 0, lambda: fold), site.shared))
    assert_same(there.open(), fold)
    clear(tmp_path / "search-1", site)
    assert not list(bucket.rglob("*.safetensors"))
    assert_same(there.open(), fold)


@pytest.mark.integration
def test_other_bytes_than_were_sent_are_refused(fold, tmp_path, bucket):
    there = unseen(uploaded(fold_file(tmp_path / "search-1", 0, lambda: fold), "s3://features"))
    (sent,) = bucket.rglob("*.safetensors")
    sent.write_bytes(sent.read_bytes()[:-1] + b"x")
    with pytest.raises(FeatureError, match="other bytes than were sent"):
        there.open()
    assert not list((tmp_path / "machine").rglob("*.safetensors"))
    sent.unlink()
    with pytest.raises(FeatureError, match=r"cannot read s3://features/search-1.*credentials"):
        there.open()


@pytest.mark.integration
def test_a_bucket_that_is_not_there(fold, tmp_path, bucket):
    with pytest.raises(SettingsError, match=r"EMOFLOW_SHARED: s3://elsewhere/.*cannot be written"):
        uploaded(fold_file(tmp_path / "search-1", 0, lambda: fold), "s3://elsewhere")


def test_a_machine_without_any_way_to_it_says_what_to_do(fold, tmp_path):
    file = unseen(fold_file(tmp_path / "folds", 0, lambda: fold))
    with pytest.raises(FeatureError, match=r"does not see .*fold-0.*EMOFLOW_SHARED"):
        file.open()


def test_a_shared_folder_holds_the_files_of_each_search_apart(fold, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    site = Site(1, "cpu", address="head:6379", shared=str(tmp_path / "nfs"))
    one, other = folder_of("search-1", site), folder_of("search-2", site)
    for folder in (one, other):
        fold_file(folder, 0, lambda: fold)
    clear(one, site)
    assert [path.name for path in (tmp_path / "nfs").iterdir()] == ["search-2"]
    assert folder_of("search-1", Site(1, "cpu", shared="s3://bucket")) == Path(".emoflow/folds/search-1")


@pytest.mark.integration
def test_through_rays_object_store(fold, tmp_path):
    import ray

    ray.init(
        address="local", num_cpus=1, include_dashboard=False, _node_ip_address="127.0.0.1",
        logging_level="ERROR", log_to_driver=False,
    )  # fmt: skip
    try:
        assert_same(unseen(in_object_store(fold_file(tmp_path / "folds", 0, lambda: fold))).open(), fold)
    finally:
        ray.shutdown()
