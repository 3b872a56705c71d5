"""Protocols: who is in the test, who in validation. A number without a protocol's id is not a number.

    plan = protocol("kfold4", space, seed=7)      # or a published one: protocol("ravdess8.luna5", space)
    folds = assign(plan, table)

Every protocol is nested: while fold k is the test, fold k+1 (cyclic) is the validation, and the rest trains.
All are speaker-disjoint.
"""

from .assignment import ROLES, Selection, assign, select, speakers_used
from .plan import Protocol, protocol

__all__ = ["ROLES", "Protocol", "Selection", "assign", "protocol", "select", "speakers_used"]
