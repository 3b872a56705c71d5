"""The data contract and the leakage gate on a large corpus: seconds and memory of each stage, as `dvc repro` runs it.

    python -m benchmarks.gate [--utterances 100000]

A manifest without media: ids, 500 speakers in sessions, sentences of which a tenth repeat, labels. Beside it, what a
user would write to see a part of what the gate sees: pandas' merges of training and test rows, by sentence and speaker.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from emoflow.schema import EMOTION7

ROOT = Path(__file__).parents[1]
STAGES = {
    "utterances": ["emoflow.stages.utterances", "large"],
    "contract": ["emoflow.stages.validate", "large"],
    "folds and gate": ["emoflow.stages.folds"],
}


def lay_out(project: Path, count: int) -> None:
    """A project with the manifest under data/raw, and params that name it."""
    drawn = np.random.default_rng(0)
    speaker = drawn.integers(500, size=count)
    table = pd.DataFrame(
        {
            "id": [f"u{number:07d}" for number in range(count)],
            "speaker": [f"s{number:03d}" for number in speaker],
            "session": [f"x{number // 2:03d}" for number in speaker],
            "text": [
                f"this is what was said as number {number}"
                for number in drawn.integers(9 * count, size=count)
            ],
            "label": np.array(EMOTION7)[drawn.integers(len(EMOTION7), size=count)],
        }
    )
    folder = project / "data/raw/large"
    folder.mkdir(parents=True)
    table.to_csv(folder / "utterances.csv", index=False)
    held = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    (project / "params.yaml").write_text(yaml.safe_dump(held | {"corpora": ["large"]}), encoding="utf-8")


def run(project: Path, module: list[str]) -> tuple[float, float]:
    """Seconds, and the peak of memory in MB."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", *module],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(module)} ended with {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - began, used.ru_maxrss / 1000


def by_hand(project: Path) -> float:
    """Seconds of two merges a fold."""
    began = time.perf_counter()
    table = pd.read_parquet(
        project / "data/utterances/large.parquet", columns=["utterance_id", "speaker", "text"]
    )
    folds = pd.read_parquet(project / "data/folds.parquet", columns=["fold", "utterance_id", "role"])
    rows = folds.merge(table, on="utterance_id")
    for _, fold in rows.groupby("fold"):
        train, test = fold[fold["role"] == "train"], fold[fold["role"] == "test"]
        for key in ("speaker", "text"):
            test.merge(train[[key]].drop_duplicates(), on=key)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--utterances", type=int, default=100_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        lay_out(project, asked.utterances)
        print(f"{asked.utterances:,} utterances, {len(os.sched_getaffinity(0))} cores")
        for name, module in STAGES.items():
            seconds, peak = run(project, module)
            print(f"{name:20}{seconds:8.1f} s{peak:9.0f} MB")
        print(f"{'merges by hand':20}{by_hand(project):8.1f} s   (speakers and sentences alone)")


if __name__ == "__main__":
    main()
