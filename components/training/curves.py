"""How a population did, epoch by epoch."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from .metrics import log_loss, unweighted_recall, weighted_accuracy


@dataclass(frozen=True)
class Validated:
    """What the members make of validation rows.

    Attributes:
        logits: ``[K, N, C]``.
        target: ``[N]``.
        fitted: buffers that the strategy fitted on them, ``{name: [K, ...]}``.
    """

    logits: Tensor
    target: Tensor
    fitted: dict[str, Tensor]


@dataclass
class Curves:
    """One entry an epoch; each a list over the members as they then were."""

    train_loss: list[list[float]] = field(default_factory=list)
    loss: list[list[float]] = field(default_factory=list)
    wa: list[list[float]] = field(default_factory=list)
    ua: list[list[float]] = field(default_factory=list)
    fitted: list[dict[str, Tensor]] = field(default_factory=list)
    """Buffers that the strategy fitted on the validation rows, ``{name: [K, ...]}``; empty where it fits none."""

    def add(self, losses: Tensor, validated: Validated | None) -> None:
        """Add an epoch, all of whose numbers come from the device at once.

        Args:
            losses: of training, ``[K]``.
            validated: the scores on validation rows; None: there are none.
        """
        each = [losses.to(torch.float64)]
        if validated is not None:
            logits, target = validated.logits, validated.target
            each += [
                log_loss(logits, target),
                weighted_accuracy(logits, target),
                unweighted_recall(logits, target),
            ]
            self.fitted.append(validated.fitted)
        for values, curve in zip(
            torch.stack(each).tolist(), (self.train_loss, self.loss, self.wa, self.ua), strict=False
        ):
            curve.append(values)
