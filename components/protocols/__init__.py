"""Protocols: which utterances train, validate and test in each fold.

    plan = protocol("kfold4", space, seed=7)      # or a published one: protocol("ravdess8.luna5", space)
    selection = select(plan, table)               # which rows, of which classes, and what was dropped
    folds = assigned(plan, selection)

Choices are made by validation alone, whose speakers do not train. Protocols that do otherwise exist for comparison with
older papers and are marked as inflated.
"""

from .assignment import ROLES, assign, assigned, automatic, declares_split, speakers_used
from .lookup import AUTO, Protocol, protocol
from .selection import Selection, check_corpora, select

__all__ = [
    "AUTO",
    "ROLES",
    "Protocol",
    "Selection",
    "assign",
    "assigned",
    "automatic",
    "check_corpora",
    "declares_split",
    "protocol",
    "select",
    "speakers_used",
]
