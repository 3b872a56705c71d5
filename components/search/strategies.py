"""The strategies that ``search.strategies`` of params names; read without torch."""

from collections.abc import Sequence

from ..errors import ParamsError, SearchError, listed
from ..fusion.catalogue import Entry, entry
from ..schema import BASELINES


def named(strategy: str, modalities: Sequence[str]) -> Entry:
    """The registry's line for a strategy.

    Args:
        strategy: its name.
        modalities: those that params.yaml names.

    Raises:
        SearchError: for an unknown strategy, with the nearest that is known.
    """
    try:
        return entry(strategy, modalities)
    except ParamsError as error:
        raise SearchError(f"params.yaml: search.strategies: {error}") from None


def check_strategies(strategies: Sequence[str], modalities: Sequence[str]) -> None:
    """Check that every strategy is known, and that one of them learns.

    Args:
        strategies: ``search.strategies`` of params.
        modalities: those that params.yaml names.

    Raises:
        SearchError: for an unknown strategy, with the nearest that is known; or where none learns.
    """
    if set(strategies) <= set(BASELINES):
        raise SearchError(
            f"params.yaml: search.strategies names {listed(strategies)} alone, which learn nothing: add one that does"
        )
    for name in strategies:
        named(name, modalities)
