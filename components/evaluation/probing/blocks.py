"""Blocks of features: what one encoder, or one layer of an encoder whose layers are apart, makes of an utterance."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from ...encoders import FeatureStore


@dataclass(frozen=True)
class Block:
    """Columns of a modality's tokens.

    Attributes:
        encoder: that fills them.
        layer: of the encoder, from 0 (what its first layer is given); None where its layers are not apart.
        start, stop: the columns.
    """

    modality: str
    encoder: str
    layer: int | None
    start: int
    stop: int

    @property
    def dimensions(self) -> int:
        return self.stop - self.start

    @property
    def name(self) -> str:
        return self.encoder if self.layer is None else f"{self.encoder}, layer {self.layer}"


def of_every_fold(store: FeatureStore) -> list[str]:
    """The modalities whose features are the same in every test fold, so that there is one set of them to probe."""
    return [name for name in store.modalities if not store.folds(name)]


def blocks_of(store: FeatureStore, modality: str) -> list[Block]:
    """The blocks of a modality, in the order of their columns."""
    blocks, start = [], 0
    for encoder, entries in groupby(store.layout(modality), key=lambda entry: entry[0]):
        widths = [width for _, width in entries]
        for layer, width in enumerate(widths):
            blocks.append(Block(modality, encoder, layer if len(widths) > 1 else None, start, start + width))
            start += width
    return blocks


def features_of(store: FeatureStore, ids: Sequence[str]) -> Iterator[tuple[Block, np.ndarray]]:
    """Every block of every modality of `of_every_fold`, with a vector for each utterance: the mean over its tokens.

    Args:
        store: the features.
        ids: of the N utterances.

    Yields:
        A block, and float32 ``[N, D]``; NaN for an utterance without these features.

    Raises:
        FeatureError: features that are not finite; the message names the utterance.
    """
    for modality in of_every_fold(store):
        means = np.stack(
            [_mean(*store.tokens(modality, [name])) for name in ids]
        )  # one at a time: T may be long
        for block in blocks_of(store, modality):
            yield block, means[:, block.start : block.stop]


def _mean(tokens: np.ndarray, present: np.ndarray) -> np.ndarray:
    """The mean over an utterance's tokens, float32 ``[D]``; NaN where it has none.

    Where encoders are joined as streams, a token is NaN in the columns of the other encoders; those do not count.

    Args:
        tokens: ``[1, T, D]``.
        present: ``[1, T]``.
    """
    held = tokens[0, present[0]]
    known = ~np.isnan(held)
    sums, counts = np.where(known, held, 0).sum(0, dtype=np.float64), known.sum(0)
    mean = np.full(len(sums), np.nan)
    np.divide(sums, counts, out=mean, where=counts > 0)
    return mean.astype(np.float32)
