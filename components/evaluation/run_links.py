"""Where a published report's run is: date, commit, MLflow and Prefect, in a file beside the page.

The page is a stage output, so it holds no time and no address. Its last lines load ``run.js`` from its own folder,
which `write` leaves there once the experiment is published; a script is what a browser loads from a local folder,
too. The file is no stage output and nothing depends on it. It names the metrics that it belongs to, and a page of
other metrics ignores it.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..artifacts.reports import Metrics
from ..files import digest_of, write_text

NAME = "run.js"


def identity(metrics: Metrics) -> str:
    """Tells one report from another: the SHA-256 of what ``reports/metrics.json`` holds.

    Attributions are not counted: they have seconds and waveforms only where the recordings are at hand.
    """
    held = metrics.to_dict()
    for error in held["misclassified"]:
        error.pop("attributions", None)
    return digest_of(held)


def write(
    reports: Path,
    metrics: Metrics,
    *,
    commit: str | None,
    mlflow: str | None = None,
    prefect: str | None = None,
) -> None:
    """Write ``run.js``; what is there of the same metrics stays, apart from links that it lacked.

    Args:
        reports: the folder of the report.
        metrics: of the experiment.
        commit: the git commit that the experiment ran at.
        mlflow: the address of the run in MLflow; anything but http is left out.
        prefect: the address of the flow run in Prefect; None outside a flow.
    """
    run = {
        "metrics": identity(metrics),
        "published": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit,
        "mlflow": _web_address(mlflow),
        "prefect": _web_address(prefect),
    }
    path = reports / NAME
    before = _read(path) if path.is_file() else {}
    if before.get("metrics") == run["metrics"]:
        run |= {key: value for key, value in before.items() if value is not None}
    text = json.dumps(run, sort_keys=True, ensure_ascii=True).replace("<", "\\u003c")
    write_text(path, f"emoflowRun({text});\n")


def _web_address(address: str | None) -> str | None:
    """The address if a browser can open it: without a server, MLflow and Prefect name a file or nothing."""
    return address if address and address.startswith(("http://", "https://")) else None


def _read(path: Path) -> dict[str, Any]:
    text = path.read_text(encoding="utf-8").strip()
    run: dict[str, Any] = json.loads(text.removeprefix("emoflowRun(").removesuffix(");"))
    return run
