"""A clause of a data contract: an expectation, the severity of its breach, and the advice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

CRITICAL, WARNING = "critical", "warning"

UTTERANCES, SPEAKERS, CLASSES, CELLS, COUNTS = "utterances", "speakers", "classes", "cells", "counts"
"""The tables that are held against a contract (``tables``)."""

UNIQUE = "ExpectColumnValuesToBeUnique"
NOT_NULL = "ExpectColumnValuesToNotBeNull"
NULL = "ExpectColumnValuesToBeNull"
IN_SET = "ExpectColumnValuesToBeInSet"
BETWEEN = "ExpectColumnValuesToBeBetween"
MATCH = "ExpectColumnValuesToMatchRegex"
ROWS_BETWEEN = "ExpectTableRowCountToBeBetween"


@dataclass(frozen=True)
class Clause:
    """One expectation, by its class in ``great_expectations.expectations``, and what to say where it fails.

    Attributes:
        table: one of the tables of ``tables.tables``.
        severity: ``critical`` (the pipeline stops) or ``warning`` (a person reads it).
        expected, advice: what has to hold, and what to do where it does not.
        where: only the rows whose column (the first) has the value (the second).
    """

    table: str
    expectation: str
    severity: str
    expected: str
    advice: str
    arguments: dict[str, Any] = field(default_factory=dict)
    where: tuple[str, str] | None = None

    @property
    def column(self) -> str | None:
        return self.arguments.get("column")

    @property
    def of_rows(self) -> bool:
        """Whether a breach lies in single utterances, which can be set aside by their ids, and not in the corpus."""
        nameless = self.expectation == NOT_NULL and self.column == "utterance_id"
        return self.table == UTTERANCES and self.column is not None and not nameless


def holds(table: str, column: str, *values: object, **said: Any) -> Clause:
    """That a column has no value but these, where it has one."""
    return Clause(table, IN_SET, arguments={"column": column, "value_set": list(values)}, **said)
