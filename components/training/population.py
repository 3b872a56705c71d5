"""Many configurations of one architecture, trained together on one device.

The members' parameters lie one after another in a matrix ``[K, P]``; a step is one ``vmap`` of one gradient, and
AdamW on the matrix. A member's initial weights, batches, dropout and augmentation are functions of its own seed
and of counters, so it comes out as it would alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, grad_and_value, stack_module_state, vmap
from torch.optim.adamw import adamw

from ..fusion.layers import Dropout, counter_uniform, mix32
from ..fusion.strategy import build, entry
from .losses import objective, soft_targets
from .metrics import log_loss, unweighted_recall, weighted_accuracy

DEFAULTS = {
    "learning_rate": 2e-3,
    "weight_decay": 1e-2,
    "dropout": 0.0,
    "input_dropout": 0.0,
    "smoothing": 0.0,
    "mixup": 0.0,
    "modality_dropout": 0.0,
    "unimodal_weight": 0.0,
    "auxiliary_weight": 0.0,
}
BATCH = (32, 64)
"""The smallest and largest batch; in between a tenth of the rows, so that an epoch is some ten steps."""
WARMUP_STEPS = 20
BETAS = (0.9, 0.99)
EPSILON = 1e-8
AVERAGE_STEPS = 60
"""Memory of the running average of the weights, in steps: what is evaluated and kept."""
AVERAGE_EVERY = 5


@dataclass(frozen=True)
class Rows:
    """Prepared utterances: ``tokens[m] [N, T_m, D_m]``, ``present[m]`` bool ``[N, T_m]``, ``target`` int64 ``[N]``."""

    tokens: dict[str, Tensor]
    present: dict[str, Tensor]
    target: Tensor

    def __len__(self) -> int:
        return len(self.target)

    def to(self, device: str) -> "Rows":
        return Rows(
            {name: x.to(device) for name, x in self.tokens.items()},
            {name: x.to(device) for name, x in self.present.items()},
            self.target.to(device),
        )

    def at(self, index: Tensor) -> "Rows":
        """Some of the rows, by index or mask."""
        return Rows(
            {name: x[index] for name, x in self.tokens.items()},
            {name: x[index] for name, x in self.present.items()},
            self.target[index],
        )

    def of(self, modalities: Sequence[str]) -> "Rows":
        """Some of the modalities."""
        return Rows(
            {name: self.tokens[name] for name in modalities},
            {name: self.present[name] for name in modalities},
            self.target,
        )

    def there(self) -> Tensor:
        """Which modality a row has: bool ``[N, M]``, in the order of ``present``."""
        return torch.stack([mask.any(1) for mask in self.present.values()], dim=-1)


@dataclass(frozen=True)
class Member:
    """One configuration with one seed."""

    config: dict[str, Any]
    seed: int


@dataclass
class Curves:
    """One entry an epoch; each a list over the members as they then were."""

    train_loss: list[list[float]] = field(default_factory=list)
    loss: list[list[float]] = field(default_factory=list)
    wa: list[list[float]] = field(default_factory=list)
    ua: list[list[float]] = field(default_factory=list)
    fitted: list[dict[str, Tensor]] = field(default_factory=list)
    """Buffers that the strategy fitted on the validation rows, ``{name: [K, ...]}``; empty where it fits none."""


class Population:
    """K members of one strategy and architecture.

    Args:
        strategy: its name.
        members: configurations that agree in the strategy's architecture keys.
        dimensions: sizes of the prepared tokens of the strategy's modalities.
        classes: how many.
        device: "cpu" or "cuda".
    """

    def __init__(
        self,
        strategy: str,
        members: Sequence[Member],
        *,
        dimensions: dict[str, int],
        classes: int,
        device: str = "cpu",
    ):
        self.kind = entry(strategy, tuple(dimensions)).load()
        self.classes = classes
        self.device = device
        self.members = list(members)
        shapes = {tuple(member.config[key] for key in self.kind.architecture_keys) for member in self.members}
        assert len(shapes) == 1, (
            f"members of several architectures {self.kind.architecture_keys}: {sorted(shapes)}"
        )

        models = []
        for member in self.members:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(member.seed)
                models.append(build(strategy, dimensions=dimensions, classes=classes, config=member.config))
        self.model = models[0].to(device)
        parameters, buffers = stack_module_state(models)
        self.shapes = {name: p.shape[1:] for name, p in parameters.items()}
        self.flat = torch.cat([p.detach().flatten(1) for p in parameters.values()], dim=1).to(
            device
        )  # [K, P]
        self.buffers = {name: b.detach().clone().to(device) for name, b in buffers.items()}
        self.kept = [name for name in models[0].state_dict() if name in self.buffers]
        self.dropouts = [
            (f"{name}.key", f"{name}.rate", module.hyperparameter)
            for name, module in self.model.named_modules()
            if isinstance(module, Dropout)
        ]
        self.moment1, self.moment2 = torch.zeros_like(self.flat), torch.zeros_like(self.flat)
        self.average = self.flat.clone()
        self.step = 0
        self.epoch = 0
        self.alive = [True] * len(self.members)
        self._spread()

    def __len__(self) -> int:
        return len(self.members)

    @property
    def parameters(self) -> int:
        """Of one member."""
        return self.flat.shape[1]

    def keep(self, which: Sequence[int]) -> None:
        """Go on with these members only, in this order."""
        index = torch.tensor(list(which), device=self.device)
        self.members = [self.members[i] for i in which]
        self.alive = [self.alive[i] for i in which]
        for name in ("flat", "moment1", "moment2", "average"):
            setattr(self, name, getattr(self, name)[index])
        self.buffers = {name: b[index] for name, b in self.buffers.items()}
        self._spread()

    def fit(
        self, rows: Rows, *, epochs: int, validation: Rows | None = None, class_weights: Tensor | None = None
    ) -> Curves:
        """Train ``epochs`` more epochs; with validation rows, score them after each.

        Args:
            class_weights: ``[C]``, weight of a row by its class.
        """
        rows = rows.to(self.device)
        validation = validation.to(self.device) if validation is not None else None
        weights = torch.ones(self.classes) if class_weights is None else class_weights.float()
        row_weight = weights.to(self.device)[rows.target]
        there = rows.there()
        curves = Curves()
        for _ in range(epochs):
            losses = self._train_epoch(rows, row_weight, there)
            curves.train_loss.append(losses.tolist())
            self.epoch += 1
            for i, loss in enumerate(losses.tolist()):
                self.alive[i] = self.alive[i] and math.isfinite(loss)
            if validation is not None:
                logits, fitted = self._score(validation)
                curves.fitted.append(fitted)
                curves.loss.append(log_loss(logits, validation.target).tolist())
                curves.wa.append(weighted_accuracy(logits, validation.target).tolist())
                curves.ua.append(unweighted_recall(logits, validation.target).tolist())
        return curves

    def evaluate(self, rows: Rows) -> Tensor:
        """Logits ``[K, N, C]`` of the averaged weights."""
        return self._forward(rows.to(self.device))[0]

    def _score(self, validation: Rows) -> tuple[Tensor, dict[str, Tensor]]:
        """As `evaluate`, after the strategy has fitted on these rows what it fits on validation."""
        logits, alone = self._forward(validation)
        if not alone:
            return logits, {}
        there = torch.stack([validation.present[name].any(1) for name in alone], dim=-1)
        fitted = self.kind.fit_on_validation(alone, there, validation.target)
        if fitted:
            self.set_buffers(fitted)
            logits, _ = self._forward(validation)
        return logits, fitted

    @torch.no_grad()
    def _forward(self, rows: Rows) -> tuple[Tensor, dict[str, Tensor]]:
        self.model.eval()

        def call(parameters: dict, buffers: dict) -> tuple[Tensor, dict]:
            output = functional_call(self.model, (parameters, buffers), (rows.tokens, rows.present))
            return output.logits, output.per_modality_logits or {}

        return vmap(call)(self._unflatten(self.average), self.buffers)

    def state(self) -> dict[str, Tensor]:
        """The averaged weights and the fitted buffers, stacked: ``{name: [K, ...]}``."""
        held = {name: x.detach().clone() for name, x in self._unflatten(self.average).items()}
        return held | {name: self.buffers[name].clone() for name in self.kept}

    def set_buffers(self, buffers: dict[str, Tensor]) -> None:
        """Freeze buffers that were fitted elsewhere: ``{name: [K, ...]}``."""
        for name, value in buffers.items():
            assert self.buffers[name].shape == value.shape, (
                f"{name}: {value.shape} for {self.buffers[name].shape}"
            )
            self.buffers[name] = value.to(self.device)

    # -- one epoch ---------------------------------------------------------------------------------------------

    def _train_epoch(self, rows: Rows, row_weight: Tensor, there: Tensor) -> Tensor:
        self.model.train()
        count = len(rows)
        batch = min(count, max(BATCH[0], min(BATCH[1], count // 10)))
        steps = count // batch
        order = torch.stack([self._order(member.seed, count) for member in self.members]).to(
            self.device
        )  # [K, N]
        partner = order.roll(1, dims=1)
        total = torch.zeros(len(self), device=self.device)
        for i in range(steps):
            at = slice(i * batch, (i + 1) * batch)
            total += self._train_step(rows, row_weight, there, order[:, at], partner[:, at])
        return total / steps

    def _order(self, seed: int, count: int) -> Tensor:
        generator = torch.Generator().manual_seed((seed * 1_000_003 + self.epoch) % (1 << 62))
        return torch.randperm(count, generator=generator)

    def _train_step(
        self, rows: Rows, row_weight: Tensor, there: Tensor, index: Tensor, partner: Tensor
    ) -> Tensor:
        self.step += 1
        tokens, present, target, shown = self._batch(rows, there, index, partner)
        for layer, (key, rate, hyperparameter) in enumerate(self.dropouts):
            self.buffers[key] = self._keys(layer)
            self.buffers[rate] = self.hyper[hyperparameter]
        gradient, loss = self._gradient(
            self._unflatten(self.flat),
            self.buffers,
            tokens,
            present,
            target,
            dict(zip(rows.tokens, shown.unbind(-1), strict=True)),
            row_weight[index],
            self.hyper["unimodal_weight"],
            self.hyper["auxiliary_weight"],
        )
        self._update(gradient)
        return loss

    @property
    def _gradient(self):
        def loss(parameters, buffers, tokens, present, target, there, weight, unimodal, auxiliary):
            output = functional_call(self.model, (parameters, buffers), (tokens, present))
            return objective(
                output,
                target,
                there=there,
                weight=weight,
                unimodal_weight=unimodal,
                auxiliary_weight=auxiliary,
            )

        return vmap(grad_and_value(loss))

    def _batch(self, rows: Rows, there: Tensor, index: Tensor, partner: Tensor):
        """Gather, mix and drop: tokens ``[K, B, T, D]``, present, soft target ``[K, B, C]``, there ``[K, B, M]``."""
        tokens = {name: x[index] for name, x in rows.tokens.items()}
        present = {name: mask[index] for name, mask in rows.present.items()}
        target = soft_targets(
            rows.target[index], classes=self.classes, smoothing=self.hyper["smoothing"].view(-1, 1, 1)
        )
        shown = there[index]
        if self.any["mixup"]:
            tokens, target = self._mix(rows, tokens, present, target, partner)
        if self.any["modality_dropout"]:
            u = counter_uniform(self._keys(1001), index.shape[1] * shown.shape[-1]).view(shown.shape)
            left = shown & (u >= self.hyper["modality_dropout"].view(-1, 1, 1))
            shown = torch.where(left.any(-1, keepdim=True), left, shown)
            present = {name: mask & shown[..., m, None] for m, (name, mask) in enumerate(present.items())}
        return tokens, present, target, shown

    def _mix(self, rows: Rows, tokens: dict, present: dict, target: Tensor, partner: Tensor):
        """Mixup (Zhang et al. 2018) of tokens that both rows have; one coefficient a row, uniform in [1 - m, 1]."""
        u = counter_uniform(self._keys(1002), partner.shape[1])  # [K, B]
        share = 1 - u * self.hyper["mixup"].unsqueeze(-1)
        mixed = {}
        for name, x in tokens.items():
            both = (present[name] & rows.present[name][partner]).unsqueeze(-1)
            by = share[..., None, None]
            mixed[name] = torch.where(both, by * x + (1 - by) * rows.tokens[name][partner], x)
        other = soft_targets(
            rows.target[partner], classes=self.classes, smoothing=self.hyper["smoothing"].view(-1, 1, 1)
        )
        return mixed, share.unsqueeze(-1) * target + (1 - share.unsqueeze(-1)) * other

    def _update(self, gradient: dict[str, Tensor]) -> None:
        """AdamW (Loshchilov & Hutter 2019) with each member's own rate and decay, then the running average."""
        warm = min(1.0, self.step / WARMUP_STEPS)
        if self.device == "cpu":
            self._update_each(gradient, warm)
        else:
            self._update_all(torch.cat([gradient[name].flatten(1) for name in self.shapes], dim=1), warm)
        if self.step % AVERAGE_EVERY == 0:
            self.average.lerp_(self.flat, max(AVERAGE_EVERY / self.step, AVERAGE_EVERY / AVERAGE_STEPS))

    def _update_each(self, gradient: dict[str, Tensor], warm: float) -> None:
        """One fused pass a member: on a CPU the update is bound by memory, and this reads everything once."""
        for k, (parameters, moments1, moments2) in enumerate(self.views):
            adamw(
                parameters, [gradient[name][k] for name in self.shapes], moments1, moments2, [],
                [torch.tensor(float(self.step - 1))] * len(parameters), fused=True, amsgrad=False, maximize=False,
                beta1=BETAS[0], beta2=BETAS[1], eps=EPSILON,
                lr=warm * self.rates[k], weight_decay=self.decays[k],
            )  # fmt: skip

    def _update_all(self, gradient: Tensor, warm: float) -> None:
        """The same for all members at once: few launches, however many members."""
        self.moment1.lerp_(gradient, 1 - BETAS[0])
        self.moment2.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
        rate = warm * self.hyper["learning_rate"].unsqueeze(-1)
        spread = (self.moment2 / (1 - BETAS[1] ** self.step)).sqrt_().add_(EPSILON)
        self.flat.mul_(1 - rate * self.hyper["weight_decay"].unsqueeze(-1))
        self.flat.sub_(self.moment1 / (1 - BETAS[0] ** self.step) * rate / spread)

    # -- members as tensors ------------------------------------------------------------------------------------

    def _spread(self) -> None:
        held = [DEFAULTS | self.kind.defaults | member.config for member in self.members]
        self.hyper = {
            name: torch.tensor([float(each[name]) for each in held], device=self.device) for name in DEFAULTS
        }
        self.any = {name: bool((value > 0).any()) for name, value in self.hyper.items()}
        seeds = torch.tensor([member.seed % (1 << 32) for member in self.members], device=self.device)
        self.seed_keys = mix32(seeds)
        self.rates, self.decays = self.hyper["learning_rate"].tolist(), self.hyper["weight_decay"].tolist()
        stacks = [list(self._unflatten(x).values()) for x in (self.flat, self.moment1, self.moment2)]
        self.views = [[[x[k] for x in stack] for stack in stacks] for k in range(len(self))]

    def _keys(self, layer: int) -> Tensor:
        """One 32-bit key a member, of (its seed, the step, the layer): int64 ``[K]``."""
        return mix32(mix32(self.seed_keys ^ (self.step & 0xFFFFFFFF)) ^ layer)

    def _unflatten(self, flat: Tensor) -> dict[str, Tensor]:
        parts = flat.split([math.prod(shape) for shape in self.shapes.values()], dim=1)
        return {
            name: part.unflatten(1, shape) if len(shape) else part.squeeze(1)
            for part, (name, shape) in zip(parts, self.shapes.items(), strict=True)
        }
