"""Explain the answer of a registered model on one clip."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...evaluation.contributions.shapley import shapley_values
from ...lineage.reference import ModelReference
from ..predict import loaded, media_table
from ..tracking import tracking, version_named
from . import occlusion
from .asking import BATCH, Asked
from .explanation import Explanation, FaceWindow, ModalityValue, Seen, Window, Word

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[Iterable[int], int], Iterable[int]]


def explain(
    reference: ModelReference,
    file: Path,
    *,
    text: str | None = None,
    window_s: float = 0.4,
    root: str | Path,
    tracking_uri: str,
    lineage_uri: str,
    progress: Progress = lambda numbers, total: numbers,
) -> tuple[Explanation, Seen]:
    """Predict one clip as `predict` does, and ask again with parts of it left out.

    Args:
        reference: the model; its champion where no version is named.
        file: the clip.
        text: what is said in it.
        window_s: how long the windows of sound and face are, in seconds.
        root: the project's root.
        tracking_uri: MLflow's tracking and registry URI.
        lineage_uri: the lineage database, which knows what the model's files should be.
        progress: wraps the numbers of the parts and their count while they are left out.

    Returns:
        What is found, and what a picture of it shows of the clip.

    Raises:
        RegistryError: for a model that cannot be loaded, is not as it was published or has other parts, and where
            nothing of the clip can be used.
    """
    with tracking(tracking_uri, root=Path(root)) as client:
        entry = version_named(client, reference)
        model = loaded(entry, root=Path(root), lineage_uri=lineage_uri)
    return explain_row(
        model.unwrap_python_model().predictor,
        media_table([file], text),
        file=str(file),
        model=f"models:/{entry.name}/{entry.version}",
        window_s=window_s,
        progress=progress,
    )


def explain_row(
    predictor: Any,
    row: "pd.DataFrame",
    *,
    file: str,
    model: str,
    window_s: float,
    progress: Progress = lambda numbers, total: numbers,
) -> tuple[Explanation, Seen]:
    """As `explain`, of a model that is loaded.

    Args:
        predictor: the `inference.Predictor` of the package that is loaded.
        row: a table of one row, which the predictor takes.
        file: the clip, to be named.
        model: to be named.
        window_s: how long the windows of sound and face are, in seconds.
        progress: wraps the numbers of the parts and their count while they are left out.

    Raises:
        RegistryError: nothing of the clip can be used, or the model has other parts.
    """
    asked = Asked(predictor, row)
    probability, modalities = _modalities(asked)
    sound, films = asked.media.get("audio", [[]])[0], asked.media.get("face", [])
    spans = occlusion.windows(occlusion.seconds_of_sound(sound), window_s) if sound else []
    turns = asked.media.get("text", [])
    said = [each for turn in turns for each in occlusion.without_each_word(turn.text)]
    covered = _covered(films, window_s)

    def parts() -> Iterator[dict[str, np.ndarray]]:
        for begin, end in spans:
            yield asked.with_other("audio", [occlusion.silenced(sound, begin, end)])
        for _, rest in said:
            yield asked.with_other("text", [replace(turns[0], text=rest)])
        for _, outs in covered:
            yield asked.with_other("face", list(map(occlusion.without_frames, films, outs)))

    total = len(spans) + len(said) + len(covered)
    left = _asked(asked, parts(), progress(range(total), total))
    heard, spoken = left[: len(spans)], left[len(spans) : len(spans) + len(said)]
    shown = left[len(spans) + len(said) :]
    answer = asked.answer
    confidence, recognised = answer.get("confidence"), answer.get("recognised_text")
    found = Explanation(
        file=file,
        model=model,
        label=asked.label,
        probability=probability,
        confidence=None if confidence is None else float(confidence),
        probabilities={name: float(answer[f"p_{name}"]) for name in predictor.classes},
        nothing_given=asked.nothing_given,
        unused=answer["unused"],
        recognised_text=recognised if isinstance(recognised, str) else None,
        window_s=window_s,
        modalities=modalities,
        audio=[Window(*span, p, probability - p) for span, p in zip(spans, heard, strict=True)],
        words=[Word(word, p, probability - p) for (word, _), p in zip(said, spoken, strict=True)],
        face=[
            FaceWindow(*span, p, probability - p, max(int(out.sum()) for out in outs))
            for (span, outs), p in zip(covered, shown, strict=True)
        ],
    )
    return found, Seen(
        samples=np.concatenate(sound) if sound else None,
        images=occlusion.images_of(films[0]) if films else None,
        times_s=occlusion.seconds_of_frames(films[0]) if films else None,
    )


def _modalities(asked: Asked) -> tuple[float, dict[str, ModalityValue]]:
    """The probability of the label, and what each modality contributes to it: every subset of them is asked."""
    used = asked.used
    subsets = [[name for bit, name in enumerate(used) if index >> bit & 1] for index in range(1 << len(used))]
    values = asked.probabilities([asked.subset(each) for each in subsets])
    shapley = shapley_values(values)
    full = len(values) - 1
    return float(values[full]), {
        name: ModalityValue(float(shapley[bit]), float(values[1 << bit]), float(values[full & ~(1 << bit)]))
        for bit, name in enumerate(used)
    }


def _covered(films: Sequence[Any], window_s: float) -> list[tuple[tuple[float, float], list[np.ndarray]]]:
    """The windows of a film that hold frames the model looks at, and which these are of each medium made of it."""
    if not films:
        return []
    times = list(map(occlusion.seconds_of_frames, films))
    spans = occlusion.windows(max(map(occlusion.length_of_film, films)), window_s)
    inside = [(span, [(each >= span[0]) & (each < span[1]) for each in times]) for span in spans]
    return [(span, outs) for span, outs in inside if any(out.any() for out in outs)]


def _asked(asked: Asked, parts: Iterator[dict[str, np.ndarray]], numbers: Iterable[int]) -> Sequence[float]:
    """The probability of the label without each part; the tokens of one batch are held at a time."""
    found: list[float] = []
    rows = (row for _, row in zip(numbers, parts, strict=True))
    while batch := list(islice(rows, BATCH)):
        found += asked.probabilities(batch).tolist()
    return found
