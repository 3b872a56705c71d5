"""Which fold tests each row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ProtocolError, listed
from . import rules
from .groups import groups_of
from .plan import Protocol
from .selection import refuse

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

NOWHERE = -1
"""The number of the fold that tests a row which is never tested."""


def tested_of(protocol: Protocol, rows: pd.DataFrame) -> tuple[np.ndarray, int]:
    """The fold ``[N]`` that tests each row, and how many folds there are."""
    import numpy as np

    deal = protocol.deal
    fewest = rules.FEWEST if deal.validation == "next fold" else 2
    if deal.test == "listed":
        return _listed(protocol, rows)
    if deal.test in ("official", "corpora"):
        test = rows["split_official"] == "test" if deal.test == "official" else rows["corpus"] == deal.target
        if not test.any():
            there = listed(sorted(set(rows["split_official"].dropna()))) or "nothing"
            raise ProtocolError(
                f"protocol {protocol.id}: no labelled row is in the test"
                + (
                    f" (the corpus's own split has {there}): take a rule that makes one, such as kfold5"
                    if deal.test == "official"
                    else f": none of {deal.target} has a label of the space {protocol.space.name}"
                )
            )
        return np.where(test, 0, NOWHERE), 1
    if deal.test == "utterances":
        count = rules.fold_count(deal.count, len(rows), rule=protocol.id, of="utterances", fewest=fewest)
        order = sorted(rows["utterance_id"], key=lambda name: rules.hashed(protocol.seed, name))
        place = dict(zip(order, range(len(order)), strict=True))
        return rows["utterance_id"].map(place).to_numpy() * count // len(rows), count
    if deal.test == "each":
        refuse(protocol, rows[rows[deal.column].isna()], f"have no {deal.column}, and each is a fold")
        values = sorted(rows[deal.column].unique())
        of = "speakers" if deal.column == "speaker" else f"values of {deal.column}"
        count = rules.fold_count(0, len(values), rule=protocol.id, of=of, fewest=fewest)
        return rows[deal.column].map(dict(zip(values, range(count), strict=True))).to_numpy(), count
    speakers = rows["speaker"].nunique()
    count = rules.fold_count(deal.count, speakers, rule=protocol.id, of="speakers", fewest=fewest)
    return rows["speaker"].map(_dealt(protocol, rows, count)).to_numpy(), count


def _listed(protocol: Protocol, rows: pd.DataFrame) -> tuple[np.ndarray, int]:
    deal = protocol.deal
    what = f"{deal.column}s"
    local = rows[deal.column].str.split("/", n=1).str[1]
    fold_of = {group: fold for fold, groups in enumerate(deal.groups) for group in groups}
    whole = len(deal.groups) > 1
    present = set(local.dropna())
    strangers = sorted(set(rows.loc[~local.isin(list(fold_of)), deal.column].dropna())) if whole else []
    if strangers or local.isna().any():
        unknown = (
            listed(strangers) if strangers else f"{int(local.isna().sum())} row(s) without a {deal.column}"
        )
        raise ProtocolError(
            f"protocol {protocol.id} lists {len(fold_of)} {what}, and none of its folds has {unknown}: "
            f"the corpus is not the one it was published for, or its {what} are misread; "
            f"for other {what} use a rule, such as kfold{max(rules.FEWEST, len(deal.groups))}"
        )
    for fold, groups in enumerate(deal.groups):
        if not present & set(groups):
            raise ProtocolError(
                f"protocol {protocol.id}: fold {fold} is empty, since none of its {what} ({listed(groups)}) is in "
                f"the corpus (there are: {listed(sorted(present))}). A subset of the {what} needs at least one from "
                f"each fold; add one, or use a rule, such as "
                + (
                    f"kfold{max(rules.FEWEST, min(4, len(present)))}"
                    if deal.column == "speaker"
                    else f"logo:{deal.column}"
                )
            )
    return local.map(fold_of).fillna(NOWHERE).astype("int64").to_numpy(), len(deal.groups)


def _dealt(protocol: Protocol, rows: pd.DataFrame, count: int) -> dict[str, int]:
    groups = groups_of(protocol, rows)
    if len(groups) < count:
        columns = [name for name in protocol.apart if rows[name].notna().any()]
        raise ProtocolError(
            f"protocol {protocol.id}: speakers who share a {' or a '.join(columns)} are dealt together, and so the "
            f"{len(groups.of)} speakers make {len(groups)} group(s), of which {count} are needed; the largest holds "
            f"{listed(groups.largest())}. Take the corpus's own split (official), folds of whole groups "
            f"({' or '.join(f'logo:{name}' for name in columns)}), or fewer folds; or answer for it in params.yaml, "
            f"and every figure will say so: folds.waivers: {{{columns[0]}: <why it is no leak>}}"
        )
    return groups.dealt(count, seed=protocol.seed)
