"""The stage ``features``: a corpus's media to tokens."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import corpora, params, settings
from ..artifacts import features as artifact
from ..artifacts.corpora import RAW
from ..artifacts.utterances import UTTERANCES
from ..artifacts.validation import Verdict
from ..encoders import ModelFiles
from ..encoders.cache import Cache
from ..encoders.extract import extract, recipes_of
from ..encoders.recognition import Recognised, RecogniserRecipe, recognise
from ..encoders.word_errors import NORMALISATION, word_errors
from ..errors import ParamsError, listed
from ..files import replacing, write_table
from ..schema import MODALITIES
from ..storage import assets
from .entry import run

if TYPE_CHECKING:
    import pandas as pd

FACE_IN_VALIDATION = "video"
"""Validation judges media, so that it names a face's medium."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus")
    corpus = parser.parse_args().corpus
    experiment, environment = params.load(), settings.load()
    verdict = Verdict.read(corpus=corpus)
    table = UTTERANCES.read(corpus=corpus)
    table = table[~table["utterance_id"].isin({each.utterance_id for each in verdict.quarantined})]

    modalities = experiment.modalities
    layout = experiment.layout(corpus)
    came_along = corpora.attached_features(corpus, RAW / corpus, table["utterance_id"], layout)
    attached = {name: features for name, features in came_along.items() if name in modalities}
    if unused := sorted(set(came_along) - set(attached)):
        print(
            f"{corpus}: the features of {listed(unused)} that came with it are not used; to use them, name them under "
            "modalities in params.yaml"
        )
    for modality in modalities:
        if modality not in MODALITIES and modality not in attached:
            print(
                f"{corpus}: no features of the modality {modality!r} came with it, so it counts as missing there; "
                f"to add some: emoflow corpora add {corpus} DIR --features {modality}=PATH"
            )
    stated = {
        name: getattr(experiment.features, name).model_dump() for name in modalities if name in MODALITIES
    }
    for name in sorted(set(attached) & set(stated)):
        if stated[name]["join"] == "streams":
            raise ParamsError(
                f"features.{name}.join is 'streams', and the {name} features that came with {corpus} are one table in "
                "the encoders' place: leave join out"
            )
    recognises = experiment.features.text.recogniser is not None
    pretrained = recognises or any(
        not isinstance(each, str) for of in stated.values() for each in of["encoders"]
    )
    device = environment.torch_device() if pretrained else "cpu"
    models = ModelFiles(environment.landmark_model, environment.encoders, device=device)
    recipes = recipes_of(stated, models)
    if "face" in recipes and "face" not in attached and experiment.features.face.runs_landmarker:
        assets.require("face-landmarker", environment.landmark_model)

    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"  # the workers inherit it: they share the cores among themselves
    reading: dict[str, Any] = {
        "raw": RAW / corpus,
        "excluded": {
            (each.utterance_id, "face" if each.modality == FACE_IN_VALIDATION else each.modality): each.reason
            for each in verdict.excluded
        },
        "cache": Cache(environment.cache),
        "workers": environment.worker_count(),
        "cluster": environment.ray_address,
    }
    recognised = None
    if (recogniser := experiment.features.text.recogniser) and "text" in recipes and "text" not in attached:
        recognised = recognise(table, RecogniserRecipe("audio", (), recogniser, models), **reading)
    with replacing(artifact.FOLDER / corpus) as folder:
        exclusions, lines = extract(
            table, out=folder, recipes=recipes, attached=attached, recognised=recognised, **reading
        )
        artifact.Exclusions(exclusions=exclusions).write_file(folder / "exclusions.json")
        if recognised and recogniser:
            lines = [*_record(recognised, recogniser, table, folder), *lines]
    print("\n".join(lines))


def _record(
    recognised: Recognised, recogniser: Mapping[str, Any], table: pd.DataFrame, folder: Path
) -> list[str]:
    """Write what was recognised to the folder of the corpus's features; returns what there is to say of it."""
    import pandas as pd

    model, lines = recogniser["hf"], recognised.lines()
    heard = {name: recognised.texts.get(name) for name in sorted(recognised.recordings)}
    words = pd.DataFrame({"utterance_id": list(heard), "text": pd.Series(heard.values(), dtype="str")})
    write_table(folder / artifact.RECOGNISED.path().name, words.assign(model=model))
    errors = word_errors(table, recognised.texts, recognised.recordings)
    if errors:
        lines.append(
            f"text/{recognised.recogniser}: word error rate {100 * errors.rate:.1f} % on {errors.utterances} "
            f"utterances with a transcript ({errors.words} words; {NORMALISATION})"
        )
    artifact.Recognition(
        model=model,
        language=recogniser["language"],
        recordings=len(heard),
        recognised=len(recognised.texts),
        word_error_rate=errors and artifact.WordErrorRate(**asdict(errors), normalisation=NORMALISATION),
    ).write_file(folder / artifact.Recognition.path().name)
    return lines


if __name__ == "__main__":
    run("features", main)
