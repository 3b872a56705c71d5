"""Folds by rule: every speaker is the test once, and validation is the next fold.

The deal depends on the seed, the speakers' names and their genders alone: not on the order of rows or files,
nor on a platform's random numbers.
"""

import hashlib
import re
from collections.abc import Mapping

from ..errors import ProtocolError, listed

FEWEST = 3  # one fold tests, one validates, and something has to train


def is_rule(name: str) -> bool:
    return name == "loso" or re.fullmatch(r"kfold[1-9]\d*", name) is not None


def fold_count(name: str, speakers: int) -> int:
    """How many folds the rule makes of that many speakers.

    ``kfold<k>`` makes k; ``loso`` (leave one speaker out) as many as there are speakers.

    Raises:
        ProtocolError: for fewer than three folds, or fewer speakers than folds.
    """
    count = speakers if name == "loso" else int(name.removeprefix("kfold"))
    if count < FEWEST:
        raise ProtocolError(
            f"{name} makes {count} fold(s); one fold tests and the next validates, "
            f"so at least {FEWEST} are needed for anything to train on"
        )
    if speakers < count:
        raise ProtocolError(
            f"{name} needs at least {count} speakers, and there are {speakers}: "
            f"name a protocol of fewer folds in params.yaml, or add speakers"
        )
    return count


def deal(genders: Mapping[str, str], *, folds: int, seed: int) -> dict[str, int]:
    """Speaker → test fold: sorted by gender and a hash of seed and name, then dealt round-robin.

    Round-robin over that order keeps the folds' sizes and their numbers of each gender within one of each other.

    Args:
        genders: speaker → gender; "" where unknown.
    """
    if len(genders) < folds:
        raise ProtocolError(f"{folds} folds of {len(genders)} speakers: {listed(sorted(genders))}")
    order = sorted(genders, key=lambda speaker: (genders[speaker], _hash(seed, speaker)))
    return {speaker: place % folds for place, speaker in enumerate(order)}


def _hash(seed: int, speaker: str) -> str:
    return hashlib.sha256(f"{seed}:{speaker}".encode()).hexdigest()
