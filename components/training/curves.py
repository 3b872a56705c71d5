"""How a population did, epoch by epoch."""

from dataclasses import dataclass, field

from torch import Tensor

from .metrics import log_loss, unweighted_recall, weighted_accuracy


@dataclass
class Curves:
    """One entry an epoch; each a list over the members as they then were."""

    train_loss: list[list[float]] = field(default_factory=list)
    loss: list[list[float]] = field(default_factory=list)
    wa: list[list[float]] = field(default_factory=list)
    ua: list[list[float]] = field(default_factory=list)
    fitted: list[dict[str, Tensor]] = field(default_factory=list)
    """Buffers that the strategy fitted on the validation rows, ``{name: [K, ...]}``; empty where it fits none."""

    def validated(self, logits: Tensor, target: Tensor, fitted: dict[str, Tensor]) -> None:
        """Add an epoch's scores on validation rows: ``[K, N, C], [N]``."""
        self.fitted.append(fitted)
        self.loss.append(log_loss(logits, target).tolist())
        self.wa.append(weighted_accuracy(logits, target).tolist())
        self.ua.append(unweighted_recall(logits, target).tolist())
