"""The stage ``robustness``: the registered strategy on test recordings that were made worse."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .. import params, settings
from ..artifacts import features
from ..artifacts.corpora import RAW
from ..artifacts.fold_models import FoldModels
from ..artifacts.folds import FOLDS
from ..artifacts.model import ModelCard
from ..artifacts.robustness import PERTURBED, LeftOut
from ..artifacts.utterances import UTTERANCES
from ..encoders import ModelFiles, open_all
from ..encoders.cache import Cache
from ..encoders.jobs import sources
from ..encoders.parallel import Recipe
from ..errors import ParamsError
from ..evaluation.robustness.limits import why_not
from ..evaluation.robustness.sample import drawn
from ..schema import MODALITIES
from .entry import run

if TYPE_CHECKING:
    import pandas as pd


def main() -> None:
    import pandas as pd

    experiment = params.load()
    conditions, card = experiment.robustness.conditions, ModelCard.read()
    models = FoldModels.read()
    if conditions and not models.folds:
        raise ParamsError(
            "robustness.conditions: conditions for tuned encoders are not supported yet; set robustness.conditions: {}"
        )
    left_out = {name: why for name in conditions if (why := why_not(name, card.modalities))}
    tested = {name: sorted(levels) for name, levels in conditions.items() if name not in left_out}
    table = pd.DataFrame(columns=list(PERTURBED.columns))
    if tested:
        table = _perturbed(experiment, tested, card, models)
    PERTURBED.write(table)
    LeftOut(conditions=left_out).write()
    for name, why in left_out.items():
        print(f"robustness: {name} is left out: {why}")


def _perturbed(
    experiment: params.Params, conditions: dict[str, list[float]], card: ModelCard, models: FoldModels
) -> pd.DataFrame:
    from ..evaluation.robustness.perturbed import Tested, perturbed

    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"  # the workers inherit it: they share the cores among themselves
    environment, folds, stated = settings.load(), FOLDS.read(), experiment.robustness
    encoded = {
        name: how for name, how in card.modalities.items() if name in MODALITIES and not how.came_along
    }
    device = environment.torch_device() if any(how.pretrained for how in encoded.values()) else "cpu"
    files = ModelFiles(environment.landmark_model, environment.encoders, device=device)
    tables = {name: UTTERANCES.read(corpus=name) for name in experiment.corpora}
    test = folds[folds["role"] == "test"]
    return perturbed(
        drawn(folds, stated.utterances, seed=stated.seed),
        conditions,
        Tested(
            models=models,
            modalities=list(card.modalities),
            store=open_all(features.FOLDER, experiment.corpora),
            recordings={
                modality: {
                    each.utterance_id: each
                    for corpus, table in tables.items()
                    for each in sources(table, modality, RAW / corpus)
                }
                for modality in encoded
            },
            speakers=dict(zip(test["utterance_id"], test["speaker"], strict=True)),
        ),
        seed=stated.seed,
        recipes={
            name: Recipe(name, tuple(how.stated()), how.parameters, files, how.join)
            for name, how in encoded.items()
        },
        cache=Cache(environment.cache),
        workers=environment.worker_count(),
        cluster=environment.ray_address,
    )


if __name__ == "__main__":
    run("robustness", main)
