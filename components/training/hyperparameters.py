"""What training may vary, beside a strategy's architecture: every one a number a member may have for itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Hyperparameter:
    """A number of one configuration.

    Attributes:
        default: what holds where a configuration does not say; 0 switches off what is optional.
        low, high: the range it must lie in, both ends included.
        meaning: one line, with the source.
    """

    default: float
    low: float
    high: float
    meaning: str


HYPERPARAMETERS: dict[str, Hyperparameter] = {
    "learning_rate": Hyperparameter(2e-3, 1e-7, 1.0, "AdamW's step (Loshchilov & Hutter 2019)"),
    "weight_decay": Hyperparameter(1e-2, 0.0, 10.0, "AdamW's decay, decoupled"),
    "dropout": Hyperparameter(0.0, 0.0, 0.95, "share of hidden units left out (Srivastava et al. 2014)"),
    "input_dropout": Hyperparameter(0.0, 0.0, 0.95, "share of a token's features left out"),
    "modality_dropout": Hyperparameter(
        0.0, 0.0, 0.95, "chance that a row lacks a modality; one always stays (Neverova et al. 2016)"
    ),
    "smoothing": Hyperparameter(
        0.0, 0.0, 0.9, "share of the target spread over all classes (Szegedy et al. 2016)"
    ),
    "mixup": Hyperparameter(
        0.0, 0.0, 1.0, "two rows mixed, up to this share of the other (Zhang et al. 2018)"
    ),
    "feature_noise": Hyperparameter(
        0.0, 0.0, 10.0, "deviation of Gaussian noise on prepared tokens (Bishop 1995)"
    ),
    "mask_time": Hyperparameter(
        0.0,
        0.0,
        0.95,
        "a block of up to this share of a row's tokens is zero (SpecAugment: Park et al. 2019)",
    ),
    "mask_features": Hyperparameter(
        0.0, 0.0, 0.95, "a block of up to this share of the features is zero (SpecAugment: Park et al. 2019)"
    ),
    "consistency_weight": Hyperparameter(
        0.0,
        0.0,
        100.0,
        "of the loss by which disturbed rows keep their own decision (FixMatch: Sohn et al. 2020)",
    ),
    "pseudo_threshold": Hyperparameter(
        0.95, 0.0, 1.0, "confidence from which a decision is kept so; 1 is all that the smoothing allows"
    ),
    "unimodal_weight": Hyperparameter(0.0, 0.0, 1.0, "share of each modality's own decision in the loss"),
    "auxiliary_weight": Hyperparameter(0.0, 0.0, 100.0, "of the strategy's own loss, where it has one"),
    "class_balance": Hyperparameter(
        0.0,
        0.0,
        1.0,
        "b of a row's weight (n / (C n_c))^b, n_c the training rows of its class; 1: classes count alike",
    ),
    "focal": Hyperparameter(
        0.0, 0.0, 10.0, "γ of the focal loss: what is sure counts less (Lin et al. 2017)"
    ),
    "soft_labels": Hyperparameter(
        0.0,
        0.0,
        1.0,
        "share of the raters' votes in the target, in place of the label alone (Fayek et al. 2016)",
    ),
    "contrast_weight": Hyperparameter(
        0.0, 0.0, 100.0, "of the supervised contrastive loss on the fused embedding (Khosla et al. 2020)"
    ),
    "align_weight": Hyperparameter(
        0.0,
        0.0,
        100.0,
        "of the contrastive loss between modalities of the same row (CLIP: Radford et al. 2021)",
    ),
    "distill_weight": Hyperparameter(
        0.0, 0.0, 100.0, "of each modality's divergence from the fused decision (Hinton et al. 2015)"
    ),
    "dimension_weight": Hyperparameter(
        0.0,
        0.0,
        100.0,
        "of 1 - concordance of valence, arousal and dominance, where they are known (Lin 1989)",
    ),
    "intensity_weight": Hyperparameter(
        0.0,
        0.0,
        100.0,
        "of the squared error of the intensity, low 0, normal 0.5, strong 1, where it is known",
    ),
    "gender_adversary": Hyperparameter(
        0.0,
        0.0,
        100.0,
        "of the reversed gradient by which the embedding loses the gender (Ganin et al. 2016)",
    ),
    "adversarial": Hyperparameter(
        0.0,
        0.0,
        10.0,
        "radius of the attack on prepared tokens; half of the loss is on the attacked (FGSM, PGD)",
    ),
    "adversarial_steps": Hyperparameter(
        1.0, 1.0, 50.0, "of the attack: 1 is FGSM (Goodfellow et al. 2015), more is PGD (Madry et al. 2018)"
    ),
    "bfloat16": Hyperparameter(
        0.0, 0.0, 1.0, "1: matrix products in bfloat16, the rest stays in float32; experimental on a CPU"
    ),
}

COMMON = ("adversarial_steps", "bfloat16")


def common(config: Mapping[str, Any]) -> tuple[int, ...]:
    """What the members of one population have in common, beside the architecture."""
    return tuple(round(config.get(name, HYPERPARAMETERS[name].default)) for name in COMMON)
