"""What one training step minimises: each member's loss, on the batch, on attacked tokens, on a disturbed view."""

from functools import partial

from torch import Tensor
from torch.func import grad, grad_and_value, vmap

from . import consistency
from .adversarial import attack
from .data import Batch
from .heads import side_loss
from .losses import decisions, objective
from .members import Setting
from .stacked import Stacked


def losses_and_gradient(
    stacked: Stacked,
    flat: Tensor,
    batch: Batch,
    view: Batch | None,
    *,
    setting: Setting,
    step: int | Tensor,
    attack_steps: int,
) -> tuple[Tensor, Tensor | None]:
    """Each member's loss, and its gradient; new dropout masks are drawn.

    Args:
        flat: ``[K, P]``, as `stacked` has it.
        batch: rows with a label; view: from `consistency.strong_view`, None where no member learns from one.
        setting: of the members; step: the training's, which the random numbers are of.
        attack_steps: see `adversarial.attack`.

    Returns:
        ``[K]`` and ``[K, P]``; None for a gradient where there is nothing to learn.
    """
    parameters, heads = stacked.named(flat), stacked.named_heads(flat)
    masks = partial(stacked.masks, parameters, setting=setting, step=step)
    buffers = stacked.buffers | masks(batch)
    attacked: dict[str, Tensor] = {}
    if "adversarial" in setting.on and stacked.shapes:
        attacked = _attacked(
            stacked, parameters, buffers, batch, setting=setting, step=step, attack_steps=attack_steps
        )
    disturbed = (view, masks(view, stream=consistency.STREAM)) if view is not None else ()
    gradient, each = vmap(grad_and_value(partial(_loss, stacked, setting.on)))(
        (parameters, heads), buffers, batch, setting.hyper, attacked, disturbed
    )
    return each, stacked.flattened(*gradient) if stacked.shapes else None


def losses(stacked: Stacked, flat: Tensor, batch: Batch, *, setting: Setting, step: int | Tensor) -> Tensor:
    """Each member's loss ``[K]``, for autograd to take its gradient: by ``flat`` and by the batch's tokens.

    Without an attack and without a disturbed view, see `losses_and_gradient`, whose arguments these are.
    """
    parameters, heads = stacked.named(flat), stacked.named_heads(flat)
    buffers = stacked.buffers | stacked.masks(parameters, batch, setting=setting, step=step)
    each: Tensor = vmap(partial(_loss, stacked, setting.on))(
        (parameters, heads), buffers, batch, setting.hyper, {}, ()
    )
    return each


def _loss(
    stacked: Stacked,
    on: frozenset[str],
    weights: tuple[dict[str, Tensor], dict[str, Tensor]],
    buffers: dict[str, Tensor],
    batch: Batch,
    hyper: dict[str, Tensor],
    attacked: dict[str, Tensor],
    disturbed: tuple[Batch, dict[str, Tensor]] | tuple[()],
) -> Tensor:
    """One member's loss.

    Args:
        weights: the model's parameters and the heads.
        attacked: tokens after the attack; where there are any, the loss is the mean without and with the attack.
        disturbed: a view and dropout masks of its own, on which the consistency loss is taken; empty without one.
    """
    parameters, heads = weights

    def loss_on(tokens: dict[str, Tensor]) -> Tensor:
        output = stacked.call(parameters, buffers, tokens, batch.present)
        loss = objective(output, batch, hyper, on)
        if not heads:
            return loss
        return loss + side_loss(output.embedding, heads, batch.side, hyper, on)

    loss = loss_on(batch.tokens)
    if attacked:
        loss = (loss + loss_on(attacked)) / 2
    if disturbed:
        view, masks = disturbed
        output = stacked.call(parameters, buffers | masks, view.tokens, view.present)
        loss = loss + hyper["consistency_weight"] * consistency.consistency(output.logits, view)
    return loss


def _attacked(
    stacked: Stacked,
    parameters: dict[str, Tensor],
    buffers: dict[str, Tensor],
    batch: Batch,
    *,
    setting: Setting,
    step: int | Tensor,
    attack_steps: int,
) -> dict[str, Tensor]:
    """The batch's tokens after the attack, ``{modality: [K, B, T, D]}``."""

    def decision_loss(
        tokens: dict[str, Tensor],
        parameters: dict[str, Tensor],
        buffers: dict[str, Tensor],
        batch: Batch,
        hyper: dict[str, Tensor],
    ) -> Tensor:
        output = stacked.call(parameters, buffers, tokens, batch.present)
        return decisions(output, batch, hyper, setting.on)

    return attack(
        lambda tokens: vmap(grad(decision_loss))(tokens, parameters, buffers, batch, setting.hyper),
        batch.tokens,
        batch.present,
        radius=setting.hyper["adversarial"],
        steps=attack_steps,
        seeds=setting.seeds,
        step=step,
    )
