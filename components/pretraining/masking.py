"""Which frames are masked: spans of one length at random starts, as fairseq's ``compute_mask_indices`` draws them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

LEAST_SPANS = 2
"""Of a clip."""


def masked_spans(
    lengths: Sequence[int], total: int, *, share: float, span: int, draws: np.random.Generator
) -> np.ndarray:
    """Draw the masked frames of a batch.

    A clip of n frames gets ``share * n / span`` spans, rounded at random, which may overlap: of 0.8 of the frames in
    spans of ten, 0.8 are drawn and about 0.55 masked (Baevski et al. 2020). All clips have as many masked frames as the
    one that has fewest; the others lose some at random.

    Args:
        lengths: frames of each clip.
        total: frames of the batch, at least the longest clip's.
        share: of the frames, to be drawn; 0: none is masked.
        span: frames of a span.
        draws: what is drawn from.

    Returns:
        bool ``[clips, total]``, False beyond a clip's end.
    """
    mask = np.zeros((len(lengths), total), bool)
    if share == 0:
        return mask
    drawn = [_frames(length, share, span, draws) for length in lengths]
    fewest = min(map(len, drawn))
    for row, frames in zip(mask, drawn, strict=True):
        kept = frames if len(frames) == fewest else draws.choice(frames, fewest, replace=False)
        row[kept] = True
    return mask


def _frames(length: int, share: float, span: int, draws: np.random.Generator) -> np.ndarray:
    count = min(max(LEAST_SPANS, int(share * length / span + draws.random())), max(1, length - 1))
    # A clip that is hardly longer than its spans: so many different starts have to be left.
    shortest = span if length - span > count else length - count - 1
    starts = draws.choice(max(1, length - shortest), count, replace=False)
    frames = np.unique(starts[:, None] + np.arange(span))
    return frames[frames < length]


def runs(row: np.ndarray) -> Iterator[tuple[int, int]]:
    """The begin and end of each run of True in bool ``[T]``."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], row, [False]]).astype(np.int8)))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def other_spans(mask: np.ndarray, lengths: Sequence[int], draws: np.random.Generator) -> np.ndarray:
    """For each masked run, the frames of another place of the same clip, which take its place.

    Args:
        mask: bool ``[clips, T]``.
        lengths: frames of each clip.
        draws: what is drawn from.

    Returns:
        int64 ``[clips, T]``: the frame of the same clip to take; a frame that is not masked takes itself. A place that
        reaches beyond the clip's end repeats its last frame.
    """
    taken = np.tile(np.arange(mask.shape[1]), (len(mask), 1))
    for row, masked, length in zip(taken, mask, lengths, strict=True):
        for begin, end in runs(masked):
            span = end - begin
            apart = np.setdiff1d(np.arange(length), np.arange(max(0, begin - span), end))
            start = draws.choice(apart) if len(apart) else 0
            row[begin:end] = np.minimum(np.arange(start, start + span), length - 1)
    return taken
