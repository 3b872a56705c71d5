"""Chooses the validation rows of a fold, by the split scheme of a protocol."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..errors import ProtocolError
from . import rules
from .lookup import Protocol
from .selection import refuse
from .speaker_groups import groups_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FIFTH = 5


def validation_of(
    protocol: Protocol, rows: pd.DataFrame, tested: np.ndarray, *, fold: int, count: int
) -> np.ndarray:
    """Choose the rows that validate while a fold is tested.

    Args:
        protocol: whose split scheme is applied.
        rows: the selected rows, N of them.
        tested: the fold ``[N]`` that tests each row.
        fold: the fold that is tested.
        count: the number of folds.

    Returns:
        Whether each row validates: bool ``[N]``.

    Raises:
        ProtocolError: where validation needs speakers of its own, and they are unknown or too few.
    """
    scheme, test = protocol.scheme, tested == fold
    rest = rows[~test]
    if scheme.validation == "next fold":
        return tested == (fold + 1) % count
    if scheme.validation == "test":
        return test
    if scheme.validation == "listed":
        return rows[scheme.column].str.split("/", n=1).str[1].isin(scheme.validation_groups).to_numpy()
    if scheme.validation == "official" and (rows["split_official"] == "validation").any():
        return (rows["split_official"] == "validation").to_numpy()
    if scheme.validation == "rest of the session":
        sessions = set(rows.loc[test, "session"].dropna())
        return (~test & rows["session"].isin(sessions)).to_numpy()
    if scheme.validation == "10 % of the dialogues":
        chosen = _some(protocol, rest["dialogue"].dropna().unique(), share=0.1)
        return rows["dialogue"].isin(chosen).to_numpy() & ~test
    if scheme.validation == "20 % of the utterances":
        return rows["utterance_id"].isin(_some(protocol, rest["utterance_id"], share=0.2)).to_numpy()
    return rows["speaker"].isin(_held_out_speakers(protocol, rest)).to_numpy()


def _some(protocol: Protocol, names: Iterable[str], *, share: float) -> set[str]:
    """That share of the names, at least one, by the hash of seed and name."""
    order = sorted(names, key=lambda name: rules.hashed(protocol.seed, name))
    return set(order[: max(1, round(share * len(order)))])


def _held_out_speakers(protocol: Protocol, rest: pd.DataFrame) -> set[str]:
    """A fifth of the speakers of each corpus that trains; a half, a third, … where they make fewer groups."""
    refuse(
        protocol, rest[rest["speaker"].isna()], "have no speaker, and validation needs speakers of its own"
    )
    chosen = set()
    for corpus, part in rest.groupby("corpus"):
        groups = groups_of(protocol, part)
        if len(groups) < 2:
            raise ProtocolError(
                f"protocol {protocol.id}: validation is held-out speakers of {corpus}, and its "
                f"{len(groups.of)} speaker(s) all share a session or a dialogue: add speakers, or accept it in "
                "params.yaml, and every figure will carry it: folds.waivers: {session: <why it is no leak>}"
            )
        fold_of = groups.assign(min(FIFTH, len(groups)), seed=protocol.seed)
        chosen |= {speaker for speaker, fold in fold_of.items() if fold == 0}
    return chosen
