"""The state of one configuration of a cohort: its curves so far, and the trial that results from them."""

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..schema import ChooseBy
from ..training.population import Curves
from .curves import best_window, centre, smoothed
from .outcome import Peak, Score, Trial

NAMES = ("train_loss", "loss", "wa", "ua")
SCORES = ("wa", "ua", "loss")


@dataclass
class TrialState:
    """One configuration in training, changed as the cohort goes on. Fields that are not listed are as in `Trial`.

    Attributes:
        number: of the trial.
        config: the current one.
        choose_by: which curve counts, that of the seeds' mean or that of their ensemble.
        curves: per seed ``{name: [an entry an epoch]}``.
        ensemble: the ensemble's, likewise; empty where there is one seed, which is its own ensemble.
        fitted: per seed a list of fitted buffers, an entry an epoch.
        schedule: the configurations so far, as in `Trial`.
        training: whether it is trained further.
    """

    number: int
    batch: int
    config: dict[str, Any]
    choose_by: ChooseBy
    curves: list[dict[str, list[float]]]
    fitted: list[list[dict[str, list]]]
    ensemble: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in SCORES})
    schedule: list[list] = field(default_factory=list)
    parameters: int = 0
    rung: int = 0
    status: str = "finished"
    reason: str = ""
    training: bool = True

    @classmethod
    def at_start(
        cls, number: int, batch: int, config: dict[str, Any], repeats: int, choose_by: ChooseBy
    ) -> "TrialState":
        """A configuration before its first epoch, with so many seeds."""
        curves = [{name: [] for name in NAMES} for _ in range(repeats)]
        return cls(number, batch, config, choose_by, curves, [[] for _ in range(repeats)])

    @property
    def epochs(self) -> int:
        """How many it has been trained."""
        return len(self.curves[0]["loss"])

    def record(self, repeat: int, curves: Curves, k: int) -> None:
        """Append the further curves of one seed.

        Args:
            repeat: the seed's place among the configuration's.
            curves: of a population.
            k: the seed's member in it.
        """
        for name, curve in self.curves[repeat].items():
            curve += [values[k] for values in getattr(curves, name)]
        self.fitted[repeat] += [{name: x[k].tolist() for name, x in each.items()} for each in curves.fitted]

    def record_ensemble(self, scores: Mapping[str, float]) -> None:
        """Append an epoch of the ensemble's curve."""
        for name, curve in self.ensemble.items():
            curve.append(scores[name])

    def leave(self, status: str, reason: str) -> None:
        """Train it no further; status and reason as in `Trial`."""
        self.status, self.reason, self.training = status, reason, False

    def give_up_after(self, patience: int) -> None:
        """Train it no further once neither the smoothed UA nor the smoothed loss was better for so many epochs."""
        if not self.training:
            return
        ua, loss = self.smooth("ua"), self.smooth("loss")
        if len(ua) - 1 - max(int(np.argmax(ua)), int(np.argmin(loss))) >= patience:
            self.leave("finished", f"no better for {patience} epochs")

    def follow(self, other: "TrialState", config: dict[str, Any]) -> None:
        """Continue from another's weights: take over its schedule and curves, then train with ``config``."""
        self.schedule = [*(other.schedule or [[1, other.config]]), [self.epochs + 1, config]]
        self.config = config
        self.curves, self.ensemble = copy.deepcopy((other.curves, other.ensemble))
        self.fitted = [list(each) for each in other.fitted]

    def rank_now(self) -> tuple[float, float, int]:
        """Lower is better: by the UA smoothed over the last window, ties by lower loss, then by number."""
        return (-round(self.smooth("ua")[-1], 6), self.smooth("loss")[-1], self.number)

    def smooth(self, name: str) -> np.ndarray:
        """The smoothed curve that counts."""
        return self._smooth(name, self.choose_by)

    def _smooth(self, name: str, by: ChooseBy) -> np.ndarray:
        if by == "mean" or len(self.curves) == 1:
            return smoothed(np.mean([curve[name] for curve in self.curves], axis=0))
        return smoothed(self.ensemble[name])

    def trial(self) -> Trial:
        """The result so far; without scores where it failed."""
        if self.status == "failed":
            nothing = Peak(dict(self.config), {}, None, **dict.fromkeys(SCORES))
            return self._trial(nothing, nothing, [Score(**dict.fromkeys(SCORES)) for _ in self.curves])
        mean = self._peak("mean")
        window = mean.epoch - 1 - centre(self.epochs)
        scores = [Score(**{n: _rounded(smoothed(curve[n])[window]) for n in SCORES}) for curve in self.curves]
        return self._trial(mean, self._peak("ensemble") if len(self.curves) > 1 else mean, scores)

    def _peak(self, by: ChooseBy) -> Peak:
        smooth = {name: self._smooth(name, by) for name in SCORES}
        best = best_window(smooth["ua"], smooth["loss"])
        epoch = best + centre(self.epochs) + 1
        earlier = [config for begin, config in self.schedule if begin <= epoch]
        config = earlier[-1] if earlier else self.config
        scores = {name: _rounded(curve[best]) for name, curve in smooth.items()}
        return Peak(dict(config), self._fitted(epoch - 1), epoch, **scores)

    def shown_curves(self) -> list[dict[str, list]]:
        """The curves per seed, for tables and figures; None where a value is not finite."""
        return [
            {name: [v if math.isfinite(v) else None for v in values] for name, values in curve.items()}
            for curve in self.curves
        ]

    def _fitted(self, epoch: int) -> dict[str, list]:
        fitted = [each[epoch] for each in self.fitted if each]
        return (
            {name: np.mean([each[name] for each in fitted], axis=0).tolist() for name in fitted[0]}
            if fitted
            else {}
        )

    def _trial(self, mean: Peak, ensemble: Peak, scores: list[Score]) -> Trial:
        return Trial(
            self.number, self.batch, self.schedule, self.parameters, self.rung, self.epochs, self.status, self.reason,
            mean, ensemble, scores, self.choose_by,
        )  # fmt: skip


def _rounded(value: float) -> float:
    return round(float(value), 6)
