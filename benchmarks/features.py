"""The audio features of a folder of recordings: emoflow's stage, against the loop that a user would write.

    python -m benchmarks.features DIR [--clips 60]

eGeMAPS functionals of the same clips for all three, in the same run:

- a loop: opensmile's ``process_file``, clip by clip;
- emoflow, nothing cached: all cores, every clip checked, its digest taken, results in the per-clip cache;
- emoflow again: from the cache.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import pandas as pd
from emoflow.corpora.media_digests import with_digests
from emoflow.encoders.cache import Cache
from emoflow.encoders.extract import extract
from emoflow.encoders.parallel import Recipe


def loop(paths: list[Path]) -> None:
    import opensmile

    smile = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.Functionals
    )
    pd.concat([smile.process_file(path) for path in paths])


def stage(paths: list[Path], folder: Path) -> None:
    root = paths[0].parents[1]
    workers = len(os.sched_getaffinity(0))
    table = pd.DataFrame(
        {
            "utterance_id": [f"bench/{path.stem}" for path in paths],
            "audio": [path.relative_to(root).as_posix() for path in paths],
            "video": pd.Series([pd.NA] * len(paths), dtype="str"),
            "text": pd.Series([pd.NA] * len(paths), dtype="str"),
        }
    )
    extract(
        with_digests(table, root, workers=workers),
        raw=root,
        out=folder / "features",
        recipes={"audio": Recipe(("egemaps",), {}, None)},
        attached={},
        excluded={},
        cache=Cache(folder / "cache"),
        workers=workers,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="holds <speaker>/<clip>.wav or .flac")
    parser.add_argument("--clips", type=int, default=60)
    asked = parser.parse_args()
    paths = sorted(path for path in asked.folder.glob("*/*") if path.suffix in (".wav", ".flac"))[
        : asked.clips
    ]
    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, run in {
            "a loop": lambda: loop(paths),
            "emoflow, nothing cached": lambda: stage(paths, Path(folder)),
            "emoflow again": lambda: stage(paths, Path(folder)),
        }.items():
            began = time.perf_counter()
            run()
            seconds[name] = time.perf_counter() - began
    print(f"{len(paths)} clips, {len(os.sched_getaffinity(0))} cores")
    for name, took in seconds.items():
        print(f"{name:26}{took:8.2f} s{len(paths) / took:9.1f} clips/s{seconds['a loop'] / took:8.1f} ×")


if __name__ == "__main__":
    main()
