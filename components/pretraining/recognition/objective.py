"""The losses of fine-tuning, for the trainer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ...training.contrast import supervised_contrast
from ..batches import Batch, seen
from ..trainer import Inputs, Losses
from .network import AvHubertRecogniser

UNKNOWN = -100
"""The emotion of a clip without a label: no part of the loss."""
HEADS = "heads"


@dataclass(frozen=True)
class Targets:
    """What is known of the clips of a store, by their number.

    Attributes:
        characters: of what is said, numbers of the vocabulary; empty where that is unknown.
        emotions: the class, `UNKNOWN` where there is none.
        begins: the number of each clip's first frame, as the store has it.
    """

    characters: Sequence[Sequence[int]]
    emotions: Sequence[int]
    begins: np.ndarray

    def clips(self, frames: np.ndarray) -> np.ndarray:
        """The clips that frames are of, by the frames' numbers."""
        return np.searchsorted(self.begins, frames, side="right") - 1


class FineTuning:
    """What is said, how, and which clips are alike in that.

    Connectionist temporal classification of the characters (Graves et al. 2006), the cross-entropy of the emotion, and
    the supervised contrast of the clips' embeddings by emotion (Khosla et al. 2020), each with a weight.
    """

    def __init__(
        self,
        network: AvHubertRecogniser,
        targets: Targets,
        *,
        streams: str,
        speech: float,
        emotion: float,
        contrast: float,
        layer_decay: float,
        frozen: int,
    ):
        """An objective.

        Args:
            network: whose weights are learned.
            targets: of the training clips.
            streams: ``a``, ``v`` or ``av``: what of a clip is given.
            speech: weight of the characters' loss; 0: it is not learned.
            emotion: of the emotion's.
            contrast: of the embeddings'.
            layer_decay: by which the learning rate of each block falls below that of the block above it.
            frozen: updates in which the heads alone are trained.
        """
        self.network, self._targets, self._streams = network, targets, streams
        self._speech, self._emotion, self._contrast = speech, emotion, contrast
        self._layer_decay, self._frozen = layer_decay, frozen

    def groups(self) -> dict[str, list[torch.nn.Parameter]]:
        """The weights that share a learning rate: the heads, each block, and what is below the blocks."""
        groups: dict[str, list[torch.nn.Parameter]] = {}
        for name, each in self.network.named_parameters():
            parts = name.split(".")
            if parts[0].endswith("_head"):
                where = HEADS
            elif parts[:2] == ["encoder", "layers"]:
                where = parts[2]
            elif parts[:2] == ["encoder", "layer_norm"]:
                where = str(len(self.network.encoder.layers) - 1)
            else:
                where = "-1"
            groups.setdefault(where, []).append(each)
        return groups

    def scale(self, group: str, step: int) -> float:
        """What the learning rate of a group is multiplied by."""
        if group == HEADS:
            return 1.0
        if step < self._frozen:
            return 0.0
        return float(self._layer_decay ** (len(self.network.encoder.layers) - 1 - int(group)))

    def inputs(self, batch: Batch, draws: np.random.Generator) -> Inputs:
        """What the network is to see of a batch, and what it is to say."""
        clips = self._targets.clips(batch.frames[:, 0])
        said = [self._targets.characters[clip] for clip in clips]
        characters = np.zeros((len(clips), max(map(len, said), default=0)), np.int64)
        for row, numbers in enumerate(said):
            characters[row, : len(numbers)] = numbers
        return seen(self.network.config, batch, self._streams) | {
            "characters": torch.from_numpy(characters),
            "spoken": torch.tensor([len(each) for each in said]),
            "emotions": torch.tensor([self._targets.emotions[clip] for clip in clips]),
        }

    def predictions(self, inputs: Inputs) -> int:
        """The clips."""
        return len(inputs["spoken"])

    def losses(self, inputs: Inputs) -> Losses:
        """Sums over the clips: of the characters' loss by the length of the text, of the emotion's, of the contrast."""
        given = {name: x for name, x in inputs.items() if name not in ("characters", "spoken", "emotions")}
        found = self.network(
            **{"audio": None, "video": None, "audio_present": None, "video_present": None} | given
        )
        total = found.emotions.new_zeros(())
        logged: dict[str, Tensor] = {}
        if self._speech:
            lengths = inputs["spoken"]
            each = functional.ctc_loss(
                found.characters.transpose(0, 1),
                inputs["characters"],
                inputs["attention_mask"].sum(1) * self.network.config.steps_per_frame,
                lengths,
                reduction="none",
            )
            logged["speech"] = torch.where(lengths > 0, each / lengths.clamp(min=1), 0.0).sum()
            total = total + self._speech * logged["speech"]
        if self._emotion:
            logged["emotion"] = functional.cross_entropy(
                found.emotions, inputs["emotions"], ignore_index=UNKNOWN, reduction="sum"
            )
            total = total + self._emotion * logged["emotion"]
        if self._contrast:
            known = inputs["emotions"] != UNKNOWN
            classes = functional.one_hot(inputs["emotions"].clamp(min=0), len(self.network.config.emotions))
            alike = supervised_contrast(found.embedding, classes.float() * known.unsqueeze(-1))
            logged["contrast"] = alike * len(known)  # a mean over the batch
            total = total + self._contrast * logged["contrast"]
        return Losses(total, {name: each.detach() for name, each in logged.items()})

    def updated(self, step: int) -> None:
        """Nothing follows an update."""
