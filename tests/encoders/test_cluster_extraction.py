"""Recordings encoded on a cluster of two real Ray nodes: the bytes of one machine, whatever dies."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import ROOT
from emoflow.files import file_digest
from ray_nodes import Nodes

pytestmark = [pytest.mark.integration, pytest.mark.slow]

CLIPS = 64
EXTRACT = """
import sys
from pathlib import Path
import pandas as pd
from emoflow.encoders.cache import Cache
from emoflow.encoders.extract import extract
from emoflow.encoders.parallel import Recipe

out, cache, address = sys.argv[1:]
excluded, lines = extract(
    pd.read_parquet("table.parquet"),
    raw=Path("raw"),
    out=Path(out),
    recipes={"audio": Recipe("audio", ("egemaps", "logmel"), {})},
    attached={},
    excluded={},
    cache=Cache(cache),
    workers=2,
    cluster=address or None,
)
print(excluded, *lines, sep="\\n")
"""


@pytest.fixture
def workspace(tmp_path) -> Path:
    """Tones of 2 s, one of them too short for any encoder."""
    (tmp_path / "raw").mkdir()
    generator = np.random.default_rng(0)
    rows = []
    for clip in range(CLIPS):
        path = tmp_path / "raw" / f"{clip}.wav"
        pitch = 2 * np.pi * (100 + 5 * clip) * np.arange(32000 if clip else 50) / 16000
        soundfile.write(path, 0.3 * np.sin(pitch) + 0.01 * generator.normal(size=len(pitch)), 16000)
        rows.append({"utterance_id": f"c/{clip}", "audio": path.name, "audio_digest": file_digest(path)})
    columns = [
        "utterance_id",
        *(f"{medium}{end}" for medium in ("audio", "video", "text") for end in ("", "_digest")),
    ]
    pd.DataFrame(rows).reindex(columns=columns).to_parquet(tmp_path / "table.parquet")
    return tmp_path


def start(root: Path, out: str, cache: str, code: str = EXTRACT, **environment: str) -> subprocess.Popen:
    address = environment.pop("address", "")
    return subprocess.Popen(
        [sys.executable, "-c", code, out, cache, address], cwd=root, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def finish(process: subprocess.Popen) -> str:
    said, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return said


def tree(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): file_digest(path) for path in folder.rglob("*") if path.is_file()}


def cached(root: Path) -> set[Path]:
    return set((root / "of-nodes").glob("*/*.safetensors"))


def test_two_nodes_give_the_bytes_of_one_machine_though_one_dies(workspace):
    alone = finish(start(workspace, "alone", "of-one"))
    assert alone.count("c/0") == 2  # too short, which either encoder says
    with Nodes(2) as nodes:
        process = start(workspace, "nodes", "of-nodes", address=nodes.address, **nodes.environment)
        end = time.monotonic() + 300
        while len(cached(workspace)) < CLIPS // 2:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < end, "it does not come so far"
            time.sleep(0.02)
        nodes.kill()
        before = {path: path.stat().st_mtime_ns for path in cached(workspace)}
        said = finish(process)
    assert said.endswith(alone)  # after what Ray says of the dead node
    assert tree(workspace / "nodes") == tree(workspace / "alone")
    assert len(cached(workspace)) == 2 * CLIPS
    kept = sum(path.stat().st_mtime_ns == written for path, written in before.items())
    assert kept >= len(before) - 2 * 8, "more than the block that the dead node had is encoded again"


def test_what_a_node_does_not_see_is_encoded_on_this_machine(workspace):
    with Nodes(1) as nodes:
        blind = "from emoflow.encoders import cluster; cluster.sees = lambda paths: False\n"
        process = start(
            workspace, "here", "of-nodes", blind + EXTRACT, address=nodes.address, **nodes.environment
        )
        said = " ".join(finish(process).split())
    assert f"encoded on this machine alone: 1 of 1 nodes of the cluster at {nodes.address}" in said
    assert f"cannot see {workspace} with its recordings" in said
    assert len(cached(workspace)) == 2 * CLIPS
