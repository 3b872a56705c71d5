"""What of an experiment goes into its MLflow run: params, figures, inputs, files; the chosen trials beneath it."""

import json
import math
import time
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import read_json
from ..lineage import Facts
from ..progress import track
from .tracking import WEIGHTS

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient

FILES = {
    "reports/index.html": "report",
    "reports/metrics.json": "report",
    "reports/comparison.csv": "report",
    "reports/leakage.json": "report",
    "data/folds.json": "data",
    "data/folds.parquet": "data",
    "data/search/trials.parquet": "search",
    "data/search/curves.parquet": "search",
    "data/search/best.json": "search",
    "data/model/model.json": "lineage",
    "dvc.lock": "lineage",
    "params.yaml": "lineage",
}
"""Files of the experiment, and the folder of the run that they are put in."""

CURVES = ("train_loss", "loss", "wa", "ua")
LEFT_OUT = "left out"
PREDICTIONS = "data/predictions.parquet"
FIGURES = ("wa", "ua", "macro_f1", "wf1")
MOST_METRICS, MOST_PARAMS, LONGEST_PARAM = 1000, 100, 6000
"""MLflow's limits for one ``log_batch``, and for a param's letters."""


def experiment(client: "MlflowClient", run_id: str, root: Path, facts: Facts) -> None:
    """Log everything about the experiment as a whole to its run."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    metrics = read_json(root / "reports" / "metrics.json")
    now = int(time.time() * 1000)
    figures = _figures(metrics)
    _batches(
        client,
        run_id,
        params=[_param(name, value) for name, value in sorted(flat(facts.params).items())],
        metrics=_metrics({name: [(0, value)] for name, value in sorted(figures.items())}, at=now),
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
    _readable_trials(client, run_id, root)


def trials(client: "MlflowClient", parent: str, experiment_id: str, root: Path, facts: Facts) -> None:
    """One child run for each strategy in each fold: its choice's params, scores and learning curves, and beside them
    what every configuration reached, the mean over its seeds.

    ``trials/ua`` has a configuration's validation UA at the step of its number, ``ua_by_trial/07`` its curve. A run a
    configuration would be thousands, at six transactions each; search/trials.csv has their params.
    """
    import pandas as pd

    best = read_json(root / "data" / "search" / "best.json")
    curves = pd.read_parquet(root / "data" / "search" / "curves.parquet")
    table = pd.read_parquet(root / "data" / "search" / "trials.parquet")
    table = table[table["status"] != LEFT_OUT]
    key = ["strategy", "fold"]
    scores = dict(list(table.groupby([*key, "trial"], as_index=False)[["ua", "epochs"]].mean().groupby(key)))
    by_epoch = curves.groupby([*key, "trial", "epoch"], as_index=False)[list(CURVES)].mean()
    by_epoch = dict(list(by_epoch.groupby(key)))
    choices = [
        (strategy, int(fold), choice)
        for strategy, held in sorted(best["strategies"].items())
        for fold, choice in sorted(held["folds"].items(), key=lambda item: int(item[0]))
    ]
    for strategy, fold, choice in track(choices, total=len(choices), what="publish, trials"):
        tags = {
            "mlflow.parentRunId": parent,
            "mlflow.note.content": f"chosen by the validation of fold {fold}",
            WEIGHTS: facts.weights_sha256,
            "role": "trial",
            "protocol": facts.protocol,
            "strategy": strategy,
            "fold": str(fold),
            "trial": str(choice["trial"]),
            "best": str(strategy == best["best"]).lower(),
        }
        run = client.create_run(experiment_id, run_name=f"{strategy} fold {fold}", tags=tags)
        params = flat(choice["config"]) | {
            "strategy": strategy,
            "fold": str(fold),
            "epochs": str(choice["epochs"]),
        }
        scored = {name: [(choice["epochs"], value)] for name, value in choice["validation"].items()}
        series = {f"validation_{name}": points for name, points in sorted(scored.items())}
        series |= _series(scores[strategy, fold], by_epoch[strategy, fold], chosen=choice["trial"])
        _batches(
            client,
            run.info.run_id,
            params=[_param(name, value) for name, value in sorted(params.items())],
            metrics=_metrics(series, at=run.info.start_time),
        )
        client.set_terminated(run.info.run_id)


def _series(
    scores: "pd.DataFrame", curves: "pd.DataFrame", *, chosen: int
) -> dict[str, list[tuple[int, float]]]:
    """``{metric: [(step, value)]}`` of one strategy and fold: the choice's curves, and what all came to."""
    held = curves[curves["trial"] == chosen]
    found = {name: list(zip(held["epoch"], held[name], strict=True)) for name in CURVES}
    for name in ("ua", "epochs"):
        found[f"trials/{name}"] = list(zip(scores["trial"], scores[name], strict=True))
    digits = len(str(scores["trial"].max()))
    for trial, rows in curves.groupby("trial"):
        found[f"ua_by_trial/{trial:0{digits}d}"] = list(zip(rows["epoch"], rows["ua"], strict=True))
    return found


def _metrics(series: dict[str, list[tuple[int, float]]], *, at: int) -> list:
    """MLflow's metrics, those that are no finite number left out; ``at`` in milliseconds."""
    from mlflow.entities import Metric

    return [
        Metric(name, float(value), at, int(step))
        for name, points in series.items()
        for step, value in points
        if _finite(value)
    ]


def _param(name: str, value: str) -> Any:
    from mlflow.entities import Param

    return Param(name, value[:LONGEST_PARAM])


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


def _readable_trials(client: "MlflowClient", run_id: str, root: Path) -> None:
    """The table of trials as MLflow's page shows tables: each hyper-parameter a column."""
    import tempfile

    import pandas as pd

    table = pd.read_parquet(root / "data" / "search" / "trials.parquet")
    configs = pd.DataFrame([flat(json.loads(each)) for each in table["config"]], index=table.index)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trials.csv"
        table.drop(columns="config").join(configs.add_prefix("config.")).to_csv(path, index=False)
        client.log_artifact(run_id, str(path), "search")


def _batches(client: "MlflowClient", run_id: str, *, params: list, metrics: list) -> None:
    client.log_batch(run_id, metrics[:MOST_METRICS], params[:MOST_PARAMS])
    for at in range(MOST_METRICS, len(metrics), MOST_METRICS):
        client.log_batch(run_id, metrics[at : at + MOST_METRICS])
    for at in range(MOST_PARAMS, len(params), MOST_PARAMS):
        client.log_batch(run_id, params=params[at : at + MOST_PARAMS])


def _finite(value: Any) -> bool:
    """Whether it is a number that MLflow takes; pandas's missing whole number is none."""
    return isinstance(value, Real) and math.isfinite(value)
