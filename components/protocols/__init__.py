"""Protocols: who is in the test, who in validation. A number without a protocol's id is not a number.

    plan = protocol("kfold4", space, seed=7)      # or a published one: protocol("ravdess8.luna5", space)
    selection = select(plan, table)               # which rows, of which classes, and what was dropped
    folds = assigned(plan, selection)

A choice is made by validation alone, whose speakers do not train; protocols that do otherwise are there to compare
with, and say of themselves that they are inflated.
"""

from .assignment import ROLES, assign, assigned, automatic, speakers_used
from .plan import AUTO, Protocol, protocol
from .selection import Selection, select

__all__ = [
    "AUTO",
    "ROLES",
    "Protocol",
    "Selection",
    "assign",
    "assigned",
    "automatic",
    "protocol",
    "select",
    "speakers_used",
]
