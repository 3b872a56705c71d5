"""data2vec (Baevski et al. 2022) on speech: a student predicts what a slow teacher makes of masked frames."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ...encoders.av_hubert.configuration import AvHubertConfig
from ...encoders.av_hubert.network import AvHubert
from ...errors import PretrainingError
from ..batches import Batch, Batches
from ..masked_clusters import scaled_gradient
from ..masking import masked_spans
from ..stated import Data2VecStated
from ..store import InputStore
from ..trainer import Inputs, Losses, Schedule, Trainer

SHARE, SPAN = 0.65, 5
"""Of masked frames: spans of 0.2 s, as published at 50 frames a second."""
FEATURE_GRADIENT = 0.1
COLLAPSED = 0.01
"""Variance of the targets, which is 1 before the blocks are averaged, below which they are all but constant."""


class Prediction(NamedTuple):
    """What is learned from a batch.

    Attributes:
        errors: the mean squared error of each frame over the dimensions, ``[B, T]``.
        deviations: the mean squared deviation of each frame's target from the mean target, ``[B, T]``.
    """

    errors: Tensor
    deviations: Tensor


class Data2VecNetwork(nn.Module):
    """A student, and a teacher whose weights follow the student's.

    Args:
        config: of both.
        top: how many of the blocks, from the last one down, are averaged to the targets.
    """

    def __init__(self, config: AvHubertConfig, top: int):
        super().__init__()
        self.student = AvHubert(config)
        self.teacher = deepcopy(self.student).requires_grad_(False)
        self.mask_emb = nn.Parameter(torch.rand(config.hidden_size))
        self.regression = nn.Linear(config.hidden_size, config.hidden_size)
        self.top = top

    def forward(
        self, audio: Tensor, audio_present: Tensor, attention_mask: Tensor, masked: Tensor
    ) -> Prediction:
        """Predict the teacher's states of masked frames.

        Args:
            audio: ``[B, T, audio_size]``.
            audio_present: bool ``[B, T]``.
            attention_mask: bool ``[B, T]``, False beyond a clip's end.
            masked: bool ``[B, T]``.
        """
        targets = self.targets(audio, audio_present, attention_mask)
        heard, absent = self.student.features(audio, None, audio_present)
        x = self.student.joined(scaled_gradient(heard, FEATURE_GRADIENT), absent)
        x = torch.where(masked.unsqueeze(-1), self.mask_emb.to(x.dtype), x)
        states, _ = self.student.encoder(x, attention_mask)
        there = attention_mask.unsqueeze(-1)
        mean = (targets * there).sum((0, 1)) / there.sum()
        errors = (self.regression(states).float() - targets).square().mean(-1)
        return Prediction(errors, (targets - mean).square().mean(-1))

    @torch.no_grad()
    def targets(self, audio: Tensor, audio_present: Tensor, attention_mask: Tensor) -> Tensor:
        """The teacher's states behind the top blocks, each normalised over a clip's frames, averaged: ``[B, T, D]``."""
        self.teacher.eval()
        joined = self.teacher.joined(*self.teacher.features(audio, None, audio_present))
        _, states = self.teacher.encoder(joined, attention_mask)
        there = attention_mask.unsqueeze(-1)
        return torch.stack([normalised(each.float(), there) for each in states[-self.top :]]).mean(0)

    @torch.no_grad()
    def follow(self, decay: float) -> None:
        """Move the teacher to the student: weights ``decay * teacher + (1 - decay) * student``."""
        for own, other in zip(self.teacher.parameters(), self.student.parameters(), strict=True):
            own.lerp_(other, 1 - decay)


def normalised(x: Tensor, there: Tensor) -> Tensor:
    """``[B, T, D]``, each dimension with mean 0 and variance 1 over the frames that are ``there [B, T, 1]``; else 0."""
    count = there.sum(1, keepdim=True)
    mean = (x * there).sum(1, keepdim=True) / count
    variance = ((x - mean).square() * there).sum(1, keepdim=True) / count
    return (x - mean) * torch.rsqrt(variance + 1e-5) * there


class Data2Vec:
    """The objective, for the trainer."""

    def __init__(self, network: Data2VecNetwork, stated: Data2VecStated):
        """An objective.

        Args:
            network: what learns.
            stated: how fast the teacher follows.
        """
        self.network, self._stated = network, stated

    def inputs(self, batch: Batch, draws: np.random.Generator) -> Inputs:
        """See `Objective`."""
        masked = masked_spans(batch.lengths, batch.frames.shape[1], share=SHARE, span=SPAN, draws=draws)
        given = {"audio": batch.audio, "heard": batch.heard, "there": batch.there, "masked": masked}
        return {name: torch.from_numpy(np.ascontiguousarray(each)) for name, each in given.items()}

    def predictions(self, inputs: Inputs) -> int:
        """The masked frames."""
        return int(inputs["masked"].sum())

    def losses(self, inputs: Inputs) -> Losses:
        """Sums over the masked frames of the error, and of that of whoever predicts the targets' mean.

        Raises:
            PretrainingError: the targets are all but constant.
        """
        found = self.network(inputs["audio"], inputs["heard"], inputs["there"], inputs["masked"])
        masked = inputs["masked"]
        loss, deviation = (found.errors * masked).sum(), (found.deviations * masked).sum()
        if deviation < COLLAPSED * masked.sum():
            raise PretrainingError(
                "data2vec: the teacher says the same of all frames, so that there is nothing left to learn: state a "
                "lower `learning_rate` or a higher first `decay` in pretrain/params.yaml"
            )
        return Losses(loss, {"loss": loss.detach(), "variance": deviation.detach()})

    def updated(self, step: int) -> None:
        """The teacher follows, ever more slowly: ``decay`` rises in a straight line over the updates."""
        first, last = self._stated.decay
        self.network.follow(first + (last - first) * min(1.0, step / self._stated.steps))


def pretrain(
    store: InputStore, stated: Data2VecStated, *, work: Path, device: str
) -> tuple[AvHubert, list[dict[str, float]]]:
    """Train from first weights, or from where it was left.

    Args:
        store: of the clips, of which those with sound are used.
        stated: the network and the training.
        work: the folder of unfinished work, which changes with all that the result depends on.
        device: ``cpu`` or ``cuda``.

    Returns:
        The student, on the CPU, and the curve.

    Raises:
        PretrainingError: no clip has sound, the targets become constant, or the loss is not finite.
    """
    heard = np.flatnonzero(store.heard).tolist()
    if not heard:
        raise PretrainingError("data2vec learns from sound, and no clip has any: add recordings with sound")
    torch.manual_seed(stated.seed)
    config = getattr(AvHubertConfig, stated.size)()
    if stated.top > config.num_hidden_layers:
        raise PretrainingError(
            f"data2vec.top is {stated.top}, and a network of this size has {config.num_hidden_layers} blocks"
        )
    network = Data2VecNetwork(config, stated.top).to(device)
    training = stated.training
    trainer = Trainer(
        Data2Vec(network, stated),
        Batches(store.only(heard), frames=training.frames, longest=training.longest, seed=stated.seed),
        Schedule.of(training, stated.steps),
        seed=stated.seed,
        device=device,
        state=work / "training.safetensors",
        what="data2vec",
    )
    curve = trainer.run()
    return network.student.cpu().eval(), curve
