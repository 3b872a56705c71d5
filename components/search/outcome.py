"""The result of a cohort: a trial per configuration, and a learning curve for each of its seeds."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Score:
    """One seed's smoothed validation scores at the configuration's best epoch; None where it failed."""

    wa: float | None
    ua: float | None
    loss: float | None


@dataclass(frozen=True)
class Trial:
    """The result of one configuration in a cohort.

    Attributes:
        trial: its number among the strategy's configurations.
        batch: the batch of proposals that it came in.
        config: as it was at ``best_epoch``.
        schedule: ``[[epoch, config], …]``, each in force from its epoch (1 is the first) on; empty where one
            configuration held throughout.
        epochs: how many it was trained.
        status: "finished" (may be chosen), "stopped" (at a rung) or "failed"; reason: why it was trained no longer.
        wa, ua, loss: of the mean over the seeds of the validation curves, smoothed, at ``best_epoch``.
        fitted: what the strategy fitted on validation rows at ``best_epoch``, the mean over the seeds.
        scores: each seed's own.
    """

    trial: int
    batch: int
    config: dict[str, Any]
    schedule: list[list]
    parameters: int
    rung: int
    epochs: int
    status: str
    reason: str
    wa: float | None
    ua: float | None
    loss: float | None
    best_epoch: int | None
    fitted: dict[str, list]
    scores: list[Score]

    @property
    def rank(self) -> tuple[float, float, int, int]:
        """Lower is better: by UA, ties by lower loss, then by fewer parameters, then by trial."""
        return (-self.ua, self.loss, self.parameters, self.trial)


@dataclass(frozen=True)
class Outcome:
    """A cohort's trials in their order.

    Attributes:
        curves: ``{trial: [a seed's {"train_loss" | "loss" | "wa" | "ua": [an entry an epoch]}]}``.
        notices: messages for the user about how the result was obtained.
    """

    trials: list[Trial]
    curves: dict[int, list[dict[str, list[float]]]]
    notices: list[str] = field(default_factory=list)

    def best(self) -> Trial | None:
        """The finished trial that ranks first; None if none finished."""
        return min((t for t in self.trials if t.status == "finished"), key=lambda t: t.rank, default=None)

    def to_json(self) -> str:
        """As JSON text with sorted keys; `from_json` reads it."""
        curves = {str(trial): curve for trial, curve in self.curves.items()}
        trials = [asdict(t) for t in self.trials]
        return json.dumps({"trials": trials, "curves": curves, "notices": self.notices}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Outcome":
        """The outcome that `to_json` wrote."""
        content = json.loads(text)
        return cls(
            [Trial(**t | {"scores": [Score(**s) for s in t["scores"]]}) for t in content["trials"]],
            {int(trial): curve for trial, curve in content["curves"].items()},
            content["notices"],
        )


def joined(outcomes: Iterable[Outcome]) -> Outcome:
    """The batches of one strategy and fold as one."""
    outcomes = list(outcomes)
    trials = sorted((t for each in outcomes for t in each.trials), key=lambda t: t.trial)
    curves = {trial: curve for each in outcomes for trial, curve in each.curves.items()}
    return Outcome(
        trials, dict(sorted(curves.items())), [notice for each in outcomes for notice in each.notices]
    )
