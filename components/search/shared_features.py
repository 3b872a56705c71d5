"""Folds' prepared rows as files that workers map into their memory: one copy a machine, however many read it.

A fold is one safetensors file, named by what it holds. A machine that does not see the file fetches it once, from
S3 or through Ray's object store, and maps its own copy.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ..errors import FeatureError, SettingsError
from ..files import WORK, as_new, file_digest, replacing
from ..ray_cluster import Site, on_each_node, sees
from ..training.data import Rows

UNUSED_S = 24 * 3600
"""A fetched file that no search has opened for so long goes when the next one is fetched."""


@dataclass(frozen=True)
class FoldRows:
    """A fold's prepared training and validation rows. There is no field for the test."""

    training: Rows
    validation: Rows


@dataclass(frozen=True)
class Copy:
    """A file on its way to machines that do not see it: on S3, or its bytes in Ray's object store."""

    digest: str
    url: str | None = None
    reference: Any = None


@dataclass(frozen=True)
class FoldFile:
    """Where a fold's rows lie: an absolute path, and for machines that do not see it a copy."""

    path: Path
    copy: Copy | None = None

    def open(self) -> FoldRows:
        """The rows, mapped: pages are read as they are touched, and shared by all processes of a machine.

        Raises:
            FeatureError: a machine that neither sees the file nor can read the copy.
        """
        from safetensors import safe_open

        path = self.path if self.path.is_file() else self._fetched()
        with safe_open(path, framework="pt") as file:
            return FoldRows(_rows(file, "training"), _rows(file, "validation"))

    def _fetched(self) -> Path:
        if self.copy is None:
            raise FeatureError(
                f"{os.uname().nodename} does not see {self.path}: it joined the cluster after the search had begun. "
                "Run the same command again (finished populations are kept), or set EMOFLOW_SHARED to a folder that "
                "every node sees"
            )
        return _fetched(self.copy)


def folder_of(search: str, site: Site) -> Path:
    """The folder of a search's fold files: on the file system that all nodes share, if ``site`` names one.

    Args:
        search: its name, unique to its inputs.
        site: where cohorts run.
    """
    base = WORK / "folds" if site.shared is None or is_url(site.shared) else Path(site.shared)
    return base / search


def clear(folder: Path, site: Site) -> None:
    """Remove a search's fold files and their copies on S3; what cannot be removed is printed."""
    try:
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        print(f"search: features stay in {folder}: {error}")
    if site.address is None or not is_url(site.shared):
        return
    s3, errors = _s3()
    bucket, prefix = _named(f"{site.shared.rstrip('/')}/{folder.name}/")
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for each in page.get("Contents", []):
                s3.delete_object(Bucket=bucket, Key=each["Key"])
    except errors as error:
        print(f"search: features stay at s3://{bucket}/{prefix}: {error}")


def fold_file(folder: Path, fold: int, make: Callable[[], FoldRows]) -> FoldFile:
    """The file of a fold's rows, written if it does not exist yet.

    Args:
        folder: of this search alone, named by all that the rows depend on (`folder_of`).
        fold: its number.
        make: gives the rows; called only if the file does not exist.
    """
    from safetensors.torch import save_file

    path = folder.resolve() / f"fold-{fold}.safetensors"
    if not path.is_file():
        rows = make()
        tensors = _tensors(rows.training, "training") | _tensors(rows.validation, "validation")
        with replacing(path) as temporary:
            save_file({name: x.contiguous() for name, x in tensors.items()}, temporary)
            as_new(temporary)
    return FoldFile(path)


def within_reach(files: Mapping[int, FoldFile], site: Site) -> dict[int, FoldFile]:
    """The same files, with a copy where some node of the cluster does not see them.

    Raises:
        SettingsError: EMOFLOW_SHARED names a place that cannot be written.
    """
    paths = [file.path for file in files.values()]
    if site.address is None or all(on_each_node(sees, paths).values()):
        return dict(files)
    if is_url(site.shared):
        return {fold: uploaded(file, site.shared) for fold, file in files.items()}
    return {fold: in_object_store(file) for fold, file in files.items()}


def is_url(place: str | None) -> bool:
    """Whether a shared place is a URL, and so no folder."""
    return place is not None and "://" in place


