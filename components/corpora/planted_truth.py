"""Reading the planted truth of a control corpus from its folder ``truth``.

``components/synthesis`` writes it::

    truth/request.json       what was asked for; its presence marks a control corpus
    truth/displays.parquet   id, label, and the class that each modality displays
    truth/ceilings.json      the truth's parameters, with the Bayes ceilings of the population, by subset of modalities
    truth/phones.parquet     id, phone, begin_s, end_s: which phone is said when, if that was asked for
    truth/oracle.parquet     id, subset, label, prediction, correct, and the posterior probability of each class
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CorpusError, listed
from ..files import read_json
from ..schema import UNSTATED, Layout

if TYPE_CHECKING:
    import pandas as pd

TRUTH = "truth"
"""The folder of a control corpus that no adapter reads."""
_NO_ORACLE = {"utterance_id": "str", "subset": "str", "label": "str", "prediction": "str", "correct": "bool"}


def is_planted(root: Path) -> bool:
    """Whether a folder holds a control corpus, in whatever layout it is written."""
    return (root / TRUTH / "request.json").is_file()


def planted_phones(root: Path, corpus: str) -> pd.DataFrame | None:
    """When each phone of an utterance is said, in seconds from the utterance's beginning.

    Args:
        root: the corpus's folder.
        corpus: its name.

    Returns:
        ``utterance_id, phone, begin_s, end_s``; None where nothing is known of phones.
    """
    import pandas as pd

    path = root / TRUTH / "phones.parquet"
    if not path.is_file():
        return None
    table = pd.read_parquet(path).rename(columns={"id": "utterance_id"})
    return table.assign(utterance_id=f"{corpus}/" + table["utterance_id"])


def planted_ceilings(root: Path, table: pd.DataFrame, stated: Layout = UNSTATED) -> tuple[dict, pd.DataFrame]:
    """The ceilings of a control corpus, and the oracle's predictions for the utterances of its table.

    The oracle is scored on the utterances that have a planted label in the table; on all of them where the corpus
    has labels of its own alone (MuSe's humour). Nothing is known of what raters perceive instead (``stated.raters``).

    Args:
        root: the corpus's folder, named as the corpus.
        table: its utterance table.

    Returns:
        ``{"truth": the truth's parameters, "population": subset of modalities → accuracy, "oracle": the same on this
        table}``, and the oracle's rows; all empty for a corpus without planted truth.

    Raises:
        CorpusError: the truth is not that of this corpus, or was written by an older version.
    """
    import pandas as pd

    truth = root / TRUTH
    if not (truth / "displays.parquet").is_file() or stated.raters is not None:
        nothing = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in _NO_ORACLE.items()})
        return {"truth": {}, "population": {}, "oracle": {}}, nothing
    again = (
        f"make the corpus again: remove {root}, then emoflow corpora synthesise as before (what was asked for is in "
        f"{truth / 'request.json'})"
    )
    if not (truth / "oracle.parquet").is_file():
        raise CorpusError(f"{truth} has no oracle.parquet: an older version made this corpus; {again}")
    displays, oracle = pd.read_parquet(truth / "displays.parquet"), pd.read_parquet(truth / "oracle.parquet")
    planted_labels = pd.Series(displays["label"].array, index=f"{root.name}/" + displays["id"])
    labels = table.set_index("utterance_id")["label"].dropna()
    wrong = labels[labels != planted_labels.reindex(labels.index)]
    if len(wrong):
        raise CorpusError(
            f"{truth / 'displays.parquet'} does not have these utterances with the label that the corpus gives them: "
            f"{listed(wrong.index)}; {again}"
        )
    oracle["id"] = f"{root.name}/" + oracle["id"]
    oracle = oracle.rename(columns={"id": "utterance_id"})
    scored = labels.index if len(labels) else table["utterance_id"]
    oracle = oracle[oracle["utterance_id"].isin(scored)].reset_index(drop=True)
    accuracy = {subset: float(share) for subset, share in oracle.groupby("subset")["correct"].mean().items()}
    parameters = read_json(truth / "ceilings.json")
    population = parameters.pop("population")
    parameters.pop("oracle", None)
    return {"truth": parameters, "population": population, "oracle": accuracy}, oracle
