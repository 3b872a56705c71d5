"""The role of each utterance in each fold, as arrays of numbers: the table that all checks of the gate work on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ..protocols import ROLES

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

TRAIN, VALIDATION, TEST = range(3)


@dataclass(frozen=True)
class FoldRoles:
    """One entry an utterance and fold, sorted by both. An utterance with two roles in a fold has the later of ROLES."""

    table: pd.DataFrame
    """The utterances that are in some fold, sorted by id, numbered from 0."""
    fold: np.ndarray
    row: np.ndarray
    """In ``table``."""
    role: np.ndarray
    """In ROLES."""
    label: np.ndarray
    """The class of each row of ``table``."""
    twofold: pd.DataFrame
    """``fold, row``: where an utterance has two roles."""

    @classmethod
    def of(cls, folds: pd.DataFrame, table: pd.DataFrame) -> FoldRoles:
        import pandas as pd

        table = table[table["utterance_id"].isin(folds["utterance_id"].unique())]
        table = table.sort_values("utterance_id", ignore_index=True)
        every = pd.DataFrame(
            {
                "fold": folds["fold"].to_numpy(),
                "row": pd.Index(table["utterance_id"]).get_indexer(folds["utterance_id"]),
                "role": pd.Categorical(folds["role"], categories=ROLES).codes,
            }
        )
        every = every[every["row"] >= 0].sort_values(["fold", "row", "role"], ignore_index=True)
        again = every.duplicated(["fold", "row"], keep="last")
        twofold = every.loc[again, ["fold", "row"]].drop_duplicates()
        every = every[~again]
        label = folds.drop_duplicates("utterance_id").set_index("utterance_id")["label"]
        return cls(
            table=table,
            **{name: every[name].to_numpy() for name in ("fold", "row", "role")},
            label=label.reindex(table["utterance_id"]).to_numpy(object),
            twofold=twofold,
        )

    @cached_property
    def ids(self) -> np.ndarray:
        return self.table["utterance_id"].to_numpy(object)

    @cached_property
    def folds(self) -> list[int]:
        import numpy as np

        return np.unique(self.fold).tolist()

    def crossing(self, group: np.ndarray) -> pd.DataFrame:
        """The entries whose group has more than one role in their fold: ``fold, row, role, group``.

        Args:
            group: of each row of ``table``, a number; -1 for none.
        """
        import pandas as pd

        of_entry = group[self.row]
        there = of_entry >= 0
        entries = pd.DataFrame(
            {
                "fold": self.fold[there],
                "row": self.row[there],
                "role": self.role[there],
                "group": of_entry[there],
            }
        )
        roles = entries[["fold", "group", "role"]].drop_duplicates()
        several = roles.loc[
            roles.duplicated(["fold", "group"], keep=False), ["fold", "group"]
        ].drop_duplicates()
        return entries.merge(several, on=["fold", "group"])

    def masks(self, fold: int) -> list[np.ndarray]:
        """Of one fold, for each of ROLES: which rows of ``table`` have it, bool."""
        import numpy as np

        here = slice(*np.searchsorted(self.fold, [fold, fold + 1]))
        masks = np.zeros((len(ROLES), len(self.table)), dtype=bool)
        masks[self.role[here], self.row[here]] = True
        return list(masks)


def numbered(values: pd.Series) -> np.ndarray:
    """A number for each value, the same for the same; -1 for null."""
    import pandas as pd

    return pd.factorize(values)[0]


def joined(pairs: np.ndarray, count: int) -> np.ndarray:
    """A number for each of ``count`` rows, the same for rows that pairs connect; -1 for a row in no pair."""
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    links = coo_array((np.ones(len(pairs), dtype=bool), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    group = connected_components(links, directed=False)[1].astype(np.int64)
    alone = np.ones(count, dtype=bool)
    alone[pairs.ravel()] = False
    group[alone] = -1
    return group
