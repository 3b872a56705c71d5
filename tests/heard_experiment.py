"""A small trained experiment: anger is heard below 1 kHz, sadness above; words tell nothing."""

from collections.abc import Sequence
from pathlib import Path

import documents
import numpy as np
import pandas as pd
import soundfile
import yaml
from conftest import ROOT
from emoflow.encoders.cache import Cache
from emoflow.encoders.extract import extract, recipes_of
from emoflow.files import file_digest, write_table
from emoflow.schema import UTTERANCE_COLUMNS
from emoflow.stages import train
from in_process import no_processes, run_stages
from scipy.signal import butter, sosfilt

CLASSES = ["anger", "sadness"]
SPEAKERS, CLIPS = 6, 4
SENTENCES = ["the door is open now", "we walk to the shop", "a dog sits by the tree"]
CONFIG = {"width": 16, "layers": 1, "learning_rate": 0.01, "dropout": 0.1}
CACHE = ".emoflow/cache"


def trained_workspace(root: Path, strategies: Sequence[str] = ("early-concatenation",)) -> Path:
    """A workspace after the stage ``train``, in ``root``, which is returned."""
    table = _recordings(root / "data/raw/lab")
    write_table(root / "data/utterances/lab.parquet", table)
    stated = {"audio": {"encoders": ["logmel"]}, "text": {"encoders": ["hashing"], "dimensions": 64}}
    (root / "data/features").mkdir()
    with no_processes():
        extract(
            table, raw=root / "data/raw/lab", out=root / "data/features/lab", recipes=recipes_of(stated),
            attached={}, excluded={}, cache=Cache(root / CACHE), workers=1,
        )  # fmt: skip
    documents.three_folds(root, table)
    documents.protocol(classes=CLASSES).write(root)
    choice = documents.chosen(config=CONFIG, epochs=30)
    documents.best({name: dict.fromkeys(range(3), choice) for name in strategies}).write(root)
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params |= {"corpora": ["lab"], "modalities": ["audio", "text"]}
    for name, section in stated.items():
        params["features"][name] |= section
    params["train"]["seeds"] = [0, 1]
    (root / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    run_stages(root, train)
    return root


def _recordings(folder: Path) -> pd.DataFrame:
    folder.mkdir(parents=True)
    generator, rows = np.random.default_rng(0), []
    for speaker in range(SPEAKERS):
        for label, kind in zip(CLASSES, ("low", "high"), strict=True):
            for clip in range(CLIPS):
                name = f"{speaker}-{label}-{clip}"
                heard = sosfilt(butter(6, 1000, kind, fs=16_000, output="sos"), generator.normal(size=8000))
                soundfile.write(folder / f"{name}.wav", 0.1 * heard, 16_000)
                said = SENTENCES[clip % len(SENTENCES)]
                row = {"utterance_id": f"lab/{name}", "corpus": "lab", "speaker": f"lab/{speaker}"}
                row |= {"label": label, "audio": f"{name}.wav", "text": said, "text_digest": said}
                rows.append(row | {"audio_digest": file_digest(folder / f"{name}.wav")})
    return pd.DataFrame(rows).reindex(columns=list(UTTERANCE_COLUMNS)).sort_values("utterance_id")
