"""How each corpus's layout is written: the control corpus in every grammar that the adapters read.

A grammar plans: pure functions of takes, no media. ``control.synthesise`` makes what was planned.
"""

from importlib import import_module

from ...schema import LAYOUTS
from .plan import Grammar


def grammar(layout: str) -> Grammar:
    """The grammar of one of ``schema.LAYOUTS``."""
    if layout not in LAYOUTS:
        raise KeyError(layout)
    return import_module(f".{layout.replace('-', '_')}", __name__).GRAMMAR
