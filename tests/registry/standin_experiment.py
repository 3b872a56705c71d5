"""A finished experiment with a real model: sound (log-mel frames), words (hashing), a face as a table of features."""

import json
from pathlib import Path

import documents
import finished
import numpy as np
import pandas as pd
import soundfile
import torch
from emoflow.artifacts.model import ModelCard
from emoflow.artifacts.search import CURVES, TRIALS
from emoflow.artifacts.utterances import UTTERANCES
from emoflow.encoders.registry import encode, make
from emoflow.encoders.store import Row, open_all, write
from emoflow.files import write_json, write_table
from emoflow.fusion.model import EmotionModel
from emoflow.fusion.preparation import Preparation, plan
from emoflow.fusion.strategy import build
from emoflow.registry.compare import Policy
from emoflow.schema import UTTERANCE_COLUMNS
from safetensors.torch import save_file

CLASSES = ["anger", "happiness", "neutral"]
SPEAKERS, CLIPS, FACE = 6, 6, 5
CONFIGURATIONS, EPOCHS = 12, 2
CONFIG = {"width": 8, "layers": 1}
ENCODERS = {"audio": (["logmel"], {}), "text": (["hashing"], {"dimensions": 64})}
TEXTS = ["I hate this", "What a lovely day", "It is four o'clock"]


POLICY = Policy(margin=0.02, least_utterances=10, least_speakers=4, least_overlap=0.5)


def experiment(
    root: Path,
    *,
    seed: int = 0,
    right: float = 0.6,
    protocol: str = "emotion3.kfold3",
    strategy: str = "late-average",
) -> Path:
    """Make it at ``root`` (again: with other weights), committed. ``right``: the share of held-out hits."""
    if not (root / "dvc.yaml").exists():
        finished.finish(root)
        _recordings(root)
    _model(root, seed=seed, protocol=protocol, strategy=strategy)
    _figures(root, right=right, protocol=protocol, strategy=strategy)
    finished.lock(root)
    finished.git(root, "add", "-A")
    if finished.git(root, "status", "--porcelain"):
        finished.git(root, "commit", "-qm", f"Experiment {seed}")
    return root


def ids() -> list[str]:
    return [f"control/{number:02}" for number in range(SPEAKERS * CLIPS)]


def _recordings(root: Path) -> None:
    generator = np.random.default_rng(3)
    rows = []
    for number, utterance in enumerate(ids()):
        name = f"{number:02}.wav"
        sound = generator.normal(0, 0.1, 4000 + 1300 * number)
        soundfile.write(root / "data" / "raw" / "control" / name, sound, 16000, subtype="PCM_16")
        rows.append(
            {
                "utterance_id": utterance,
                "corpus": "control",
                "speaker": f"control/{number // CLIPS}",
                "audio": name,
                "video": None,
                "text": TEXTS[number % 3],
                "audio_digest": f"{number:064x}",
                "video_digest": None,
                "text_digest": f"{number:064x}",
                "label": CLASSES[number % 3],
            }
        )
    table = pd.DataFrame(rows).astype({"video": "str", "video_digest": "str"})
    table[["video", "video_digest"]] = pd.NA
    UTTERANCES.write(table.reindex(columns=list(UTTERANCE_COLUMNS)), root, corpus="control")
    folder = root / "data" / "features" / "control"
    folder.mkdir(parents=True)
    for modality, (names, parameters) in ENCODERS.items():
        (encoder,) = made = make(names, parameters)
        found = [
            Row(row["utterance_id"], "0", encode(made, root / "data" / "raw" / "control" / row["audio"]
                if modality == "audio" else row["text"]))
            for row in rows
        ]  # fmt: skip
        write(
            folder,
            found,
            modality=modality,
            encoder=encoder.name,
            params_digest="0",
            feature_names=encoder.feature_names(),
        )
    faces = [
        Row(row["utterance_id"], "0", generator.normal(size=(1, FACE)).astype(np.float32)) for row in rows
    ]
    write(folder, faces, modality="face", encoder="table", params_digest="0", feature_names=["AU"] * FACE)
    folds = [
        {
            "fold": fold,
            "utterance_id": row["utterance_id"],
            "speaker": row["speaker"],
            "label": row["label"],
            "role": "test" if number // CLIPS == fold else "train",
        }
        for fold in range(SPEAKERS)
        for number, row in enumerate(rows)
    ]
    write_table(root / "data" / "folds.parquet", pd.DataFrame(folds))


