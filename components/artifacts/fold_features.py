"""What is declared of attached features that differ by test fold; a part of the stage ``validate``'s verdict."""

from typing import Literal

from pydantic import Field

from .document import Part


class FoldFeatures(Part):
    """What was declared of attached features that differ by test fold: models made them, one for each fold.

    Attributes:
        protocol: whose folds these are, by its id: ``ravdess8.luna5``.
        kind: whether they are the models' features, or the probabilities that they gave each class.
        classes: of posteriors, in the order of the protocol's classes; otherwise empty.
        training_speakers: fold → the speakers that its model was trained or tuned on.
    """

    protocol: str
    kind: Literal["features", "posteriors"]
    classes: list[str] = Field(default_factory=list)
    training_speakers: dict[int, list[str]]
