"""The stage ``evaluate``: test predictions to metrics with intervals, tests, alarms, plots and the report."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from .. import params
from ..artifacts.features import Exclusions, Recognition
from ..artifacts.fold_models import FoldModels
from ..artifacts.folds import FOLDS, Folds
from ..artifacts.model import DIMENSIONS, PREDICTIONS, SUBSETS, ModelCard, Operations
from ..artifacts.reports import COMPARISON, PLOTS, REPORT, Metrics
from ..artifacts.robustness import PERTURBED, RobustnessNotes
from ..artifacts.search import CURVES, TRIALS, Best
from ..artifacts.utterances import ORACLE, UTTERANCES, Ceilings, People
from ..evaluation import plots, report, searched
from ..evaluation.evaluate import measure
from ..evaluation.inputs import CorpusFacts, Experiment
from ..evaluation.tables import comparison_table, headline
from ..files import csv_text, replacing, write_text
from ..schema import LabelSpace, Layout
from ..training.rater_votes import RaterVotes, rater_votes_of
from .entry import run


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    stated = params.load()
    layouts = {name: stated.layout(name) for name in stated.corpora}
    evaluate(corpora=stated.corpora, seed=stated.evaluate.seed, space=stated.space(), layouts=layouts)


def evaluate(
    *,
    corpora: Sequence[str],
    seed: int,
    space: LabelSpace | None = None,
    layouts: Mapping[str, Layout] = {},
    root: Path = Path(),
) -> Metrics:
    """Evaluate the experiment in the workspace ``root`` and write its reports; returns the metrics.

    Args:
        corpora: the experiment's.
        seed: see `measure`.
        space, layouts: see `read`.
        root: the workspace.

    Raises:
        ArtifactError: for what a stage before has not written.
        EvaluationError: where predictions, folds, search and oracle do not fit each other.
    """
    experiment = read(corpora, root, space=space, layouts=layouts)
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


def read(
    corpora: Sequence[str],
    root: Path = Path(),
    *,
    space: LabelSpace | None = None,
    layouts: Mapping[str, Layout] = {},
) -> Experiment:
    """What the stages before this one wrote in the workspace ``root``.

    Args:
        corpora: the experiment's.
        root: the workspace.
        space: what raters' words count as; None: raters are not looked at.
        layouts: of each corpus, which say whose votes count; see `rater_votes_of`.
    """
    card, protocol = ModelCard.read(root), Folds.read(root)
    facts = {name: _facts(name, root) for name in corpora}
    return Experiment(
        protocol=protocol,
        folds=FOLDS.read(root),
        best=Best.read(root),
        trials=TRIALS.read(root),
        curves=CURVES.read(root),
        predictions=PREDICTIONS.read(root),
        subsets=SUBSETS.read(root),
        dimensions=DIMENSIONS.read(root),
        operations=Operations.read(root),
        corpora=facts,
        modalities=card.modalities,
        tuning=card.tuning,
        votes=_votes(facts, space, layouts, protocol.classes) if space else None,
        perturbed=PERTURBED.read(root),
        robustness_notes=RobustnessNotes.read(root),
        fold_models=FoldModels.read(root),
        root=root,
    )


def _votes(
    facts: Mapping[str, CorpusFacts], space: LabelSpace, layouts: Mapping[str, Layout], classes: Sequence[str]
) -> RaterVotes:
    import pandas as pd

    table = pd.concat([each.utterances for each in facts.values()], ignore_index=True)
    return rater_votes_of(table, layouts, space=space, classes=classes)


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
