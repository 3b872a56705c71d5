"""Clips as vectors: the mean of a model's output over each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ...encoders.av_hubert.network import AvHubert
from ..batches import batch_of, seen
from ..store import InputStore

AT_ONCE = 16
"""Clips of a batch."""


@torch.inference_mode()
def embeddings(
    model: AvHubert, store: InputStore, clips: Sequence[int], *, streams: str, device: str
) -> np.ndarray:
    """The vectors of clips, float32 ``[N, D]``, in their order.

    Args:
        model: on ``device``.
        store: of the clips.
        clips: their numbers.
        streams: ``a``, ``v`` or ``av``: what of a clip is given.
        device: ``cpu`` or ``cuda``.
    """
    model.eval()
    vectors = np.zeros((len(clips), model.config.hidden_size), np.float32)
    order = sorted(range(len(clips)), key=lambda place: int(store.lengths[clips[place]]))
    for begin in range(0, len(order), AT_ONCE):
        places = order[begin : begin + AT_ONCE]
        batch = batch_of(store, [clips[place] for place in places])
        given = {name: x.to(device) for name, x in seen(model.config, batch, streams).items()}
        features = model.features(
            given.get("audio"), given.get("video"), given.get("audio_present"), given.get("video_present")
        )
        states, _ = model.encoder(model.joined(*features), given["attention_mask"])  # of one with heads, too
        there = given["attention_mask"].unsqueeze(-1)
        vectors[places] = ((states * there).sum(1) / there.sum(1)).float().cpu().numpy()
    return vectors
