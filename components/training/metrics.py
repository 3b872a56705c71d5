"""Weighted accuracy and unweighted average recall, for whole populations."""

import torch
from torch import Tensor


def weighted_accuracy(logits: Tensor, target: Tensor) -> Tensor:
    """The share of rows that are right: ``[..., N, C], [N] → [...]`` in [0, 1]."""
    return (logits.argmax(-1) == target).to(torch.float64).mean(-1)


def unweighted_recall(logits: Tensor, target: Tensor) -> Tensor:
    """The mean of the recalls of the classes that occur in ``target``: ``[..., N, C], [N] → [...]`` in [0, 1]."""
    classes = logits.shape[-1]
    hot = torch.nn.functional.one_hot(target, classes).to(torch.float64)  # [N, C]
    right = (logits.argmax(-1) == target).to(torch.float64) @ hot  # [..., C]
    count = hot.sum(0)
    return (right / count.clamp(min=1)).sum(-1) / (count > 0).sum()


def log_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Mean negative log-likelihood: ``[..., N, C], [N] → [...]``."""
    logp = torch.log_softmax(logits.to(torch.float64), dim=-1)
    index = target.expand(*logits.shape[:-1]).unsqueeze(-1)
    return -logp.gather(-1, index).squeeze(-1).mean(-1)
