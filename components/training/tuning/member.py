"""One member whose encoders and fusion are trained together."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ..augmentation import gather
from ..data import Rows
from ..losses import class_counts
from ..metrics import log_loss, unweighted_recall
from ..order import order_of
from ..population import Population
from ..scoring import dimensions_of, logits_of
from ..step import losses
from .learner import Tuning
from .live import Live, Stored

WARMUP = 0.1
"""The share of all steps over which the learning rates rise from 0."""
DECAY = 0.01
"""AdamW's weight decay of the encoders."""
LARGEST_GRADIENT = 1.0
"""Norm to which the gradient of all weights together is clipped."""
SCORED_AT_ONCE = 64
NOT_TUNED = ("consistency_weight", "adversarial")
"""Hyper-parameters by which a step sees rows more than once, which tuning does not do."""


class TunedMember:
    """A member of a population of one, and encoders.

    Before the first step it scores as the population does, since a learner then gives what the frozen encoder gives.

    Args:
        population: one trained member.
        live: makes the tokens.
        train: the training rows; those without a label, or of none of the modalities, are not learned from.
        tuning: how it is trained.
        advance: called with the number of steps done, after each.
    """

    def __init__(
        self,
        population: Population,
        live: Live,
        train: Stored,
        tuning: Tuning,
        advance: Callable[[int], None] = lambda _: None,
    ):
        assert len(population) == 1, f"{len(population)} members, whose encoders would differ"
        self.stacked, self.setting = population.stacked, population.setting
        self.member, self.classes = population.members[0], population.classes
        self.live, self.tuning, self.advance = live, tuning, advance
        known = (
            ((train.rows.target >= 0) & train.rows.without_posteriors().there().any(1)).nonzero().squeeze(-1)
        )
        self.train = Stored(tuple(train.ids[i] for i in known.tolist()), train.rows.at(known))
        self.lengths = live.lengths(self.train)
        self.counts = class_counts(self.train.rows.target, self.classes).to(live.device)
        self.fusion = nn.Parameter(population.optimizer.average.clone())
        """``[1, P]``, as `Stacked` has it."""
        hyper = self.setting.hyper
        self.rates = (float(hyper["learning_rate"]), tuning.learning_rate)
        self.weights = {
            f"{encoder}.{name}": x
            for encoder, learner in live.learners.items()
            for name, x in learner.trained.items()
        }
        """The encoders' weights that are trained."""
        self.optimizer = torch.optim.AdamW(
            [
                {"params": [self.fusion], "weight_decay": float(hyper["weight_decay"])},
                {"params": list(self.weights.values()), "weight_decay": DECAY},
            ]
        )
        self.epoch = 0
        self.steps = steps_per_epoch(len(self.train.ids), tuning)
        self.alive = True

    def train_epoch(self) -> None:
        """Train for one epoch; where the loss is no longer finite the member is no longer ``alive``."""
        everything = Rows({}, {}, self.train.rows.target)
        order = order_of(everything, seeds=[self.member.seed], epoch=self.epoch, everything=False)
        self._set_training(True)
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            torch.manual_seed(self.member.seed * 1_000_003 + self.epoch)  # of the encoders' own dropout
            for i, batch in enumerate(order.labelled[0].split(self.tuning.batch)):
                self._train_step(batch, self.epoch * self.steps + i)
                self.advance(1)
                if not self.alive:
                    break
        self._set_training(False)
        self.epoch += 1

    def _train_step(self, index: Tensor, step: int) -> None:
        total, weight = 0.0, 0.0
        self.optimizer.zero_grad()
        for number, part in enumerate(self._parts(index)):
            place = torch.arange(len(part), device=self.live.device).unsqueeze(0)
            batch = gather(
                self._without_unused(self.live.rows(self.train, part)),
                place,
                place.roll(1, dims=1),
                classes=self.classes,
                hyper=self.setting.hyper,
                on=self.setting.on,
                seeds=self.setting.seeds,
                step=step * self.tuning.accumulate + number,
                counts=self.counts if "class_balance" in self.setting.on else None,
            )
            share = float(batch.weight.sum())
            loss = share * losses(
                self.stacked,
                self.fusion,
                batch,
                setting=self.setting,
                step=step * self.tuning.accumulate + number,
            )
            loss.sum().backward()
            total, weight = total + float(loss.detach().sum()), weight + share
        self.alive = math.isfinite(total)
        if not self.alive:
            return
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        for p in parameters:
            if p.grad is not None:
                p.grad /= weight
        nn.utils.clip_grad_norm_(parameters, LARGEST_GRADIENT)
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * self._factor(step)
        self.optimizer.step()

    def _parts(self, index: Tensor) -> Iterator[Tensor]:
        """A batch in as many parts as go through the encoder one after another; those of a length together."""
        by_length = index[self.lengths[index].argsort(stable=True)]
        yield from by_length.tensor_split(min(self.tuning.accumulate, len(index)))

    def _without_unused(self, rows: Rows) -> Rows:
        """Without the votes and side targets that the configuration does not learn from, and without posteriors."""
        shares = rows.shares if "soft_labels" in self.setting.on else None
        side = {name: x for name, x in rows.side.items() if name in self.stacked.heads}
        return replace(rows.without_posteriors(), shares=shares, side=side)

    def _factor(self, step: int) -> float:
        """Of the learning rates: a linear rise, then a linear fall to 0 at the end of the last epoch."""
        whole = self.tuning.epochs * self.steps
        rise = max(1.0, WARMUP * whole)
        return min((step + 1) / rise, (whole - step) / max(1.0, whole - rise))

    def _set_training(self, training: bool) -> None:
        self.stacked.model.train(training)
        for learner in self.live.learners.values():
            learner.module.train(training)

    @torch.no_grad()
    def logits(self, stored: Stored) -> Tensor:
        """Score rows: ``[N, C]``."""
        return self._scored(stored)[0]

    @torch.no_grad()
    def dimensions(self, stored: Stored) -> dict[str, Tensor]:
        """Valence, arousal and dominance of rows ``{name: [N]}``; empty where they were not learned."""
        return self._scored(stored)[1]

    def _scored(self, stored: Stored) -> tuple[Tensor, dict[str, Tensor]]:
        """Logits, and what `dimensions` gives."""
        self._set_training(False)
        weights = self.fusion.detach()
        order = self.live.lengths(stored).argsort(stable=True)
        logits, dimensions = [], []
        for some in order.split(SCORED_AT_ONCE):
            rows = self.live.rows(stored, some)
            logits.append(logits_of(self.stacked, weights, rows)[0][0])
            dimensions.append(dimensions_of(self.stacked, weights, rows))
        back = order.argsort().to(self.live.device)
        values = {name: torch.cat([each[name][0] for each in dimensions])[back] for name in dimensions[0]}
        return torch.cat(logits)[back], values

    def validated(self, stored: Stored) -> tuple[float, float]:
        """UA and log loss on validation rows."""
        logits, target = self.logits(stored), stored.rows.target.to(self.live.device)
        return float(unweighted_recall(logits, target)), float(log_loss(logits, target))

    def model(self) -> dict[str, Tensor]:
        """The strategy's weights and fitted buffers, by the names of its state."""
        return {name: x[0] for name, x in self.stacked.state(self.fusion.detach()).items()}

    # -- to go on after an interruption ------------------------------------------------------------------------

    def state(self) -> dict[str, Tensor]:
        """All that the next epoch depends on."""
        state = {"epoch": torch.tensor(self.epoch), "fusion": self.fusion.detach()}
        state |= {f"weights.{name}": x.detach() for name, x in self.weights.items()}
        for i, own in self.optimizer.state_dict()["state"].items():
            state |= {f"optimizer.{i}.{name}": x for name, x in own.items()}
        return {name: x.clone().contiguous().cpu() for name, x in state.items()}

    @torch.no_grad()
    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a `state`."""
        self.epoch = int(state["epoch"])
        self.fusion.copy_(state["fusion"])
        for name, weight in self.weights.items():
            weight.copy_(state[f"weights.{name}"])
        own: dict[int, dict[str, Any]] = {}
        for key, value in state.items():
            if key.startswith("optimizer."):
                _, i, name = key.split(".")
                own.setdefault(int(i), {})[name] = value
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": own})


def steps_per_epoch(rows: int, tuning: Tuning) -> int:
    """Optimizer's steps in an epoch."""
    return -(-rows // tuning.batch)
