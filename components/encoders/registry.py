"""Encoders as params.yaml states them, and encoding one recording as training sees it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import MediaError, ParamsError, listed
from ..schema import Join
from .audio import Compare, Egemaps, EgemapsFrames, LogMel
from .base import Encoder, by_decoding, merge
from .face import Appearance, Blendshapes, Face, Landmarks
from .model_files import NO_MODELS, ModelFiles
from .pretrained.located import PRETRAINED, Located
from .pretrained.model import TUNING_LIBRARIES
from .pretrained.spec import name_of
from .text import Hashing

ENCODERS: dict[str, type[Encoder]] = {
    encoder.name: encoder
    for encoder in (Egemaps, Compare, EgemapsFrames, LogMel, Hashing, Appearance, Landmarks, Blendshapes)
}


def make(
    stated: Sequence[str | Mapping[str, Any]],
    parameters: Mapping[str, Any],
    *,
    modality: str | None = None,
    models: ModelFiles = NO_MODELS,
    join: Join = "concatenate",
) -> list[Encoder]:
    """The encoders of one modality, sorted by name: the order of their columns in the feature store.

    Args:
        stated: as ``features.<modality>.encoders`` of ``params.yaml`` lists them: names, and mappings of
            Hugging Face models and of AV-HuBERTs.
        parameters: what else ``features.<modality>`` holds: ``dimensions`` (text), ``frames`` and ``track`` (face).
        modality: which they have to be of; by default any, the same for all.
        models: where the models are that some of them run.
        join: how their tokens are joined. Sequences of faces that are concatenated have a token for the same pictures,
            whether there is a face or not; an AV-HuBERT's has one for every picture of the film.

    Returns:
        The encoders.

    Raises:
        ParamsError: an unknown name, one named twice, encoders of several modalities or of another one than asked
            for, or layers that a model does not have.
        SettingsError: a Hugging Face model that is absent or cannot be used.
    """
    unknown = [each for each in stated if isinstance(each, str) and each not in ENCODERS]
    if unknown:
        raise ParamsError(f"no encoder is called {listed(map(repr, unknown))}; there are: {listed(ENCODERS)}")
    names = [name_of(each) for each in stated]
    if len(set(names)) < len(names):
        raise ParamsError(f"an encoder is named twice: {listed(names)}")
    kinds = [ENCODERS[each] if isinstance(each, str) else Located.of(each, models) for each in stated]
    modalities = sorted({each.modality for each in kinds})
    if modality is not None and modalities != [modality]:
        strange = [f"{each.name} (of {each.modality})" for each in kinds if each.modality != modality]
        raise ParamsError(f"features.{modality}.encoders: {listed(strange)} cannot encode {modality}")
    if len(modalities) != 1:
        raise ParamsError(f"the encoders {listed(names)} are of several modalities: {listed(modalities)}")
    sequences = [each for each in kinds if each.kind == "sequence"]
    aligned = join == "concatenate" and len(sequences) > 1
    return [
        each(
            **parameters,
            **({"model": models.landmark_model} if each.modality == Face.modality else {}),
            **({"aligned": True} if aligned and each.alignable and each.kind == "sequence" else {}),
        )
        for each in sorted(kinds, key=lambda each: each.name)
    ]


def libraries() -> set[str]:
    """The distributions that any encoder may import."""
    known: list[type[Encoder]] = [*ENCODERS.values(), *PRETRAINED]
    return {library for encoder in known for library in encoder.libraries} | set(TUNING_LIBRARIES)


def encode(encoders: Sequence[Encoder], source, *, join: Join = "concatenate") -> np.ndarray:
    """One recording through one modality's encoders: float32 [T, sum of D], as the feature store gives it.

    Args:
        source: a path or bytes; for text the text itself, or the turn of a dialogue.
        join: how the encoders' tokens are joined.

    Raises:
        MediaError: it cannot be used; the message is the reason.
    """
    return np.ascontiguousarray(merge(encode_each(encoders, source, join=join).parts, join))


@dataclass(frozen=True)
class Encoded:
    """What each of one modality's encoders makes of a recording.

    Attributes:
        parts: of each encoder, float32 ``[T, D]``, none where it finds nothing; for `merge`.
        missing: encoder → why it finds nothing, of those that do not.
        notices: encoder → what of the recording it does not encode, of those that leave something out.
    """

    parts: list[np.ndarray]
    missing: dict[str, str]
    notices: dict[str, str]


def encode_each(encoders: Sequence[Encoder], source, *, join: Join) -> Encoded:
    """Encode a recording by each of one modality's encoders.

    Args:
        source: as `encode` takes it.
        join: of ``streams`` some may find nothing in the recording.

    Raises:
        MediaError: an encoder finds nothing, of ``streams`` all of them; the message is the reason.
    """
    found: dict[str, np.ndarray] = {}
    missing: dict[str, str] = {}
    notices: dict[str, str] = {}
    for group in by_decoding(encoders):
        try:
            medium = group[0].decode(source)
        except MediaError as error:
            if join == "concatenate":
                raise
            missing |= {encoder.name: str(error) for encoder in group}
            continue
        for encoder in group:
            try:
                found[encoder.name] = encoder.encode_decoded(medium)
                if notice := encoder.notice(medium):
                    notices[encoder.name] = notice
            except MediaError as error:
                if join == "concatenate":
                    raise
                missing[encoder.name] = str(error)
    if len(missing) == len(encoders):
        raise MediaError("; ".join(dict.fromkeys(missing.values())))
    nothing = {each.name: np.empty((0, each.dimensions), np.float32) for each in encoders}
    return Encoded([(nothing | found)[each.name] for each in encoders], missing, notices)
