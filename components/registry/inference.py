"""Raw media to emotions: what is packed with every published model. Nothing here knows MLflow.

A table goes in, with any of the columns ``audio``, ``video`` (paths or bytes) and ``text``; a cell may be null. A
modality that was trained on features is a column of its own name, each cell a list of D numbers, or of T such lists.
A model whose text encoders read the turns before takes the columns ``speaker`` (a text) and ``context`` too: a list
of ``[speaker, text]``, the oldest first. A text without them is read as the first of its dialogue.
A model that was trained on recognised words recognises them itself, in ``audio`` or the sound of ``video``, where a row
has no ``text``.
A table of probabilities comes out, one row for each that went in.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file

from .. import media
from ..artifacts.model import CALIBRATION, TUNED, WEIGHTS, Modality, ModelCard, ProbabilityCalibration
from ..encoders.base import Encoder, merge
from ..encoders.dialogue import Line, Turn
from ..encoders.model_files import ModelFiles
from ..encoders.pretrained.recogniser import SpeechRecogniser
from ..encoders.pretrained.tuning.members import TunedMembers
from ..encoders.registry import encode_each, make
from ..errors import EmoflowError, MediaError, listed
from ..files import read_json
from ..fusion.calibrated import scaled, set_scores
from ..fusion.model import EmotionModel
from ..fusion.preparation import Preparation
from ..schema import OFF_BY

MEDIA = ("audio", "video", "text")
RECORDINGS = ("audio", "video")
DIALOGUE = ("speaker", "context")
SOURCE = {"audio": "audio", "face": "video", "text": "text"}
"""The column that each modality is made from."""

CALIBRATED = "calibrated_"
"""Prefix of the columns of calibrated probabilities."""

RECOGNISED = "recognised_text"
"""The column of the words that a model recognised."""

BATCH = 64

LONGEST_S = 600
"""Of a recording, in seconds: what is longer is no utterance, and attention over all its tokens fills the memory."""


@dataclass(frozen=True)
class _Words:
    """What was recognised in a row.

    Attributes:
        sound: the column that was heard; None where nothing was to be recognised.
        text: what is said. why_not: the reason where there is none.
    """

    sound: str | None = None
    text: str | None = None
    why_not: str | None = None


@dataclass(frozen=True)
class _Heard:
    """What a model takes of a row.

    Attributes:
        tokens: by modality.
        unused: what was given and is not used, and why.
        notices: what is used in part, and how far.
    """

    tokens: dict[str, np.ndarray]
    unused: dict[str, str]
    notices: dict[str, str]


class Predictor:
    """A model and its encoders, ready to predict raw media.

    Args:
        folder: that of ``model.json`` and ``weights.safetensors``.

    Attributes:
        card: what ``model.json`` states.
        version: the first twelve digits of the weights' SHA-256.
        classes: the labels, in the order of the probabilities.
    """

    def __init__(self, folder: str | Path):
        folder = Path(folder)
        self.card = card = ModelCard.read_file(folder / ModelCard.path().name)
        weights = folder / WEIGHTS.name
        self.version = hashlib.sha256(weights.read_bytes()).hexdigest()[:12]
        self.model = EmotionModel.empty(
            card.strategy,
            card.config,
            members=len(card.seeds),
            classes=len(card.classes),
            preparation=Preparation.from_description(card.preparation),
            by_prompts=card.zero_shot is not None,
        )
        state = load_file(weights)
        self.model.load_state_dict({name: x for name, x in state.items() if not name.startswith(TUNED)})
        self.model.eval()
        self.classes = card.classes
        calibration = folder / CALIBRATION
        self.calibration = (
            ProbabilityCalibration.model_validate(read_json(calibration)) if calibration.is_file() else None
        )
        self.layouts = {modality: card.modalities[modality].layout for modality in self.model.modalities}
        self._encoders = encoders_of(card, ModelFiles.packed_in(folder))
        self._recogniser = recogniser_of(card, ModelFiles.packed_in(folder))
        self._tuned = tuned_encoders(card, self._encoders, state)

    @property
    def columns(self) -> list[str]:
        """The columns that an input may have."""
        return columns_of(self.card.modalities)

    def table(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Predict every row; a row of which nothing can be used has a null label and a reason.

        Args:
            rows: any of the `columns`: a path or bytes, a text, a feature vector ``[D]`` or sequence ``[T, D]``, the
                turns before; null for what a row lacks.

        Returns:
            Columns ``label``, ``p_<class>`` for each class, ``modalities_used`` ("audio+text"), ``unused`` (what
            was given and not used, and why), ``notices`` (what was used in part, and how far), ``reason`` (why there is
            no label) and ``model_version``. Of a model whose probabilities were calibrated also
            ``calibrated_<class>`` for each class, ``confidence`` (that of the label) and ``prediction_set``
            ("anger+fear": the classes among which the right one is, with the probability that the calibration states;
            the most probable first), null where the modalities that a row uses were not calibrated. Of a model that
            recognises words also ``recognised_text``: what it recognised, null where a text was given or nothing was
            recognised. The index of ``rows``.
        """
        given = [{name: row[name] for name in row.index} for _, row in rows.iterrows()]
        spoken = [self._recognised(row) for row in given]
        heard = [self._row(row, words) for row, words in zip(given, spoken, strict=True)]
        probabilities = np.full((len(rows), len(self.classes)), np.nan)
        usable = [number for number, each in enumerate(heard) if each.tokens]
        lengths = [max((x.shape[-2] for x in each.tokens.values()), default=0) for each in heard]
        usable.sort(key=lengths.__getitem__)  # little padding in a batch
        for at in range(0, len(usable), BATCH):
            batch = usable[at : at + BATCH]
            probabilities[batch] = self.probabilities([heard[number].tokens for number in batch])
        labels = [
            self.classes[int(np.argmax(row))] if each.tokens else None
            for row, each in zip(probabilities, heard, strict=True)
        ]
        unused = [_in_words(each.unused) for each in heard]
        found = {"label": labels}
        found |= {f"p_{name}": probabilities[:, at] for at, name in enumerate(self.classes)}
        used = ["+".join(sorted(each.tokens.keys() & set(self.model.modalities))) for each in heard]
        if self.calibration:
            found |= _calibrated(probabilities, used, self.classes, self.calibration)
        found["modalities_used"] = used
        found["unused"] = unused
        found["notices"] = [_in_words(each.notices) for each in heard]
        found["reason"] = [
            None if each.tokens else (why or self._nothing_given())
            for each, why in zip(heard, unused, strict=True)
        ]
        if self._recogniser:
            found[RECOGNISED] = [words.text for words in spoken]
        found["model_version"] = self.version
        return pd.DataFrame(found, index=rows.index)

    def probabilities(self, rows: list[Mapping[str, np.ndarray]]) -> np.ndarray:
        """Predict from tokens.

        Args:
            rows: for each of B rows its tokens, ``{modality: [T, D]}``, or ``[K, T, D]`` where each of the K members
                has encoders of its own; a missing modality is left out.

        Returns:
            Probabilities, float64 ``[B, C]``.
        """
        tokens, present = {}, {}
        for modality, layout in self.layouts.items():
            parts = [row.get(modality) for row in rows]
            length = max((part.shape[-2] for part in parts if part is not None), default=1)
            dimensions = sum(size for _, size in layout)
            members = [len(self.card.seeds)] if self.card.tuned(modality) else []
            tokens[modality] = torch.zeros(*members, len(rows), length, dimensions)
            present[modality] = torch.zeros(len(rows), length, dtype=torch.bool)
            for number, part in enumerate(parts):
                if part is not None:
                    own = torch.from_numpy(np.array(part, np.float32))
                    tokens[modality][..., number, : part.shape[-2], :] = own
                    present[modality][number, : part.shape[-2]] = True
        with torch.inference_mode():
            return self.model(tokens, present).numpy().astype(np.float64)

    def _recognised(self, row: Mapping[str, Any]) -> _Words:
        """What is said in a row's sound, where the model recognises words and the row has no text."""
        sound = next((name for name in RECORDINGS if name in row and not _missing(row[name])), None)
        if self._recogniser is None or sound is None or not _missing(row.get("text")):
            return _Words()
        try:
            recording = _medium(row[sound])
            _check_length("audio", recording)
            return _Words(sound, text=self._recogniser.words(self._recogniser.decode(recording)))
        except (EmoflowError, OSError) as error:
            return _Words(sound, why_not=str(error))

    def _row(self, given: dict[str, Any], words: _Words = _Words()) -> _Heard:
        """What the model takes of a row.

        Args:
            given: the row.
            words: what was recognised in it.
        """
        given = {name: value for name, value in given.items() if name in self.columns and not _missing(value)}
        tokens: dict[str, np.ndarray] = {}
        unused = {"text": words.why_not} if words.why_not else {}
        notices: dict[str, str] = {}
        taken = {words.sound} if words.sound else set()
        if words.text is not None:
            given["text"] = words.text
        for modality, layout in self.layouts.items():
            source = SOURCE.get(modality, modality) if modality in self._encoders else modality
            if (
                modality == "audio"
                and modality in self._encoders
                and source not in given
                and "video" in given
            ):
                source = "video"  # its sound
            if source not in given:
                continue
            taken |= {source, *DIALOGUE} if source == "text" else {source}
            try:
                if modality in self._encoders:
                    medium = _turn(given) if source == "text" else _medium(given[source])
                    if source in RECORDINGS:
                        _check_length(modality, medium)
                    tokens[modality], missing, partial = self._encoded(modality, medium)
                    unused |= {f"{modality}/{encoder}": why for encoder, why in missing.items()}
                    notices |= {f"{modality}/{encoder}": what for encoder, what in partial.items()}
                else:
                    found = _features(given[source], sum(size for _, size in layout))
                    if modality in self.model.preparation.posteriors:
                        _check_posteriors(found, self.classes)
                    tokens[modality] = found
            except (EmoflowError, OSError) as error:
                unused[modality] = str(error)
        for name in sorted(given.keys() - taken):
            unused[name] = self._why_not(name)
        return _Heard(tokens, unused, notices)

    def _encoded(self, modality: str, source: Any) -> tuple[np.ndarray, dict[str, str], dict[str, str]]:
        """A medium's tokens ``[T, D]``; ``[K, T, D]`` of a modality whose encoders each of the K members has tuned.

        With the encoders that found nothing in it where others did, and why; and those that left a part of it out.
        """
        encoders, join = self._encoders[modality], self.card.modalities[modality].join
        if not self.card.tuned(modality):
            encoded = encode_each(encoders, source, join=join)
            return merge(encoded.parts, join), encoded.missing, encoded.notices
        medium = encoders[0].decode(source)
        frozen = {each.name: each.encode_decoded(medium) for each in encoders if each.name not in self._tuned}
        tuned = {
            each.name: self._tuned[each.name].encode(medium) for each in encoders if each.name in self._tuned
        }
        members = []
        for k in range(len(self.card.seeds)):
            own = frozen | {name: tokens[k] for name, tokens in tuned.items()}
            members.append(merge([own[each.name] for each in encoders], join))
        notices = {each.name: notice for each in encoders if (notice := each.notice(medium))}
        return np.stack(members), {}, notices

    def _why_not(self, name: str) -> str:
        if name in DIALOGUE:
            return "it belongs to a text, and none was given"
        for modality, source in SOURCE.items():
            if source == name and modality in self.layouts:
                return f"{modality} was trained on a table of features: give them as the column {modality!r}"
        return f"the model was not trained on it, but on {listed(self.layouts)}"

    def _nothing_given(self) -> str:
        return f"nothing was given; wanted at least one of {', '.join(self.columns)}"


