"""What of an experiment goes into its MLflow run: params, figures, inputs, files; the chosen trials beneath it."""

import getpass
import json
import math
import time
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..artifacts.folds import FOLDS, Folds, Leakage
from ..artifacts.model import CHOSEN, PREDICTIONS, ModelCard
from ..artifacts.reports import COMPARISON, PLOTS, REPORT, Interval, Metric, Metrics
from ..artifacts.search import CURVES, TRIALS, Best, Chosen
from ..artifacts.validation import Verdict
from ..files import csv_text, write_table
from ..lineage import Facts
from ..progress import track
from .tracking import WEIGHTS

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient

FILES = {
    REPORT: "report",
    Metrics.path(): "report",
    COMPARISON: "report",
    Leakage.path(): "report",
    Folds.path(): "data",
    FOLDS.path(): "data",
    TRIALS.path(): "search",
    CURVES.path(): "search",
    Best.path(): "search",
    ModelCard.path(): "lineage",
    Path("dvc.lock"): "lineage",
    Path("params.yaml"): "lineage",
}
"""Files of the experiment, and the folder of the run that they are put in."""

PREDICTIONS_FOLDER = "data"
"""The folder of the run that has the held-out predictions of the strategies that are compared later."""

LEARNING = ("train_loss", "loss", "wa", "ua")
"""The learning curves of a choice."""
HEADLINE: tuple[Metric, ...] = ("ua", "wa", "wf1")
"""The run's metrics, each with its 95 % interval; everything else goes into tables."""
FIGURES: tuple[Metric, ...] = ("ua", "wa", "wf1", "macro_f1", "mcc")
MOST_METRICS, MOST_PARAMS, LONGEST_PARAM = 1000, 100, 6000
"""MLflow's limits for one ``log_batch``, and for a param's letters."""


def experiment(client: "MlflowClient", run_id: str, root: Path, facts: Facts) -> None:
    """Log everything about the experiment as a whole to its run: params, headline, inputs, report, tables.

    Args:
        client: of the tracking server.
        run_id: the experiment's run.
        root: the workspace, with a finished experiment.
        facts: what `lineage.harvest` read there.
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag

    metrics = Metrics.read(root)
    now = int(time.time() * 1000)
    _batches(
        client,
        run_id,
        params=[_param(name, value) for name, value in sorted(flat(facts.params).items())],
        metrics=_metrics({name: [(0, value)] for name, value in headline(metrics).items()}, at=now),
    )
    raw = {
        dep["path"]: dep["digest"]
        for execution in facts.executions
        for dep in execution["in"]
        if dep["kind"] == "raw" or dep["path"] == FOLDS.path().as_posix()
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
    if (root / PLOTS).is_dir():
        client.log_artifacts(run_id, str(root / PLOTS), "report/plots")
    for corpus in facts.verdicts:
        path = Verdict.path(root, corpus=corpus)
        if path.is_file():
            client.log_artifact(run_id, str(path), f"validation/{corpus}")
    client.log_table(run_id, _strategies(metrics), "report/strategies.json")
    client.log_table(run_id, _choices(Best.read(root)), "search/choices.json")
    _predictions(client, run_id, root, metrics.best)
    _readable_trials(client, run_id, root)


def trials(client: "MlflowClient", parent: str, experiment_id: str, root: Path, facts: Facts) -> None:
    """Log one child run for each strategy in each fold: its choice's params and its learning curves.

    The curves are ``validation/ua`` and so on, a step an epoch, the mean over the choice's seeds. What every other
    configuration reached is in the parent's ``search/trials.csv``: a run a configuration would be thousands.

    Args:
        client: of the tracking server.
        parent: the experiment's run.
        experiment_id: the MLflow experiment of both.
        root: the workspace, with a finished experiment.
        facts: what `lineage.harvest` read there.
    """
    best, curves = Best.read(root), CURVES.read(root)
    mean = curves.groupby(["strategy", "fold", "trial", "epoch"], as_index=False)[list(LEARNING)].mean()
    by_trial = dict(list(mean.groupby(["strategy", "fold", "trial"])))
    choices = _by_fold(best)
    for strategy, fold, choice in track(choices, total=len(choices), what="publish, trials"):
        tags = {
            "mlflow.parentRunId": parent,
            "mlflow.note.content": f"chosen by the validation of fold {fold}",
            WEIGHTS: facts.weights_sha256,
            "role": "trial",
            "protocol": facts.protocol,
            "strategy": strategy,
            "fold": str(fold),
            "trial": str(choice.trial),
            "best": str(strategy == best.best).lower(),
        }
        run = client.create_run(
            experiment_id, run_name=f"{strategy} fold {fold}", tags=tags | source_tags(facts)
        )
        params = flat(choice.config) | {
            "strategy": strategy,
            "fold": str(fold),
            "epochs": str(choice.epochs),
        }
        curve = by_trial[strategy, fold, choice.trial]
        series = {
            f"validation/{name}": list(zip(curve["epoch"], curve[name], strict=True)) for name in LEARNING
        }
        _batches(
            client,
            run.info.run_id,
            params=[_param(name, value) for name, value in sorted(params.items())],
            metrics=_metrics(series, at=run.info.start_time),
        )
        client.set_terminated(run.info.run_id)


def source_tags(facts: Facts) -> dict[str, str]:
    """MLflow's own tags for who made a run, with what, from which commit."""
    commit = {"mlflow.source.git.commit": facts.git_commit} if facts.git_commit else {}
    return {
        "mlflow.user": getpass.getuser(),
        "mlflow.source.name": "emoflow publish",
        "mlflow.source.type": "LOCAL",
        **commit,
    }


