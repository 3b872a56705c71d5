"""What the windows say together: the drop from moment to moment, the strongest of them, whether they mislead."""

from collections.abc import Sequence

import numpy as np

from .explanation import ModalityValue, Window

LEAST = 0.01
"""By how much less probability has to be left without a window than without all of a modality, to be told."""


def profile(windows: Sequence[Window]) -> tuple[np.ndarray, np.ndarray]:
    """The mean drop of all windows that cover a moment.

    Args:
        windows: at least one.

    Returns:
        Edges in seconds [n + 1], and the mean drop between each two of them [n]; NaN where no window lies.
    """
    edges = np.unique([edge for window in windows for edge in (window.start_s, window.end_s)])
    middles = (edges[:-1] + edges[1:]) / 2
    starts, ends = (np.array([getattr(each, name) for each in windows]) for name in ("start_s", "end_s"))
    covers = (starts[:, None] < middles) & (middles < ends[:, None])
    drops, count = np.array([each.drop for each in windows]) @ covers, covers.sum(0)
    return edges, np.divide(drops, count, out=np.full(len(middles), np.nan), where=count > 0)


def strongest(windows: Sequence[Window], *, most: int) -> list[Window]:
    """The windows without which the probability changes most, none of which overlaps another; the strongest first.

    Args:
        windows: any.
        most: how many, at most.
    """
    found: list[Window] = []
    for window in sorted(windows, key=lambda each: -abs(each.drop)):
        apart = all(window.end_s <= each.start_s or each.end_s <= window.start_s for each in found)
        if apart and window.drop and len(found) < most:
            found.append(window)
    return found


def worse_than_nothing(windows: Sequence[Window], modality: ModalityValue) -> Window | None:
    """The strongest window, where less probability is left without it than without all of the modality.

    What is left of the modality then speaks against the label, as it does where silence or a gap itself is taken for
    a sign of another one.

    Args:
        windows: of the modality.
        modality: its value.

    Returns:
        None where no window is as strong.
    """
    lowest = min(windows, key=lambda each: each.probability, default=None)
    return lowest if lowest and lowest.probability < modality.without - LEAST else None
