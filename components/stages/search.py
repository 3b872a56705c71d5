"""The stage ``search``: every strategy's configurations on every fold, chosen by validation alone.

What has been trained is kept in the stage's work folder, so that a killed search goes on where it was.
"""

from itertools import chain
from pathlib import Path

from .. import params, settings
from ..artifacts.search import CURVES, FOLDER, TRIALS, Budget
from ..errors import listed
from ..files import replacing, work_folder, write_table, write_text
from ..ray_cluster import Site
from ..search.cohort import Cohort, rungs
from ..search.outcome import Outcome
from ..search.plan import Plan
from ..search.results import choose, curves_table, failures, trials_table
from ..search.run import Rows, absent_strategies, search
from ..training import zero_shot
from ..training.consistency import idle
from ..training.rows import unlabelled
from .entry import run
from .training_inputs import Inputs

CODE = Path(__file__).parents[1] / "search"


def main() -> None:
    experiment, environment = params.load(), settings.load()
    stated = experiment.search
    inputs = Inputs.of(experiment)
    numbers = [fold.number for fold in inputs.folds]
    plan = Plan(**stated.model_dump(), folds=numbers, modalities=experiment.modalities)
    first = {cohort.strategy: cohort.configs for cohort in plan.cohorts(0, {})}
    zero_shot.require(inputs.protocol.unseen, first, modalities=inputs.trainable)
    targets = inputs.auxiliary_targets()
    targets.check([config for configs in first.values() for config in configs])
    absent = absent_strategies(
        stated.strategies,
        corpora=experiment.corpora,
        modalities=experiment.modalities,
        missing_in=inputs.missing_in,
        posteriors=inputs.posteriors,
        folds=numbers,
    )
    for name, why in absent.items():
        print(f"search: left out: {name}: {why}")
    if notice := idle(len(unlabelled(inputs.folds).ids), chain.from_iterable(first.values())):
        print(f"search: {notice}")

    device = environment.torch_device()
    work = work_folder("search", inputs.digest(stated.model_dump(), code=[CODE], device=device))
    outcomes = search(
        plan,
        Rows(
            inputs.store,
            inputs.folds,
            inputs.trainable,
            len(inputs.protocol.classes),
            inputs.reduction,
            targets,
        ),
        absent=absent,
        site=Site(
            workers=environment.worker_count(),
            device=device,
            address=environment.ray_address,
            processes_per_gpu=environment.populations_per_gpu,
            shared=environment.shared,
        ),
        name=work.name,
        kept=lambda cohort: _kept(work, cohort),
        keep=lambda cohort, outcome: write_text(_file(work, cohort), outcome.to_json()),
    )

    for (name, fold), trials in failures(outcomes).items():
        print(f"search: {name} on fold {fold}: failed and left: trial {listed(trials)} (see trials.parquet)")
    budget = Budget(
        configurations=stated.configurations,
        epochs=stated.epochs,
        folds=len(numbers),
        seeds=stated.seeds,
        choose_by=stated.choose_by,
        rungs=rungs(stated.epochs, stated.halvings),
        proposals=stated.proposals,
        batches=stated.batches,
        patience=stated.patience,
        evolve=stated.evolve,
        failed=0,
    )
    best = choose(
        outcomes, absent=absent, modalities=inputs.trainable, posteriors=inputs.posteriors, budget=budget
    )
    trials_of_all = trials_table(
        outcomes, absent=absent, count=stated.configurations, folds=numbers, seeds=stated.seeds
    )
    with replacing(FOLDER) as folder:
        folder.mkdir()
        write_table(folder / TRIALS.path().name, trials_of_all)
        write_table(folder / CURVES.path().name, curves_table(outcomes))
        best.write_file(folder / best.path().name)


def _file(work: Path, cohort: Cohort) -> Path:
    return work / f"{cohort.strategy}.{cohort.fold}.{cohort.batch}.json"


def _kept(work: Path, cohort: Cohort) -> Outcome | None:
    path = _file(work, cohort)
    return Outcome.from_json(path.read_text(encoding="utf-8")) if path.is_file() else None


if __name__ == "__main__":
    run("search", main)
