"""What publishing leaves beside the report."""

import json
import re

import documents
from emoflow.artifacts.reports import Metrics
from emoflow.evaluation import run_links

METRICS = documents.metrics(strategies={"audio": documents.figures(0.1 + 0.2)})
COMMIT = "0123456789abcdef"
MLFLOW, PREFECT = "http://127.0.0.1:5000/#/experiments/1/runs/2", "http://127.0.0.1:4200/runs/flow-run/3"


def left(folder) -> dict:
    """What the script calls the page's function with."""
    text = (folder / "run.js").read_text()
    return json.loads(re.fullmatch(r"emoflowRun\((.*)\);\n", text).group(1))


def test_the_file_names_the_metrics_and_where_the_run_is(tmp_path):
    run_links.write(tmp_path, METRICS, commit=COMMIT, mlflow=MLFLOW, prefect=PREFECT)
    content = left(tmp_path)
    METRICS.write(tmp_path)
    assert content["metrics"] == run_links.identity(Metrics.read(tmp_path))
    assert (content["commit"], content["mlflow"], content["prefect"]) == (COMMIT, MLFLOW, PREFECT)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", content["published"])


def test_what_was_published_before_stays_and_gains_what_it_lacked(tmp_path):
    run_links.write(tmp_path, METRICS, commit=COMMIT, mlflow=MLFLOW)
    before = left(tmp_path)
    run_links.write(tmp_path, METRICS, commit="other", mlflow="http://other", prefect=PREFECT)
    assert left(tmp_path) == before | {"prefect": PREFECT}
    run_links.write(tmp_path, METRICS.model_copy(update={"best": "text"}), commit="other")
    content = left(tmp_path)
    assert (content["commit"], content["mlflow"], content["prefect"]) == ("other", None, None)


def test_what_a_browser_cannot_open_is_left_out(tmp_path):
    run_links.write(
        tmp_path, METRICS, commit=None, mlflow="sqlite:///mlflow.db/#/1", prefect="javascript:alert(1)"
    )
    assert (left(tmp_path)["mlflow"], left(tmp_path)["prefect"]) == (None, None)


def test_no_value_ends_the_script(tmp_path):
    run_links.write(tmp_path, METRICS, commit="</script><script>alert(1)</script>")
    assert "<" not in (tmp_path / "run.js").read_text()
    assert left(tmp_path)["commit"].startswith("</script>")
