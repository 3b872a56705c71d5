"""The training loop of every objective: gradient accumulation, warm-up and decay, resumed from its last saved state."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import PretrainingError
from ..files import as_new, replacing
from .batches import Batch, Batches
from .stated import Training

LINE_EVERY_S = 10.0
EPSILON = 1e-6
BETAS = (0.9, 0.98)


@dataclass(frozen=True)
class Schedule:
    """How long and how fast.

    Attributes:
        steps: updates of the weights.
        warmup: of them, in which the learning rate rises from 0; it then falls to 0 in a straight line.
        learning_rate: the highest.
        accumulation: batches of an update.
        clip: the norm that gradients are cut to.
        weight_decay: decoupled, as fairseq's Adam has it.
        save_every: updates after which the state is saved.
        log_every: updates that a point of the curve is the mean of.
        compiled: have torch compile the network, on a GPU.
    """

    steps: int
    warmup: int
    learning_rate: float
    accumulation: int = 1
    clip: float = 10.0
    weight_decay: float = 0.01
    save_every: int = 500
    log_every: int = 10
    compiled: bool = False

    @classmethod
    def of(cls, training: Training, steps: int) -> Schedule:
        """So many updates, as ``pretrain/params.yaml`` states the rest; a curve of a hundred points."""
        return cls(
            steps=steps,
            warmup=int(training.warmup * steps),
            learning_rate=training.learning_rate,
            accumulation=training.accumulation,
            save_every=training.save_every,
            log_every=max(1, steps // 100),
            compiled=training.compile,
        )

    def rate(self, step: int) -> float:
        """The learning rate of an update, from 0 on."""
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        return self.learning_rate * (self.steps - step) / max(1, self.steps - self.warmup)


class Losses(NamedTuple):
    """Of a batch.

    Attributes:
        total: what is minimised, summed over predictions.
        logged: name → a sum over predictions, for the curve.
    """

    total: Tensor
    logged: dict[str, Tensor]


Inputs = dict[str, Tensor]
"""What a step of the network takes, by name; the first dimension of each is the batch's clips."""


class Objective(Protocol):
    """What is learned."""

    @property
    def network(self) -> nn.Module:
        """Whose weights are."""

    def inputs(self, batch: Batch, draws: np.random.Generator) -> Inputs:
        """What the network is to see of a batch, masks and targets included; on the CPU."""

    def predictions(self, inputs: Inputs) -> int:
        """Over how many predictions the loss is the mean."""

    def losses(self, inputs: Inputs) -> Losses:
        """Run the network."""

    def updated(self, step: int) -> None:
        """Called after each update."""


class Rates(Protocol):
    """Learning rates that differ between weights."""

    def groups(self) -> dict[str, list[nn.Parameter]]:
        """The weights that share a rate, by a name; all of the network's together."""

    def scale(self, group: str, step: int) -> float:
        """What the schedule's rate is multiplied by, for a group at an update."""


