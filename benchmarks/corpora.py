"""Reading corpora and taking digests: emoflow, against what a user would write or run instead, in one run.

    python -m benchmarks.corpora [--files 6000] [--megabytes 1000]

- every layout is laid out without media and read as an utterance table, against a plain loop over the folder that
  makes a table of the names alone (``Path.rglob``, a dictionary a file);
- the digests of a folder of recordings, against ``sha256sum``: one process, and one a core.
"""

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from emoflow.corpora import read
from emoflow.corpora.adapter_interface import utterance_table
from emoflow.corpora.media_digests import with_digests
from emoflow.errors import CorpusError
from emoflow.schema import LAYOUTS, Layout
from emoflow.synthesis import utterance_sampling
from emoflow.synthesis.layouts import layout_spec
from emoflow.synthesis.layouts.plan import Plan

RECORDING = 500_000  # bytes: fifteen seconds, 16 kHz, mono, 16 bit


def lay_out(layout: str, files: int, folder: Path) -> Path:
    """A control corpus in a layout, its recordings empty, of about this many files, or as many as it has room for."""
    few = _plan(layout, clips=2)
    clips = max(2, round(2 * files / (len(few.documents) + len(few.recordings))))
    while True:
        try:
            plan = _plan(layout, clips=clips)
            break
        except CorpusError:  # fixed sentences and repetitions: no room for so many
            clips = clips * 3 // 4
    for path, content in [*plan.documents.items(), *((path, b"") for path in plan.recordings)]:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def _plan(layout: str, *, clips: int) -> Plan:
    rules = layout_spec(layout)
    speakers = rules.speakers_at_most or 24
    drawn = utterance_sampling.make(
        rules, utterance_sampling.planted(rules), speakers=speakers, clips=clips, seed=7
    )
    return rules.plan(drawn, layout, 7, True)


def plain_loop(root: Path) -> None:
    """The table that one would write first: every file's name and folder."""
    rows = [
        {"path": str(path), "name": path.stem, "folder": path.parent.name}
        for path in root.rglob("*")
        if path.is_file()
    ]
    pd.DataFrame(rows).sort_values("path")


def best_of(times: int, run: Callable[[], object]) -> float:
    """The shortest of several runs, in seconds."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        run()
        took.append(time.perf_counter() - began)
    return min(took)


def reading(files: int) -> None:
    print(f"{'layout':10}{'files':>9}{'rows':>9}{'files/s':>10}{'plain loop/s':>14}{'ratio':>8}")
    for layout in LAYOUTS:
        with tempfile.TemporaryDirectory() as folder:
            root = lay_out(layout, files, Path(folder) / layout)
            stated = Layout(layout=layout)
            count = sum(len(names) for _, _, names in os.walk(root))
            rows = len(read(layout, root, stated).table)
            ours = best_of(3, lambda: read(layout, root, stated))  # noqa: B023
            loop = best_of(3, lambda: plain_loop(root))  # noqa: B023
        said = f"{layout:10}{count:9,}{rows:9,}{count / ours:10,.0f}{count / loop:14,.0f}"
        print(f"{said}{loop / ours:8.2f}", flush=True)


def digests(megabytes: int) -> None:
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        count = max(1, megabytes * 1_000_000 // RECORDING)
        for number in range(count):
            (folder / f"{number:06}.wav").write_bytes(os.urandom(RECORDING))
        table = utterance_table(
            {"utterance_id": f"b/{path.stem}", "corpus": "b", "audio": path.name} for path in folder.iterdir()
        )
        names = "\n".join(table["audio"]).encode()

        def sha256sum(processes: int) -> None:
            command = [shutil.which("xargs"), "-P", str(processes), "-n", "50", "sha256sum"]
            subprocess.run(command, input=names, cwd=folder, check=True, stdout=subprocess.DEVNULL)

        runs = {
            "sha256sum": lambda: sha256sum(1),
            f"sha256sum, {cores} at once": lambda: sha256sum(cores),
            "emoflow": lambda: with_digests(table, folder, workers=cores),
        }
        seconds = {label: best_of(3, run) for label, run in runs.items()}
    print(f"\ndigests of {count:,} recordings, {count * RECORDING / 1e6:,.0f} MB, {cores} cores")
    for label, took in seconds.items():
        rate = count * RECORDING / 1e6 / took
        print(f"{label:24}{took:8.2f} s{rate:9,.0f} MB/s{seconds['sha256sum'] / took:8.2f} ×")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=6_000, help="in each layout, about")
    parser.add_argument("--megabytes", type=int, default=1_000, help="of recordings to take digests of")
    asked = parser.parse_args()
    reading(asked.files)
    digests(asked.megabytes)


if __name__ == "__main__":
    main()
