"""A small finished experiment on disk, as the pipeline leaves one: git, dvc.lock, model, folds, verdict."""

import hashlib
import json
import subprocess
from pathlib import Path

import pandas as pd
import yaml
from documents import card, metrics, protocol, verdict
from emoflow.artifacts.corpora import Corpora
from emoflow.artifacts.folds import FOLDS
from emoflow.artifacts.utterances import UTTERANCES
from emoflow.schema import UTTERANCE_COLUMNS

PARAMS = {"corpora": ["control"], "search": {"seed": 7}, "registry": {"name": "auto"}}


def git(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    done = subprocess.run(
        ["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def md5(path: Path) -> str:
    if path.is_file():
        return hashlib.md5(path.read_bytes()).hexdigest()  # noqa: S324
    files = sorted(file for file in path.rglob("*") if file.is_file())
    listing = [
        {"md5": md5(file), "relpath": name}
        for name, file in sorted((file.relative_to(path).as_posix(), file) for file in files)
    ]
    return hashlib.md5(json.dumps(listing, sort_keys=True).encode()).hexdigest() + ".dir"  # noqa: S324


def finish(root: Path) -> Path:
    """Make the experiment at ``root``, everything committed as it ran."""
    (root / "components" / "training").mkdir(parents=True)
    (root / "components" / "training" / "train.py").write_text("FITS = 1\n")
    (root / "components" / "training" / "__init__.py").write_text("")
    (root / ".gitignore").write_text("/data\n/reports\n")
    (root / "params.yaml").write_text(yaml.safe_dump(PARAMS))
    (root / "dvc.yaml").write_text("stages: {}\n")
    for number in range(6):
        clip = root / "data" / "raw" / "control" / f"{number}.wav"
        clip.parent.mkdir(parents=True, exist_ok=True)
        clip.write_bytes(bytes([number]) * 10)
    (root / "data" / "raw" / "control.dvc").write_text("outs: []\n")
    Corpora(corpora=["control"]).write(root)
    ids = [f"control/{number}" for number in range(6)]
    table = pd.DataFrame(
        {
            "utterance_id": ids,
            "speaker": [f"control/{number // 2}" for number in range(6)],
            "audio_digest": [f"{number:064x}" for number in range(6)],
            "video_digest": pd.array([None] * 6, dtype="str"),
            "text_digest": [f"{number:064x}" for number in range(6)],
        }
    )
    UTTERANCES.write(table.reindex(columns=list(UTTERANCE_COLUMNS)), root, corpus="control")
    folds = pd.DataFrame(
        [
            {
                "fold": fold,
                "utterance_id": each,
                "speaker": f"control/{number // 2}",
                "label": "anger",
                "role": role,
            }
            for fold in range(3)
            for number, each in enumerate(ids[:5])
            for role in ["test" if number // 2 == fold else "train"]
        ]
    )
    FOLDS.write(folds, root)
    protocol().write(root)
    verdict("control").write(root, corpus="control")
    metrics().write(root)
    (root / "data" / "model").mkdir()
    (root / "data" / "model" / "weights.safetensors").write_bytes(b"weights")
    card().write(root)
    lock(root)
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "An experiment")
    return root


def lock(root: Path) -> None:
    """Write dvc.lock as it would be if the pipeline had just run on what is on disk."""

    def stage(command: str, deps: list[str], outs: list[str], params: list[str] = ()) -> dict:
        held = yaml.safe_load((root / "params.yaml").read_text())
        entries = [
            [{"path": path, "hash": "md5", "md5": md5(root / path), "size": 1, "nfiles": 1} for path in paths]
            for paths in (deps, outs)
        ]
        found = {"cmd": command, "deps": entries[0], "outs": entries[1]}
        return found | ({"params": {"params.yaml": {key: held[key] for key in params}}} if params else {})

    table, verdict = "data/utterances/control.parquet", "reports/validation/control/verdict.json"
    trained = ["data/model", *(path for path in ["data/predictions.parquet"] if (root / path).is_file())]
    stages = {
        "corpora": stage("select", [], ["data/corpora.json"], ["corpora"]),
        "utterances@control": stage("utterances", ["data/corpora.json", "data/raw/control"], [table]),
        "validate@control": stage("validate", ["data/raw/control", table], [verdict]),
        "folds": stage("folds", ["data/utterances"], ["data/folds.parquet", "data/folds.json"]),
        "train": stage("train", ["data/folds.parquet", verdict, "components/training"], trained, ["search"]),
        "evaluate": stage("evaluate", ["data/folds.parquet", "data/model"], ["reports/metrics.json"]),
        "utterances@other": {
            "cmd": "utterances",
            "outs": [{"path": "data/utterances/other.parquet", "md5": "0"}],
        },
    }
    (root / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))
