"""Trials of a search, made up."""

from dataclasses import replace
from typing import Any

from emoflow.search.outcome import Outcome, Peak, Score, Trial


def peak(ua: float | None, loss: float | None = 1.0, *, epoch: int | None = 4, **changes: Any) -> Peak:
    return replace(Peak({}, {}, epoch, wa=ua, ua=ua, loss=loss), **changes)


def trial(
    number: int,
    ua: float | None,
    loss: float | None = 1.0,
    *,
    status: str = "finished",
    config: dict | None = None,
    epoch: int | None = 4,
    epochs: int = 4,
    fitted: dict | None = None,
    ensemble: Peak | None = None,
    seeds: int = 1,
    **changes: Any,
) -> Trial:
    """A configuration that all seeds score alike; ``ensemble`` may be better."""
    mean = peak(ua, loss, epoch=epoch, config=config or {}, fitted=fitted or {})
    made = Trial(
        number, batch=0, schedule=[], parameters=1, rung=0, epochs=epochs, status=status, reason="",
        mean=mean, ensemble=ensemble or mean, scores=[Score(ua, ua, loss)] * seeds, choose_by="mean",
    )  # fmt: skip
    return replace(made, **changes)


def outcome(*trials: Trial, resolution: float = 0.0) -> Outcome:
    return Outcome(list(trials), {}, resolution)
