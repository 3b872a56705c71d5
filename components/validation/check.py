"""Checks a corpus against its data contract with Great Expectations, and returns the verdict and its pages.

Great Expectations takes seconds to import, so that only the stage that needs it calls this.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..artifacts.validation import Breach, Verdict
from ..errors import listed
from . import facts as media_facts
from .clause import CELLS, CLASSES, COUNTS, CRITICAL, SPEAKERS, UTTERANCES, WARNING, Clause
from .data_docs import page
from .known import Known
from .tables import tables

if TYPE_CHECKING:
    import pandas as pd

ROWS_AT_MOST = 1000
"""So many rows are listed of one clause; ``count`` is always the whole number."""
SHOWN_ON_A_PAGE = 20
OWN_WORDS_AT_MOST = 40
KEYS = {
    UTTERANCES: ["utterance_id"],
    SPEAKERS: ["speaker"],
    CLASSES: ["label"],
    CELLS: ["speaker", "label"],
    COUNTS: ["count"],
}


@dataclass(frozen=True)
class Outcome:
    verdict: Verdict
    """Without what the adapter could not read and the coverage of feature tables, which are not seen here."""
    pages: dict[str, str]
    """Table → Great Expectations' page of it, HTML."""
    rows: list[tuple[Clause, dict[str, str]]] = field(default_factory=list)
    """The critical clauses that single utterances break: the ids of them all, and what was found there."""


def check(
    corpus: str,
    facts: pd.DataFrame,
    clauses: Sequence[Clause],
    *,
    features: Mapping[str, Collection[str]] | None = None,
    known: Known | None = None,
) -> Outcome:
    """Hold a corpus against its contract.

    Args:
        facts: the utterance table with ``facts.COLUMNS``.
        features: modality → the utterances of which a feature table came along.
        known: what is published of the corpus.

    Raises:
        RuntimeError: when an expectation itself fails to run; that says nothing about the data.
    """
    features = features or {}
    facts = facts.sort_values("utterance_id", kind="stable", ignore_index=True)
    broken: dict[str, list[Breach]] = {CRITICAL: [], WARNING: []}
    pages, of_rows = {}, []
    context = _context()
    for name, table in tables(corpus, facts, features=features, known=known).items():
        own = [clause for clause in clauses if clause.table == name]
        if not own:
            continue
        results = _run(context, corpus, name, table, own)
        by_place = {each.expectation_config.meta["clause"]: each for each in results.results}
        for place, clause in enumerate(own):
            result = by_place[place]
            wrong = _wrong_rows(result, table, KEYS[name])
            if not result.success:
                broken[clause.severity].append(_finding(corpus, clause, result, wrong=wrong, known=known))
                if clause.severity == CRITICAL and clause.of_rows:
                    of_rows.append((clause, wrong.map(_written).to_dict()))
        pages[name] = page(results, title=f"{corpus}: {name}")
    excluded = media_facts.excluded(facts)
    verdict = Verdict(
        corpus=corpus,
        ok=not broken[CRITICAL],
        counts=_counts(facts, features, excluded),
        critical=broken[CRITICAL],
        warnings=broken[WARNING],
        excluded=excluded,
        unusable=media_facts.unusable(
            facts, with_features={each for ids in features.values() for each in ids}
        ),
        original_copies=_original_copies(corpus, facts, known),
        quarantined=[],
        features={},
        unread=[],
    )
    return Outcome(verdict, pages, of_rows)


