"""What a published model costs: stages timed in the model as it is packed, the processors' counters of energy."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from emoflow.errors import RegistryError
from emoflow.evaluation.timing.stopwatch import Stopwatch
from emoflow.registry import energy
from emoflow.registry.inference import Predictor
from emoflow.registry.timed_model import time_stages
from hypothesis import given
from hypothesis import strategies as st
from standin_experiment import experiment


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return experiment(tmp_path_factory.mktemp("measured") / "project") / "data"


def test_stages_are_those_of_the_model_and_sum_to_no_more_than_the_whole(model):
    plain, predictor, watch = Predictor(model / "model"), Predictor(model / "model"), Stopwatch()
    time_stages(predictor, watch)
    row = pd.DataFrame({"audio": [str(model / "raw/control/03.wav")], "text": ["I hate this"]})
    began = time.perf_counter()
    found = predictor.table(row)
    total = time.perf_counter() - began
    assert list(watch.seconds) == [
        "decode audio", "encode audio/logmel", "decode text", "encode text/hashing", "fuse"
    ]  # fmt: skip
    assert all(seconds > 0 for seconds in watch.seconds.values())
    assert sum(watch.seconds.values()) <= total
    pd.testing.assert_frame_equal(found, plain.table(row))
    watch.reset()
    predictor.table(row[["text"]])
    assert list(watch.seconds) == ["decode text", "encode text/hashing", "fuse"]


def test_a_model_of_other_stages_is_refused():
    with pytest.raises(RegistryError, match=r"another version of emoflow.*publish it again"):
        time_stages(object(), Stopwatch())


def test_a_stage_within_another_counts_for_itself_alone():
    watch = Stopwatch()
    began = time.perf_counter()
    with watch.stage("outer"):
        time.sleep(0.02)
        with watch.stage("inner"):
            time.sleep(0.05)
    total = time.perf_counter() - began
    assert watch.seconds["inner"] >= 0.05 and watch.seconds["outer"] >= 0.02
    assert watch.seconds["inner"] + watch.seconds["outer"] <= total


def test_what_is_decoded_while_it_is_encoded_counts_as_decoding():
    class Slow:
        def __iter__(self):
            for block in range(3):
                time.sleep(0.02)
                yield np.full(1, block)

    watch = Stopwatch()
    encode = watch.timed("encode", lambda blocks: [each.sum() for each in blocks])
    blocks = watch.decoding("decode", lambda _: Slow())("a recording")
    assert encode(blocks) == [0, 1, 2]
    assert watch.seconds["decode"] >= 0.06 > watch.seconds["encode"]
    assert list(blocks) == list(blocks), "as often as the recording's own blocks"


def counters(folder: Path, microjoules: dict[str, int], most: int = 1000) -> Path:
    for name, value in microjoules.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "energy_uj").write_text(f"{value}\n")
        (folder / name / "max_energy_range_uj").write_text(f"{most}\n")
    return folder


@given(begin=st.integers(0, 999), spent=st.integers(0, 999))
def test_energy_is_that_of_the_packages_even_where_a_counter_begins_anew(tmp_path_factory, begin, spent):
    folder = tmp_path_factory.mktemp("powercap")
    part = "intel-rapl:0:0"  # of package 0, which counts it already
    before = energy.read(counters(folder, {"intel-rapl:0": begin, part: 5, "intel-rapl:1": 7}))
    after = energy.read(
        counters(folder, {"intel-rapl:0": (begin + spent) % 1000, part: 9, "intel-rapl:1": 10})
    )
    assert energy.joules(before, after) == pytest.approx((spent + 3) / 1e6)


def test_without_counters_there_is_no_energy_and_the_reason_is_told(tmp_path):
    found = energy.read(tmp_path / "powercap")
    assert "no counter in" in found.why_not
    assert energy.joules(found, found) is None
    (tmp_path / "intel-rapl:0").mkdir()
    assert "energy_uj" in energy.read(tmp_path).why_not
