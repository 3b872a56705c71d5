"""How many members of a cohort are trained at once: as many as memory holds."""

from collections.abc import Sequence
from typing import Any

from ..errors import SearchError
from ..training.data import Rows
from ..training.footprint import member_bytes
from ..training.hyperparameters import HYPERPARAMETERS
from ..training.memory import is_lack_of_memory
from ..training.population import Member

MEGABYTE = 1 << 20


def at_once(
    strategy: str,
    groups: Sequence[Sequence[dict[str, Any]]],
    *,
    repeats: int,
    training: Rows,
    validation: Rows,
    classes: int,
    device: str,
    memory: int,
) -> tuple[list[int], list[str]]:
    """How many members of each architecture are trained at once: halved until they fit.

    A member's result does not depend on the size of its population, so this affects nothing but the time.

    Args:
        strategy: its name.
        groups: the configurations, by architecture.
        repeats: members per configuration.
        training: rows that are trained on.
        validation: rows that are scored.
        classes: number of classes C.
        device: "cpu" or "cuda".
        memory: bytes that there are for all of the cohort.

    Returns:
        A number of members per group, and a message for each that does not fit at once.

    Raises:
        SearchError: no memory for a single member.
    """
    try:
        measured = [
            member_bytes(
                strategy, Member(_fullest(configs), 0), training=training, validation=validation, classes=classes,
                device=device,
            )
            for configs in groups
        ]  # fmt: skip
    except (RuntimeError, MemoryError) as error:
        if not is_lack_of_memory(error):
            raise
        raise too_large(strategy) from None
    counts = [len(configs) * repeats for configs in groups]
    free = memory - sum(count * each for count, (each, _) in zip(counts, measured, strict=True))
    sizes, notices = [], []
    for count, (_, working) in zip(counts, measured, strict=True):
        size = count
        while size > 1 and size * working > free:
            size = (size + 1) // 2
        if size < count:
            notices.append(
                f"{count} members are trained {size} at a time: each takes about {working / MEGABYTE:.0f} MB, "
                f"and there are {max(free, 0) / MEGABYTE:.0f} MB"
            )
        sizes.append(size)
    return sizes, notices


def too_large(strategy: str) -> SearchError:
    """The error that not even one member fits."""
    return SearchError(
        f"there is no memory for a single configuration of {strategy}: state a smaller width or fewer layers in "
        "search.space, or fewer preparation.components"
    )


def _fullest(configs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One configuration that has switched on whatever some of them have."""
    most = {
        name: max(config.get(name, hyperparameter.default) for config in configs)
        for name, hyperparameter in HYPERPARAMETERS.items()
        if any(name in config for config in configs)
    }
    return configs[0] | most
