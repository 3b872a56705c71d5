"""A corpus held against its contract by Great Expectations: the verdict, and the pages to read it on.

Great Expectations takes seconds to import, so that only the stage that needs it calls this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import listed
from . import facts as media_facts
from .contract import CELLS, CRITICAL, SPEAKERS, UTTERANCES, WARNING, Clause
from .pages import page

if TYPE_CHECKING:
    import pandas as pd

ROWS_AT_MOST = 1000
"""So many rows are listed of one clause; ``count`` is always the whole number."""
KEYS = {UTTERANCES: ["utterance_id"], SPEAKERS: ["speaker"], CELLS: ["speaker", "label"]}


@dataclass(frozen=True)
class Outcome:
    verdict: dict
    """What verdict.json holds, but for what the adapter could not read, which is not seen here."""
    pages: dict[str, str]
    """Table → Great Expectations' page of it, HTML."""


def check(corpus: str, facts: pd.DataFrame, clauses: Sequence[Clause], *, with_features: set[str]) -> Outcome:
    """Hold a corpus against its contract.

    Args:
        facts: the utterance table with ``facts.COLUMNS``.
        with_features: utterances of which a feature table came along.

    Raises:
        RuntimeError: when an expectation itself fails to run; that says nothing about the data.
    """
    broken: dict[str, list[dict]] = {CRITICAL: [], WARNING: []}
    pages = {}
    for name, table in _tables(facts).items():
        own = [clause for clause in clauses if clause.table == name]
        if own:
            results = _run(corpus, name, table, own)
            for place, clause in enumerate(own):
                result = next(
                    each for each in results.results if each.expectation_config.meta["clause"] == place
                )
                if not result.success:
                    broken[clause.severity].append(_finding(clause, result))
            pages[name] = page(results, title=f"{corpus}: {name}")
    excluded = media_facts.excluded(facts)
    verdict = {
        "corpus": corpus,
        "ok": not broken[CRITICAL],
        "counts": _counts(facts, excluded),
        "critical": broken[CRITICAL],
        "warnings": broken[WARNING],
        "excluded": excluded,
        "unusable": media_facts.unusable(facts, with_features=with_features),
    }
    return Outcome(verdict, pages)


def _tables(facts: pd.DataFrame) -> dict[str, pd.DataFrame]:
    import pandas as pd

    speech = ~facts["utterance_id"].str.contains(r"^ravdess/02-", na=False)
    speakers = facts.groupby("speaker").size().rename("clips").to_frame()
    speakers["speech_clips"] = facts[speech].groupby("speaker").size().reindex(speakers.index, fill_value=0)
    cells = pd.crosstab(facts["speaker"], facts["label"]).stack().rename("clips").reset_index()
    usual = cells["clips"].mode()
    cells["of_usual"] = cells["clips"] / (usual.iloc[0] if len(usual) else 1)
    return {UTTERANCES: facts, SPEAKERS: speakers.reset_index(), CELLS: cells}


def _run(corpus: str, name: str, table: pd.DataFrame, clauses: list[Clause]):
    import great_expectations as gx
    from great_expectations import expectations
    from great_expectations.data_context.types.base import ProgressBarsConfig
    from great_expectations.expectations.row_conditions import Column

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas(corpus).add_dataframe_asset(name)
    suite = gx.ExpectationSuite(
        name=f"{corpus}-{name}",
        expectations=[
            getattr(expectations, clause.expectation)(
                severity=clause.severity,
                notes=clause.advice,
                meta={"clause": place},
                row_condition=Column(clause.where[0]) == clause.where[1] if clause.where else None,
                **clause.arguments,
            )
            for place, clause in enumerate(clauses)
        ],
    )
    definition = gx.ValidationDefinition(
        name=f"{corpus}-{name}",
        data=asset.add_batch_definition_whole_dataframe("whole"),
        suite=context.suites.add(suite),
    )
    results = context.validation_definitions.add(definition).run(
        batch_parameters={"dataframe": table},
        result_format={"result_format": "COMPLETE", "unexpected_index_column_names": KEYS[name]},
    )
    for result in results.results:
        _refuse_raised(result)
    return results


def _refuse_raised(result) -> None:
    info = result.exception_info or {}
    # One exception, or one for each metric that the expectation asked for.
    raised = [info] if "raised_exception" in info else list(info.values())
    messages = [each["exception_message"] for each in raised if each.get("raised_exception")]
    if messages:
        raise RuntimeError(f"{result.expectation_config.type} could not be evaluated: {listed(messages)}")


def _finding(clause: Clause, result) -> dict:
    held = result.result
    keys = KEYS[clause.table]
    rows = sorted(" ".join(str(row[key]) for key in keys) for row in held.get("unexpected_index_list") or [])
    if "observed_value" in held:
        found = str(held["observed_value"])
    else:
        values = dict.fromkeys(_written(value) for value in held["unexpected_list"])
        found = f"{listed(values)} in {held['unexpected_count']} of {held['element_count']}"
    return {
        "expectation": result.expectation_config.type,
        "table": clause.table,
        "column": clause.column,
        "expected": clause.expected,
        "found": found,
        "rows": rows[:ROWS_AT_MOST],
        "count": len(rows),
        "advice": clause.advice,
    }


def _written(value: object) -> str:
    if value is None or value != value:
        return "nothing"
    return f"{value:g}" if isinstance(value, float) else repr(value)


def _counts(facts: pd.DataFrame, excluded: list[dict]) -> dict:
    labels = facts["label"].value_counts()
    return {
        "utterances": len(facts),
        "speakers": int(facts["speaker"].nunique()),
        "labels": {label: int(labels[label]) for label in sorted(labels.index)},
        "modalities": {
            modality: {
                state: int((facts[f"{modality}_state"] == state).sum()) for state in ("usable", "unusable")
            }
            for modality in media_facts.MODALITIES
        },
        "excluded": len(excluded),
    }
