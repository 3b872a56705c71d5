"""A small experiment on disk, as it stands before the search: features, folds, params."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from conftest import ROOT
from documents import protocol, three_folds
from emoflow.encoders.store import Row, write
from emoflow.files import write_table
from emoflow.schema import UTTERANCE_COLUMNS

CLASSES = ["anger", "neutral", "sadness"]
SPEAKERS, CLIPS = 6, 5
STRATEGIES = ["audio", "text", "face", "late-weighted", "cross-attention"]


def lay_out(
    root: Path,
    *,
    strategies: list[str] = STRATEGIES,
    modalities: tuple[str, ...] = ("audio", "text", "face"),
    face: bool = True,
) -> None:
    """3 folds of 2 speakers each; audio and face show the class, text does not."""
    generator = np.random.default_rng(0)
    rows = [
        (f"control/{speaker}-{label}-{clip}", f"control/{speaker}", label)
        for speaker in range(SPEAKERS)
        for label in CLASSES
        for clip in range(CLIPS)
    ]
    shown = np.eye(len(CLASSES))[[CLASSES.index(label) for _, _, label in rows]]
    made = {
        ("audio", "egemaps"): shown @ generator.normal(size=(3, 8))
        + generator.normal(size=(len(rows), 8)) * 0.7,
        ("text", "hashing"): (generator.random((len(rows), 64)) < 0.1).astype(float),
        ("face", "appearance"): shown @ generator.normal(size=(3, 6)) + generator.normal(size=(len(rows), 6)),
    }
    for (modality, encoder), x in made.items():
        if modality == "face" and not face:
            continue
        lacks = 4 if modality == "face" else -1  # one clip without a face
        write(
            root / "data/features/control",
            [
                Row(id_, "0", x[i : i + 1].astype(np.float32))
                for i, (id_, *_) in enumerate(rows)
                if i != lacks
            ],
            modality=modality,
            encoder=encoder,
            params_digest="0",
            feature_names=[f"{encoder}_{i}" for i in range(x.shape[1])],
        )
    table = pd.DataFrame(rows, columns=["utterance_id", "speaker", "label"])
    three_folds(root, table)
    told = table.assign(corpus="control").reindex(columns=list(UTTERANCE_COLUMNS))
    write_table(root / "data/utterances/control.parquet", told)
    protocol(classes=CLASSES).write(root)
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params |= {"corpora": ["control"], "modalities": list(modalities)}
    params["search"] |= {"strategies": strategies, "configurations": 4, "epochs": 8, "halvings": 1}
    params["train"]["seeds"] = [0, 1]
    (root / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")


def start(root: Path, module: str = "emoflow.stages.search", **environment: str) -> subprocess.Popen:
    """Start a stage on the experiment in ``root``, in a session of its own."""
    own = {"PYTHONPATH": str(ROOT), "EMOFLOW_WORKERS": "2", "EMOFLOW_DEVICE": "cpu"}
    return subprocess.Popen(
        [sys.executable, "-m", module], cwd=root, env=os.environ | own | environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


def finish(process: subprocess.Popen) -> str:
    """What the stage says, once it has ended well."""
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 0, said
    return said


def finished_populations(root: Path) -> dict[Path, int]:
    """The files that the search keeps of finished populations, and when they were written."""
    return {path: path.stat().st_mtime_ns for path in root.glob(".emoflow/work/search-*/*.json")}