def headline(metrics: Metrics) -> dict[str, float]:
    """UA, WA and WF1 with their 95 % intervals: ``ua``, ``ua_low``, ``ua_high``, ``wa`` …, from 0 to 1.

    They are those of the nested choice, the figure to quote, where the experiment has one; else those of the
    registered strategy.
    """
    figures = metrics.strategies.get(CHOSEN, metrics.strategies[metrics.best])
    return {
        column: value
        for name in HEADLINE
        for column, value in _bounds(name, figures.pooled(name)).items()
        if value is not None
    }


def description(metrics: Metrics, facts: Facts, *, experiment_id: str, run_id: str) -> str:
    """The headline, the protocol and a link to the report, as Markdown for MLflow's pages.

    Args:
        metrics: of the experiment.
        facts: what `lineage.harvest` read of it.
        experiment_id, run_id: where the report is logged.
    """
    nested = metrics.strategies.get(CHOSEN)
    figures = nested or metrics.strategies[metrics.best]
    phrases = []
    for name in HEADLINE:
        value = figures.pooled(name)
        known = value.low is not None and value.high is not None
        interval = f" ({100 * value.low:.1f}–{100 * value.high:.1f})" if known else ""
        phrases.append(f"{name.upper()} {100 * value.mean:.1f} %{interval}")
    whose = "each fold's own choice, nested" if nested else f"strategy {metrics.best}"
    report = f"#/experiments/{experiment_id}/runs/{run_id}/artifactPath/report/index.html"
    return (
        f"**{', '.join(phrases)}**: {whose}, 95 % intervals.\n\n"
        f"Registered strategy: {facts.description['strategy']}. Protocol: {facts.protocol}. "
        f"Corpora: {' and '.join(facts.description['corpora'])}.\n\n"
        f"[Report]({report}) (the file report/index.html of run {run_id})"
    )


def _bounds(name: str, value: Interval) -> dict[str, float | None]:
    """A figure under its name, and the bounds of its interval under ``…_low`` and ``…_high``."""
    return {name: value.mean, f"{name}_low": value.low, f"{name}_high": value.high}


def _strategies(metrics: Metrics) -> "pd.DataFrame":
    """A row for each strategy: its figures with their intervals, from 0 to 1, MCC from -1."""
    import pandas as pd

    rows = []
    for strategy, figures in metrics.strategies.items():
        row: dict[str, Any] = {"strategy": strategy, "registered": strategy == metrics.best}
        for name in FIGURES:
            row |= _bounds(name, figures.pooled(name))
        rows.append(row)
    return pd.DataFrame(rows)


def _choices(best: Best) -> "pd.DataFrame":
    """A row for each strategy and fold: the trial that validation chose, and its scores there."""
    import pandas as pd

    return pd.DataFrame(
        [
            {"strategy": strategy, "fold": fold, "trial": choice.trial, "epochs": choice.epochs}
            | {f"validation_{name}": value for name, value in choice.validation}
            for strategy, fold, choice in _by_fold(best)
        ]
    )


def _by_fold(best: Best) -> list[tuple[str, int, Chosen]]:
    """Strategy, fold and choice, in that order."""
    return [
        (strategy, fold, choice)
        for strategy, chosen in sorted(best.strategies.items())
        for fold, choice in sorted(chosen.folds.items())
    ]


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


def flat(params: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested params as MLflow's: ``{"search.epochs": "40", "corpora": '["control"]'}``."""
    found = {}
    for key, value in params.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            found |= flat(value, f"{name}.")
        else:
            found[name] = value if isinstance(value, str) else json.dumps(value)
    return found


def _predictions(client: "MlflowClient", run_id: str, root: Path, best: str) -> None:
    """The held-out predictions of the best strategy and of the nested choice: later models are compared on them."""
    import tempfile

    table = PREDICTIONS.read(root)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / PREDICTIONS.path().name
        write_table(path, table[table["strategy"].isin([best, CHOSEN])])
        client.log_artifact(run_id, str(path), PREDICTIONS_FOLDER)


def _readable_trials(client: "MlflowClient", run_id: str, root: Path) -> None:
    """The table of trials as MLflow's page shows tables: each hyper-parameter a column."""
    import tempfile

    import pandas as pd

    table = TRIALS.read(root)
    configs = pd.DataFrame([flat(json.loads(each)) for each in table["config"]], index=table.index)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trials.csv"
        path.write_text(
            csv_text(table.drop(columns="config").join(configs.add_prefix("config."))), encoding="utf-8"
        )
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
