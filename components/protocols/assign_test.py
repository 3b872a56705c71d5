"""Assigns each row the fold that tests it, by the split scheme of a protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ProtocolError, listed
from . import rules
from .lookup import Protocol
from .selection import refuse
from .speaker_groups import groups_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

NOWHERE = -1
"""The number of the fold that tests a row which is never tested."""


def test_fold_of(protocol: Protocol, rows: pd.DataFrame) -> tuple[np.ndarray, int]:
    """Find the fold that tests each row.

    Args:
        protocol: whose split scheme is applied.
        rows: the selected rows, N of them.

    Returns:
        The fold of each row ``[N]``, `NOWHERE` for one that is never tested; and the number of folds.

    Raises:
        ProtocolError: for rows in no published fold, a fold without rows, or too few speakers, groups or utterances.
    """
    import numpy as np

    scheme = protocol.scheme
    fewest = rules.FEWEST if scheme.validation == "next fold" else 2
    if scheme.test == "listed":
        return _listed(protocol, rows)
    if scheme.test in ("official", "corpora"):
        test = (
            rows["split_official"] == "test" if scheme.test == "official" else rows["corpus"] == scheme.target
        )
        if not test.any():
            there = listed(sorted(set(rows["split_official"].dropna()))) or "nothing"
            raise ProtocolError(
                f"protocol {protocol.id}: no labelled row is in the test"
                + (
                    f" (the corpus's own split has {there}): take a rule that makes one, such as kfold5"
                    if scheme.test == "official"
                    else f": none of {scheme.target} has a label of the space {protocol.space.name}"
                )
            )
        return np.where(test, 0, NOWHERE), 1
    if scheme.test == "utterances":
        count = rules.fold_count(scheme.count, len(rows), rule=protocol.id, of="utterances", fewest=fewest)
        order = sorted(rows["utterance_id"], key=lambda name: rules.hashed(protocol.seed, name))
        place = dict(zip(order, range(len(order)), strict=True))
        return rows["utterance_id"].map(place).to_numpy() * count // len(rows), count
    if scheme.test == "each":
        refuse(protocol, rows[rows[scheme.column].isna()], f"have no {scheme.column}, and each is a fold")
        values = sorted(rows[scheme.column].unique())
        of = "speakers" if scheme.column == "speaker" else f"values of {scheme.column}"
        count = rules.fold_count(0, len(values), rule=protocol.id, of=of, fewest=fewest)
        return rows[scheme.column].map(dict(zip(values, range(count), strict=True))).to_numpy(), count
    speakers = rows["speaker"].nunique()
    count = rules.fold_count(scheme.count, speakers, rule=protocol.id, of="speakers", fewest=fewest)
    return rows["speaker"].map(_speaker_folds(protocol, rows, count)).to_numpy(), count


def _listed(protocol: Protocol, rows: pd.DataFrame) -> tuple[np.ndarray, int]:
    scheme = protocol.scheme
    what = f"{scheme.column}s"
    local = rows[scheme.column].str.split("/", n=1).str[1]
    fold_of = {group: fold for fold, groups in enumerate(scheme.groups) for group in groups}
    whole = len(scheme.groups) > 1
    present = set(local.dropna())
    strangers = sorted(set(rows.loc[~local.isin(list(fold_of)), scheme.column].dropna())) if whole else []
    if strangers or local.isna().any():
        unknown = (
            listed(strangers) if strangers else f"{int(local.isna().sum())} row(s) without a {scheme.column}"
        )
        raise ProtocolError(
            f"protocol {protocol.id} lists {len(fold_of)} {what}, and none of its folds has {unknown}: "
            f"the corpus is not the one it was published for, or its {what} are misread; "
            f"for other {what} use a rule, such as kfold{max(rules.FEWEST, len(scheme.groups))}"
        )
    for fold, groups in enumerate(scheme.groups):
        if not present & set(groups):
            raise ProtocolError(
                f"protocol {protocol.id}: fold {fold} is empty, since none of its {what} ({listed(groups)}) is in "
                f"the corpus (there are: {listed(sorted(present))}). A subset of the {what} needs at least one from "
                f"each fold; add one, or use a rule, such as "
                + (
                    f"kfold{max(rules.FEWEST, min(4, len(present)))}"
                    if scheme.column == "speaker"
                    else f"logo:{scheme.column}"
                )
            )
    return local.map(fold_of).fillna(NOWHERE).astype("int64").to_numpy(), len(scheme.groups)


def _speaker_folds(protocol: Protocol, rows: pd.DataFrame, count: int) -> dict[str, int]:
    groups = groups_of(protocol, rows)
    if len(groups) < count:
        columns = [name for name in protocol.apart if rows[name].notna().any()]
        raise ProtocolError(
            f"protocol {protocol.id}: speakers who share a {' or a '.join(columns)} are kept together, so the "
            f"{len(groups.of)} speakers form {len(groups)} group(s), and {count} are needed; the largest has "
            f"{listed(groups.largest())}. Take the corpus's own split (official), folds of whole groups "
            f"({' or '.join(f'logo:{name}' for name in columns)}), or fewer folds; or accept it in params.yaml, "
            f"and every figure will carry it: folds.waivers: {{{columns[0]}: <why it is no leak>}}"
        )
    return groups.assign(count, seed=protocol.seed)
