"""The phones that were planted in a corpus, as a number for each frame: what clusters are held against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ..encoders.av_hubert.filterbank import FRAMES_PER_S

Phone = tuple[str, float, float]
"""Its name, and the seconds at which it begins and ends."""


class Units:
    """Planted phones of a corpus's utterances.

    Attributes:
        names: of the phones, sorted; a frame has the place of its phone here.
    """

    def __init__(self, said: Mapping[str, Sequence[Phone]]):
        """Those of a corpus.

        Args:
            said: utterance → its phones; empty: none are planted.
        """
        self._said = said
        self.names = sorted({name for phones in said.values() for name, _, _ in phones})
        self._numbers = {name: number for number, name in enumerate(self.names)}

    def of(self, utterance_id: str, frames: int) -> np.ndarray | None:
        """The phone in the middle of each frame, int16 [frames], -1 in pauses; None: the utterance has none."""
        if utterance_id not in self._said:
            return None
        units = np.full(frames, -1, np.int16)
        middles = (np.arange(frames) + 0.5) / FRAMES_PER_S
        for name, begin, end in self._said[utterance_id]:
            units[(middles >= begin) & (middles < end)] = self._numbers[name]
        return units


def grouped(rows: Iterable[tuple[str, str, float, float]]) -> dict[str, list[Phone]]:
    """Rows of utterance, phone, begin and end, by utterance."""
    said: dict[str, list[Phone]] = {}
    for utterance_id, name, begin, end in rows:
        said.setdefault(utterance_id, []).append((name, begin, end))
    return said
