"""A loaded model's answer on one clip, and its answers without a part of it, asked from outside: what is packed with a
model stays as it was published."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import RegistryError

if TYPE_CHECKING:
    import pandas as pd

BATCH = 64
"""Rows that the model is asked at once."""


class Asked:
    """A clip that a model has answered, to be asked about again.

    A clip is decoded once; only the modality of which a part is left out is encoded anew, and many such rows are fused
    at once.

    Args:
        predictor: the `inference.Predictor` of the package that is loaded.
        row: a table of one row, as `predict.media_table` makes it.

    Attributes:
        answer: column → value, as the model answers.
        label: that it predicts.
        used: the modalities that its answer rests on, sorted.
        media: modality → all that its encoders' ``decode`` made: one medium unless some of the encoders decode
            another, as AV-HuBERT does. Of sound a list of blocks. Only of modalities in use.
        nothing_given: the probability that counts where no modality is left: 1/C.

    Raises:
        RegistryError: nothing of the clip can be used, or the model was packed by an emoflow with other parts.
    """

    def __init__(self, predictor: Any, row: "pd.DataFrame"):
        try:  # parts of the package are private, but they are all that can be asked with a part left out
            self._encoders, self._encoded = predictor._encoders, predictor._encoded
        except AttributeError as error:
            raise RegistryError(
                f"this model was published by another version of emoflow, whose parts cannot be asked ({error}): "
                "publish it again with this one"
            ) from None
        self._predictor = predictor
        package = sys.modules[type(predictor).__module__]
        self._error, self._unusable = package.EmoflowError, package.MediaError
        self.nothing_given = 1 / len(predictor.classes)
        decoded: dict[str, dict[int, Any]] = {}
        heard: list[Mapping[str, np.ndarray]] = []
        with ExitStack() as during:
            for modality, encoders in self._encoders.items():
                kept = decoded.setdefault(modality, {})
                for place, each in enumerate(encoders):
                    during.enter_context(_replaced(each, "decode", _keeping(each.decode, kept, place)))
            during.enter_context(
                _replaced(predictor, "probabilities", _hearing(predictor.probabilities, heard))
            )
            self.answer = predictor.table(row).iloc[0].to_dict()
        if not heard:
            raise RegistryError(f"nothing of the clip can be used: {self.answer['reason']}")
        self.label = self.answer["label"]
        self.used = self.answer["modalities_used"].split("+")
        self._tokens = {modality: heard[0][modality] for modality in self.used}
        self._asked = {modality: list(kept) for modality, kept in decoded.items()}
        self.media = {
            modality: list(decoded[modality].values()) for modality in self.used if modality in self._encoders
        }
        if "audio" in self.media:
            self.media["audio"] = [list(blocks) for blocks in self.media["audio"]]

    def subset(self, modalities: Sequence[str]) -> dict[str, np.ndarray]:
        """The tokens of some of the modalities in use."""
        return {modality: self._tokens[modality] for modality in modalities}

    def with_other(self, modality: str, media: Sequence[Any | None]) -> dict[str, np.ndarray]:
        """The tokens of all modalities in use, those of one of them made anew.

        Args:
            modality: which one.
            media: what takes the place of each of its ``media``; None: nothing.

        Returns:
            Modality → tokens. The modality is not among them where its encoders find nothing in ``medium``, as it would
            not be in a clip that holds no more, or in one of ``media``, unless they are joined as streams.
        """
        rest = self.subset([each for each in self.used if each != modality])
        if all(medium is None for medium in media):
            return rest
        try:
            with ExitStack() as during:
                for place, medium in zip(self._asked[modality], media, strict=True):
                    encoder = self._encoders[modality][place]
                    during.enter_context(_replaced(encoder, "decode", self._giving(medium)))
                return rest | {modality: self._encoded(modality, None)[0]}
        except self._error:
            return rest

    def _giving(self, medium: Any | None) -> Callable[[Any], Any]:
        """A ``decode`` that gives this medium, whatever the source."""

        def call(_: Any) -> Any:
            if medium is None:
                raise self._unusable("nothing is left of it")
            return medium

        return call

    def probabilities(self, rows: Sequence[Mapping[str, np.ndarray]]) -> np.ndarray:
        """The probability of the label, float64 [N]; `nothing_given` where a row has no modality."""
        found = np.full(len(rows), self.nothing_given)
        given = [number for number, tokens in enumerate(rows) if tokens]
        at = self._predictor.classes.index(self.label)
        for start in range(0, len(given), BATCH):
            batch = given[start : start + BATCH]
            found[batch] = self._predictor.probabilities([rows[number] for number in batch])[:, at]
        return found


def _keeping(decode: Callable[[Any], Any], kept: dict[int, Any], place: int) -> Callable[[Any], Any]:
    """A ``decode`` whose result is kept, by the encoder's place."""

    def call(source: Any) -> Any:
        kept[place] = decode(source)
        return kept[place]

    return call


def _hearing(
    probabilities: Callable[[list[Any]], np.ndarray], heard: list[Mapping[str, np.ndarray]]
) -> Callable[[list[Any]], np.ndarray]:
    """A function of rows of tokens that keeps the rows it is given."""

    def call(rows: list[Any]) -> np.ndarray:
        heard.extend(rows)
        return probabilities(rows)

    return call


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """An attribute with another value while this lasts."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)
