"""What a strategy costs, as plain data that is read without torch; `measuring` measures it."""

from dataclasses import dataclass

REFERENCE = {"audio": 128, "face": 128, "text": 128}
"""Prepared features of each modality that costs are measured with."""
TOKENS, CLASSES = 8, 7
ONE_ALONE = "one modality alone"
"""What the baseline of one modality is listed as."""


@dataclass(frozen=True)
class Cost:
    """The cost of a strategy at the first value of everything that its architecture may vary.

    Attributes:
        varies: the configuration's keys that are its own, beside those of every training.
        parameters: trained ones.
        operations: multiplications and additions of one utterance's forward pass, of `TOKENS` tokens a modality.
    """

    varies: tuple[str, ...]
    parameters: int
    operations: int
