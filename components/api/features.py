"""Features: recordings to tokens, and the store that holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..encoders import FeatureStore, ModelFiles
from ..encoders.cache import Cache
from ..encoders.extract import extract, recipes_of
from ..encoders.recognition import RecogniserRecipe, recognise
from ..errors import FeatureError, ParamsError, listed
from ..files import replacing
from ..params import features_section

if TYPE_CHECKING:
    import pandas as pd

DEFAULTS: dict[str, dict] = {
    "audio": {"encoders": ["egemaps"]},
    "text": {"encoders": ["hashing"], "dimensions": 1024},
    "face": {"encoders": ["appearance"], "frames": 8},
}


def load_features(*folders: str | Path) -> FeatureStore:
    """Open feature stores, one per corpus, as one.

    Args:
        folders: such as ``data/features/ravdess``.

    Raises:
        FeatureError: a folder is not a feature store, or two of them hold other features of one modality.
    """
    return FeatureStore([Path(folder) for folder in folders])


def extract_features(
    table: pd.DataFrame,
    corpus: str | Path,
    out: str | Path,
    *,
    encoders: Mapping[str, Sequence[str | Mapping[str, Any]]] | None = None,
    join: Mapping[str, str] | None = None,
    cache: str | Path = ".emoflow/cache",
    workers: int = 1,
    face_track: str | None = None,
    face_follow: str = "largest",
    landmark_model: str | Path | None = None,
    models: str | Path = ".emoflow/encoders",
    recogniser: str | None = None,
) -> FeatureStore:
    """Encode a corpus's recordings and texts.

    Args:
        table: as `load_corpus` returns it.
        corpus: the corpus's root, which the table's paths are relative to.
        out: a new folder for the feature store.
        encoders: modality → encoders, as params.yaml may name them; eGeMAPS, hashed words and the face's appearance
            by default.
        join: modality → how the tokens of its encoders become one sequence, ``concatenate`` (the default) or
            ``streams``.
        cache: each clip is encoded once, and kept here.
        workers: processes.
        face_track: follow one face through each clip, found by ``cascade`` or ``mediapipe``.
        face_follow: of several faces the ``largest``, or the ``active-speaker``, for the track ``mediapipe``.
        landmark_model: MediaPipe's model file, for the encoder ``landmarks`` and the track ``mediapipe``.
        models: the folder of Hugging Face models, for encoders such as ``{"hf": "microsoft/wavlm-base"}``.
        recogniser: a Whisper, such as ``whisper-tiny.en``: text is what it recognises in the recordings, in place of
            the table's.

    Returns:
        The store. What could not be encoded is not in it; ``store.ids(modality)`` says what is.

    Raises:
        FeatureError: ``out`` exists.
        ParamsError: ``encoders`` names an encoder or a modality that there is not, ``join`` a modality that is not
            encoded or another way, ``face_track`` no detector, ``face_follow`` no face that it can follow.
        SettingsError: a model that an encoder runs is absent.
    """
    out = Path(out)
    if out.exists():
        raise FeatureError(f"{out} exists: name a new folder, or open it with load_features")
    if unknown := sorted(set(encoders or ()) - set(DEFAULTS)):
        raise ParamsError(
            f"encoders names {listed(unknown)}; recordings are encoded as {listed(DEFAULTS)}, any other modality comes "
            "as features"
        )
    chosen = encoders or {name: stated["encoders"] for name, stated in DEFAULTS.items()}
    if unknown := sorted(set(join or ()) - set(chosen)):
        raise ParamsError(f"join names {listed(unknown)}; what is encoded is {listed(chosen)}")
    sections = DEFAULTS | {"face": DEFAULTS["face"] | {"track": face_track, "follow": face_follow}}
    stated = {
        name: features_section(
            name, sections[name] | {"encoders": list(listing), "join": (join or {}).get(name, "concatenate")}
        )
        for name, listing in chosen.items()
    }
    files = ModelFiles(Path(landmark_model) if landmark_model else None, Path(models))
    reading: dict[str, Any] = {
        "raw": Path(corpus),
        "excluded": {},
        "cache": Cache(Path(cache)),
        "workers": workers,
    }
    recognised = None
    if recogniser and "text" in stated:
        recognised = recognise(table, RecogniserRecipe("audio", (), {"hf": recogniser}, files), **reading)
    with replacing(out) as folder:
        extract(
            table,
            out=folder,
            recipes=recipes_of(stated, files),
            attached={},
            recognised=recognised,
            **reading,
        )
    return FeatureStore.open(out)
