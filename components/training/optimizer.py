"""AdamW for a population: one vector of parameters a member, each with its own rate and decay."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adamw import adamw

WARMUP_STEPS = 20
BETAS = (0.9, 0.99)
EPSILON = 1e-8
AVERAGE_STEPS = 60
"""Memory of the running average of the weights, in steps: what is evaluated and kept."""
AVERAGE_EVERY = 5


class PopulationAdamW:
    """AdamW (Loshchilov & Hutter 2019) after a linear warm-up, and the running average of what it finds.

    A step is `begin`, `update`, `end`; only `update` may be recorded and replayed (`launcher`).

    Args:
        flat: the parameters ``[K, P]``, changed in place.
        together: whether all members are updated at once, by few launches that read no number back; else one after
            another, which is faster on a CPU.
    """

    def __init__(self, flat: Tensor, *, together: bool):
        self.flat = flat
        self.together = together
        self.average = flat.clone()
        self.moment1, self.moment2 = torch.zeros_like(flat), torch.zeros_like(flat)
        self.step = 0
        """How many were taken."""
        self.taken = torch.zeros((), dtype=torch.int32, device=flat.device)
        """The same on the device, int32 ``[]``."""

    def keep(self, index: Tensor) -> None:
        """Go on with these members only."""
        for name in ("flat", "average", "moment1", "moment2"):
            setattr(self, name, getattr(self, name)[index])

    def take(self, k: int, source: "PopulationAdamW", at: int, parameters: int | None = None) -> None:
        """Replace member ``k`` by member ``at`` of another: parameters, their average and moments.

        Args:
            k: the member that is replaced.
            source: the other optimizer; may be this one.
            at: the member of ``source`` that is copied.
            parameters: only so many from the first on; None: all.
        """
        for name in ("flat", "average", "moment1", "moment2"):
            getattr(self, name)[k, :parameters] = getattr(source, name)[at, :parameters]

    def tensors(self) -> list[Tensor]:
        """What `update` reads and writes."""
        return [self.flat, self.moment1, self.moment2, self.taken]

    def begin(self) -> None:
        """Before a step: the device learns its number."""
        self.taken.fill_(self.step)

    def update(self, gradient: Tensor, rates: Tensor, decays: Tensor) -> None:
        """Move the parameters: ``gradient [K, P]``, ``rates [K]``, ``decays [K]``."""
        if self.together:
            self._all(gradient, rates.unsqueeze(-1), decays.unsqueeze(-1))
        else:
            warm = min(1.0, (self.step + 1) / WARMUP_STEPS)
            self._each(gradient, (warm * rates).tolist(), decays.tolist())

    def end(self) -> None:
        """After a step: it counts, and the running average follows."""
        self.step += 1
        if self.step < AVERAGE_EVERY:
            self.average.copy_(self.flat)  # few rows make few steps: never the initial weights
        elif self.step % AVERAGE_EVERY == 0:
            self.average.lerp_(self.flat, max(AVERAGE_EVERY / self.step, AVERAGE_EVERY / AVERAGE_STEPS))

    def _each(self, gradient: Tensor, rates: Sequence[float], decays: Sequence[float]) -> None:
        """One fused pass a member: on a CPU the update is bound by memory, and this reads everything once."""
        for k, (rate, decay) in enumerate(zip(rates, decays, strict=True)):
            adamw(
                [self.flat[k]], [gradient[k]], [self.moment1[k]], [self.moment2[k]], [],
                [torch.tensor(float(self.step))], fused=True, amsgrad=False, maximize=False,
                beta1=BETAS[0], beta2=BETAS[1], eps=EPSILON, lr=rate, weight_decay=decay,
            )  # fmt: skip

    def _all(self, gradient: Tensor, rates: Tensor, decays: Tensor) -> None:
        """The same for all members at once: few launches, however many members."""
        number = (self.taken + 1).to(torch.float32)
        rates = rates * (number / WARMUP_STEPS).clamp(max=1.0)
        correction1, correction2 = (
            -torch.expm1(number * math.log(beta)) for beta in BETAS
        )  # 1 - beta^number
        self.moment1.lerp_(gradient, 1 - BETAS[0])
        self.moment2.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
        spread = (self.moment2 / correction2).sqrt_().add_(EPSILON)
        self.flat.mul_(1 - rates * decays)
        self.flat.sub_(self.moment1 / correction1 * rates / spread)
