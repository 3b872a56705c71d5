"""Integrated gradients of an ensemble's log-probability (Sundararajan, Taly & Yan, *Axiomatic attribution for deep
networks*, ICML 2017), computed by captum.

The gradient is integrated along the straight line from a clip of as many tokens that tell nothing (`Block.neutral`) to
the clip. The values of all tokens and dimensions sum to the difference of the two log-probabilities (completeness).

Of the log-probability, since it is what the ensemble gives: a logit is one member's, and is known only up to a constant
that all classes share; and the gradient of a probability near 1 is near 0 whatever led there.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ...fusion.model import EmotionModel

FIRST_STEPS, MOST_STEPS = 32, 2048
TOLERANCE = 0.01
"""By how much the values' sum may miss the difference of the log-probabilities, in nats, before steps are doubled."""
BATCH = 32


@dataclass(frozen=True)
class Attributed:
    """What leads a model from a clip that tells nothing to its answer on a clip.

    Attributes:
        values: modality that the clip has → of each token and prepared dimension ``[T, D]``, in nats.
        answer: the log-probability of the class, given the clip. neutral: given the one that tells nothing.
        steps: at how many points the gradient was taken.
    """

    values: dict[str, Tensor]
    answer: float
    neutral: float
    steps: int

    @property
    def gap(self) -> float:
        """By how much the values' sum misses the difference that it has to be."""
        total = sum(float(each.double().sum()) for each in self.values.values())
        return total - (self.answer - self.neutral)


def integrated_gradients(
    model: EmotionModel,
    tokens: dict[str, Tensor],
    present: dict[str, Tensor],
    target: int,
    *,
    most_steps: int = MOST_STEPS,
) -> Attributed:
    """Attribute the log-probability of a class to the tokens of one clip.

    A modality that the clip lacks is absent at both ends of the line and has no values. A token of one of several
    encoders that are joined as streams has values in that encoder's dimensions alone; what preparation fills in in the
    others follows from the encoder's own tokens, and counts as theirs.

    Args:
        model: in evaluation mode; in double precision, or where it is certain the sum is rough.
        tokens: of one clip ``{modality: [1, T, D]}``, as the feature store gives them, of the model's type.
        present: bool ``{modality: [1, T]}``.
        target: the class's index.
        most_steps: that are taken where fewer miss completeness by more than `TOLERANCE`.
    """
    from captum.attr import IntegratedGradients

    names = [name for name in model.preparation.dimensions if present[name].any()]
    with torch.no_grad():
        prepared, neutral = model.preparation(tokens, present), model.preparation.neutral()
    made = {name: made_columns(model, name, tokens[name]) for name in names}

    def log_probability(*given: Tensor) -> Tensor:
        rows = len(given[0]) if given else 1
        whole = {name: x.expand(rows, -1, -1) for name, x in prepared.items()}
        masks = {name: mask.expand(rows, -1) for name, mask in present.items()}
        for name, x in zip(names, given, strict=True):
            whole[name] = _filled(x, made[name], masks[name])
        return model.of_prepared(whole, masks).log()

    ends = tuple(prepared[name] for name in names)
    starts = tuple(
        torch.where(present[name].unsqueeze(-1), neutral[name], 0.0).expand_as(prepared[name])
        for name in names
    )
    with torch.no_grad():
        answer, start = (float(log_probability(*given)[0, target]) for given in (ends, starts))
    if not names:
        return Attributed({}, answer, start, 0)
    steps = FIRST_STEPS
    while True:
        values = IntegratedGradients(log_probability).attribute(
            ends, baselines=starts, target=target, n_steps=steps, internal_batch_size=BATCH
        )
        found = {name: x[0].detach() for name, x in zip(names, values, strict=True)}
        attributed = Attributed(found, answer, start, steps)
        if abs(attributed.gap) <= TOLERANCE or 2 * steps > most_steps:
            return attributed
        steps *= 2


def made_by(model: EmotionModel, name: str, tokens: Tensor) -> Tensor:
    """Which of a modality's encoders made each token: ``[..., T, D] → bool [..., T, E]``."""
    parts = tokens.split([plan.dimensions for plan in model.preparation.plans[name]], dim=-1)
    return torch.stack([~part[..., 0].isnan() for part in parts], dim=-1)


def made_columns(model: EmotionModel, name: str, tokens: Tensor) -> Tensor:
    """Which prepared dimensions of each token come from the encoder that made it: bool ``[..., T, D']``."""
    sizes = torch.tensor([plan.outputs for plan in model.preparation.plans[name]])
    return made_by(model, name, tokens).repeat_interleave(sizes, dim=-1)


def _filled(x: Tensor, made: Tensor, present: Tensor) -> Tensor:
    """Prepared tokens, with the mean of an encoder's own where another encoder made the token, as in `Preparation`."""
    if made.all():
        return x
    own = made & present.unsqueeze(-1)
    mean = torch.where(own, x, 0.0).sum(1, keepdim=True) / own.sum(1, keepdim=True).clamp(min=1)
    return torch.where(present.unsqueeze(-1), torch.where(made, x, mean), 0.0)
