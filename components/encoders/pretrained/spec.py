"""What ``params.yaml`` says of a pre-trained encoder, and the name that follows from it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

HUB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?")
"""``owner/model``, or ``model`` alone. Anything else is a folder's path."""

WEIGHTED = "weighted"
Layers = int | list[int] | dict[str, int] | Literal["weighted"] | None
"""A state by number, several side by side, ``{"last": n}`` for the mean of the last n, `WEIGHTED` for all of them, each
kept apart; None: the modality's default."""
Pooling = Literal["mean", "mean-std", "none"]
Streams = Literal["av", "a", "v"]
"""What an AV-HuBERT reads of a film: its sound and its pictures, or one of them."""
Roi = Literal["mouth", "face"]
"""What the pictures of an AV-HuBERT show."""
AV_HUBERT = "av_hubert"
"""The key of a mapping in place of ``hf``, and the architecture's name."""


@dataclass(frozen=True)
class PretrainedSpec:
    """A Hugging Face model or an AV-HuBERT, and what is taken of it.

    Attributes:
        hf: its name on the hub, or the path of its folder.
        pooling: over time.
        layers: which hidden states.
        revision: a commit, tag or branch of the hub.
        context: of text: how many earlier turns of the dialogue are read before each.
        tune: how training changes the model's weights, None where it does not. It is no part of the name: the features
            that are stored, and that the search sees, are the frozen model's.
        streams: of an AV-HuBERT: what it reads; None of any other model.
        roi: of an AV-HuBERT: what its pictures have to show; None where params.yaml does not say.
    """

    hf: str
    pooling: Pooling
    layers: Layers = None
    revision: str | None = None
    context: int = 0
    tune: Literal["lora", "full"] | None = None
    streams: Streams | None = None
    roi: Roi | None = None

    @classmethod
    def of(cls, stated: Mapping[str, Any]) -> PretrainedSpec:
        """The encoder that ``{hf: NAME, …}`` or ``{av_hubert: NAME, …}`` states; of the latter ``streams`` is ``av``
        where it is left out."""
        if AV_HUBERT not in stated:
            return cls(**stated)
        others = {key: value for key, value in stated.items() if key != AV_HUBERT}
        return cls(hf=stated[AV_HUBERT], **{"streams": "av", **others})

    @property
    def is_hub_name(self) -> bool:
        return HUB_NAME.fullmatch(self.hf) is not None and "--" not in self.hf and ".." not in self.hf

    @property
    def model(self) -> str:
        """The model's name as a folder's name: the same for encoders that share its weights."""
        if self.is_hub_name:
            name = self.hf.replace("/", "--")
        else:
            last = (
                re.sub(r"[^A-Za-z0-9._-]+", "-", self.hf.rstrip("/").rpartition("/")[2]).strip(".-")
                or "model"
            )
            name = f"{last}-{hashlib.sha256(self.hf.encode()).hexdigest()[:8]}"
        return name if self.revision is None else f"{name}@{self.revision.replace('/', '--')}"

    @property
    def name(self) -> str:
        """The encoder's name: unique for a model and what is taken of it, and safe as a folder's name."""
        if self.layers is None:
            part = ""
        elif self.layers == WEIGHTED:
            part = f".{WEIGHTED}"
        elif isinstance(self.layers, int):
            part = f".layer{self.layers}"
        elif isinstance(self.layers, Mapping):
            part = f".last{self.layers['last']}"
        else:
            part = ".layers" + "_".join(map(str, self.layers))
        if self.context:
            part += f".context{self.context}"
        if self.streams:
            part += f".{self.streams}"
        return f"{self.model}{part}.{self.pooling}"

    def mapping(self) -> dict[str, Any]:
        """What it states, by attribute."""
        return asdict(self)


def name_of(stated: str | Mapping[str, Any]) -> str:
    """The name of an encoder as ``features.<modality>.encoders`` states it."""
    return stated if isinstance(stated, str) else PretrainedSpec.of(stated).name
