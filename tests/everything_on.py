"""Rows and hyper-parameters with which every term of the loss and every augmentation takes part."""

from dataclasses import replace

import simulated_rows
import torch
from emoflow.training.data import UNLABELLED, Rows
from simulated_rows import CLASSES

EVERYTHING = {
    "learning_rate": 3e-3,
    "weight_decay": 0.01,
    "dropout": 0.2,
    "input_dropout": 0.1,
    "modality_dropout": 0.2,
    "smoothing": 0.1,
    "mixup": 0.2,
    "feature_noise": 0.1,
    "mask_time": 0.3,
    "mask_features": 0.2,
    "consistency_weight": 0.1,
    "pseudo_threshold": 0.4,
    "unimodal_weight": 0.3,
    "auxiliary_weight": 0.1,
    "class_balance": 0.5,
    "focal": 1.0,
    "soft_labels": 0.5,
    "contrast_weight": 0.1,
    "align_weight": 0.1,
    "distill_weight": 0.1,
    "dimension_weight": 0.1,
    "intensity_weight": 0.1,
    "gender_adversary": 0.1,
    "adversarial": 0.05,
    "adversarial_steps": 2.0,
}


def rows(count: int, seed: int) -> Rows:
    """Some without a label; votes, dimensions, intensity and gender of all."""
    generator = torch.Generator().manual_seed(seed)
    plain = simulated_rows.rows(count, seed)
    target = torch.where(torch.arange(count) % 7 == 0, UNLABELLED, plain.target)
    side = {
        name: 2 * torch.rand(count, generator=generator) - 1 for name in ("valence", "arousal", "dominance")
    }
    side["intensity"] = torch.rand(count, generator=generator)
    side["gender"] = (torch.rand(count, generator=generator) > 0.5).float()
    shares = torch.softmax(torch.randn(count, CLASSES, generator=generator), -1)
    return replace(plain, target=target, shares=shares, side=side, speaker=torch.arange(count) % 6)
