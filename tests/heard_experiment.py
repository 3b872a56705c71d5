"""A small trained experiment: anger is heard below 1 kHz, sadness above; words tell nothing."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
CACHE, RAW = ".emoflow/cache", "data/raw/lab"
RATE = 16_000


def trained_workspace(root: Path, strategies: Sequence[str] = ("early-concatenation",)) -> Path:
    """A workspace after the stage ``train``, in ``root``, which is returned."""
    lay_out(root, _recordings(root / RAW), train={"seeds": [0, 1]})
    choice = documents.chosen(config=CONFIG, epochs=30)
    documents.best({name: dict.fromkeys(range(3), choice) for name in strategies}).write(root)
    run_stages(root, train)
    return root


def lay_out(root: Path, rows: list[dict[str, str]], **sections: dict[str, Any]) -> None:
    """A workspace up to the stage ``folds``.

    Args:
        rows: of the utterance table, as `recorded` gives them.
        sections: of ``params.yaml``, what differs there.
    """
    table = pd.DataFrame(rows).reindex(columns=list(UTTERANCE_COLUMNS)).sort_values("utterance_id")
    write_table(root / "data/utterances/lab.parquet", table)
    stated = {"audio": {"encoders": ["logmel"]}, "text": {"encoders": ["hashing"], "dimensions": 64}}
    (root / "data/features").mkdir()
    with no_processes():
        extract(
            table, raw=root / RAW, out=root / "data/features/lab", recipes=recipes_of(stated),
            attached={}, excluded={}, cache=Cache(root / CACHE), workers=1,
        )  # fmt: skip
    documents.three_folds(root, table)
    documents.protocol(classes=CLASSES).write(root)
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params |= {"corpora": ["lab"], "modalities": ["audio", "text"]}
    for name, section in stated.items():
        params["features"][name] |= section
    for name, section in sections.items():
        params[name] |= section
    (root / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")


def recorded(
    folder: Path, name: str, wave: np.ndarray, *, speaker: int, label: str, said: str
) -> dict[str, str]:
    """Write a clip, and give its row of the utterance table."""
    folder.mkdir(parents=True, exist_ok=True)
    soundfile.write(folder / f"{name}.wav", wave, RATE)
    row = {"utterance_id": f"lab/{name}", "corpus": "lab", "speaker": f"lab/{speaker}", "label": label}
    row |= {"audio": f"{name}.wav", "audio_digest": file_digest(folder / f"{name}.wav")}
    return row | {"text": said, "text_digest": said}


def filtered(noise: np.ndarray, label: str) -> np.ndarray:
    """What of the noise is below 1 kHz for anger, above for sadness."""
    kind = dict(zip(CLASSES, ("low", "high"), strict=True))[label]
    return sosfilt(butter(6, 1000, kind, fs=RATE, output="sos"), noise)


def _recordings(folder: Path) -> list[dict[str, str]]:
    generator, rows = np.random.default_rng(0), []
    for speaker in range(SPEAKERS):
        for label in CLASSES:
            for clip in range(CLIPS):
                wave = 0.1 * filtered(generator.normal(size=RATE // 2), label)
                said = SENTENCES[clip % len(SENTENCES)]
                name = f"{speaker}-{label}-{clip}"
                rows.append(recorded(folder, name, wave, speaker=speaker, label=label, said=said))
    return rows