def _in_words(said: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {what}" for name, what in sorted(said.items()))


def _calibrated(
    probabilities: np.ndarray, used: list[str], classes: list[str], calibration: ProbabilityCalibration
) -> dict[str, Any]:
    """Calibrated probabilities, confidence and prediction set of each row ``[N, C]``; null where nothing was predicted,
    or where its modalities were not calibrated."""
    calibrated = np.full(probabilities.shape, np.nan)
    confidence: list[float | None] = [None] * len(probabilities)
    sets: list[str | None] = [None] * len(probabilities)
    for number, (row, modalities) in enumerate(zip(probabilities, used, strict=True)):
        correction = calibration.given.get(modalities)
        if correction is None or np.isnan(row[0]):
            continue
        shares = scaled(row[None], correction.temperature)
        (calibrated[number],) = shares
        (score,) = set_scores(shares, np.zeros(1))
        confidence[number] = float(shares.max())
        order = np.argsort(-row, kind="stable")
        sets[number] = "+".join(classes[c] for c in order if score[c] <= correction.threshold)
    by_class: dict[str, Any] = {f"{CALIBRATED}{name}": calibrated[:, c] for c, name in enumerate(classes)}
    return by_class | {"confidence": confidence, "prediction_set": sets}


def tuned_encoders(
    card: ModelCard, encoders: Mapping[str, list[Encoder]], state: Mapping[str, torch.Tensor]
) -> dict[str, TunedMembers]:
    """The encoders that the members of a model have tuned, by name.

    Args:
        card: of the model.
        encoders: as `encoders_of` makes them.
        state: all weights of the model.
    """
    found = {}
    for modality, of_modality in encoders.items():
        tuned = card.tuned(modality)
        for encoder in of_modality:
            if encoder.name in tuned:
                beginnings = [f"{TUNED}{k}.{encoder.name}." for k in range(len(card.seeds))]
                weights = [
                    {name.removeprefix(each): x for name, x in state.items() if name.startswith(each)}
                    for each in beginnings
                ]
                found[encoder.name] = TunedMembers(encoder, rank=tuned[encoder.name].rank, weights=weights)
    return found


def columns_of(modalities: Mapping[str, Modality]) -> list[str]:
    """The columns that a model's input may have: the media, the modalities that come as features, the turns before."""
    tables = [name for name, modality in modalities.items() if modality.came_along]
    reads_context = any(modality.context for modality in modalities.values())
    return list(dict.fromkeys([*MEDIA, *tables, *(DIALOGUE if reads_context else ())]))


def encoders_of(card: ModelCard, models: ModelFiles) -> dict[str, list[Encoder]]:
    """The encoders of a model's modalities, but of those that come as features.

    Args:
        card: of the model.
        models: where the models are that the encoders run.

    Raises:
        SettingsError: one of these is not there.
    """
    return {
        name: make(modality.stated(), modality.parameters, modality=name, models=models, join=modality.join)
        for name, modality in card.modalities.items()
        if not modality.came_along
    }


def recogniser_of(card: ModelCard, models: ModelFiles) -> SpeechRecogniser | None:
    """What recognises the words that a model reads; None where it reads transcripts, or no words.

    Args:
        card: of the model.
        models: where the recogniser's model is.

    Raises:
        SettingsError: it is not there.
    """
    text = card.modalities.get("text")
    return SpeechRecogniser(**text.recogniser, models=models) if text and text.recogniser else None


def _missing(value: Any) -> bool:
    if isinstance(value, str | bytes):
        return len(value) == 0 and isinstance(
            value, str
        )  # no path and no text; bytes that are none are a bad clip
    if isinstance(value, list | tuple | np.ndarray):
        return False
    return bool(pd.isna(value))


def _medium(value: Any) -> str | bytes:
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    if isinstance(value, str | Path):
        return value if isinstance(value, str) else str(value)
    raise MediaError(f"a {type(value).__name__} was given; wanted a path, bytes or a text")


def _turn(given: Mapping[str, Any]) -> Turn:
    """A row's text and what was said before it. Raises MediaError."""
    text, speaker, context = given["text"], given.get("speaker"), given.get("context", ())
    if not isinstance(text, str):
        raise MediaError(f"a {type(text).__name__} was given; wanted a text")
    if not (isinstance(context, _SEVERAL) and all(map(_is_line, [*context, (speaker, text)]))):
        raise MediaError(
            "wanted as context a list of [speaker, text], the oldest turn first, and speakers as texts"
        )
    return Turn(speaker, text, tuple(Line(*line) for line in context))


_SEVERAL = list | tuple | np.ndarray


def _is_line(value: Any) -> bool:
    return (
        isinstance(value, _SEVERAL)
        and len(value) == 2
        and isinstance(value[0], str | None)
        and isinstance(value[1], str)
    )


def _check_length(modality: str, recording: str | bytes) -> None:
    """Raise MediaError for a recording beyond ``LONGEST_S``, by its header."""
    facts = media.audio_facts if modality == "audio" else media.video_facts
    seconds = facts(recording).duration_s
    if seconds > LONGEST_S:
        raise MediaError(
            f"too long: {seconds / 60:.1f} min, at most {LONGEST_S // 60} are taken as one utterance; name a part "
            "of it, as in recording.wav#t=12.5,16"
        )


def _check_posteriors(found: np.ndarray, classes: list[str]) -> None:
    """Raise MediaError for what is not one row of probabilities."""
    if len(found) != 1 or found.min() < 0 or abs(float(found.sum()) - 1) > OFF_BY:
        raise MediaError(
            f"posteriors of {listed(classes, 12)} were wanted, from 0 on and of sum 1; "
            f"{len(found)} row(s) were given, the first of sum {float(found[0].sum()):.3g}"
        )


def _features(value: Any, dimensions: int) -> np.ndarray:
    wanted = f"wanted a list of {dimensions} numbers, or of several such lists"
    try:
        found = np.asarray(value, np.float32)
    except (TypeError, ValueError):
        raise MediaError(f"a {type(value).__name__} was given; {wanted}") from None
    if found.ndim not in (1, 2) or found.size == 0 or found.shape[-1] != dimensions:
        raise MediaError(f"features of shape {list(found.shape)} were given; {wanted}")
    if not np.isfinite(found).all():
        raise MediaError(f"{int((~np.isfinite(found)).sum())} of {found.size} features are NaN or infinite")
    return np.atleast_2d(found)
