"""Which rows validate while a fold is tested."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..errors import ProtocolError
from . import rules
from .groups import groups_of
from .plan import Protocol
from .selection import refuse

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FIFTH = 5


def validation_of(
    protocol: Protocol, rows: pd.DataFrame, tested: np.ndarray, *, fold: int, count: int
) -> np.ndarray:
    """Which rows ``[N]`` validate while a fold is tested."""
    deal, test = protocol.deal, tested == fold
    rest = rows[~test]
    if deal.validation == "next fold":
        return tested == (fold + 1) % count
    if deal.validation == "test":
        return test
    if deal.validation == "listed":
        return rows[deal.column].str.split("/", n=1).str[1].isin(deal.held).to_numpy()
    if deal.validation == "official" and (rows["split_official"] == "validation").any():
        return (rows["split_official"] == "validation").to_numpy()
    if deal.validation == "rest of the session":
        sessions = set(rows.loc[test, "session"].dropna())
        return (~test & rows["session"].isin(sessions)).to_numpy()
    if deal.validation == "10 % of the dialogues":
        chosen = _some(protocol, rest["dialogue"].dropna().unique(), share=0.1)
        return rows["dialogue"].isin(chosen).to_numpy() & ~test
    if deal.validation == "20 % of the utterances":
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
                f"{len(groups.of)} speaker(s) all share a session or a dialogue: add speakers, or answer for it in "
                "params.yaml, and every figure will say so: folds.waivers: {session: <why it is no leak>}"
            )
        fold_of = groups.dealt(min(FIFTH, len(groups)), seed=protocol.seed)
        chosen |= {speaker for speaker, fold in fold_of.items() if fold == 0}
    return chosen