def _context():
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def _run(context, corpus: str, name: str, table: pd.DataFrame, clauses: list[Clause]):
    import great_expectations as gx
    from great_expectations import expectations
    from great_expectations.expectations.row_conditions import Column

    asset = context.data_sources.add_pandas(f"{corpus}-{name}").add_dataframe_asset(name)
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
    # Rows by their places, not by their ids: of those Great Expectations makes a dictionary a row, one cell at a time.
    results = context.validation_definitions.add(definition).run(
        batch_parameters={"dataframe": table}, result_format={"result_format": "COMPLETE"}
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


def _wrong_rows(result, table: pd.DataFrame, keys: list[str]) -> pd.Series:
    """The values that a result complains of, by their rows' names; and in the result the few that its page shows.

    Of the values themselves Great Expectations lists 200 at most, and of the rows all.
    """
    import pandas as pd

    result.result.pop("unexpected_index_query", None)
    places = result.result.get("unexpected_index_list")
    if not places:
        return pd.Series(dtype="object")
    column = result.expectation_config.kwargs["column"]
    shown = table.loc[places[:SHOWN_ON_A_PAGE], list(dict.fromkeys([column, *keys]))]
    result.result["unexpected_index_list"] = shown.to_dict("records")
    result.result["unexpected_index_column_names"] = keys
    named = table.loc[places, keys].astype("str").fillna("nothing")
    names = named[keys[0]].str.cat([named[key] for key in keys[1:]], sep=" ") if keys[1:] else named[keys[0]]
    return pd.Series(table.loc[places, column].to_numpy("object"), index=names.to_numpy())


def _finding(corpus: str, clause: Clause, result, *, wrong: pd.Series, known: Known | None) -> Breach:
    details = result.result
    rows = sorted(wrong.index)
    if "observed_value" in details:
        found = str(details["observed_value"])
    else:
        values = [_written(value) for value in wrong.unique()]
        found = f"{listed(values)} in {details['unexpected_count']} of {details['element_count']}"
    return Breach(
        expectation=result.expectation_config.type,
        table=clause.table,
        column=clause.column,
        expected=clause.expected,
        found=found + _as_published(corpus, clause, rows, known),
        rows=rows[:ROWS_AT_MOST],
        count=len(rows),
        of_rows=clause.of_rows,
        advice=clause.advice,
    )


def _as_published(corpus: str, clause: Clause, rows: list[str], known: Known | None) -> str:
    """What of a breach is in the original, and no fault of this copy."""
    there = set(rows)
    said = ""
    for each in known.irregularities if known and clause.table == UTTERANCES else ():
        if each.column == clause.column:
            mine = there & {f"{corpus}/{row}" for row in each.rows}
            said += f", {len(mine)} of them {each.why}" if mine else ""
    return said


def _original_copies(corpus: str, facts: pd.DataFrame, known: Known | None) -> list[str]:
    """The utterances that are published as copies of one another; sorted."""
    published = {
        f"{corpus}/{row}"
        for each in (known.irregularities if known else ())
        if each.column in ("audio_digest", "video_digest")
        for row in each.rows
    }
    return sorted(published & set(facts["utterance_id"]))


def _written(value: object) -> str:
    if value is None or value != value:
        return "nothing"
    return f"{value:g}" if isinstance(value, float) else repr(value)


def _counts(facts: pd.DataFrame, features: Mapping[str, Collection[str]], excluded: list[dict]) -> dict:
    labels = facts["label"].value_counts()
    raw = facts.loc[facts["label"].isna(), "label_raw"].value_counts().head(OWN_WORDS_AT_MOST)
    clips = facts.groupby("speaker").size()
    return {
        "utterances": len(facts),
        "speakers": len(clips),
        "clips_of_a_speaker": {"fewest": int(clips.min()), "most": int(clips.max())} if len(clips) else {},
        "without_speaker": int(facts["speaker"].isna().sum()),
        "labels": {label: int(labels[label]) for label in sorted(labels.index)},
        "own_words": {word: int(raw[word]) for word in sorted(raw.index)},
        "unlabelled": int(facts[["label", "label_raw"]].isna().all(axis=1).sum()),
        "rated": int(facts["raters"].notna().sum()),
        "modalities": {
            modality: {
                state: int((facts[f"{modality}_state"] == state).sum()) for state in ("usable", "unusable")
            }
            for modality in media_facts.MODALITIES
        },
        "features": {
            name: int(facts["utterance_id"].isin(ids).sum()) for name, ids in sorted(features.items())
        },
        "excluded": len(excluded),
    }
