"""Many configurations of one architecture, trained together on one device.

The members' parameters lie one after another in a matrix ``[K, P]``; a step is one ``vmap`` of one gradient, and
AdamW on the matrix. A member's initial weights, batches, dropout and augmentation are functions of its own seed
and of counters, so it comes out as it would alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, grad, grad_and_value, stack_module_state, vmap

from ..fusion.layers import Dropout
from ..fusion.output import FusionOutput
from ..fusion.strategy import Strategy, build, entry
from . import consistency
from .adversarial import attack
from .augmentation import gather, taken
from .counters import dropout_mask, member_keys, member_seeds
from .data import UNLABELLED, Batch, Rows
from .heads import side_loss, wanted
from .hyperparameters import COMMON, HYPERPARAMETERS, common
from .losses import balanced, class_counts, decisions, objective
from .metrics import log_loss, unweighted_recall, weighted_accuracy
from .optimizer import PopulationAdamW

BATCH = (32, 64)
"""The smallest and largest batch; in between a tenth of the rows, so that an epoch is some ten steps."""

SCORED_AT_ONCE = 512
"""Rows: what a transformer holds of all validation rows at once may be more than what a step holds."""


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
        members: configurations that agree in the strategy's architecture keys, and in `hyperparameters.COMMON`.
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
        shared = {common(member.config) for member in self.members}
        assert len(shared) == 1, f"members that differ in {COMMON}: {sorted(shared)}"
        self.attack_steps, self.bfloat16 = shared.pop()
        self._spread()

        models = []
        for member in self.members:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(member.seed)
                models.append(build(strategy, dimensions=dimensions, classes=classes, config=member.config))
        parameters, buffers = stack_module_state(models)
        self.shapes = {name: p.shape[1:] for name, p in parameters.items()}
        flat = torch.empty(len(models), 0)  # all there is of a baseline
        flat = torch.cat([flat, *(p.detach().flatten(1) for p in parameters.values())], dim=1)
        self.parameters = flat.shape[1]
        """Of one member."""
        self.heads = wanted(self.on) if self.parameters else ()
        if self.heads:
            head = flat.new_zeros(len(models), len(self.heads), _embedding_size(models[0], dimensions) + 1)
            flat = torch.cat([flat, head.flatten(1)], dim=1)
        self.optimizer = PopulationAdamW(flat.to(device))
        self.model = models[0].to(device)
        self.buffers = {name: b.detach().clone().to(device) for name, b in buffers.items()}
        self.kept = [name for name in models[0].state_dict() if name in self.buffers]
        self.dropouts = {
            f"{name}.mask": module
            for name, module in self.model.named_modules()
            if isinstance(module, Dropout)
        }
        self.token_counts: dict[str, int] = {}
        self.sizes: dict[str, int] = {}
        self.epoch = 0
        self.alive = [True] * len(self.members)

    def __len__(self) -> int:
        return len(self.members)

    def keep(self, which: Sequence[int]) -> None:
        """Go on with these members only, in this order."""
        index = torch.tensor(list(which), device=self.device)
        self.members = [self.members[i] for i in which]
        self.alive = [self.alive[i] for i in which]
        self.optimizer.keep(index)
        self.buffers = {name: b[index] for name, b in self.buffers.items()}
        self._spread()

    def reconfigure(self, configs: Sequence[dict[str, Any]]) -> None:
        """Go on with other configurations, one a member, of the same architecture."""
        self.members = [Member(dict(c), m.seed) for c, m in zip(configs, self.members, strict=True)]
        self._spread()

    def take(self, k: int, source: "Population", at: int) -> None:
        """Member ``k`` becomes as another of the same architecture is: weights, optimizer, configuration and seed."""
        same = self.heads == source.heads
        self.optimizer.take(k, source.optimizer, at, None if same else self.parameters)
        for name in self.kept:
            self.buffers[name] = self.buffers[name].clone()
            self.buffers[name][k] = source.buffers[name][at]
        self.members[k] = source.members[at]
        self._spread()

    def fit(
        self, rows: Rows, *, epochs: int, validation: Rows | None = None, steps: int | None = None
    ) -> Curves:
        """Train ``epochs`` more epochs, of at most so many steps; with validation rows, score them after each."""
        rows = self._used(rows).to(self.device)
        validation = validation.to(self.device) if validation is not None else None
        curves = Curves()
        if self.epoch == 0:
            self._fit_on_training(rows)
        for _ in range(epochs):
            losses = self._train_epoch(rows, steps)
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
        self.buffers |= dict.fromkeys(
            self.dropouts, torch.ones(len(self), device=self.device)
        )  # room for others
        return curves

    def _used(self, rows: Rows) -> Rows:
        """Without what is told of the rows and no member learns from."""
        shares = rows.shares if "soft_labels" in self.on else None
        return replace(rows, shares=shares, side={k: x for k, x in rows.side.items() if k in self.heads})

    def _fit_on_training(self, rows: Rows) -> None:
        rows = rows.at(rows.target != UNLABELLED)
        fitted = self.model.fit_on_training(rows.tokens, rows.present, rows.target)
        self.set_buffers({name: x.expand(len(self), *x.shape).clone() for name, x in fitted.items()})

    def evaluate(self, rows: Rows) -> Tensor:
        """Logits ``[K, N, C]`` of the averaged weights."""
        return self._forward(rows.to(self.device))[0]

    @torch.no_grad()
    def embed(self, rows: Rows) -> dict[str, Tensor]:
        """What the averaged weights encode each modality to: ``{modality: [K, N, E]}``.

        Empty for a strategy that encodes nothing for itself.
        """
        self.model.eval()
        rows = rows.to(self.device)

        def call(parameters: dict, buffers: dict) -> dict[str, Tensor]:
            output = self._call(parameters, buffers, rows.tokens, rows.present)
            return output.per_modality_embeddings or {}

        return vmap(call)(self._unflatten(self.optimizer.average), self.buffers)

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

        def call(parameters: dict, buffers: dict, part: Rows) -> tuple[Tensor, dict]:
            output = self._call(parameters, buffers, part.tokens, part.present)
            return output.logits, output.per_modality_logits or {}

        held = self._unflatten(self.optimizer.average), self.buffers
        parts = torch.arange(len(rows), device=self.device).split(SCORED_AT_ONCE)
        made = [vmap(partial(call, part=rows.at(part)))(*held) for part in parts]
        logits, alone = zip(*made, strict=True)
        return torch.cat(logits, dim=1), {
            name: torch.cat([each[name] for each in alone], dim=1) for name in alone[0]
        }

    def state(self) -> dict[str, Tensor]:
        """The averaged weights and the fitted buffers, stacked: ``{name: [K, ...]}``."""
        held = {name: x.detach().clone() for name, x in self._unflatten(self.optimizer.average).items()}
        return held | {name: self.buffers[name].clone() for name in self.kept}

    def set_buffers(self, buffers: dict[str, Tensor]) -> None:
        """Freeze buffers that were fitted elsewhere: ``{name: [K, ...]}``."""
        for name, value in buffers.items():
            assert self.buffers[name].shape == value.shape, (
                f"{name}: {value.shape} for {self.buffers[name].shape}"
            )
            self.buffers[name] = value.to(self.device)

    # -- one epoch ---------------------------------------------------------------------------------------------

    def _train_epoch(self, rows: Rows, most: int | None) -> Tensor:
        self.model.train()
        labelled = (rows.target != UNLABELLED).nonzero().squeeze(-1)
        count = len(labelled)
        size = min(count, max(BATCH[0], min(BATCH[1], count // 10)))
        order = labelled[self._orders(count)]  # [K, N]
        partner = order.roll(1, dims=1)
        total = torch.zeros(len(self), device=self.device)
        steps = min(count // size, most or count)
        seen = consistency.view_size(size, labelled=count, rows=len(rows))
        order_of_all = (
            self._orders(len(rows), consistency.STREAM) if "consistency_weight" in self.on else None
        )
        counts = class_counts(rows.target, self.classes) if "class_balance" in self.on else None
        for i in range(steps):
            at = slice(i * size, (i + 1) * size)
            batch = gather(
                rows,
                order[:, at],
                partner[:, at],
                classes=self.classes,
                hyper=self.hyper,
                on=self.on,
                seeds=self.seeds,
                step=self.optimizer.step,
            )
            if counts is not None:
                batch = balanced(batch, counts, self.hyper["class_balance"])
            view = None
            if order_of_all is not None:
                around = torch.arange(i * seen, (i + 1) * seen, device=self.device) % len(rows)
                view = self._view(rows, order_of_all[:, around])
            total += self._train_step(batch, view)
        return total / steps

    def _orders(self, count: int, stream: int = 0) -> Tensor:
        """Each member's order of so many rows in this epoch: ``[K, count]``."""
        orders = []
        for member in self.members:
            seed = (member.seed * 1_000_003 + self.epoch + (stream << 40)) % (1 << 62)
            orders.append(torch.randperm(count, generator=torch.Generator().manual_seed(seed)))
        return torch.stack(orders).to(self.device)

    def _view(self, rows: Rows, index: Tensor) -> Batch:
        """Rows ``[K, B]`` disturbed, with the decisions on them as they are."""
        clean = taken(rows, index, classes=self.classes, hyper=self.hyper)
        return consistency.strong_view(
            clean, self._decide(clean), hyper=self.hyper, seeds=self.seeds, step=self.optimizer.step
        )

    @torch.no_grad()
    def _decide(self, batch: Batch) -> Tensor:
        """Logits ``[K, B, C]`` of the weights as they now are, without dropout."""

        def call(parameters: dict, buffers: dict, tokens: dict, present: dict) -> Tensor:
            return self._call(parameters, buffers, tokens, present).logits

        self.model.eval()
        logits = vmap(call)(self._unflatten(self.optimizer.flat), self.buffers, batch.tokens, batch.present)
        self.model.train()
        return logits

    def _train_step(self, batch: Batch, view: Batch | None) -> Tensor:
        parameters, heads = self._unflatten(self.optimizer.flat), self._heads(self.optimizer.flat)
        self.buffers |= self._masks(parameters, batch)
        attacked = self._attacked(parameters, batch)
        loss, held = self._loss, (parameters, heads, self.buffers, batch, self.hyper, attacked)
        if view is not None:
            masks = self._masks(parameters, view, consistency.STREAM)
            loss, held = self._consistent_loss, (*held, view, masks)
        (gradient, of_heads), loss = vmap(grad_and_value(loss, argnums=(0, 1)))(*held)
        if not self.shapes:
            return loss
        each = [gradient[name].flatten(1) for name in self.shapes] + [of_heads[name] for name in self.heads]
        flat = torch.cat(each, dim=1)
        self.optimizer.update(flat, self.hyper["learning_rate"], self.hyper["weight_decay"])
        return loss

    def _loss(
        self, parameters: dict, heads: dict, buffers: dict, batch: Batch, hyper: dict, attacked: dict
    ) -> Tensor:
        """Of one member; where there are attacked tokens, the mean of the loss without and with the attack."""

        def missed(tokens: dict[str, Tensor]) -> Tensor:
            output = self._call(parameters, buffers, tokens, batch.present)
            loss = objective(output, batch, hyper, self.on)
            if not heads:
                return loss
            return loss + side_loss(output.embedding, heads, batch.side, hyper, self.on)

        loss = missed(batch.tokens)
        return (loss + missed(attacked)) / 2 if attacked else loss

    def _attacked(self, parameters: dict[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        """The batch's tokens after the attack, ``{modality: [K, B, T, D]}``; empty where no member trains on them."""
        if "adversarial" not in self.on or not self.shapes:
            return {}

        def missed(tokens: dict, parameters: dict, buffers: dict, batch: Batch, hyper: dict) -> Tensor:
            output = self._call(parameters, buffers, tokens, batch.present)
            return decisions(output, batch, hyper, self.on)

        return attack(
            lambda tokens: vmap(grad(missed))(tokens, parameters, self.buffers, batch, self.hyper),
            batch.tokens,
            batch.present,
            radius=self.hyper["adversarial"],
            steps=self.attack_steps,
            seeds=self.seeds,
            step=self.optimizer.step,
        )

    def _consistent_loss(
        self,
        parameters: dict,
        heads: dict,
        buffers: dict,
        batch: Batch,
        hyper: dict[str, Tensor],
        attacked: dict,
        view: Batch,
        masks: dict,
    ) -> Tensor:
        loss = self._loss(parameters, heads, buffers, batch, hyper, attacked)
        output = self._call(parameters, buffers | masks, view.tokens, view.present)
        return loss + hyper["consistency_weight"] * consistency.consistency(output.logits, view)

    def _call(self, parameters: dict, buffers: dict, tokens: dict, present: dict) -> FusionOutput:
        """The model as one member has it; the output in float32 whatever its products are in."""
        held = (parameters, buffers), (tokens, present)
        if not self.bfloat16:
            return functional_call(self.model, *held)
        with torch.autocast(torch.device(self.device).type, torch.bfloat16):
            return functional_call(self.model, *held).float()

    def _masks(self, parameters: dict[str, Tensor], batch: Batch, stream: int = 0) -> dict[str, Tensor]:
        """New masks for the dropout layers, ``{buffer: [K, elements]}``; ``[K]`` ones where no member drops out."""
        wanted = [layer.hyperparameter in self.on for layer in self.dropouts.values()]
        if any(wanted) and self.token_counts != {name: x.shape[2] for name, x in batch.tokens.items()}:
            self._measure(parameters, batch)
        masks = {}
        for place, (name, layer) in enumerate(self.dropouts.items()):
            if not wanted[place]:
                masks[name] = torch.ones(len(self), device=self.device)
                continue
            keys = member_keys(self.seeds, self.optimizer.step, stream + place)
            elements = batch.weight.shape[1] * self.sizes[name]
            masks[name] = dropout_mask(keys, elements, self.hyper[layer.hyperparameter])
        return masks

    @torch.no_grad()
    def _measure(self, parameters: dict[str, Tensor], batch: Batch) -> None:
        """One pass of one member without dropout, which tells how many elements a row has in each dropout layer."""
        first = {name: x[0] for name, x in parameters.items()}
        whole = {name: torch.ones((), device=self.device) for name in self.dropouts}
        buffers = {name: x[0] for name, x in self.buffers.items()} | whole
        tokens = {name: x[0] for name, x in batch.tokens.items()}
        self._call(first, buffers, tokens, {name: x[0] for name, x in batch.present.items()})
        self.token_counts = {name: x.shape[1] for name, x in tokens.items()}
        self.sizes = {name: layer.count // batch.weight.shape[1] for name, layer in self.dropouts.items()}

    # -- members as tensors ------------------------------------------------------------------------------------

    def _spread(self) -> None:
        held = [self.kind.defaults | member.config for member in self.members]
        self.hyper = {
            name: torch.tensor([float(each.get(name, known.default)) for each in held], device=self.device)
            for name, known in HYPERPARAMETERS.items()
        }
        self.on = frozenset(name for name, value in self.hyper.items() if bool((value > 0).any()))
        self.seeds = member_seeds([member.seed for member in self.members], self.device)

    def _unflatten(self, flat: Tensor) -> dict[str, Tensor]:
        parts = flat[:, : self.parameters].split([math.prod(shape) for shape in self.shapes.values()], dim=1)
        return {
            name: part.unflatten(1, shape) if len(shape) else part.squeeze(1)
            for part, (name, shape) in zip(parts, self.shapes.items(), strict=True)
        }

    def _heads(self, flat: Tensor) -> dict[str, Tensor]:
        """``{name: [K, E + 1]}``, what `heads` has beside the model."""
        if not self.heads:
            return {}
        parts = flat[:, self.parameters :].unflatten(1, (len(self.heads), -1)).unbind(1)
        return dict(zip(self.heads, parts, strict=True))


@torch.no_grad()
def _embedding_size(model: Strategy, dimensions: dict[str, int]) -> int:
    """E of the fused embedding, of one row in which nothing is there."""
    tokens = {name: torch.zeros(1, 1, size) for name, size in dimensions.items()}
    absent = {name: torch.zeros(1, 1, dtype=torch.bool) for name in dimensions}
    return model(tokens, absent).embedding.shape[-1]
