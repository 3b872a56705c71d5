"""face-api's network of face expressions as an encoder of faces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ParamsError
from .architecture import configuration, within_memory
from .folder import ModelFolder
from .pictures import Pictures
from .spec import PretrainedSpec

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor


class Expressions(Pictures):
    """A token for each sampled frame with a face in it: what the network sees, and which expression it takes it for.

    A token is the network's last features and then the probabilities of its classes. Probabilities, since their logits
    would add nothing to the features, of which they are a linear function. The network gives an answer for any picture
    (of one without a face mostly "sad"), so it sees the faces that a detector has found, and nothing else.
    """

    version = 1
    tunable = False
    margin = 0.1
    """Less than other picture models have: face-api cuts faces out more closely."""

    def __init__(self, spec: PretrainedSpec, folder: ModelFolder, **of_faces: Any):
        """An encoder of one model; ``of_faces`` is as any encoder of faces takes it.

        Raises:
            ParamsError: layers are asked for.
        """
        super().__init__(spec, folder, **of_faces)
        if spec.layers is not None:
            raise ParamsError(
                f"the encoder {spec.hf}: layers is {spec.layers}, and this network has one output: leave layers out"
            )
        config = configuration(folder.path)
        self.side: int = config.image_size
        each = [str(at) for at in range(config.hidden_size)] + list(config.expressions)
        parts = ["", "_sd"] if spec.pooling == "mean-std" else [""]
        self._names = [f"{self.name}_{name}{part}" for part in parts for name in each]
        self.dimensions = len(self._names)

    def default_layers(self) -> None:
        """None: the network's own output."""

    def feature_names(self) -> list[str]:
        """The features by number, the probabilities by class; of ``mean-std`` then their deviations."""
        return self._names

    def _of_batch(self, pictures: list[Image.Image]) -> Tensor:
        """``[B, D]`` of so many pictures."""
        import torch
        from PIL.Image import Resampling

        resized = [np.asarray(each.resize((self.side, self.side), Resampling.BILINEAR)) for each in pictures]
        pixels = torch.from_numpy(np.stack(resized)).permute(0, 3, 1, 2).float().to(self.device)
        with torch.inference_mode(), within_memory(self.device):
            seen = self.loaded(pixel_values=pixels)
        return torch.cat([seen.pooler_output, seen.logits.softmax(-1)], dim=1).cpu()
