"""The audio features of a folder of recordings: emoflow's stage, against the loop that a user would write.

    python -m benchmarks.features DIR [--clips 60] [--encoder NAME]

The same clips for all three, in the same run:

- a loop, clip by clip: opensmile's ``process_file`` with its eGeMAPS functionals; or, with ``--encoder``, a Hugging
  Face speech model (a folder, or a name of ``emoflow encoders list``) as its own documentation runs it: the feature
  extractor with its padding, the model with torch's own number of threads, the mean and deviation over time;
- emoflow, nothing cached: all cores, every clip checked, its digest taken, results in the per-clip cache;
- emoflow again: from the cache.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd
from emoflow.corpora.media_digests import with_digests
from emoflow.encoders.cache import Cache
from emoflow.encoders.extract import extract
from emoflow.encoders.model_files import ModelFiles
from emoflow.encoders.parallel import Recipe
from emoflow.encoders.pretrained.located import Located
from emoflow.settings import load


def opensmile_loop(paths: list[Path]) -> None:
    import opensmile

    smile = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.Functionals
    )
    pd.concat([smile.process_file(path) for path in paths])


def transformers_loop(paths: list[Path], model: Path) -> None:
    import soundfile
    import soxr
    import torch
    from transformers import AutoFeatureExtractor, AutoModel

    extractor, encoder = AutoFeatureExtractor.from_pretrained(model), AutoModel.from_pretrained(model).eval()
    encoder = encoder.get_encoder() if encoder.config.is_encoder_decoder else encoder
    with torch.inference_mode():
        for path in paths:
            samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
            mono = soxr.resample(samples.mean(1), rate, extractor.sampling_rate)
            inputs = extractor(mono, sampling_rate=extractor.sampling_rate, return_tensors="pt")
            states = encoder(**inputs, output_hidden_states=True).hidden_states
            torch.cat([states[2].mean(1), states[2].std(1)], dim=-1)


def stage(paths: list[Path], folder: Path, recipe: Recipe) -> None:
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
        out=Path(tempfile.mkdtemp(dir=folder)) / "features",
        recipes={"audio": recipe},
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
    parser.add_argument("--encoder", help="a Hugging Face speech model, in place of eGeMAPS")
    asked = parser.parse_args()
    paths = sorted(path for path in asked.folder.glob("*/*") if path.suffix in (".wav", ".flac"))[
        : asked.clips
    ]
    models = ModelFiles(pretrained=load().encoders)
    stated: str | dict[str, Any] = (
        {"hf": asked.encoder, "layers": 2, "pooling": "mean-std"} if asked.encoder else "egemaps"
    )
    recipe = Recipe("audio", (stated,), {}, models)

    def loop() -> None:
        if isinstance(stated, str):
            opensmile_loop(paths)
        else:
            transformers_loop(paths, Located.of(stated, models).folder.path)

    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, run in {
            "a loop": loop,
            "emoflow, nothing cached": lambda: stage(paths, Path(folder), recipe),
            "emoflow again": lambda: stage(paths, Path(folder), recipe),
        }.items():
            began = time.perf_counter()
            run()
            seconds[name] = time.perf_counter() - began
    print(f"{len(paths)} clips, {len(os.sched_getaffinity(0))} cores")
    for name, took in seconds.items():
        print(f"{name:26}{took:8.2f} s{len(paths) / took:9.1f} clips/s{seconds['a loop'] / took:8.1f} ×")


if __name__ == "__main__":
    main()
