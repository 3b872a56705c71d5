"""An encoder for each modality, and what strategies that let their embeddings meet have in common."""

from typing import ClassVar

from torch import Tensor, nn

from .layers import AbsentToken, Perceptron, complete, masked_mean
from .strategy import Choice, Strategy, Uniform


class Expert(nn.Module):
    """A perceptron over each token, the mean over those present, a linear classifier."""

    def __init__(self, inputs: int, classes: int, *, width: int, layers: int):
        super().__init__()
        self.encoder = Perceptron(inputs, width, layers)
        self.classifier = nn.Linear(width, classes)

    def forward(self, x: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """``[B, T, D], [B, T] → embedding [B, W], logits [B, C]``."""
        embedding = masked_mean(self.encoder(x), present)
        return embedding, self.classifier(embedding)


class Intermediate(Strategy):
    """One expert a modality; a learned vector stands for the embedding of what a row lacks.

    Its own decisions are trained beside the fused one, with ``unimodal_weight``.
    """

    space: ClassVar = {
        "width": Choice((128,)),
        "layers": Choice((1, 2)),
        "modality_dropout": Uniform(0.0, 0.3),
        "unimodal_weight": Uniform(0.0, 0.7),
    }

    def __init__(self, dimensions: dict[str, int], classes: int, *, width: int, layers: int):
        super().__init__(dimensions, classes)
        self.experts = nn.ModuleDict(
            {name: Expert(size, classes, width=width, layers=layers) for name, size in dimensions.items()}
        )
        self.absent = nn.ModuleDict({name: AbsentToken(width) for name in dimensions})

    def encode(
        self, tokens: dict[str, Tensor], present: dict[str, Tensor]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """→ each modality's embedding ``[B, W]`` and its own logits ``[B, C]``."""
        tokens, present = complete(tokens, present, self.dimensions)
        embeddings, alone = {}, {}
        for name in self.modalities:
            x, alone[name] = self.experts[name](tokens[name], present[name])
            embeddings[name] = self.absent[name](x, present[name].any(1))
        return embeddings, alone
