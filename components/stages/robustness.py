"""The stage ``robustness``: the registered strategy on test recordings that were made worse."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .. import params, settings
from ..artifacts import features
from ..artifacts.corpora import RAW
from ..artifacts.fold_models import FoldModels
from ..artifacts.folds import FOLDS
from ..artifacts.model import Modality, ModelCard
from ..artifacts.robustness import PERTURBED, RobustnessNotes, WordErrors
from ..artifacts.utterances import UTTERANCES
from ..encoders import FeatureStore, ModelFiles, open_all
from ..encoders.cache import Cache
from ..encoders.jobs import Source, sources
from ..encoders.parallel import Recipe
from ..encoders.recognition import RecogniserRecipe
from ..errors import ParamsError
from ..evaluation.robustness.changes import RECOGNISED_WORDS, changed
from ..evaluation.robustness.limits import why_not
from ..evaluation.robustness.sample import drawn
from ..schema import MODALITIES
from .entry import run

if TYPE_CHECKING:
    import pandas as pd

    from ..evaluation.robustness.transcripts import Transcripts


def main() -> None:
    import pandas as pd

    experiment = params.load()
    conditions, card = experiment.robustness.conditions, ModelCard.read()
    models = FoldModels.read()
    if conditions and not models.folds:
        raise ParamsError(
            "robustness.conditions: the registered strategy's encoders were tuned in all their weights (tune: full), "
            "and a copy of each for every member and fold is not kept: take tune: lora, or set "
            "robustness.conditions: {}"
        )
    left_out = {
        name: why
        for name in conditions
        if (why := why_not(name, card.modalities, tuned=card.tuning is not None))
    }
    tested = {name: sorted(levels) for name, levels in conditions.items() if name not in left_out}
    table, word_errors = pd.DataFrame(columns=list(PERTURBED.columns)), list[WordErrors]()
    if tested:
        table, word_errors = _perturbed(experiment, tested, card, models)
    PERTURBED.write(table)
    RobustnessNotes(left_out=left_out, word_errors=word_errors).write()
    for name, why in left_out.items():
        print(f"robustness: {name} is left out: {why}")


def _perturbed(
    experiment: params.Params, conditions: dict[str, list[float]], card: ModelCard, models: FoldModels
) -> tuple[pd.DataFrame, list[WordErrors]]:
    import pandas as pd

    from ..evaluation.robustness.perturbed import perturbed
    from ..evaluation.robustness.tested import Tested

    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"  # the workers inherit it: they share the cores among themselves
    environment, folds, stated = settings.load(), FOLDS.read(), experiment.robustness
    encoded = {
        name: how for name, how in card.modalities.items() if name in MODALITIES and not how.came_along
    }
    recogniser = _recogniser(stated, conditions, card)
    pretrained = recogniser is not None or any(how.pretrained for how in encoded.values())
    device = environment.torch_device() if pretrained else "cpu"
    files = ModelFiles(environment.landmark_model, environment.encoders, device=device)
    tables = {name: UTTERANCES.read(corpus=name) for name in experiment.corpora}
    utterances = pd.concat(tables.values(), ignore_index=True)
    test = folds[folds["role"] == "test"]
    store = open_all(features.FOLDER, experiment.corpora)
    speakers = {
        name: name if pd.isna(speaker) else speaker
        for name, speaker in zip(utterances["utterance_id"], utterances["speaker"], strict=True)
    }
    return perturbed(
        drawn(folds, stated.utterances, seed=stated.seed),
        conditions,
        Tested(
            models=models,
            modalities=card.modalities,
            tuned=card.tuning.encoders if card.tuning else {},
            store=store,
            recordings={name: _recordings(tables, name) for name in ("audio", "face")},
            utterances=utterances,
            transcripts=_transcripts(utterances, encoded.get("text"), store, experiment.corpora),
            speakers=speakers | dict(zip(folds["utterance_id"], folds["speaker"], strict=True)),
            test=frozenset(test["utterance_id"]),
        ),
        seed=stated.seed,
        recipes={
            name: Recipe(name, tuple(how.stated()), how.parameters, files, how.join)
            for name, how in encoded.items()
        },
        recogniser=RecogniserRecipe("audio", (), recogniser, files) if recogniser else None,
        cache=Cache(environment.cache),
        workers=environment.worker_count(),
        cluster=environment.ray_address,
    )


def _recogniser(
    stated: params.Robustness, conditions: Mapping[str, list[float]], card: ModelCard
) -> Mapping[str, Any] | None:
    """What recognises words in changed sound, as `SpeechRecogniser` takes it; None where nothing does."""
    if RECOGNISED_WORDS in conditions and changed(RECOGNISED_WORDS, card.modalities):
        return {"hf": stated.recogniser}
    return card.modalities["text"].recogniser if "text" in card.modalities else None


def _recordings(tables: Mapping[str, pd.DataFrame], modality: str) -> dict[str, Source]:
    """Utterance → its sound or film, as far as it is there."""
    return {
        each.utterance_id: each
        for corpus, table in tables.items()
        for each in sources(table, modality, RAW / corpus)
        if each.missing is None
    }


def _transcripts(
    utterances: pd.DataFrame, text: Modality | None, store: FeatureStore, corpora: Iterable[str]
) -> Transcripts:
    """The texts that the encoders read; none where no encoder reads texts."""
    import pandas as pd

    from ..evaluation.robustness.transcripts import Transcripts

    if text is None:
        return Transcripts({}, {})
    if text.recogniser:
        heard = pd.concat([features.RECOGNISED.read(corpus=name) for name in corpora])
        words = utterances["utterance_id"].map(heard.set_index("utterance_id")["text"])
        utterances = utterances.assign(text=words)
    there = utterances["utterance_id"].isin(store.ids("text"))
    return Transcripts.of(utterances[there], context=text.context)


if __name__ == "__main__":
    run("robustness", main)
