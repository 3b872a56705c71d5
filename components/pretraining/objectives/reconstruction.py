"""Reconstruction of masked frames of sound and pictures, after AV-Encoder (Tran & Soleymani 2022).

AV-Encoder reads audio features and facial action units; here these are the filter bank and blocks of the picture.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ...encoders.av_hubert.configuration import AvHubertConfig
from ...encoders.av_hubert.network import AvHubert
from ...errors import PretrainingError
from ..batches import Batch, Batches, seen
from ..joint_features import blocks
from ..masking import masked_spans
from ..stated import ReconstructionStated
from ..store import InputStore
from ..trainer import Inputs, Losses, Schedule, Trainer

SHARE, SPAN = 0.5, 5
"""Of masked frames, drawn for sound and for pictures by themselves."""
BLOCKS = 121
GIVEN = ("audio", "audio_present", "video", "video_present", "attention_mask")


class Reconstructed(NamedTuple):
    """What the network makes of a batch.

    Attributes:
        audio: frames of the filter bank, ``[B, T, audio_size]``.
        video: blocks of pictures, ``[B, T, 121]``.
    """

    audio: Tensor
    video: Tensor


class AvHubertForReconstruction(AvHubert):
    """AV-HuBERT with a linear head for the sound of each frame, and one for its picture."""

    def __init__(self, config: AvHubertConfig):
        super().__init__(config)
        self.mask_emb = nn.Parameter(torch.rand(config.audio_size))
        self.audio_head = nn.Linear(config.hidden_size, config.audio_size)
        self.video_head = nn.Linear(config.hidden_size, BLOCKS)
        self.post_init()

    def forward(  # type: ignore[override]  # a model with heads answers, as those of transformers do
        self, masked_audio: Tensor, masked_video: Tensor, **given: Tensor
    ) -> Reconstructed:
        """Reconstruct all frames.

        Args:
            masked_audio: bool ``[B, T]``: ``mask_emb`` takes the place of their sound.
            masked_video: bool ``[B, T]``: their pictures are absent.
            given: as `batches.seen` gives it.
        """
        audio, video = given.get("audio"), given.get("video")
        if audio is not None:
            audio = torch.where(masked_audio.unsqueeze(-1), self.mask_emb, audio)
        there = given.get("video_present")
        if video is not None and there is not None:
            there = there & ~masked_video
            video = video * there[..., None, None]
        features = self.features(audio, video, given.get("audio_present"), there)
        states, _ = self.encoder(self.joined(*features), given["attention_mask"])
        return Reconstructed(self.audio_head(states).float(), self.video_head(states).float())

    def without_heads(self) -> AvHubert:
        """The model itself: what pre-training is done for."""
        model = AvHubert(self.config)
        weights = self.state_dict()
        model.load_state_dict({name: weights[name] for name in model.state_dict()})
        ready: AvHubert = model.eval()
        return ready


class Reconstruction:
    """The objective, for the trainer: the mean absolute error of what was masked."""

    def __init__(self, network: AvHubertForReconstruction, *, streams: str):
        """An objective.

        Args:
            network: what learns.
            streams: ``a``, ``v`` or ``av``: what of a clip is given and reconstructed.
        """
        self.network, self._streams = network, streams

    def inputs(self, batch: Batch, draws: np.random.Generator) -> Inputs:
        """See `Objective`."""
        frames = batch.frames.shape[1]
        of_sound, of_pictures = (
            masked_spans(batch.lengths, frames, share=SHARE, span=SPAN, draws=draws) for _ in range(2)
        )
        inputs = seen(self.network.config, batch, self._streams)
        inputs |= {"masked_audio": torch.from_numpy(of_sound), "masked_video": torch.from_numpy(of_pictures)}
        if batch.pictures is not None:
            each = blocks(batch.pictures.reshape(-1, *batch.pictures.shape[2:]))
            scaled = each / np.maximum(each.std(1, keepdims=True), 1.0)
            inputs["blocks"] = torch.from_numpy(scaled.reshape(*batch.frames.shape, BLOCKS))
        return inputs

    def predictions(self, inputs: Inputs) -> int:
        """The masked frames of sound, and those of pictures."""
        return sum(int(masked.sum()) for masked, _ in self._learned(inputs).values())

    def losses(self, inputs: Inputs) -> Losses:
        """Sums over the masked frames of the error, and of that of whoever knows the batch's mean frame alone."""
        given = {name: x for name, x in inputs.items() if name in GIVEN}
        found = self.network(inputs["masked_audio"], inputs["masked_video"], **given)
        total = found.audio.new_zeros(())
        deviation = found.audio.new_zeros(())
        for name, (masked, target) in self._learned(inputs).items():
            total = total + ((getattr(found, name) - target).abs().mean(-1) * masked).sum()
            mean = (target * masked.unsqueeze(-1)).sum((0, 1)) / masked.sum().clamp(min=1)
            deviation = deviation + ((target - mean).abs().mean(-1) * masked).sum()
        return Losses(total, {"loss": total.detach(), "deviation": deviation})

    def updated(self, step: int) -> None:
        """Nothing is to be done after an update."""

    def _learned(self, inputs: Inputs) -> dict[str, tuple[Tensor, Tensor]]:
        """Of each stream that is given, the masked frames that it has, and what they are."""
        learned = {}
        if "audio" in inputs:
            learned["audio"] = (inputs["masked_audio"] & inputs["audio_present"], inputs["audio"])
        if "video" in inputs:
            learned["video"] = (inputs["masked_video"] & inputs["video_present"], inputs["blocks"])
        return learned


def pretrain(
    store: InputStore, stated: ReconstructionStated, *, roi: str | None, work: Path, device: str
) -> tuple[AvHubert, list[dict[str, float]]]:
    """Train from first weights, or from where it was left.

    Args:
        store: of the clips.
        stated: the network and the training.
        roi: what the pictures show.
        work: the folder of unfinished work, which changes with all that the result depends on.
        device: ``cpu`` or ``cuda``.

    Returns:
        The model, on the CPU, and the curve.

    Raises:
        PretrainingError: pictures are asked for and there are none, or the loss is not finite.
    """
    if "v" in stated.streams and not store.pictures:
        raise PretrainingError(
            f"reconstruction.streams is {stated.streams!r}, and the inputs have no pictures: state inputs.roi (mouth "
            "or face) in pretrain/params.yaml, or streams: a"
        )
    torch.manual_seed(stated.seed)
    config = getattr(AvHubertConfig, stated.size)(**({"roi": roi} if roi else {}))
    network = AvHubertForReconstruction(config).to(device)
    training = stated.training
    trainer = Trainer(
        Reconstruction(network, streams=stated.streams),
        Batches(store, frames=training.frames, longest=training.longest, seed=stated.seed),
        Schedule.of(training, stated.steps),
        seed=stated.seed,
        device=device,
        state=work / "training.safetensors",
        what="reconstruction",
    )
    curve = trainer.run()
    return network.without_heads().cpu(), curve
