"""Many configurations of one architecture, trained together on one device.

The members' parameters lie one after another in a matrix ``[K, P]``; a step is one ``vmap`` of one gradient, and
AdamW on the matrix. A GPU records it once and then replays it. A member's initial weights, batches, dropout and
augmentation are functions of its own seed and of counters, so it comes out as it would alone.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..fusion.layer_weights import Blocks
from ..fusion.strategy import Strategy, build, entry
from .curves import Curves, Validated
from .data import UNLABELLED, Rows
from .heads import wanted
from .hyperparameters import COMMON, common
from .initial import first_weights
from .launcher import Launcher, Recorder, recorder_of
from .losses import class_counts, prior_of
from .members import Member, Setting, setting_of
from .optimizer import PopulationAdamW
from .order import Order, Places, order_of
from .scoring import dimensions_of, embeddings_of, held_out, logits_of
from .stacked import stack
from .train_step import TrainStep


class Population:
    """K members of one strategy and architecture.

    Args:
        strategy: its name.
        members: configurations that agree in the strategy's architecture keys, and in `hyperparameters.COMMON`.
        dimensions: sizes of the prepared tokens of the strategy's modalities.
        classes: how many.
        layers: of the modalities whose tokens hold several layers of an encoder (`Rows.layers`).
        posteriors: the modalities whose tokens are class probabilities of a model of others (`Rows.posteriors`).
        device: "cpu" or "cuda".
        recorder: of the device, by which training steps are recorded and replayed; None of it: none are.
    """

    def __init__(
        self,
        strategy: str,
        members: Sequence[Member],
        *,
        dimensions: dict[str, int],
        classes: int,
        layers: Mapping[str, Blocks] | None = None,
        posteriors: frozenset[str] = frozenset(),
        device: str = "cpu",
        recorder: Callable[[str], Recorder | None] = recorder_of,
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
        self.attack_steps, bfloat16 = shared.pop()
        self.setting = self._setting()

        def make() -> Strategy:
            config = self.members[0].config  # in the architecture they are alike
            return build(
                strategy,
                dimensions=dimensions,
                classes=classes,
                config=config,
                layers=layers,
                posteriors=posteriors,
            )

        model, weights, buffers, notice = first_weights(make, [m.seed for m in self.members], device=device)
        self._notices = [] if notice is None else [notice]
        self.stacked, flat = stack(
            model,
            weights,
            buffers,
            dimensions=dimensions,
            heads=wanted(self.setting.on),
            device=device,
            bfloat16=bool(bfloat16),
        )
        self.model = self.stacked.model
        """Whose modules are used for all members."""
        self.parameters = self.stacked.parameters
        """Of one member."""
        records = recorder(device)
        self.optimizer = PopulationAdamW(flat, together=device != "cpu" or records is not None)
        self._launcher = Launcher(records)
        self._places: Places | None = None
        self._total = torch.zeros(len(self.members), device=device)
        self._counts = torch.zeros(classes, device=device)
        self.epoch = 0
        self.alive = [True] * len(self.members)

    def __len__(self) -> int:
        return len(self.members)

    @property
    def buffers(self) -> dict[str, Tensor]:
        """What scoring uses, ``{name: [K, ...]}``."""
        return self.stacked.scoring_buffers

    @property
    def notices(self) -> list[str]:
        """What the user should know of how it was trained."""
        return [*self._notices, *([] if self._launcher.notice is None else [self._launcher.notice])]

    def release(self) -> None:
        """Give back the device's memory that a recorded step holds; the next `fit` records anew."""
        self._launcher.drop()

    def keep(self, which: Sequence[int]) -> None:
        """Go on with these members only, in this order."""
        self.release()
        index = torch.tensor(list(which), device=self.device)
        self.members = [self.members[i] for i in which]
        self.alive = [self.alive[i] for i in which]
        self.optimizer.keep(index)
        self.stacked.keep(index)
        self.setting = self._setting()

    def reconfigure(self, configs: Sequence[dict[str, Any]]) -> None:
        """Go on with other configurations, one a member, of the same architecture."""
        self.members = [Member(dict(c), m.seed) for c, m in zip(configs, self.members, strict=True)]
        self.setting = self._setting()

    def take(self, k: int, source: "Population", at: int) -> None:
        """Replace a member by one of a population of the same architecture: weights, optimizer, configuration, seed.

        Args:
            k: the member that is replaced.
            source: the other population; may be this one.
            at: the member of ``source`` that is copied.
        """
        same = self.stacked.heads == source.stacked.heads
        self.optimizer.take(k, source.optimizer, at, None if same else self.parameters)
        self.stacked.take(k, source.stacked, at)
        self.members[k] = source.members[at]
        self.setting = self._setting()

    def fit(
        self,
        rows: Rows,
        *,
        epochs: int,
        validation: Rows | None = None,
        steps: int | None = None,
        on_scored: Callable[[int, Tensor], None] | None = None,
    ) -> Curves:
        """Continue training.

        Args:
            rows: prepared training rows.
            epochs: how many more.
            validation: prepared rows that are scored after each epoch.
            steps: at most so many an epoch; None: all.
            on_scored: called after each epoch with its number (from 1) and the validation rows' logits ``[K, N, C]``.

        Returns:
            The curves of these epochs; those of validation are empty without validation rows.
        """
        rows = self._used(rows).to(self.device)
        validation = validation.to(self.device) if validation is not None else None
        curves = Curves()
        if self.epoch == 0:
            self._fit_on_training(rows)
        self._counts.copy_(class_counts(rows.target, self.classes))
        self._prior, self._class_weight = prior_of(
            rows.target, rows.shares, classes=self.classes, hyper=self.setting.hyper
        )  # anew each time: configurations may have changed
        self.stacked.set_buffers(self.kind.fit_to_prior(self._prior))
        for _ in range(epochs):
            losses = self._train_epoch(rows, steps)
            self.epoch += 1
            validated = None if validation is None else self._score(validation)
            curves.add(losses, validated)
            if validated is not None and on_scored is not None:
                on_scored(self.epoch, validated.logits)
            for i, loss in enumerate(curves.train_loss[-1]):
                self.alive[i] = self.alive[i] and math.isfinite(loss)
        return curves

    def _used(self, rows: Rows) -> Rows:
        """Without the votes and side targets that no member learns from, and without posteriors."""
        shares = rows.shares if "soft_labels" in self.setting.on else None
        return replace(
            rows.without_posteriors(),
            shares=shares,
            side={k: x for k, x in rows.side.items() if k in self.stacked.heads},
        )

    def _fit_on_training(self, rows: Rows) -> None:
        rows = rows.at(rows.target != UNLABELLED)
        tokens = self.model.summed(
            rows.tokens, rows.present
        )  # all layers weigh the same before the first step
        fitted = self.model.fit_on_training(tokens, rows.present, rows.target)
        self.stacked.set_buffers({name: x.expand(len(self), *x.shape).clone() for name, x in fitted.items()})

    def evaluate(self, rows: Rows) -> Tensor:
        """Logits ``[K, N, C]`` of the averaged weights."""
        return logits_of(self.stacked, self.optimizer.average, rows.to(self.device))[0]

    def dimensions(self, rows: Rows) -> dict[str, Tensor]:
        """Valence, arousal and dominance ``{name: [K, N]}`` by the averaged weights.

        Empty where no member learned them (``dimension_weight``).
        """
        return dimensions_of(self.stacked, self.optimizer.average, rows.to(self.device))

    def embed(self, rows: Rows) -> dict[str, Tensor]:
        """What the averaged weights encode each modality to: ``{modality: [K, N, E]}``.

        Empty for a strategy that encodes nothing for itself.
        """
        return embeddings_of(self.stacked, self.optimizer.average, rows.to(self.device))

    def _score(self, validation: Rows) -> Validated:
        """As `evaluate`, and what the strategy fits on validation.

        Rows are scored with what was fitted on others (`scoring.held_out`); what is kept was fitted on all.
        """
        logits, unimodal = logits_of(self.stacked, self.optimizer.average, validation)
        if not unimodal:
            return Validated(logits, validation.target, {})
        there = torch.stack([validation.present[name].any(1) for name in unimodal], dim=-1)
        parts = held_out(validation)
        seen = torch.cat((torch.ones_like(parts[:1]), ~parts))  # all, then all but each part
        fitted = self.model.fit_on_validation(
            unimodal, there, validation.target, seen, self._prior, self._class_weight
        )
        if not fitted:
            return Validated(logits, validation.target, {})
        for i, part in enumerate(parts, start=1):
            self.set_fitted({name: x[i] for name, x in fitted.items()})
            logits[:, part] = logits_of(self.stacked, self.optimizer.average, validation.at(part))[0]
        kept = {name: x[0] for name, x in fitted.items()}
        self.set_fitted(kept)
        return Validated(logits, validation.target, kept)

    def state(self) -> dict[str, Tensor]:
        """The averaged weights and the fitted buffers, stacked: ``{name: [K, ...]}``."""
        return self.stacked.state(self.optimizer.average)

    def set_fitted(self, buffers: dict[str, Tensor]) -> None:
        """Score with buffers that were fitted on validation rows, ``{name: [K, ...]}``; training never sees them."""
        self.stacked.set_fitted(buffers)

    # -- one epoch ---------------------------------------------------------------------------------------------

    def _train_epoch(self, rows: Rows, most: int | None) -> Tensor:
        """The mean of each member's losses: ``[K]``."""
        self.model.train()
        setting = self.setting
        order = order_of(
            rows,
            seeds=[member.seed for member in self.members],
            epoch=self.epoch,
            everything="consistency_weight" in setting.on,
        )
        places = self._prepare_step(rows, order)
        self._total.zero_()
        steps = min(order.steps, most or order.steps)
        for i in range(steps):
            places.set(order, i)
            self.optimizer.begin()
            self._launcher.launch()
            if self.stacked.shapes:  # a baseline learns nothing, so no step of it counts
                self.optimizer.end()
        return self._total / steps

    def _prepare_step(self, rows: Rows, order: Order) -> Places:
        """State the step on these rows; returns where it finds them."""
        if self._places is None or not self._places.fit(order):
            self._places = Places(order)
        if len(self._total) != len(self):
            self._total = self._total.new_zeros(len(self))
        step = TrainStep(
            self.stacked,
            self.optimizer,
            self.setting,
            rows,
            self._places,
            counts=self._counts,
            total=self._total,
            attack_steps=self.attack_steps,
        )
        self._launcher.prepare(step, step.reads())
        return self._places

    def _setting(self) -> Setting:
        return setting_of(self.members, defaults=self.kind.defaults, device=self.device)
