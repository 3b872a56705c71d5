"""The stage ``train``: each strategy's choice scores its test folds once; the winner is refitted on everything.

Reads data/features, data/folds.*, data/search/best.json; writes data/predictions.parquet and data/model. Finished
refits are kept in the stage's work folder, so a killed stage goes on where it was.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .. import params, settings
from ..encoders import FeatureStore, encode, layout_of, make, open_all
from ..errors import FeatureError, listed, run
from ..files import read_json, replacing, work_folder, write_json, write_table
from ..fusion.model import FORMAT
from ..fusion.preparation import Layout, Preparation, plan
from ..fusion.strategy import BASELINES, build, parameter_count, uses
from ..progress import track
from . import zero_shot
from .inputs import DESCRIPTION, FEATURES, FOLDS, Inputs
from .refit import Choice, choice_for_everything
from .rows import Fold, folds_of, lacking, unlabelled
from .told import UTTERANCES
from .workers import Context, Job, StoredReader, job_of, run_jobs

BEST = Path("data/search/best.json")
PREDICTIONS = Path("data/predictions.parquet")
MODEL = Path("data/model")
CODE = [Path(__file__).parent, Path(__file__).parents[1] / "fusion"]

CHOSEN = "chosen"
"""The pseudo-strategy: on each fold the strategy that this fold's own validation put first."""


def main() -> None:
    import pandas as pd

    held, where = params.load(), settings.load()
    described, best = read_json(DESCRIPTION), read_json(BEST)
    classes = described["classes"]
    folds = folds_of(pd.read_parquet(FOLDS), classes, unseen=described["unseen"])
    store = open_all(FEATURES, held.corpora)
    modalities = [
        name for name in held.modalities if name in store.modalities and not lacking(store.ids(name), folds)
    ]
    inputs = Inputs.of(held)
    device = where.torch_device()
    seeds = held.train.seeds

    jobs: dict[str, Job] = {}
    for fold in folds:
        for name, strategy in best["strategies"].items():
            chosen = strategy["folds"][str(fold.number)]
            choice = Choice.of(name, chosen)
            jobs[f"{name}.{fold.number}"] = job_of(fold, choice, seeds)
    winner = choice_for_everything(best["best"], best["strategies"][best["best"]])
    scarce = described["shots"] is not None or described["unseen"]
    learned = folds[0].seen if scarce else folds[0].seen + folds[0].test
    everything = learned.labelled + unlabelled(folds)
    jobs["model"] = Job(winner, tuple(seeds), everything, None)

    digest = inputs.digest(held.train.model_dump(), code=CODE, also=[BEST], device=device)
    work = work_folder("train", digest)
    left = [name for name in jobs if not _file(work, name).is_file()]
    if left:
        if len(left) < len(jobs):
            print(f"train: {len(jobs) - len(left)} of {len(jobs)} refits were finished before")
        context = Context(
            StoredReader(open_all, FEATURES.resolve(), tuple(held.corpora)),
            {name: store.layout(name) for name in modalities},
            tuple(modalities),
            len(classes),
            device,
            inputs.reduction,
            inputs.told(classes),
            _prompts(held, store, folds, described),
        )
        workers = 1 if device == "cuda" else where.worker_count()
        done = run_jobs([jobs[name] for name in left], context, workers=workers)
        for i, arrays in track(done, total=len(left), what="train, refits"):
            _keep(_file(work, left[i]), arrays)

    tables = [
        _predictions(work, fold, name, seeds=seeds, classes=classes)
        for fold in folds
        for name in best["strategies"]
    ]
    tables += [
        _predictions(
            work, fold, best["per_fold_best"][str(fold.number)], seeds=seeds, classes=classes
        ).assign(strategy=CHOSEN)
        for fold in folds
    ]
    order = ["strategy", "fold", "seed", "utterance_id"]
    write_table(PREDICTIONS, pd.concat(tables).sort_values(order, ignore_index=True))
    weights = _file(work, "model").read_bytes()
    layouts = {name: store.layout(name) for name in uses(winner.strategy, modalities)}
    preparation = Preparation.sized(plan(layouts, inputs.reduction), _preparation_state(weights))
    description = _describe(held, layouts, preparation, winner, described)
    with replacing(MODEL) as folder:
        folder.mkdir()
        (folder / "weights.safetensors").write_bytes(weights)
        write_json(folder / "model.json", description)


