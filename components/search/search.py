"""The stage ``search``: every strategy's configurations on every fold, chosen by validation alone.

Reads data/features, data/folds.*; writes data/search/{trials.parquet, curves.parquet, best.json}. Finished gangs
are kept in the stage's work folder, so a killed search goes on where it was.
"""

from functools import partial
from pathlib import Path

from .. import params, settings
from ..encoders import FeatureStore, open_all
from ..errors import SearchError, listed, run
from ..files import (
    digest_of,
    read_json,
    replacing,
    tree_digest,
    work_folder,
    write_json,
    write_table,
    write_text,
)
from ..fusion.reduction import Reduction
from ..fusion.strategy import BASELINES, uses
from ..training.rows import Fold, available, fit_preparation, folds_of, prepare, read
from .gang import Gang, rungs
from .gangs import run_gangs
from .outcome import Outcome
from .ray_cluster import Site
from .results import choose, curves_table, trials_table
from .shared_features import FoldRows, clear, fold_file, folder_of
from .space import check_names, configurations, member_seed

FEATURES = Path("data/features")
FOLDS = Path("data/folds.parquet")
DESCRIPTION = Path("data/folds.json")
OUTPUT = Path("data/search")
CODE = [Path(__file__).parent, Path(__file__).parents[1] / "training", Path(__file__).parents[1] / "fusion"]


def main() -> None:
    import pandas as pd

    held, where = params.load(), settings.load()
    described = read_json(DESCRIPTION)
    classes = described["classes"]
    folds = folds_of(pd.read_parquet(FOLDS), classes, unseen=described["unseen"])
    store = open_all(FEATURES, held.corpora)
    search = held.search
    seeds = [member_seed(search.seed, i) for i in range(search.configurations)]
    configs = {
        name: configurations(
            name,
            modalities=held.modalities,
            count=search.configurations,
            seed=search.seed,
            stated=search.space,
        )
        for name in search.strategies
    }
    check_names(search.strategies, held.modalities, search.space)
    ends = rungs(search.epochs, search.halvings)
    there = _there(store, folds, held.modalities)
    absent = {}
    for name in search.strategies:
        if not set(uses(name, held.modalities)) & set(there):
            absent[name] = f"no utterance of {listed(held.corpora)} has the modality {name!r}"
        elif len(there) == 1 and name not in {*held.modalities, *BASELINES}:
            absent[name] = f"{listed(held.corpora)} has {there[0]} alone, so there is nothing to fuse"
    for name, why in absent.items():
        print(f"search: left out: {name}: {why}")
    gangs = [
        Gang(name, fold.number, configs[name], seeds, search.epochs, search.halvings, search.seeds)
        for fold in folds
        for name in search.strategies
        if name not in absent
    ]

    work = work_folder("search", _digest(held, where))
    site = _site(where)
    features = folder_of(work.name, site)
    outcomes = {(g.strategy, g.fold): o for g in gangs if (o := _kept(work, g)) is not None}
    left = [g for g in gangs if (g.strategy, g.fold) not in outcomes]
    if left:
        if len(left) < len(gangs):
            print(f"search: {len(gangs) - len(left)} of {len(gangs)} gangs were finished before")

        def keep(gang: Gang, outcome: Outcome) -> None:
            write_text(_file(work, gang), outcome.to_json())
            outcomes[gang.strategy, gang.fold] = outcome

        wanted = {g.fold for g in left}
        reduction = Reduction(**held.preparation.model_dump())
        failed = run_gangs(
            left,
            {
                fold.number: fold_file(features, fold.number, partial(_rows, store, fold, there, reduction))
                for fold in folds
                if fold.number in wanted
            },
            modalities=there,
            classes=len(classes),
            site=site,
            on_outcome=keep,
        )
        if failed:
            said = listed(
                f"{left[i].strategy} on fold {left[i].fold}: {why}" for i, why in sorted(failed.items())
            )
            raise SearchError(f"{len(failed)} of {len(gangs)} gangs failed ({said}); the others are kept")

    outcomes = dict(sorted(outcomes.items()))
    budget = {
        "configurations": search.configurations,
        "epochs": search.epochs,
        "folds": len(folds),
        "seeds": search.seeds,
        "rungs": ends,
    }
    with replacing(OUTPUT) as folder:
        folder.mkdir()
        numbers = [fold.number for fold in folds]
        write_table(
            folder / "trials.parquet",
            trials_table(outcomes, absent=absent, configs=configs, folds=numbers, seeds=search.seeds),
        )
        write_table(folder / "curves.parquet", curves_table(outcomes))
        write_json(folder / "best.json", choose(outcomes, absent=absent, modalities=there, budget=budget))
    clear(features, site)


def _site(where: settings.Settings) -> Site:
    return Site(
        workers=where.worker_count(),
        device=where.torch_device(),
        address=where.ray_address,
        gangs_per_gpu=where.gangs_per_gpu,
        shared=where.shared,
    )


def _there(store: FeatureStore, folds: list[Fold], modalities: list[str]) -> list[str]:
    """The modalities that somebody has, without a look at what a test row holds."""
    stored = store.modalities
    return [
        name for name in modalities if all(available([name], store.tokens, f.train, stored) for f in folds)
    ]


def _rows(store: FeatureStore, fold: Fold, modalities: list[str], reduction: Reduction) -> FoldRows:
    training = read(store.tokens, fold.train, modalities)
    layouts = {name: store.layout(name) for name in modalities}
    preparation = fit_preparation(training, layouts, reduction)
    validation = read(store.tokens, fold.validation, modalities)
    return FoldRows(prepare(preparation, training), prepare(preparation, validation))


def _digest(held: params.Params, where: settings.Settings) -> str:
    """Of everything that an outcome depends on."""
    return digest_of(
        {
            "data": tree_digest([FEATURES / corpus for corpus in held.corpora] + [FOLDS, DESCRIPTION]),
            "code": tree_digest(CODE),
            "params": held.search.model_dump()
            | {"modalities": held.modalities, "preparation": held.preparation.model_dump()},
            "device": where.torch_device(),
        }
    )


def _file(work: Path, gang: Gang) -> Path:
    return work / f"{gang.strategy}.{gang.fold}.json"


def _kept(work: Path, gang: Gang) -> Outcome | None:
    path = _file(work, gang)
    return Outcome.from_json(path.read_text(encoding="utf-8")) if path.is_file() else None


if __name__ == "__main__":
    run(main)