class Trainer:
    """Updates an objective's network; the same seed and inputs give the same weights, to the bit on a CPU."""

    def __init__(
        self,
        objective: Objective,
        batches: Batches,
        schedule: Schedule,
        *,
        seed: int,
        device: str,
        state: Path,
        what: str,
        rates: Rates | None = None,
    ):
        """Take up training from its last saved state, or begin.

        Args:
            objective: whose network is on ``device``.
            batches: the stream.
            schedule: how long and how fast.
            seed: of dropout and masks.
            device: ``cpu`` or ``cuda``.
            state: the file of the saved state, under a folder that changes with all that training depends on.
            what: the progress line's name.
            rates: of the weights; None: all have the schedule's.
        """
        self._objective, self._batches, self._schedule = objective, batches, schedule
        self._seed, self._device, self._file, self._what = seed, device, state, what
        self._rates = rates
        groups = {"all": list(objective.network.parameters())} if rates is None else rates.groups()
        self._optimizer = torch.optim.AdamW(
            [{"params": each, "name": name} for name, each in groups.items()],
            betas=BETAS,
            eps=EPSILON,
            weight_decay=schedule.weight_decay,
        )
        self.step = 0
        self.curve: list[dict[str, float]] = []
        self._sums: dict[str, float] = {}
        self._parts = 1
        if state.is_file():
            self._restore()
        if schedule.compiled and device == "cuda":
            objective.network.compile(dynamic=True)

    def run(self) -> list[dict[str, float]]:
        """Train to the last update.

        Returns:
            The curve: for each ``log_every`` updates ``step`` and the mean of each of the objective's logged values.

        Raises:
            PretrainingError: the loss or its gradient is not finite, or one clip does not fit the GPU's memory.
        """
        schedule = self._schedule
        began = shown = time.monotonic()
        first, frames = self.step, 0
        self._objective.network.train()
        while self.step < schedule.steps:
            means, seen = self._update()
            frames += seen
            self.step += 1
            self._log(means)
            if self.step % schedule.save_every == 0 or self.step == schedule.steps:
                self.save()
            now = time.monotonic()
            if now - shown >= LINE_EVERY_S or self.step == schedule.steps:
                shown, done = now, self.step - first
                left = (now - began) / done * (schedule.steps - self.step)
                said = ", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in means.items())
                print(
                    f"{self._what}: update {self.step}/{schedule.steps}, {said}, "
                    f"{frames / max(now - began, 1e-9):.0f} frames/s, {left:.0f} s left",
                    file=sys.stderr,
                    flush=True,
                )
        return self.curve

    def _update(self) -> tuple[dict[str, float], int]:
        """One update: the means of what is logged, and how many frames it saw."""
        accumulation = self._schedule.accumulation
        inputs, seen = [], 0
        for number in range(self.step * accumulation, (self.step + 1) * accumulation):
            batch = self._batches.at(number)
            seen += int(batch.there.sum())
            inputs.append(self._objective.inputs(batch, np.random.default_rng([self._seed, 2, number])))
        while True:
            try:
                return self._tried(inputs), seen
            except torch.OutOfMemoryError:
                if self._parts >= max(len(next(iter(each.values()))) for each in inputs):
                    raise PretrainingError(
                        "one clip alone does not fit the GPU's memory: state a smaller `longest` in "
                        "pretrain/params.yaml"
                    ) from None
            self._parts *= 2
            print(
                f"{self._what}: the GPU's memory does not hold a batch: batches are halved, and gradients "
                f"accumulated over {self._parts} parts of each",
                file=sys.stderr,
                flush=True,
            )
            self._optimizer.zero_grad()
            if self._device == "cuda":
                torch.cuda.empty_cache()

    def _tried(self, inputs: list[Inputs]) -> dict[str, float]:
        objective, schedule = self._objective, self._schedule
        torch.manual_seed(_seed_of(self._seed, self.step))
        count = max(1, sum(objective.predictions(each) for each in inputs))
        self._optimizer.zero_grad()
        sums: dict[str, float] = {}
        for whole in inputs:
            for part in _parts(whole, self._parts):
                on_device = {name: each.to(self._device, non_blocking=True) for name, each in part.items()}
                with torch.autocast(self._device, torch.bfloat16, enabled=self._device == "cuda"):
                    losses = objective.losses(on_device)
                (losses.total / count).backward()
                for name, value in losses.logged.items():
                    sums[name] = sums.get(name, 0.0) + value.item()
        norm = nn.utils.clip_grad_norm_(objective.network.parameters(), schedule.clip).item()
        means = {name: value / count for name, value in sums.items()}
        if not np.isfinite([norm, *means.values()]).all():
            raise PretrainingError(
                f"{self._what}: at update {self.step + 1} the loss or its gradient is not finite "
                f"({', '.join(f'{name} {value:.3g}' for name, value in means.items())}; gradient {norm:.3g}): state a "
                "lower `learning_rate` or a longer `warmup` in pretrain/params.yaml"
            )
        for group in self._optimizer.param_groups:
            scale = 1.0 if self._rates is None else self._rates.scale(group["name"], self.step)
            group["lr"] = schedule.rate(self.step) * scale
        self._optimizer.step()
        objective.updated(self.step)
        return means

    def _log(self, means: dict[str, float]) -> None:
        for name, value in means.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        over = self._schedule.log_every
        if self.step % over == 0:
            self.curve.append(
                {"step": self.step} | {name: value / over for name, value in self._sums.items()}
            )
            self._sums = {}

    def save(self) -> None:
        """Save all that training goes on from, in one file, whole or not at all."""
        from safetensors.torch import save_file

        tensors = {f"network.{name}": each for name, each in self._objective.network.state_dict().items()}
        for number, kept in self._optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{name}": each for name, each in kept.items()}
        said = {"step": self.step, "curve": self.curve, "sums": self._sums, "parts": self._parts}
        with replacing(self._file) as path:
            save_file(
                {name: each.detach().cpu().contiguous() for name, each in tensors.items()},
                path,
                {"state": json.dumps(said)},
            )
            as_new(path)

    def _restore(self) -> None:
        from safetensors import safe_open

        with safe_open(self._file, framework="pt") as file:
            said = json.loads(file.metadata()["state"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (it is no mapping)
        kept: dict[int, dict[str, Any]] = {}
        weights: dict[str, Tensor] = {}
        for name, each in tensors.items():
            where, rest = name.split(".", 1)
            if where == "network":
                weights[rest] = each
            else:
                number, what = rest.split(".", 1)
                kept.setdefault(int(number), {})[what] = each
        self._objective.network.load_state_dict(weights)
        whole = self._optimizer.state_dict()
        self._optimizer.load_state_dict({"state": kept, "param_groups": whole["param_groups"]})
        self.step, self.curve = said["step"], said["curve"]
        self._sums, self._parts = said["sums"], said["parts"]
        print(f"{self._what}: goes on after update {self.step}", file=sys.stderr, flush=True)


def _parts(inputs: Inputs, count: int) -> list[Inputs]:
    """A batch in parts of its clips, none of them empty."""
    clips = len(next(iter(inputs.values())))
    count = min(count, clips)
    split = {name: each.tensor_split(count) for name, each in inputs.items()}
    return [{name: parts[number] for name, parts in split.items()} for number in range(count)]


def _seed_of(seed: int, step: int) -> int:
    return int(np.random.SeedSequence([seed, 3, step]).generate_state(1, np.uint64)[0] >> 1)
