"""What publishing leaves beside the report."""

import json
import re

from emoflow.evaluation import run_links

METRICS = {"best": "audio", "ua": 0.1 + 0.2}
COMMIT = "0123456789abcdef"
MLFLOW, PREFECT = "http://127.0.0.1:5000/#/experiments/1/runs/2", "http://127.0.0.1:4200/runs/flow-run/3"


def left(folder) -> dict:
    """What the script calls the page's function with."""
    text = (folder / "run.js").read_text()
    return json.loads(re.fullmatch(r"emoflowRun\((.*)\);\n", text).group(1))


def test_the_file_names_the_metrics_and_where_the_run_is(tmp_path):
    run_links.write(tmp_path, METRICS, commit=COMMIT, mlflow=MLFLOW, prefect=PREFECT)
    held = left(tmp_path)
    assert held["metrics"] == run_links.identity(json.loads(json.dumps(METRICS)))
    assert (held["commit"], held["mlflow"], held["prefect"]) == (COMMIT, MLFLOW, PREFECT)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", held["published"])


def test_what_was_published_before_stays_and_gains_what_it_lacked(tmp_path):
    run_links.write(tmp_path, METRICS, commit=COMMIT, mlflow=MLFLOW)
    before = left(tmp_path)
    run_links.write(tmp_path, METRICS, commit="other", mlflow="http://other", prefect=PREFECT)
    assert left(tmp_path) == before | {"prefect": PREFECT}
    run_links.write(tmp_path, METRICS | {"ua": 0.5}, commit="other")
    held = left(tmp_path)
    assert (held["commit"], held["mlflow"], held["prefect"]) == ("other", None, None)


def test_what_a_browser_cannot_open_is_left_out(tmp_path):
    run_links.write(
        tmp_path, METRICS, commit=None, mlflow="sqlite:///mlflow.db/#/1", prefect="javascript:alert(1)"
    )
    assert (left(tmp_path)["mlflow"], left(tmp_path)["prefect"]) == (None, None)


def test_no_value_ends_the_script(tmp_path):
    run_links.write(tmp_path, METRICS, commit="</script><script>alert(1)</script>")
    assert "<" not in (tmp_path / "run.js").read_text()
    assert left(tmp_path)["commit"].startswith("</script>")
