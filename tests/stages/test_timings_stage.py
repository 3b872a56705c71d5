"""The stage ``timings``: a page shows the times that lie beside it, and no output holds one."""

import json
from pathlib import Path
from types import SimpleNamespace

import documents
import pytest
from emoflow.artifacts.reports import Metrics
from emoflow.evaluation.run_links import identity
from emoflow.files import tree_digest
from emoflow.stages import timings
from heard_experiment import trained_workspace
from in_process import run_stages

STRATEGIES = ("early-concatenation", "audio", "late-stacking")
STAGES = ("decode audio", "encode audio/logmel", "decode text", "encode text/hashing")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    root = trained_workspace(tmp_path_factory.mktemp("timed"), STRATEGIES)
    figures = {name: documents.figures(0.5 + n / 10) for n, name in enumerate(STRATEGIES)}
    documents.metrics(strategies=figures, best=STRATEGIES[0]).write(root)
    return root


def written(root: Path) -> dict:
    text = (root / "reports/timings.js").read_text()
    return json.loads(text.strip().removeprefix("emoflowTimings(").removesuffix(");"))


def test_every_stage_and_strategy_is_timed_and_nothing_else_is_written(trained):
    before = tree_digest([trained / "data", trained / "reports/metrics.json"])
    run_stages(trained, timings)
    assert tree_digest([trained / "data", trained / "reports/metrics.json"]) == before
    assert [path.name for path in (trained / "reports").iterdir() if path.name != "metrics.json"] == [
        "timings.js"
    ]
    found = written(trained)
    assert found["metrics"] == identity(Metrics.read(trained))
    for name in (*STAGES, *STRATEGIES, "8 test utterances of 0.5 s"):
        assert name in found["html"], name
    assert "<script" not in found["html"]


def test_clips_are_spread_over_all_and_drawn_for_each_modality_where_none_has_all():
    parts = [SimpleNamespace(test=SimpleNamespace(ids=[f"{n:02}" for n in range(30)]))]
    inputs = SimpleNamespace(folds=parts)
    whole = [f"{n:02}" for n in range(31)]  # the last is never tested
    found = timings.drawn({"audio": whole, "text": whole[:15]}, inputs)
    assert found["audio"] == found["text"] == ["00", "01", "03", "05", "07", "09", "11", "13"]
    apart = timings.drawn({"audio": whole[:10], "text": whole[20:]}, inputs)
    assert len(apart["audio"]) == len(apart["text"]) == 8 and apart["text"][0] == "20"
    assert timings.drawn({"audio": whole, "text": []}, inputs)["text"] == []


def test_without_the_recordings_nothing_is_measured_and_the_run_goes_on(trained, capsys):
    (trained / "reports/timings.js").unlink(missing_ok=True)
    raw = trained / "data/raw"
    raw.rename(trained / "elsewhere")
    try:
        run_stages(trained, timings)
    finally:
        (trained / "elsewhere").rename(raw)
    assert "not measured, since the recordings cannot be encoded here" in capsys.readouterr().out
    assert not (trained / "reports/timings.js").exists()
