"""What one answer costs, counted, against a count of the published model and one by hand."""

import numpy as np
import pytest
import torch
from emoflow.fusion.model import EmotionModel
from emoflow.fusion.preparation import Preparation, plan
from emoflow.fusion.reduction import Reduction
from emoflow.fusion.strategy import build, uses
from emoflow.training.data import Rows
from emoflow.training.operations import members_operations, operations
from torch.utils.flop_counter import FlopCounterMode

SIZES = {"audio": 12, "text": 3}
REDUCED = 4
LENGTHS = {"audio": [1, 5, 9, 0], "text": [1, 1, 1, 1]}
CONFIG = {"width": 8, "layers": 1, "heads": 2}


def rows(modalities) -> Rows:
    present = {
        name: torch.arange(max(LENGTHS[name])) < torch.tensor(LENGTHS[name]).unsqueeze(1)
        for name in modalities
    }
    generator = torch.Generator().manual_seed(0)
    tokens = {
        name: torch.randn(*mask.shape, SIZES[name], generator=generator) for name, mask in present.items()
    }
    return Rows(tokens, present, torch.zeros(4, dtype=torch.int64))


def preparation() -> Preparation:
    made = Preparation(
        plan(
            {name: [(name, size)] for name, size in SIZES.items()},
            Reduction("pca", above=8, components=REDUCED),
        )
    )
    both = rows(SIZES)
    return made.fit(both.tokens, both.present)


@pytest.mark.parametrize("strategy", ["audio", "late-average", "cross-attention"])
def test_the_count_is_that_of_the_published_model_on_the_median_utterance(strategy):
    prepared, used = preparation(), uses(strategy, tuple(SIZES))
    members = [
        build(
            strategy, dimensions={name: prepared.dimensions[name] for name in used}, classes=3, config=CONFIG
        )
        for _ in range(3)
    ]
    counted = operations(members[0], prepared, rows(used), members=3)
    median = {"audio": 5, "text": 1}
    assert {name: counted[f"tokens.{name}"] for name in used} == {name: median[name] for name in used}
    model = EmotionModel(prepared, members, modalities=used).eval()
    with FlopCounterMode(display=False) as counter:
        model(
            {name: torch.randn(1, median[name], SIZES[name]) for name in used},
            {name: torch.ones(1, median[name], dtype=torch.bool) for name in used},
        )
    assert counted["operations"] == counter.get_total_flops()
    without = operations(members[0], prepared, rows(used), members=0)["operations"]
    assert without == 2 * 5 * SIZES["audio"] * REDUCED, "the principal components of 5 tokens"


def test_a_modality_that_no_row_has_is_counted_as_absent():
    prepared, mute = preparation(), rows(SIZES)
    mute.present["audio"][:] = False
    member = build("late-average", dimensions=prepared.dimensions, classes=3, config=CONFIG)
    counted = operations(member, prepared, mute, members=1)
    assert counted["tokens.audio"] == 0 and counted["tokens.text"] == 1


def test_tuned_members_cost_their_sum():
    each = [{"operations": np.array(n), "tokens.text": np.array(7)} for n in (10, 20)]
    assert members_operations(each) == {"operations": 30, "tokens.text": 7}
