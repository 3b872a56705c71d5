"""A workspace up to its folds whose stored features hold what a test plants in them."""

from pathlib import Path

import numpy as np
import pandas as pd
from documents import protocol, three_folds
from emoflow.artifacts.folds import FOLDS
from emoflow.encoders.store import Row, write
from emoflow.evaluation.probing.inputs import Inputs
from emoflow.files import write_table
from emoflow.schema import UTTERANCE_COLUMNS

CLASSES = ["anger", "neutral", "sadness"]
SPEAKERS, CLIPS, WIDTH = 9, 10, 12


def utterances(speakers: int = SPEAKERS, clips: int = CLIPS) -> pd.DataFrame:
    """``clips`` of each class by each speaker, the first speakers' gender being female."""
    rows = [
        (f"control/{speaker}-{label}-{clip:02}", f"control/{speaker}", label)
        for speaker in range(speakers)
        for label in CLASSES
        for clip in range(clips)
    ]
    table = pd.DataFrame(rows, columns=["utterance_id", "speaker", "label"]).assign(corpus="control")
    first = table["speaker"].str[8:].astype(int) < speakers // 2
    return table.assign(speaker_gender=np.where(first, "female", "male"))


def holding(values: pd.Series, *, width: int = WIDTH, noise: float = 1.0, seed: int = 0) -> np.ndarray:
    """Features ``[N, width]``: a random mean for each value, and noise."""
    generator = np.random.default_rng(seed)
    codes = pd.factorize(values)[0]
    means = generator.normal(size=(codes.max() + 1, width))
    return means[codes] + noise * generator.normal(size=(len(codes), width))


def lay_out(
    root: Path,
    table: pd.DataFrame,
    encoders: dict[str, np.ndarray],
    *,
    modality: str = "audio",
    join: str = "concatenate",
) -> Inputs:
    """Write a workspace and read it.

    Args:
        table: as `utterances` makes it, with further columns of the utterance table.
        encoders: name → ``[N, D]``, or ``[N, L, D]`` of L layers apart; NaN for an utterance without these features.
    """
    for encoder, x in encoders.items():
        layers = x.shape[1] if x.ndim == 3 else 1
        flat = x.reshape(len(x), -1).astype(np.float16 if layers > 1 else np.float32)
        rows = [
            Row(name, "0", one[None])
            for name, one in zip(table["utterance_id"], flat, strict=True)
            if not np.isnan(one).any()
        ]
        names = [f"{encoder}_{number}" for number in range(flat.shape[1])]
        write(
            root / "data/features/control",
            rows,
            modality=modality,
            encoder=encoder,
            params_digest="0",
            feature_names=names,
            layers=layers,
            join=join,
        )
    three_folds(root, table)
    if table["speaker"].nunique() == 1:  # then by utterance: every third is tested
        folds = FOLDS.read(root)
        turn = folds.groupby("fold").cumcount() % 3
        roles = np.select(
            [turn == folds["fold"], turn == (folds["fold"] + 1) % 3], ["test", "validation"], "train"
        )
        write_table(root / "data/folds.parquet", folds.assign(role=roles))
    protocol(classes=CLASSES).write(root)
    told = table.reindex(columns=list(UTTERANCE_COLUMNS))
    write_table(root / "data/utterances/control.parquet", told)
    return Inputs.read(["control"], root)
