"""A gang: the configurations of one strategy on one fold, trained together, halved synchronously.

Pure computation on the rows it is given, which hold training and validation only; no Ray, no files.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..errors import SearchError
from ..fusion.strategy import entry
from ..training.data import Rows
from ..training.population import Member, Population

WINDOW = 5
"""Epochs over which a validation curve is averaged before anything is chosen by it: on some hundred clips one
epoch's score is mostly noise."""


@dataclass(frozen=True)
class Trial:
    """One configuration's way through a gang. Scores are of the smoothed validation curve at ``best_epoch``."""

    trial: int
    config: dict[str, Any]
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


@dataclass(frozen=True)
class Outcome:
    """A gang's trials in their order, and ``{trial: {"train_loss" | "loss" | "wa" | "ua": [an entry an epoch]}}``."""

    trials: list[Trial]
    curves: dict[int, dict[str, list[float]]]

    def best(self) -> Trial | None:
        """The finished trial of highest UA; ties by lower loss, then by trial. None if none finished."""
        return min((t for t in self.trials if t.status == "finished"), key=_rank, default=None)

    def to_json(self) -> str:
        curves = {str(trial): curve for trial, curve in self.curves.items()}
        return json.dumps({"trials": [asdict(t) for t in self.trials], "curves": curves}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Outcome":
        held = json.loads(text)
        return cls(
            [Trial(**t) for t in held["trials"]],
            {int(trial): curve for trial, curve in held["curves"].items()},
        )


def rungs(epochs: int, halvings: int) -> list[int]:
    """The epochs at which a gang is halved, and its end: ``40, 2 → [10, 20, 40]``.

    Raises:
        SearchError: where a rung would have no epoch of its own.
    """
    ends = [epochs >> (halvings - i) for i in range(halvings + 1)]
    if ends[0] < 1 or len(set(ends)) < len(ends):
        raise SearchError(
            f"params.yaml: search.halvings is {halvings}, too many for {epochs} epochs; "
            f"at most {max(0, epochs.bit_length() - 1)}"
        )
    return ends


def run_gang(
    strategy: str,
    configs: Sequence[dict[str, Any]],
    seeds: Sequence[int],
    *,
    training: Rows,
    validation: Rows,
    classes: int,
    epochs: int,
    halvings: int,
    device: str = "cpu",
) -> Outcome:
    """Train all configurations; at each rung the better half by validation goes on.

    A trial whose loss is no longer finite is failed and leaves at the next rung; the others do not notice.
    """
    dimensions = {name: x.shape[-1] for name, x in training.tokens.items()}
    training = training.at(training.there().any(1))
    populations = [
        (ids, Population(strategy, [Member(configs[i], seeds[i]) for i in ids], dimensions=dimensions,
                         classes=classes, device=device))
        for ids in _by_architecture(strategy, tuple(dimensions), configs)
    ]  # fmt: skip
    sizes = {i: population.parameters for ids, population in populations for i in ids}
    curves = {i: {"train_loss": [], "loss": [], "wa": [], "ua": []} for i in range(len(configs))}
    fitted: dict[int, list[dict]] = {i: [] for i in range(len(configs))}
    left = {i: (len(rungs(epochs, halvings)) - 1, "finished") for i in range(len(configs))}

    done = 0
    for rung, end in enumerate(rungs(epochs, halvings)):
        for ids, population in populations:
            made = population.fit(training, epochs=end - done, validation=validation)
            for k, i in enumerate(ids):
                for name, curve in curves[i].items():
                    curve += [values[k] for values in getattr(made, name)]
                fitted[i] += [{name: x[k].tolist() for name, x in each.items()} for each in made.fitted]
                if not population.alive[k]:
                    left[i] = (rung, "failed")
        done = end
        running = [i for ids, _ in populations for i in ids if left[i][1] == "finished"]
        if end < epochs:
            ranked = sorted(running, key=lambda i: _rank(_trial(i, configs, sizes, curves, fitted, left)))
            for i in ranked[(len(ranked) + 1) // 2 :]:
                left[i] = (rung, "stopped")
        populations = [_survivors(ids, population, left) for ids, population in populations]
        populations = [(ids, population) for ids, population in populations if ids]
    return Outcome([_trial(i, configs, sizes, curves, fitted, left) for i in range(len(configs))], curves)


def _by_architecture(strategy: str, modalities: tuple[str, ...], configs: Sequence[dict]) -> list[list[int]]:
    keys = entry(strategy, modalities).load().architecture_keys
    groups: dict[tuple, list[int]] = {}
    for i, config in enumerate(configs):
        groups.setdefault(tuple(config[key] for key in keys), []).append(i)
    return list(groups.values())


def _survivors(ids: list[int], population: Population, left: dict) -> tuple[list[int], Population]:
    on = [k for k, i in enumerate(ids) if left[i][1] == "finished"]
    if on and len(on) < len(ids):
        population.keep(on)
    return [ids[k] for k in on], population


def _trial(i: int, configs: Sequence[dict], sizes: dict, curves: dict, fitted: dict, left: dict) -> Trial:
    rung, status = left[i]
    epochs = len(curves[i]["loss"])
    if status == "failed":
        reason = "the loss is no longer finite"
        curves[i] = {
            name: [v if np.isfinite(v) else None for v in curve] for name, curve in curves[i].items()
        }
        return Trial(i, dict(configs[i]), sizes[i], rung, epochs, status, reason, None, None, None, None, {})
    smooth = {name: smoothed(curves[i][name]) for name in ("loss", "wa", "ua")}
    best = best_epoch(smooth["ua"], smooth["loss"])
    scores = {name: round(float(curve[best]), 6) for name, curve in smooth.items()}
    reason = "in the lower half of its rung" if status == "stopped" else ""
    return Trial(
        i, dict(configs[i]), sizes[i], rung, epochs, status, reason,
        best_epoch=best + 1, fitted=fitted[i][best] if fitted[i] else {}, **scores,
    )  # fmt: skip


def smoothed(curve: Sequence[float]) -> np.ndarray:
    """The centred mean over `WINDOW` epochs, over fewer at the ends."""
    values, half = np.asarray(curve, dtype=np.float64), WINDOW // 2
    return np.array([values[max(0, i - half) : i + half + 1].mean() for i in range(len(values))])


def best_epoch(ua: np.ndarray, loss: np.ndarray) -> int:
    """The epoch (from 0) of highest UA; ties by lower loss, then the earlier."""
    return min(range(len(ua)), key=lambda i: (-round(float(ua[i]), 6), float(loss[i]), i))


def _rank(trial: Trial) -> tuple:
    return (-trial.ua, trial.loss, trial.trial)
