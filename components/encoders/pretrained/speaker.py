"""GE2E, an LSTM that was trained to tell speakers apart, as an encoder of speech."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np

from ...errors import MediaError, ParamsError
from ..audio import RATE, Audio
from .folder import ModelFolder
from .model import Pretrained
from .spec import PretrainedSpec

WINDOW, HOP = 400, 160
"""Samples of a frame, and from frame to frame."""
LOUDNESS = -30
"""dB of full scale: the root mean square to which a quieter recording is raised."""


class SpeakerEncoder(Pretrained, Audio):
    """The states of GE2E's LSTM, 100 a second: GE2E of Wan et al. (2018), as Resemblyzer trained it.

    Unlike Resemblyzer, which embeds pieces of 1.6 s, the LSTM hears the recording from beginning to end, with its
    pauses. A long recording is heard in blocks, each of which begins with the states in which the last one ended.
    """

    version = 1
    libraries = (*Pretrained.libraries, "soxr")

    def __init__(self, spec: PretrainedSpec, folder: ModelFolder):
        """An encoder of one model.

        Raises:
            ParamsError: the model does not have the layers asked for.
        """
        super().__init__(spec, folder)
        if 0 in self.choice.numbers:
            raise ParamsError(
                f"the encoder {spec.hf}: layers is {self.layers}, and only the states 1 to {self.depth} can be taken, "
                f"from its end -1 to {-self.depth}: state 0, the mel frames, has another width"
            )

    def default_layers(self) -> int:
        """The last layer."""
        return self.depth

    def encode_decoded(self, medium: Iterable[np.ndarray]) -> np.ndarray:
        """Tokens of a recording.

        Args:
            medium: float32 [samples] each, mono at 16 kHz, within ±1; one after the other they are the recording. It is
                iterated over twice.

        Returns:
            float32 [1 + samples / 160, D]; [1, D] where pooled.

        Raises:
            MediaError: shorter than a frame; and as ``decode`` and `pooled` do.
            SettingsError: the model cannot be loaded.
        """
        return self.pooled(self._blocks(medium))

    def _blocks(self, medium: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        import torch

        gain, carried = _gain(medium), None
        for frames in mel_frames(medium):
            inputs = torch.from_numpy((gain**2 * frames).astype(np.float32))[None]
            taken, output = self.taken(input_features=inputs, carried=carried)
            carried = output.carried
            yield taken[0].numpy()


def mel_frames(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The power of a recording in 40 bands of the mel scale, without a logarithm.

    Frame t is the Hann window of ``WINDOW`` samples around sample ``HOP`` · t; at both ends the recording is mirrored.

    Args:
        blocks: float32 [samples] each, mono at 16 kHz.

    Yields:
        float64 [T, 40]

    Raises:
        MediaError: shorter than a frame.
    """
    half, held, begun = WINDOW // 2, np.empty(0, np.float32), False
    for block in blocks:
        held = np.concatenate([held, block])
        if len(held) < WINDOW:
            continue
        if not begun:
            held, begun = np.concatenate([held[half:0:-1], held]), True
        frames = _powers(held)
        yield frames
        held = held[len(frames) * HOP :]
    if not begun:
        raise MediaError(f"shorter than one frame of {WINDOW} samples: {len(held)}")
    held = np.concatenate([held, held[-2 : -half - 2 : -1]])
    if len(held) >= WINDOW:
        yield _powers(held)


def _powers(samples: np.ndarray) -> np.ndarray:
    """The mel power of every whole frame: float64 [T, 40]."""
    windows = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP]
    return np.abs(np.fft.rfft(windows * np.hanning(WINDOW + 1)[:-1])) ** 2 @ _bands()


def _gain(blocks: Iterable[np.ndarray]) -> float:
    """What a recording is multiplied by: 1 unless it is quieter than ``LOUDNESS``."""
    energy, count = 0.0, 0
    for block in blocks:
        energy, count = energy + np.square(block, dtype=np.float64).sum(), count + len(block)
    return max(1.0, 10 ** (LOUDNESS / 20) / np.sqrt(energy / count))


@lru_cache(maxsize=1)
def _bands() -> np.ndarray:
    """Slaney's triangles of unit area: float64 [201, 40]."""
    from transformers.audio_utils import mel_filter_bank

    return mel_filter_bank(WINDOW // 2 + 1, 40, 0, RATE / 2, RATE, norm="slaney", mel_scale="slaney")
