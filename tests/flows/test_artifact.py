"""The artifact: a table stays a table whatever the stages and strategies are called."""

import documents
from emoflow.flows.artifact import markdown
from emoflow.pipeline import Outcome

BARE = {"low": None, "high": None}


def test_the_best_comes_by_validation_and_rows_by_ua():
    metrics = documents.metrics(
        protocol="p",
        strategies={"a": documents.figures(0.5, ua=BARE | {"mean": 0.4}), "b": documents.figures(0.5)},
        best="a",
        alarms=[{"alarm": "text-above-chance", "strategy": "text", "message": "text leaks"}],
        waived=[{"kind": "session", "reason": "one | studio", "count": 3}],
    )
    lines = markdown([], metrics, ["it is champion"], ["MLflow: [this run](http://x)"]).splitlines()
    rows = [line for line in lines if line.startswith(("| b", "| **a"))]
    assert rows == [
        "| b | 50.0 (40.0–60.0) | 50.0 (40.0–60.0) | 50.0 (40.0–60.0) |",
        "| **a** (best by validation) | 50.0 (40.0–60.0) | 40.0 | 50.0 (40.0–60.0) |",
    ]
    assert "- **Alarm**: text leaks" in lines
    assert "- **session** passes the leakage gate: one \\| studio" in lines
    assert "- it is champion" in lines
    assert "- MLflow: [this run](http://x)" in lines


def test_nothing_breaks_out_of_a_cell():
    text = markdown([Outcome("s|x", "ran", ("a\nb", "<script>"), 1.25)], None, [])
    assert "| s\\|x | ran | 1.2 | a b, &lt;script> |" in text.splitlines()


def test_many_reasons_are_cut_at_ten():
    text = markdown([Outcome("s", "ran", tuple(f"r{n:02}" for n in range(14)), 1.0)], None, [])
    assert "r09 … and 4 more |" in text
