"""The result of a cohort: a trial per configuration, and a learning curve for each of its seeds."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ..schema import ChooseBy


@dataclass(frozen=True)
class Score:
    """One seed's smoothed validation scores at the epoch of the mean's `Peak`; None where it failed."""

    wa: float | None
    ua: float | None
    loss: float | None


@dataclass(frozen=True)
class Peak:
    """A configuration at the epoch (from 1) at which its smoothed validation curve was best.

    Attributes:
        config: as it was at that epoch.
        fitted: what the strategy fitted on validation rows there, the mean over the seeds.
        epoch, wa, ua, loss: None where it failed.
    """

    config: dict[str, Any]
    fitted: dict[str, list]
    epoch: int | None
    wa: float | None
    ua: float | None
    loss: float | None


@dataclass(frozen=True)
class Trial:
    """The result of one configuration in a cohort.

    Attributes:
        trial: its number among the strategy's configurations.
        batch: the batch of proposals that it came in.
        schedule: ``[[epoch, config], …]``, each in force from its epoch (1 is the first) on; empty where one
            configuration held throughout.
        epochs: how many it was trained.
        status: "finished" (may be chosen), "stopped" (at a rung) or "failed"; reason: why it was trained no longer.
        mean: by the mean over the seeds of their curves.
        ensemble: by the curve of the seeds' ensemble; the same where there is one seed.
        scores: each seed's own.
        choose_by: which of the two counts.
    """

    trial: int
    batch: int
    schedule: list[list]
    parameters: int
    rung: int
    epochs: int
    status: str
    reason: str
    mean: Peak
    ensemble: Peak
    scores: list[Score]
    choose_by: ChooseBy

    @property
    def peak(self) -> Peak:
        """What it is ranked by."""
        return self.mean if self.choose_by == "mean" else self.ensemble

    @property
    def other(self) -> Peak:
        """What it is not ranked by."""
        return self.ensemble if self.choose_by == "mean" else self.mean

    @property
    def rank(self) -> tuple[float, float, int, int]:
        """Lower is better: by UA, ties by lower loss, then by fewer parameters, then by trial."""
        return (-self.peak.ua, self.peak.loss, self.parameters, self.trial)


@dataclass(frozen=True)
class Outcome:
    """A cohort's trials in their order.

    Attributes:
        resolution: by how much one utterance of the rarest class changes UA of validation.
        curves: ``{trial: [a seed's {"train_loss" | "loss" | "wa" | "ua": [an entry an epoch]}]}``.
        notices: messages for the user about how the result was obtained.
    """

    trials: list[Trial]
    curves: dict[int, list[dict[str, list[float]]]]
    resolution: float
    notices: list[str] = field(default_factory=list)

    def by(self, rule: ChooseBy) -> "Outcome":
        """The same trials, ranked by this rule."""
        return replace(self, trials=[replace(t, choose_by=rule) for t in self.trials])

    def to_json(self) -> str:
        """As JSON text with sorted keys; `from_json` reads it."""
        curves = {str(trial): curve for trial, curve in self.curves.items()}
        trials = [asdict(t) for t in self.trials]
        content = {"trials": trials, "curves": curves, "resolution": self.resolution, "notices": self.notices}
        return json.dumps(content, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Outcome":
        """The outcome that `to_json` wrote."""
        content = json.loads(text)
        return cls(
            [_trial(t) for t in content["trials"]],
            {int(trial): curve for trial, curve in content["curves"].items()},
            content["resolution"],
            content["notices"],
        )


def _trial(content: dict[str, Any]) -> Trial:
    peaks = {name: Peak(**content[name]) for name in ("mean", "ensemble")}
    return Trial(**content | peaks | {"scores": [Score(**s) for s in content["scores"]]})


def joined(outcomes: Iterable[Outcome]) -> Outcome:
    """The batches of one strategy and fold as one."""
    outcomes = list(outcomes)
    trials = sorted((t for each in outcomes for t in each.trials), key=lambda t: t.trial)
    curves = {trial: curve for each in outcomes for trial, curve in each.curves.items()}
    notices = [notice for each in outcomes for notice in each.notices]
    return Outcome(trials, dict(sorted(curves.items())), outcomes[0].resolution, notices)
