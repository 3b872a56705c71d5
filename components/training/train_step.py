"""One training step of all members, from the numbers of their rows to their moved weights."""

from dataclasses import dataclass

from torch import Tensor

from .augmentation import gather, taken
from .consistency import strong_view
from .data import Batch, Rows
from .members import Setting
from .optimizer import PopulationAdamW
from .order import Places
from .scoring import decided
from .stacked import Stacked
from .step import losses_and_gradient


@dataclass(frozen=True)
class TrainStep:
    """Trains every member on its rows at `places`, when called.

    It reads no number back from the device and makes no tensor of the host's, so that it can be recorded
    (`launcher`): the number of the step is `optimizer.taken`.

    Attributes:
        stacked, optimizer: what is trained; setting: of the members.
        rows: prepared training rows; places: of the step's own.
        counts: ``[C]``, the training rows of each class.
        total: ``[K]``, to which each member's loss is added.
        attack_steps: see `adversarial.attack`.
    """

    stacked: Stacked
    optimizer: PopulationAdamW
    setting: Setting
    rows: Rows
    places: Places
    counts: Tensor
    total: Tensor
    attack_steps: int

    def __call__(self) -> None:
        hyper, on = self.setting.hyper, self.setting.on
        batch = gather(
            self.rows,
            self.places.index,
            self.places.partner,
            classes=len(self.counts),
            hyper=hyper,
            on=on,
            seeds=self.setting.seeds,
            step=self.optimizer.taken,
            counts=self.counts if "class_balance" in on else None,
        )
        losses, gradient = losses_and_gradient(
            self.stacked,
            self.optimizer.flat,
            batch,
            None if self.places.view is None else self._view(self.places.view),
            setting=self.setting,
            step=self.optimizer.taken,
            attack_steps=self.attack_steps,
        )
        if gradient is not None:
            self.optimizer.update(gradient, hyper["learning_rate"], hyper["weight_decay"])
        self.total.add_(losses)

    def reads(self) -> list[object]:
        """All that it reads and writes beside what it makes itself: as long as these are the same, so is the step."""
        return [
            self.setting,
            self.places,
            self.counts,
            self.total,
            *self.optimizer.tensors(),
            *self.stacked.buffers.values(),
            *self.rows.tensors(),
        ]

    def _view(self, index: Tensor) -> Batch:
        """Rows ``[K, B]`` disturbed, with the decisions on them as they are."""
        hyper, seeds = self.setting.hyper, self.setting.seeds
        clean = taken(self.rows, index, classes=len(self.counts), hyper=hyper)
        logits = decided(self.stacked, self.optimizer.flat, clean)
        return strong_view(clean, logits, hyper=hyper, seeds=seeds, step=self.optimizer.taken)
