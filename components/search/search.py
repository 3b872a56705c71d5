"""The stage ``search``: every strategy's configurations on every fold, chosen by validation alone.

Reads data/features, data/folds.*; writes data/search/{trials.parquet, curves.parquet, best.json}. Finished gangs
are kept in the stage's work folder, so a killed search goes on where it was.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from itertools import chain
from pathlib import Path

from .. import params, settings
from ..encoders import FeatureStore, open_all
from ..errors import SearchError, listed, run
from ..files import read_json, replacing, work_folder, write_json, write_table, write_text
from ..fusion.reduction import Reduction
from ..fusion.strategy import BASELINES, uses
from ..training import zero_shot
from ..training.consistency import idle
from ..training.inputs import DESCRIPTION, FEATURES, FOLDS, Inputs
from ..training.rows import Fold, fit_preparation, folds_of, lacking, prepare, read, unlabelled
from ..training.told import Told
from .gang import Gang, rungs
from .gangs import ray_of, run_gangs
from .outcome import Outcome, joined
from .plan import Plan
from .ray_cluster import Site
from .results import choose, curves_table, failures, trials_table
from .shared_features import FoldRows, clear, fold_file, folder_of

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
    ends = rungs(search.epochs, search.halvings)
    numbers = [fold.number for fold in folds]
    plan = Plan(**search.model_dump(), folds=numbers, modalities=held.modalities)
    without = {name: lacking(store.ids(name), folds) for name in held.modalities if name in store.modalities}
    there = [name for name in held.modalities if without.get(name) == []]
    first = {gang.strategy: gang.configs for gang in plan.gangs(0, {})}
    zero_shot.require(described["unseen"], first, modalities=there)
    inputs = Inputs.of(held)
    told = inputs.told(classes)
    told.check([config for configs in first.values() for config in configs])
    absent = _absent(held, without, there, numbers)
    for name, why in absent.items():
        print(f"search: left out: {name}: {why}")
    if notice := idle(len(unlabelled(folds).ids), chain.from_iterable(first.values())):
        print(f"search: {notice}")

    digest = inputs.digest(search.model_dump(), code=CODE, device=where.torch_device())
    work = work_folder("search", digest)
    site = _site(where)
    features = folder_of(work.name, site)
    rows = {fold.number: partial(_rows, store, fold, there, inputs.reduction, told) for fold in folds}
    done: dict[tuple[str, int], list[tuple[Gang, Outcome]]] = {}
    with ExitStack() as ray:
        for batch in range(search.batches):
            gangs = plan.gangs(batch, done, without=list(absent))
            ended = _ended(
                gangs,
                work,
                rows,
                features=features,
                modalities=there,
                classes=len(classes),
                site=site,
                ray=ray,
                what=f"search, batch {batch + 1} of {search.batches}, gangs",
            )
            for gang, outcome in zip(gangs, ended, strict=True):
                done.setdefault((gang.strategy, gang.fold), []).append((gang, outcome))

    outcomes = {key: joined(outcome for _, outcome in pairs) for key, pairs in sorted(done.items())}
    for (name, fold), trials in failures(outcomes).items():
        print(f"search: {name} on fold {fold}: failed and left: trial {listed(trials)} (see trials.parquet)")
    budget = {
        "configurations": search.configurations,
        "epochs": search.epochs,
        "folds": len(folds),
        "seeds": search.seeds,
        "rungs": ends,
        "proposals": search.proposals,
        "batches": search.batches,
        "patience": search.patience,
        "evolve": search.evolve,
    }
    with replacing(OUTPUT) as folder:
        folder.mkdir()
        write_table(
            folder / "trials.parquet",
            trials_table(
                outcomes, absent=absent, count=search.configurations, folds=numbers, seeds=search.seeds
            ),
        )
        write_table(folder / "curves.parquet", curves_table(outcomes))
        write_json(folder / "best.json", choose(outcomes, absent=absent, modalities=there, budget=budget))
    clear(features, site)


def _ended(
    gangs: list[Gang],
    work: Path,
    rows: Mapping[int, Callable[[], FoldRows]],
    *,
    features: Path,
    modalities: list[str],
    classes: int,
    site: Site,
    ray: ExitStack,
    what: str,
) -> list[Outcome]:
    """The gangs' outcomes in their order; those of an earlier run as they were kept.

    Args:
        ray: where Ray is left with, once it was needed.
        what: the progress bar's words.

    Raises:
        SearchError: some failed; what the others came to is kept.
    """
    outcomes = {_file(work, g): o for g in gangs if (o := _kept(work, g)) is not None}
    left = [g for g in gangs if _file(work, g) not in outcomes]
    if not left:
        return [outcomes[_file(work, g)] for g in gangs]
    if len(left) < len(gangs):
        print(f"search: {len(gangs) - len(left)} of {len(gangs)} gangs were finished before")

    def keep(gang: Gang, outcome: Outcome) -> None:
        write_text(_file(work, gang), outcome.to_json())
        outcomes[_file(work, gang)] = outcome
        for notice in outcome.notices:
            print(f"search: {gang.strategy} on fold {gang.fold}: {notice}")

    ray.enter_context(ray_of(site))
    failed = run_gangs(
        left,
        {fold: fold_file(features, fold, rows[fold]) for fold in sorted({g.fold for g in left})},
        modalities=modalities,
        classes=classes,
        site=site,
        on_outcome=keep,
        what=what,
    )
    if failed:
        folds: dict[tuple[str, str], list[int]] = {}
        for i, why in sorted(failed.items()):
            folds.setdefault((left[i].strategy, why), []).append(left[i].fold)
        said = listed(f"{name} on fold {listed(held)}: {why}" for (name, why), held in folds.items())
        raise SearchError(f"{len(failed)} of {len(gangs)} gangs failed ({said}); the others are kept")
    return [outcomes[_file(work, g)] for g in gangs]


def _site(where: settings.Settings) -> Site:
    return Site(
        workers=where.worker_count(),
        device=where.torch_device(),
        address=where.ray_address,
        gangs_per_gpu=where.gangs_per_gpu,
        shared=where.shared,
    )


def _absent(
    held: params.Params, without: dict[str, list[int]], there: list[str], folds: list[int]
) -> dict[str, str]:
    """The strategies that nothing can be searched for, and why.

    Args:
        without: the modalities that are stored, each with the folds that cannot train on it.
        there: those that every fold can train on.
    """
    absent, whose = {}, listed(held.corpora)
    for name in held.search.strategies:
        if not set(uses(name, held.modalities)) & set(there):
            absent[name] = f"no utterance of {whose} has the modality {name!r}"
            if without.get(name) == folds:
                absent[name] = f"the features of {name!r} are of none of {whose}'s labelled utterances"
            elif name in without:
                absent[name] = (
                    f"no training utterance of fold {listed(without[name])} has the modality {name!r}"
                )
        elif len(there) == 1 and name not in {*held.modalities, *BASELINES}:
            absent[name] = f"{whose} has {listed(there)} alone, so there is nothing to fuse"
    return absent


def _rows(
    store: FeatureStore, fold: Fold, modalities: list[str], reduction: Reduction, told: Told
) -> FoldRows:
    training = told.of(read(store.tokens, fold.train, modalities), fold.train)
    layouts = {name: store.layout(name) for name in modalities}
    preparation = fit_preparation(training, layouts, reduction)
    validation = told.spoken(read(store.tokens, fold.validation, modalities), fold.validation)
    return FoldRows(prepare(preparation, training), prepare(preparation, validation))


def _file(work: Path, gang: Gang) -> Path:
    return work / f"{gang.strategy}.{gang.fold}.{gang.batch}.json"


def _kept(work: Path, gang: Gang) -> Outcome | None:
    path = _file(work, gang)
    return Outcome.from_json(path.read_text(encoding="utf-8")) if path.is_file() else None


if __name__ == "__main__":
    run(main)
