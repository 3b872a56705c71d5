"""Made corpora whose emotion is in their sound, and a small model, as the stages of pre-training leave them."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from emoflow.artifacts.pretraining import LABELS
from emoflow.encoders.av_hubert.configuration import AvHubertConfig
from emoflow.encoders.av_hubert.network import AvHubert
from emoflow.pretraining.store import Clip, write

EMOTIONS = ["anger", "happiness", "sadness"]
SIZES = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}


def lay_out(corpus: str, *, speakers: int, seed: int) -> None:
    """Nine clips a speaker of random sounds, over which each emotion lays its own; all say one of two words."""
    draws = np.random.default_rng(seed)
    colours = np.random.default_rng(99).normal(size=(len(EMOTIONS), 104))
    clips, rows = [], []
    for number in range(speakers * 9):
        emotion, length = number % 3, int(draws.integers(20, 30))
        audio = (draws.normal(size=(length, 104)) + 0.7 * colours[emotion]).astype(np.float16)
        mfcc = draws.normal(size=(length, 39)).astype(np.float32)
        name = f"{corpus}/{number}"
        clips.append(Clip(name, audio, mfcc, None, None))
        said = ("yes", "no")[number % 2]
        rows.append((name, f"{corpus}/{number // 9}", said, EMOTIONS[emotion], f"clips/{number}.wav", None))
    write(Path("data/pretraining/inputs") / corpus, clips, pictures=False)
    LABELS.write(pd.DataFrame(rows, columns=list(LABELS.columns)), corpus=corpus)


def make_model(folder: str) -> None:
    """A model of first weights."""
    torch.manual_seed(0)
    AvHubert(AvHubertConfig.tiny(**SIZES, video_widths=(2, 2, 2, 4))).save_pretrained(folder)
