"""What of an experiment goes into its MLflow run: params, figures, inputs, files; the chosen trials beneath it."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import read_json
from ..lineage import Facts

if TYPE_CHECKING:
    from mlflow import MlflowClient

FILES = {
    "reports/index.html": "report",
    "reports/metrics.json": "report",
    "reports/comparison.csv": "report",
    "reports/leakage.json": "report",
    "data/folds.json": "data",
    "data/folds.parquet": "data",
    "data/search/trials.parquet": "search",
    "data/search/best.json": "search",
    "data/model/model.json": "lineage",
    "dvc.lock": "lineage",
    "params.yaml": "lineage",
}
"""Files of the experiment, and the folder of the run that they are put in."""

PREDICTIONS = "data/predictions.parquet"
FIGURES = ("wa", "ua", "macro_f1", "wf1")
MOST_METRICS, MOST_PARAMS = 1000, 100
"""MLflow's limits for one ``log_batch``."""


def experiment(client: "MlflowClient", run_id: str, root: Path, facts: Facts) -> None:
    """Log everything about the experiment as a whole to its run."""
    from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param

    metrics = read_json(root / "reports" / "metrics.json")
    now = int(time.time() * 1000)
    figures = _figures(metrics)
    _batches(
        client,
        run_id,
        params=[Param(key, value[:6000]) for key, value in sorted(flat(facts.params).items())],
        metrics=[Metric(key, value, now, 0) for key, value in sorted(figures.items())],
    )
    raw = {
        dep["path"]: dep["digest"]
        for execution in facts.executions
        for dep in execution["in"]
        if dep["kind"] == "raw" or dep["path"] == "data/folds.parquet"
    }
    client.log_inputs(
        run_id,
        [
            DatasetInput(
                Dataset(path, digest.removeprefix("md5:")[:36], "local", json.dumps({"uri": path})),
                [InputTag("mlflow.data.context", "training")],
            )
            for path, digest in sorted(raw.items())
        ],
    )
    for path, folder in FILES.items():
        if (root / path).is_file():
            client.log_artifact(run_id, str(root / path), folder)
    if (root / "reports" / "plots").is_dir():
        client.log_artifacts(run_id, str(root / "reports" / "plots"), "report/plots")
    for corpus in facts.verdicts:
        path = root / "reports" / "validation" / corpus / "verdict.json"
        if path.is_file():
            client.log_artifact(run_id, str(path), f"validation/{corpus}")
    _predictions(client, run_id, root, metrics["best"])


def trials(client: "MlflowClient", parent: str, experiment_id: str, root: Path, facts: Facts) -> None:
    """One child run for each strategy's choice in each fold, with its curves."""
    import pandas as pd
    from mlflow.entities import Metric, Param, RunTag

    from .tracking import WEIGHTS

    best = read_json(root / "data" / "search" / "best.json")
    curves = pd.read_parquet(root / "data" / "search" / "curves.parquet")
    columns = [name for name in ("train_loss", "loss", "wa", "ua") if name in curves]
    by_trial = dict(list(curves.groupby(["strategy", "fold", "trial"])))
    for strategy, held in sorted(best["strategies"].items()):
        for fold, choice in sorted(held["folds"].items(), key=lambda item: int(item[0])):
            tags = {
                "mlflow.parentRunId": parent,
                WEIGHTS: facts.weights_sha256,
                "role": "trial",
                "protocol": facts.protocol,
                "strategy": strategy,
                "fold": fold,
                "trial": str(choice["trial"]),
                "best": str(strategy == best["best"]).lower(),
            }
            run = client.create_run(experiment_id, run_name=f"{strategy} fold {fold}", tags=tags)
            now = run.info.start_time
            points = [
                Metric(f"validation_{name}", float(value), now, int(choice["epochs"]))
                for name, value in sorted(choice["validation"].items())
                if _finite(value)
            ]
            curve = by_trial.get((strategy, int(fold), choice["trial"]))
            if curve is not None:
                points += [
                    Metric(name, float(row[name]), now, int(row["epoch"]))
                    for row in curve.to_dict("records")
                    for name in columns
                    if _finite(row[name])
                ]
            params = flat(choice["config"]) | {
                "strategy": strategy,
                "fold": fold,
                "epochs": str(choice["epochs"]),
            }
            _batches(
                client,
                run.info.run_id,
                params=[Param(key, value[:6000]) for key, value in sorted(params.items())],
                metrics=points,
                tags=[RunTag("mlflow.note.content", f"chosen by the validation of fold {fold}")],
            )
            client.set_terminated(run.info.run_id)


def flat(held: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested params as MLflow's: ``{"search.epochs": "40", "corpora": '["control"]'}``."""
    found = {}
    for key, value in held.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            found |= flat(value, f"{name}.")
        else:
            found[name] = value if isinstance(value, str) else json.dumps(value)
    return found


def _figures(metrics: dict[str, Any]) -> dict[str, float]:
    """The best strategy's figures by their plain names, every strategy's with its name before."""
    found = {}
    for strategy, held in metrics["strategies"].items():
        for name in FIGURES:
            value = held.get(name)
            if value is None:
                continue
            bounds = value if isinstance(value, dict) else {"mean": value}
            for bound, figure in bounds.items():
                suffix = "" if bound == "mean" else f"_{bound}"
                if _finite(figure):
                    found[f"{strategy}.{name}{suffix}"] = float(figure)
                    if strategy == metrics["best"]:
                        found[f"{name}{suffix}"] = float(figure)
    return found


def _predictions(client: "MlflowClient", run_id: str, root: Path, best: str) -> None:
    """The held-out predictions of the best strategy and of the nested choice: later models are compared on them."""
    import tempfile

    import pandas as pd

    from ..files import write_table

    table = pd.read_parquet(root / PREDICTIONS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "predictions.parquet"
        write_table(path, table[table["strategy"].isin([best, "chosen"])])
        client.log_artifact(run_id, str(path), "data")


def _batches(client: "MlflowClient", run_id: str, *, params: list, metrics: list, tags: list = ()) -> None:
    client.log_batch(run_id, metrics[:MOST_METRICS], params[:MOST_PARAMS], list(tags))
    for at in range(MOST_METRICS, len(metrics), MOST_METRICS):
        client.log_batch(run_id, metrics[at : at + MOST_METRICS])
    for at in range(MOST_PARAMS, len(params), MOST_PARAMS):
        client.log_batch(run_id, params=params[at : at + MOST_PARAMS])


def _finite(value: Any) -> bool:
    import math

    return isinstance(value, int | float) and math.isfinite(value)