def uploaded(file: FoldFile, place: str) -> FoldFile:
    """The file with a copy under ``place``, an ``s3://bucket/prefix``, in a folder of its search's name.

    Raises:
        SettingsError: it cannot be written there.
    """
    s3, errors = _s3()
    digest = file_digest(file.path)
    url = f"{place.rstrip('/')}/{file.path.parent.name}/{digest}.safetensors"
    try:
        s3.upload_file(str(file.path), *_named(url))
    except errors as error:
        raise SettingsError(
            f"EMOFLOW_SHARED: {url} cannot be written: {error}; check the bucket, AWS_ENDPOINT_URL and the "
            "credentials (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile)"
        ) from None
    return replace(file, copy=Copy(digest, url=url))


def in_object_store(file: FoldFile) -> FoldFile:
    """The file with its bytes in Ray's object store, where they stay as long as the driver needs them."""
    import numpy as np
    import ray

    return replace(
        file,
        copy=Copy(file_digest(file.path), reference=ray.put(np.memmap(file.path, dtype=np.uint8, mode="r"))),
    )


def _fetched(copy: Copy) -> Path:
    """This machine's own file of a copy, fetched by whichever process comes first."""
    from filelock import FileLock

    folder = _cache()
    path = folder / f"{copy.digest}.safetensors"
    with FileLock(folder / ".lock"):
        if not path.is_file():
            for old in folder.glob("*.safetensors"):
                if time.time() - old.stat().st_mtime > UNUSED_S:
                    old.unlink()
            with replacing(path) as temporary:
                _fetch(copy, temporary)
                if (found := file_digest(temporary)) != copy.digest:
                    raise FeatureError(
                        f"{copy.url or 'a fold'} came to {os.uname().nodename} with other bytes than were sent: "
                        f"sha256 {found}, expected {copy.digest}"
                    )
        os.utime(path)
    return path


def _fetch(copy: Copy, to: Path) -> None:
    if copy.url is None:
        import ray

        to.write_bytes(memoryview(ray.get(copy.reference)))
        return
    s3, errors = _s3()
    try:
        s3.download_file(*_named(copy.url), str(to))
    except errors as error:
        raise FeatureError(
            f"{os.uname().nodename} cannot read {copy.url}: {error}; the cluster's nodes need credentials for it "
            "(AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role) where Ray is started"
        ) from None


def _s3() -> tuple[Any, tuple[type[Exception], ...]]:
    """A client, by the environment (AWS_ENDPOINT_URL, credentials), and what it raises."""
    import boto3
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    return boto3.client("s3"), (Boto3Error, BotoCoreError, ClientError)


def _named(url: str) -> tuple[str, str]:
    """The bucket and the key."""
    bucket, _, key = url.removeprefix("s3://").partition("/")
    return bucket, key


def _cache() -> Path:
    """A folder of this machine and user."""
    folder = Path(tempfile.gettempdir()) / f"emoflow-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise FeatureError(f"{folder} belongs to somebody else; set TMPDIR on {os.uname().nodename}")
    return folder


def _tensors(rows: Rows, part: str) -> dict[str, Any]:
    tensors = {f"{part}/target": rows.target}
    tensors |= {f"{part}/tokens/{name}": x for name, x in rows.tokens.items()}
    tensors |= {f"{part}/present/{name}": x for name, x in rows.present.items()}
    tensors |= {f"{part}/side/{name}": x for name, x in rows.side.items()}
    if rows.shares is not None:
        tensors[f"{part}/shares"] = rows.shares
    if rows.speaker is not None:
        tensors[f"{part}/speaker"] = rows.speaker
    tensors |= {f"{part}/layers/{name}": torch.tensor(blocks) for name, blocks in rows.layers.items()}
    tensors |= {f"{part}/posteriors/{name}": torch.tensor(True) for name in rows.posteriors}
    return tensors


def _rows(file: Any, part: str) -> Rows:
    names = list(file.keys())

    def group(kind: str) -> dict[str, Any]:
        prefix = f"{part}/{kind}/"
        return {name.removeprefix(prefix): file.get_tensor(name) for name in names if name.startswith(prefix)}

    def optional(kind: str) -> Any:
        return file.get_tensor(f"{part}/{kind}") if f"{part}/{kind}" in names else None

    return Rows(
        group("tokens"),
        group("present"),
        optional("target"),
        optional("shares"),
        group("side"),
        optional("speaker"),
        {name: tuple(map(tuple, blocks.tolist())) for name, blocks in group("layers").items()},
        frozenset(group("posteriors")),
    )
