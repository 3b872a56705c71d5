"""What is found of a model's decision on one clip."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class ModalityValue:
    """What a modality contributes to the probability of the predicted label.

    Attributes:
        shapley: its Shapley value. Those of all modalities sum to the probability minus that of the empty set.
        alone: the probability where it alone is given.
        without: the probability where all others are given.
    """

    shapley: float
    alone: float
    without: float


@dataclass(frozen=True)
class Window:
    """A part of the clip that was left out of one modality.

    Attributes:
        start_s, end_s: in seconds from the clip's start.
        probability: of the predicted label without it.
        drop: by how much that is lower than with it; below 0 where it is higher.
    """

    start_s: float
    end_s: float
    probability: float
    drop: float


@dataclass(frozen=True)
class FaceWindow(Window):
    """A part of the clip whose frames were left out.

    Attributes:
        frames: how many of the frames that the model looks at lie in it; at least one. Where one encoder looks at all
            frames and another at some, those of the former.
    """

    frames: int


@dataclass(frozen=True)
class Word:
    """A word that was left out.

    Attributes:
        word: as it is written, with the punctuation that is attached.
        probability: of the predicted label without it.
        drop: by how much that is lower than with it; below 0 where it is higher.
    """

    word: str
    probability: float
    drop: float


@dataclass(frozen=True)
class Explanation:
    """Why a model decides as it does on one clip, by what it says without a part of it.

    Attributes:
        file: the clip's path.
        model: ``models:/NAME/VERSION``.
        label: that is predicted; all below is of its probability.
        probability: of the label.
        confidence: its calibrated probability; None where the model was not calibrated.
        probabilities: class → probability.
        nothing_given: the probability that counts where no modality is left, 1/C.
        unused: what was given and not used, with the reason; empty where all was.
        recognised_text: the words that the model recognised; None where a text was given or nothing was recognised.
        window_s: the length of the windows in seconds, at most; each begins half of it after the one before.
        modalities: modality → its value, those alone that the answer rests on.
        audio: the windows of sound that were silenced, in order; empty where the answer rests on no sound.
        words: the words that were left out, in order; empty where the answer rests on no text.
        face: the windows of the face that were left out, in order; those without a frame are not among them.
    """

    file: str
    model: str
    label: str
    probability: float
    confidence: float | None
    probabilities: dict[str, float]
    nothing_given: float
    unused: str
    recognised_text: str | None
    window_s: float
    modalities: dict[str, ModalityValue]
    audio: list[Window]
    words: list[Word]
    face: list[FaceWindow]


@dataclass(frozen=True)
class Seen:
    """What a picture of an explanation shows of the clip.

    Attributes:
        samples: of the sound, float32 [samples], mono at 16 kHz; None where the answer rests on none.
        images: of the face, RGB uint8 [n, height, width, 3]; None where the answer rests on none.
        times_s: when each of these was on show, in seconds [n].
    """

    samples: np.ndarray | None
    images: Any | None
    times_s: np.ndarray | None
