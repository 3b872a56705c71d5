"""A cohort on a task that is learnt in seconds."""

from functools import partial

import simulated_rows
from emoflow.search.cohort import Cohort, run_cohort
from emoflow.search.outcome import Outcome
from emoflow.search.space import configurations, member_seed
from simulated_rows import CLASSES, SIZES

rows = partial(simulated_rows.rows, tokens=1, there=1.0)


def cohort(
    configs: list[dict],
    strategy: str = "late-weighted",
    *,
    memory: int | None = None,
    device: str = "cpu",
    **changes,
) -> Outcome:
    seeds = [member_seed(7, i) for i in range(len(configs))]
    options = {"epochs": 8, "halvings": 2} | changes
    asked = Cohort(strategy, fold=0, configs=configs, seeds=seeds, **options)
    return run_cohort(
        asked, training=rows(120, 1), validation=rows(60, 2), classes=CLASSES, device=device, memory=memory
    )


def drawn(count: int = 6) -> list[dict]:
    return [
        config | {"width": 16, "learning_rate": 0.01}
        for config in configurations("late-weighted", modalities=list(SIZES), count=count, seed=7)
    ]
