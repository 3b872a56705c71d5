"""The ceilings of a corpus with planted truth: what any model can reach at best."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CorpusError, listed
from ..files import read_json
from ..schema import UNSTATED, Layout
from . import bayes, truth

if TYPE_CHECKING:
    import pandas as pd


def planted(root: Path, table: pd.DataFrame, stated: Layout = UNSTATED) -> tuple[dict, pd.DataFrame]:
    """The ceilings of a corpus with planted truth, in any layout, and the oracle's answers on its table's utterances.

    The ceilings are those of the planted labels, over the utterances that have one in the table; over all where the
    corpus has words of its own alone (MuSe's humour). Of what raters perceive instead (``stated.raters``) nothing is
    known.

    Raises:
        CorpusError: the truth beside the corpus is not of this corpus.
    """
    import pandas as pd

    path = root / "truth" / "displays.parquet"
    if not path.is_file() or stated.raters is not None:
        empty = {
            "utterance_id": "str",
            "subset": "str",
            "label": "str",
            "prediction": "str",
            "correct": "bool",
        }
        return {"truth": {}, "population": {}, "oracle": {}}, pd.DataFrame(
            {name: pd.Series(dtype=kind) for name, kind in empty.items()}
        )
    held = truth.Truth.from_json(read_json(path.parent / "ceilings.json"))
    displays = pd.read_parquet(path)
    displays["utterance_id"] = f"{root.name}/" + displays["id"]
    said = table[["utterance_id", "label"]].rename(columns={"label": "said"})
    joined = said.merge(displays, on="utterance_id", how="left")
    wrong = joined["said"].notna() & (joined["said"] == joined["label"]).fillna(False).eq(False)
    if wrong.any():
        raise CorpusError(
            f"{path} does not have these utterances with the label that the corpus gives them: "
            f"{listed(joined.loc[wrong, 'utterance_id'])}; "
            f"make the corpus anew: remove {root}, then emoflow corpora synthesise as before (what was asked for "
            f"is in {path.parent / 'request.json'})"
        )
    labelled = joined[joined["said"].notna()]
    oracle = bayes.oracle(joined if labelled.empty else labelled, held)
    found = bayes.ceilings(held, oracle)
    return {"truth": held.as_json(), "population": found["population"], "oracle": found["oracle"]}, oracle
