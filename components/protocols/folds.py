"""The stage ``folds``: the corpora's utterances dealt by the protocol, and let through by the leakage gate.

Reads data/utterances and the validation verdicts; writes data/folds.parquet, data/folds.json and
reports/leakage.json (which is there to be read when the gate refuses, too).
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from .. import params
from ..errors import ProtocolError, run
from ..files import read_json, write_json, write_table
from ..validation import leakage
from . import ROLES, Protocol, assign, protocol, select, speakers_used

if TYPE_CHECKING:
    import pandas as pd

UTTERANCES = Path("data/utterances")
VALIDATION = Path("reports/validation")
FOLDS = Path("data/folds.parquet")
DESCRIPTION = Path("data/folds.json")
LEAKAGE = Path("reports/leakage.json")

NOTHING_LEFT = "(no usable media)"
ROWS_SHOWN = 10


def main() -> None:
    held = params.load()
    plan = protocol(held.protocol_name(), held.space(), seed=held.folds.seed)
    table, unusable = _usable(read_tables(held.corpora), held.corpora)
    selection = select(plan, table)
    folds = assign(plan, table)

    speakers = speakers_used(plan, selection.rows)
    name = plan.id if speakers.startswith("all") else f"{plan.id} ({speakers})"
    findings = [*_unexpected_counts(plan, selection.rows), *leakage.find(folds, table)]
    write_json(LEAKAGE, {"protocol": name, "findings": [finding.to_dict() for finding in findings]})
    leakage.guard(findings)

    write_table(FOLDS, folds)
    write_json(
        DESCRIPTION,
        {
            "protocol": name,
            "title": plan.title,
            "source": plan.source,
            "label_space": plan.space.name,
            "classes": list(plan.space.classes),
            "digest": digest(folds),
            "count": int(folds["fold"].nunique()),
            "utterances": len(selection.rows),
            "speakers": speakers,
            "folds": _sizes(folds),
            "dropped": selection.dropped | ({NOTHING_LEFT: unusable} if unusable else {}),
            "findings": [finding.to_dict() | {"rows": finding.rows[:ROWS_SHOWN]} for finding in findings],
            "text_repeats": leakage.text_is_no_evidence(findings),
        },
    )
    print(f"{name}: {folds['fold'].nunique()} folds of {len(selection.rows)} utterances")
    for label, count in selection.dropped.items():
        print(f"left out: {count} × {label}")
    for finding in findings:
        print(f"{finding.severity}: {finding.explanation} {finding.advice}")


def read_tables(corpora: list[str], folder: Path = UTTERANCES) -> pd.DataFrame:
    """The corpora's utterance tables as one, sorted by utterance id.

    Raises:
        ProtocolError: for a table that is not there.
    """
    import pandas as pd

    missing = [name for name in corpora if not (folder / f"{name}.parquet").is_file()]
    if missing:
        raise ProtocolError(f"{folder} has no table of {', '.join(missing)}; make it: dvc repro utterances")
    tables = [pd.read_parquet(folder / f"{name}.parquet") for name in corpora]
    return pd.concat(tables, ignore_index=True).sort_values("utterance_id", ignore_index=True)


def digest(folds: pd.DataFrame) -> str:
    """The SHA-256 over fold, utterance id and role of all rows, sorted: the same folds, the same digest."""
    rows = folds.sort_values(["fold", "utterance_id"])
    lines = rows["fold"].astype("str") + "\t" + rows["utterance_id"] + "\t" + rows["role"]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _usable(table: pd.DataFrame, corpora: list[str]) -> tuple[pd.DataFrame, int]:
    """The table without the utterances of which validation found nothing usable, and how many those are."""
    unusable = set()
    for name in corpora:
        unusable |= set(read_json(VALIDATION / name / "verdict.json")["unusable"])
    kept = table[~table["utterance_id"].isin(unusable)]
    return kept, len(table) - len(kept)


def _unexpected_counts(plan: Protocol, rows: pd.DataFrame) -> list[leakage.Finding]:
    """Speakers who have another number of utterances than the published protocol says: the scores differ then."""
    expected = plan.published.counts.per_speaker if plan.published else None
    if expected is None:
        return []
    counts = rows.groupby("speaker").size()
    other = counts[counts != expected]
    if other.empty:
        return []
    said = ", ".join(f"{speaker}: {count}" for speaker, count in other.items())
    return [
        leakage.Finding(
            kind="count",
            severity="warning",
            fold=None,
            rows=rows.loc[rows["speaker"].isin(other.index), "utterance_id"].tolist()[: leakage.ROWS_AT_MOST],
            count=int(other.sum()),
            explanation=f"{plan.id} has {expected} utterances of each speaker; here it is {said}.",
            advice="Complete the corpus, or say so beside the scores: they are not quite the published protocol's.",
        )
    ]


def _sizes(folds: pd.DataFrame) -> list[dict]:
    counts = folds.groupby(["fold", "role"]).size().unstack(fill_value=0)
    speakers = (
        folds[folds["role"] == "test"].groupby("fold")["speaker"].agg(lambda column: sorted(set(column)))
    )
    return [
        {"fold": int(fold), "test_speakers": speakers[fold]}
        | {role: int(counts.loc[fold, role]) for role in ROLES}
        for fold in counts.index
    ]


if __name__ == "__main__":
    run(main)