def _predictions(work: Path, fold: Fold, strategy: str, *, seeds: list[int], classes: list[str]):
    import pandas as pd
    from safetensors.numpy import load_file

    probabilities = load_file(_file(work, f"{strategy}.{fold.number}"))["probabilities"]  # [S, N, C]
    tables = []
    for seed, each in zip(seeds, probabilities, strict=True):
        columns: dict[str, Any] = {
            "utterance_id": fold.test.ids,
            "fold": fold.number,
            "seed": seed,
            "strategy": strategy,
            "label": [classes[i] for i in fold.test.target],
        }
        columns |= {f"p_{name}": each[:, i] for i, name in enumerate(classes)}
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def _describe(
    held: params.Params,
    layouts: dict[str, Layout],
    preparation: Preparation,
    winner: Choice,
    described: dict[str, Any],
) -> dict[str, Any]:
    """``model.json``: all that it takes to make the model again and to feed it."""
    member = build(
        winner.strategy,
        dimensions=preparation.dimensions,
        classes=len(described["classes"]),
        config=winner.config,
    )
    by_prompts = described["unseen"] and winner.strategy not in BASELINES
    return {
        "format": FORMAT,
        "strategy": winner.strategy,
        "config": winner.config,
        "epochs": winner.epochs,
        "seeds": held.train.seeds,
        "classes": described["classes"],
        "label_space": described["label_space"],
        "protocol": described["protocol"],
        "corpora": held.corpora,
        "modalities": {name: _modality(held, name, layout) for name, layout in layouts.items()},
        "preparation": preparation.describe(),
        "parameters": parameter_count(member) * len(held.train.seeds),
    } | ({"zero_shot": {"unseen": described["unseen"]}} if by_prompts else {})


def _modality(held: params.Params, name: str, layout: list[tuple[str, int]]) -> dict[str, Any]:
    encoders = [encoder for encoder, _ in layout]
    stated = getattr(held.features, name, None)  # None: a modality that comes as features alone
    wanted = stated.model_dump() if stated else {"encoders": []}
    ours = set(encoders) & set(wanted.pop("encoders"))
    return {
        "encoders": encoders,
        "parameters": wanted if ours else {},
        "layout": [[encoder, size] for encoder, size in layout],
    }


def _prompts(
    held: params.Params, store: FeatureStore, folds: list[Fold], described: dict[str, Any]
) -> zero_shot.Prompts | None:
    """A zero-shot protocol's prompts, in the languages of what trains, as the experiment's text encoders give them.

    Raises:
        FeatureError: the corpora's words were encoded by others.
    """
    if not described["unseen"]:
        return None
    stated = held.features.text.model_dump()
    encoders = make(stated.pop("encoders"), stated)
    if store.layout("text") != layout_of(encoders):
        raise FeatureError(
            f"the protocol is zero-shot, and its prompts cannot be encoded as the corpora's words were "
            f"({listed(name for name, _ in store.layout('text'))}): leave the text's feature table out"
        )
    tables = [UTTERANCES / f"{corpus}.parquet" for corpus in held.corpora]
    spoken = zero_shot.languages_of(tables, (name for fold in folds for name in fold.train.ids))
    return zero_shot.encoded(zero_shot.sentences(described["classes"], spoken), partial(encode, encoders))


def _preparation_state(weights: bytes) -> dict[str, np.ndarray]:
    from safetensors.numpy import load

    mark = "preparation."
    return {name.removeprefix(mark): x for name, x in load(weights).items() if name.startswith(mark)}


def _file(work: Path, name: str) -> Path:
    return work / f"{name}.safetensors"


def _keep(path: Path, arrays: dict[str, np.ndarray]) -> None:
    from safetensors.numpy import save_file

    for name, x in arrays.items():
        if not np.isfinite(x).all():
            raise FeatureError(f"{path.stem}: {name} holds numbers that are not finite; look at the features")
    with replacing(path) as temporary:
        save_file({name: np.ascontiguousarray(x) for name, x in sorted(arrays.items())}, temporary)


if __name__ == "__main__":
    run(main)
