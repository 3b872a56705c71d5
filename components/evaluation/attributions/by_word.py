"""Values of hashed columns as values of the words that were hashed (`encoders.text.Hashing`)."""

import numpy as np

from ...encoders.text import Hashing
from ...errors import EvaluationError
from ...media.text import words


def by_word(text: str, counts: np.ndarray, values: np.ndarray) -> list[tuple[str, float]]:
    """Each word of a text in order, with its share of the columns' values.

    What is counted in a column is shared among the words that count there as they count; words that fall in one column
    by hashing share it, too.

    Args:
        text: that was encoded.
        counts: what the encoder made of it ``[D]``.
        values: of the columns ``[D]``; 0 in those that no word counts in.

    Returns:
        Words and values, which sum to that of the columns.

    Raises:
        EvaluationError: the counts are of another text.
    """
    said = words(text)
    encoder = Hashing(dimensions=len(counts))
    each = np.stack([encoder.encode(word)[0] for word in said]) if said else np.zeros((1, len(counts)))
    total = each.sum(0)
    if not np.allclose(total, counts, atol=1e-2):
        raise EvaluationError(
            f"the stored features of {text!r} are of other words; make them again with: dvc repro features"
        )
    shares = each / np.where(total > 0, total, 1.0) @ values
    return list(zip(said, shares.tolist(), strict=True))
