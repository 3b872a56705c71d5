"""Writers of control corpora, one per layout that the adapters read.

A layout's plan is a pure function of takes, without media; ``control_corpus.synthesise`` makes what is planned.
"""

from importlib import import_module

from ...schema import LAYOUTS
from .plan import LayoutSpec


def layout_spec(layout: str) -> LayoutSpec:
    """The specification of one of ``schema.LAYOUTS``. Raises KeyError for any other name."""
    if layout not in LAYOUTS:
        raise KeyError(layout)
    return import_module(f".{layout.replace('-', '_')}", __name__).SPEC
