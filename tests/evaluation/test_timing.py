"""How the times of an answer are taken, and what of them is shown."""

import time
from dataclasses import replace

import documents
import pytest
import torch
from emoflow.evaluation.timing.machine import Latency, Machine, this_machine
from emoflow.evaluation.timing.measure import (
    Encoding,
    StrategyTimes,
    Timings,
    time_encoding,
    time_strategy,
)
from emoflow.evaluation.timing.shown import duration, fragment
from emoflow.training.data import Rows
from hypothesis import given
from hypothesis import strategies as st

MACHINE = Machine(cpu="A & B processor", cores=2, threads=2, gpu=None, load=0.3)


class SlowEncoder:
    name, modality, decoded_as, dimensions = "slow", "text", "text", 1

    def decode(self, source):
        time.sleep(0.005)
        return source

    def encode_decoded(self, medium):
        time.sleep(0.02)
        return torch.zeros(1, 1).numpy()

    def notice(self, medium):
        return None


class SlowModel:
    modalities = ("text",)

    def __call__(self, tokens, present):
        time.sleep(0.002)
        return tokens["text"][:, 0]


def test_decoding_encoding_and_fusion_are_timed_apart():
    encoded = time_encoding("text", Encoding([SlowEncoder()], "concatenate", ["one", "two"]), repeat=3)
    assert {name: len(seconds) for name, seconds in encoded.stages.items()} == {
        "decode text": 6,
        "encode text/slow": 6,
    }
    assert min(encoded.stages["decode text"]) >= 0.005 and min(encoded.stages["encode text/slow"]) >= 0.02
    assert all(
        total >= decoded + encode
        for total, decoded, encode in zip(encoded.totals, *encoded.stages.values(), strict=True)
    )
    row = Rows({"text": torch.zeros(1, 1, 1)}, {"text": torch.ones(1, 1, dtype=torch.bool)}, torch.zeros(1))
    times = time_strategy(SlowModel(), row, {"text": encoded}, duration_s=2.0, repeat=5)
    assert times.fuse.p50_s >= 0.002 and times.answer.p50_s >= 0.027
    assert times.fused_per_s <= 64 / 0.002
    assert times.real_time_factor == pytest.approx(1 / times.answers_per_s / 2)
    alone = time_strategy(SlowModel(), row, {}, duration_s=None, repeat=5)
    assert alone.answer is None and alone.answers_per_s is None, "text came as features"


@given(st.lists(st.floats(0, 10), min_size=1))
def test_half_of_the_repetitions_are_no_slower_than_the_median_and_most_than_the_95th_percentile(seconds):
    found = Latency.of(seconds)
    assert sum(each <= found.p50_s + 1e-9 for each in seconds) >= len(seconds) / 2
    assert found.p50_s <= found.p95_s <= max(seconds)


def timings(answer: bool = True) -> Timings:
    def times(factor: float) -> StrategyTimes:
        latency = Latency(0.001 * factor, 0.002 * factor)
        whole = (Latency(0.1 * factor, 0.2), 10.0, 0.05) if answer else (None, None, None)
        return StrategyTimes(("audio",), latency, 12_345.6, *whole)

    stages = {"decode audio": Latency(0.0123, 0.0345)} if answer else {}
    return Timings(MACHINE, 8, 2.5, stages, {"audio": times(1), "gated": times(3)}, 500_000_000)


def metrics():
    return documents.metrics(strategies={"audio": documents.figures(0.5), "gated": documents.figures(0.7)})


def test_the_page_names_machine_stages_and_both_latencies():
    shown = fragment(metrics(), timings())
    where = "A &amp; B processor, 2 cores, 2 threads of torch"
    for text in (where, "12.30", "34.50", "12,346", "median latency of an answer", "500 MB"):
        assert text in shown
    assert "busy" not in shown
    assert "busy: the times are too long" in fragment(
        metrics(), replace(timings(), machine=replace(MACHINE, load=5.0))
    )


def test_where_a_modality_came_as_features_the_chart_compares_fusion_alone():
    shown = fragment(metrics(), timings(answer=False))
    assert "median latency of fusion" in shown and "answer p50" not in shown


def test_durations():
    assert [duration(each) for each in (1, 999.4, 999.6, 12_345, 999_499, 999_501, 2_500_000)] == [
        "1 µs", "999 µs", "1 ms", "12.3 ms", "999 ms", "1 s", "2.5 s"
    ]  # fmt: skip


def test_this_machine_is_named():
    found = this_machine()
    assert found.cpu and found.cores >= 1 and found.threads >= 1
