"""Accuracy against cost: which strategies are worth their operations."""

from collections.abc import Mapping, Sequence

from ..artifacts.model import Operations
from ..artifacts.reports import Comparison, Cost, Figures, Metrics
from ..errors import EvaluationError
from .cost_chart import magnitude


def most_operations(strategy: str, operations: Operations) -> int:
    """The operations of one answer, of the fold's choice that takes the most.

    Args:
        strategy: its name.
        operations: as the stage `train` counted them.

    Raises:
        EvaluationError: nothing was counted for the strategy.
    """
    if strategy not in operations.strategies:
        raise EvaluationError(
            f"{Operations.path()} has no operations of {strategy}, which has predictions; run the stage `train` again"
        )
    return max(operations.strategies[strategy].values())


def cost(
    strategies: Mapping[str, Figures],
    comparisons: Sequence[Comparison],
    *,
    best: str,
    operations: Operations,
) -> Cost:
    """Compare what strategies cost with what they reach.

    Args:
        strategies: by name; baselines, and those without operations, are left aside.
        comparisons: of ``best`` with the others.
        best: the strategy that is registered.
        operations: as the stage `train` counted them.
    """
    counted = {
        name: (figures.operations, -figures.ua.mean, name)
        for name, figures in strategies.items()
        if figures.operations and not figures.baseline
    }
    lower = {each.second for each in comparisons if shown_lower(each)}
    tokens: dict[str, int] = {}
    for counts in operations.tokens.values():
        tokens |= {name: max(count, tokens.get(name, 0)) for name, count in counts.items()}
    return Cost(
        tokens=dict(sorted(tokens.items())),
        front=pareto_front({name: operations for name, (operations, *_) in counted.items()}, strategies),
        cheapest=min((name for name in counted if name not in lower), key=counted.__getitem__, default=best),
    )


def pareto_front(costs: Mapping[str, float], strategies: Mapping[str, Figures]) -> list[str]:
    """The strategies with a higher UA than all that cost no more, from the cheapest on.

    Args:
        costs: strategy → what it costs.
        strategies: their figures, and those of others.
    """
    front: list[str] = []
    for name in sorted(costs, key=lambda name: (costs[name], -strategies[name].ua.mean, name)):
        if not front or strategies[name].ua.mean > strategies[front[-1]].ua.mean:
            front.append(name)
    return front


def shown_lower(compared: Comparison) -> bool:
    """Whether a test, over speakers or over folds and seeds, shows that the second's UA is below the first's."""
    return compared.difference > 0 and (compared.significant or compared.significant_over_folds)


def cheapest(metrics: Metrics) -> str:
    """In a sentence, the cheapest strategy whose UA is not shown to be lower than that of the registered one.

    Args:
        metrics: of the experiment.
    """
    best, name = metrics.best, metrics.cost.cheapest
    if name == best == metrics.cost.front[0]:
        return f"No strategy takes fewer operations than {best}, the registered one."
    if name == best:
        return f"Of the strategies that take fewer operations than {best}, each is shown to have a lower UA."
    (compared,) = (each for each in metrics.comparisons if each.second == name)
    points = f"{_points(compared.difference)} points"
    if compared.low is not None and compared.high is not None:
        points += f", 95 % interval {_points(compared.low)} to {_points(compared.high)}"
    return (
        f"The cheapest strategy whose UA is not shown to be lower than that of {best} is {name}: "
        f"{_operations(metrics, name)} operations an utterance, {best} {_operations(metrics, best)}. The UA of {best} "
        f"minus that of {name} is {points} (p, corrected over all pairs: {compared.p_corrected:.2g}). Not shown to be "
        "lower does not mean as high."
    )


def _operations(metrics: Metrics, name: str) -> str:
    return magnitude(metrics.strategies[name].operations or 0)


def _points(difference: float) -> str:
    return f"{100 * difference:+.1f}".replace("-", "−")
