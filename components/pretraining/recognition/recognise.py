"""Clips of a store to texts and emotions, by a fine-tuned network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..batches import batch_of, seen
from ..store import InputStore
from .decoding import beam, greedy
from .network import AvHubertRecogniser, vocabulary_of


@dataclass(frozen=True)
class Answers:
    """What a network says of N clips.

    Attributes:
        texts: what was recognised, by the width of the beam.
        emotions: float32 [N, C], probabilities.
    """

    texts: list[str]
    emotions: np.ndarray


@torch.inference_mode()
def recognise(
    network: AvHubertRecogniser,
    store: InputStore,
    clips: Sequence[int],
    *,
    streams: str,
    width: int,
    device: str,
    at_once: int = 16,
) -> Answers:
    """Recognise clips.

    Args:
        network: on ``device``.
        store: of the clips.
        clips: their numbers.
        streams: ``a``, ``v`` or ``av``: what of a clip is given.
        width: of the beam; 1: the most probable character of each frame is taken.
        device: ``cpu`` or ``cuda``.
        at_once: clips of a batch.
    """
    network.eval()
    vocabulary = vocabulary_of(network.config)
    texts, emotions = [""] * len(clips), np.zeros((len(clips), len(network.config.emotions)), np.float32)
    order = sorted(range(len(clips)), key=lambda place: int(store.lengths[clips[place]]))
    for begin in range(0, len(order), at_once):
        places = order[begin : begin + at_once]
        batch = batch_of(store, [clips[place] for place in places])
        given = {name: x.to(device) for name, x in seen(network.config, batch, streams).items()}
        found = network(
            **{"audio": None, "video": None, "audio_present": None, "video_present": None} | given
        )
        characters, probabilities = found.characters.cpu().numpy(), found.emotions.softmax(-1).cpu().numpy()
        for row, place in enumerate(places):
            heard = characters[row, : batch.lengths[row] * network.config.steps_per_frame]
            texts[place] = vocabulary.text(beam(heard, width=width) if width > 1 else greedy(heard))
            emotions[place] = probabilities[row]
    return Answers(texts, emotions)
