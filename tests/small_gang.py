"""A gang on a task that is learnt in seconds."""

import torch

from components.search.gang import Gang, run_gang
from components.search.outcome import Outcome
from components.search.space import configurations, member_seed
from components.training.data import Rows

SIZES = {"audio": 6, "face": 4}


def rows(count: int, seed: int) -> Rows:
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(0, 3, (count,), generator=generator)
    shown = torch.nn.functional.one_hot(target, 3).float()
    tokens = {
        name: (shown @ torch.randn(3, size, generator=torch.Generator().manual_seed(size)))[:, None]
        + torch.randn(count, 1, size, generator=generator)
        for name, size in SIZES.items()
    }
    return Rows(tokens, {name: torch.ones(count, 1, dtype=torch.bool) for name in SIZES}, target)


def gang(
    configs: list[dict], strategy: str = "late-weighted", *, memory: int | None = None, **changes
) -> Outcome:
    seeds = [member_seed(7, i) for i in range(len(configs))]
    options = {"epochs": 8, "halvings": 2} | changes
    asked = Gang(strategy, fold=0, configs=configs, seeds=seeds, **options)
    return run_gang(asked, training=rows(120, 1), validation=rows(60, 2), classes=3, memory=memory)


def drawn(count: int = 6) -> list[dict]:
    return [
        config | {"width": 16, "learning_rate": 0.01}
        for config in configurations("late-weighted", modalities=list(SIZES), count=count, seed=7)
    ]