def _model(root: Path, *, seed: int, protocol: str, strategy: str) -> None:
    torch.manual_seed(seed)
    store = open_all(root / "data" / "features", ["control"])
    layouts = {modality: [list(each) for each in store.layout(modality)] for modality in store.modalities}
    used = [strategy] if strategy in layouts else list(layouts)
    preparation = Preparation(plan({name: layouts[name] for name in used}))
    read = {name: [torch.from_numpy(each) for each in store.tokens(name, ids())] for name in used}
    preparation.fit(
        {name: held[0] for name, held in read.items()}, {name: held[1] for name, held in read.items()}
    )
    members = [
        build(strategy, dimensions=preparation.dimensions, classes=len(CLASSES), config=CONFIG)
        for _ in range(2)
    ]
    model = EmotionModel(preparation, members, modalities=tuple(used))
    (root / "data" / "model").mkdir(exist_ok=True)
    save_file(model.state_dict(), root / "data" / "model" / "weights.safetensors")
    write_json(
        root / "data" / "model" / "model.json",
        {
            "schema_version": ModelCard.VERSION,
            "strategy": strategy,
            "config": CONFIG,
            "epochs": 1,
            "seeds": [0, 1],
            "left_out": [],
            "classes": CLASSES,
            "label_space": "emotion3",
            "protocol": protocol,
            "corpora": ["control"],
            "parameters": 1,
            "preparation": preparation.describe(),
            "modalities": {
                modality: {
                    "encoders": [name for name, _ in layout],
                    "parameters": ENCODERS.get(modality, ((), {}))[1],
                    "layout": layout,
                }
                for modality, layout in layouts.items()
            },
        },
    )


def _figures(root: Path, *, right: float, protocol: str, strategy: str) -> None:
    generator = np.random.default_rng(5)
    truth = np.arange(len(ids())) % 3
    hit = np.arange(len(truth)) % CLIPS < right * CLIPS  # of each speaker as many
    predicted = np.where(hit, truth, (truth + 1) % 3)
    table = pd.DataFrame({"utterance_id": ids(), "fold": np.arange(len(truth)) // CLIPS, "seed": 0})
    table["strategy"], table["label"] = strategy, [CLASSES[each] for each in truth]
    for number, name in enumerate(CLASSES):
        table[f"p_{name}"] = np.where(predicted == number, 0.8, 0.1)
    write_table(root / "data" / "predictions.parquet", pd.concat([table, table.assign(strategy="chosen")]))
    documents.protocol(protocol=protocol, digest="f" * 64, classes=CLASSES).write(root)
    figures = documents.figures(right)
    documents.metrics(
        protocol=protocol,
        label_space="emotion3",
        classes=CLASSES,
        strategies={
            strategy: figures,
            "chosen": figures.model_copy(update={"params": None, "operations": None}),
        },
        best=strategy,
    ).write(root)
    (root / "reports" / "index.html").write_text("<p>report</p>")
    (root / "reports" / "comparison.csv").write_text("strategy,ua\n")
    (root / "reports" / "plots").mkdir(exist_ok=True)
    (root / "reports" / "plots" / "strategies.csv").write_text("strategy,ua\n")
    choices = {fold: documents.chosen(config=CONFIG, epochs=EPOCHS) for fold in range(3)}
    documents.best({strategy: choices}).write(root)
    trials = [
        {"strategy": strategy, "fold": fold, "trial": trial, "seed": seed, "config": json.dumps(CONFIG)}
        | {"epochs": EPOCHS, "status": "finished", "ua": 0.5 - 0.1 * trial + 0.02 * seed}
        for fold in range(3)
        for trial in range(CONFIGURATIONS)
        for seed in range(2)
    ]
    trials.append(trials[0] | {"strategy": "gesture", "epochs": 0, "status": "left out", "ua": None})
    TRIALS.write(pd.DataFrame(trials).reindex(columns=list(TRIALS.columns)), root)
    curves = [
        {name: row[name] for name in ("strategy", "fold", "trial", "seed", "ua")}
        | {"epoch": epoch, "train_loss": 1.0, "loss": float(generator.random()), "wa": 0.5}
        for row in trials[:-1]
        for epoch in range(1, EPOCHS + 1)
    ]
    curves[0]["train_loss"] = None  # of an epoch that diverged
    CURVES.write(pd.DataFrame(curves), root)
