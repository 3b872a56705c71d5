"""What part of a clip a token is of, and the values of tokens as values of even parts of the clip.

The feature store keeps no times. The tokens of a sequence are taken to be spread evenly over the recording, as they
are where encoders are joined (`encoders.base.merge`): token i of T is of the part from i / T to (i + 1) / T. The only
token of a pooled encoder is of all of it.
"""

import numpy as np

MOST_PARTS = 48
"""That a clip is cut into: a film's face has some ten tokens, log-mel frames are a hundred a second."""


def spans(made: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The part of the clip that each token is of.

    Args:
        made: bool ``[T, E]``, which of the modality's encoders made it; where they are joined as streams it is one.

    Returns:
        Where each begins and ends ``[T]``, as shares of the clip.
    """
    encoder = made.argmax(1)
    place = made.cumsum(0)[np.arange(len(made)), encoder] - 1
    count = made.sum(0)[encoder]
    return place / count, (place + 1) / count


def in_parts(values: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """The values of even parts of the clip; a token's value is spread evenly over its own part.

    Args:
        values: of tokens ``[T]``.
        starts, ends: of their parts, see `spans`.

    Returns:
        ``[P]``, whose sum is that of the tokens; as many parts as the shortest token fits in, at most `MOST_PARTS`.
    """
    parts = min(MOST_PARTS, round(1 / float((ends - starts).min())))
    edges = np.arange(parts + 1) / parts
    overlap = np.minimum(ends[:, None], edges[1:]) - np.maximum(starts[:, None], edges[:-1])
    found: np.ndarray = (values / (ends - starts)) @ overlap.clip(min=0)
    return found


def standing_out(values: np.ndarray) -> tuple[int, int]:
    """The stretch of parts ``[from, to)`` that lies furthest above the mean in sum; all of one part."""
    excess = values - values.mean()
    best, first, last, begin, total = -np.inf, 0, len(values), 0, 0.0
    for at, each in enumerate(excess.tolist()):
        if total <= 0:
            begin, total = at, 0.0
        total += each
        if total > best + 1e-12:
            best, first, last = total, begin, at + 1
    return first, last
