"""The stage ``evaluate``: test predictions to metrics with intervals, tests, alarms, plots and the report."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from .. import params
from ..artifacts.features import Exclusions, Recognition
from ..artifacts.folds import FOLDS, Folds
from ..artifacts.model import PREDICTIONS, SUBSETS, ModelCard
from ..artifacts.reports import COMPARISON, PLOTS, REPORT, Metrics
from ..artifacts.search import CURVES, TRIALS, Best
from ..artifacts.utterances import ORACLE, UTTERANCES, Ceilings, People
from ..evaluation import plots, report, searched
from ..evaluation.evaluate import measure
from ..evaluation.inputs import CorpusFacts, Experiment
from ..evaluation.tables import comparison_table, headline
from ..files import csv_text, replacing, write_text
from .entry import run


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    stated = params.load()
    evaluate(corpora=stated.corpora, seed=stated.evaluate.seed)


def evaluate(*, corpora: Sequence[str], seed: int, root: Path = Path()) -> Metrics:
    """Evaluate the experiment in the workspace ``root`` and write its reports; returns the metrics.

    Raises:
        ArtifactError: for what a stage before has not written.
        EvaluationError: where predictions, folds, search and oracle do not fit each other.
    """
    experiment = read(corpora, root)
    metrics, predictions = measure(experiment, seed=seed)
    curves = searched.chosen_curves(experiment.curves, experiment.best)
    with replacing(root / PLOTS) as folder:
        folder.mkdir()
        plots.write(folder, metrics, predictions, curves)
    write_text(root / COMPARISON, csv_text(comparison_table(metrics), float_format="%.6f"))
    write_text(root / REPORT, report.page(metrics, best=experiment.best, trials=experiment.trials))
    headline(metrics).write(root)
    metrics.write(root)
    return metrics


def read(corpora: Sequence[str], root: Path = Path()) -> Experiment:
    """What the stages before this one wrote in the workspace ``root``."""
    card = ModelCard.read(root)
    return Experiment(
        protocol=Folds.read(root),
        folds=FOLDS.read(root),
        best=Best.read(root),
        trials=TRIALS.read(root),
        curves=CURVES.read(root),
        predictions=PREDICTIONS.read(root),
        subsets=SUBSETS.read(root),
        corpora={name: _facts(name, root) for name in corpora},
        modalities=card.modalities,
        tuning=card.tuning,
    )


def _facts(corpus: str, root: Path) -> CorpusFacts:
    return CorpusFacts(
        utterances=UTTERANCES.read(root, corpus=corpus),
        exclusions=Exclusions.read(root, corpus=corpus).exclusions,
        agreement=People.read(root, corpus=corpus).agreement,
        ceilings=Ceilings.read(root, corpus=corpus),
        oracle=ORACLE.read(root, corpus=corpus),
        recognition=Recognition.of_corpus(corpus, root),
    )


if __name__ == "__main__":
    run("evaluate", main)
