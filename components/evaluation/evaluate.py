"""The stage `evaluate`: test predictions to metrics with intervals, tests, alarms, plots and the report."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import params
from ..errors import EvaluationError, listed, run
from ..files import replacing, write_json, write_text
from ..schema import BASELINES
from . import alarms, ceilings, intervals, scores, searched, zero_shot
from .inputs import document, table
from .predictions import Predictions, join
from .tables import comparison_table, headline
from .variation import held_out_ratio

if TYPE_CHECKING:
    import pandas as pd

DATA = Path("data")
REPORTS = Path("reports")
CHOSEN = "chosen"
"""The pseudo-strategy: in each fold, the strategy that this fold's validation chose."""
RULE = (
    "Configuration, epochs and strategy are chosen by validation; the choice is refitted on all of a fold's rows "
    "outside its test and scores that once. 'best' has the highest mean validation UA over the folds; 'chosen' "
    "takes, in each fold, what that fold's validation alone chose."
)


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    experiment = params.load()
    evaluate(
        corpora=experiment.corpora,
        seed=experiment.evaluate.seed,
    )


def evaluate(
    *,
    corpora: list[str],
    seed: int,
    data: Path = DATA,
    reports: Path = REPORTS,
) -> dict[str, Any]:
    """Evaluate the experiment that lies in ``data`` and write ``reports``; returns what ``metrics.json`` holds.

    Raises:
        EvaluationError: where predictions, folds, search and oracle do not fit each other.
    """
    from . import plots, report

    metrics, predictions = measure(corpora=corpora, seed=seed, data=data)
    best = document(data / "search" / "best.json")
    curves = searched.chosen_curves(table(data / "search" / "curves.parquet"), best)
    trials = table(data / "search" / "trials.parquet")
    with replacing(reports / "plots") as folder:
        folder.mkdir()
        plots.write(folder, metrics, predictions, curves)
    with replacing(reports / "comparison.csv") as path:
        comparison_table(metrics).to_csv(path, index=False, float_format="%.6f", lineterminator="\n")
    write_text(reports / "index.html", report.page(metrics, best=best, trials=trials))
    write_json(reports / "headline.json", headline(metrics))
    write_json(reports / "metrics.json", metrics)
    return metrics


def measure(*, corpora: list[str], seed: int, data: Path = DATA) -> tuple[dict[str, Any], Predictions]:
    """What ``metrics.json`` holds, and the predictions it is of. Reads ``data`` and writes nothing.

    Raises:
        EvaluationError: where predictions, folds, search and oracle do not fit each other.
    """
    folds_said, best = document(data / "folds.json"), document(data / "search" / "best.json")
    folds = table(data / "folds.parquet")
    predictions = join(folds, table(data / "predictions.parquet"), folds_said["classes"])
    _check_search(predictions, best)
    utterances = {name: table(data / "utterances" / f"{name}.parquet") for name in corpora}
    nameless = _nameless(predictions, utterances)

    counts, ratio = scores.by_speaker(predictions), held_out_ratio(folds)
    strategies = {
        name: scores.figures(predictions, name, counts[name], ratio=ratio)
        | {
            "baseline": name in BASELINES,
            "params": best["strategies"].get(name, {}).get("parameters"),
            "modalities": ceilings.modalities_of(name, best["modalities"]),
        }
        for name in predictions.strategies
    }
    confusion = {name: figures.pop("confusion") for name, figures in strategies.items()}
    real = [name for name in predictions.strategies if name != CHOSEN]
    compared = scores.against(
        best["best"],
        [name for name in real if name != best["best"]],
        predictions,
        counts,
        seed=seed,
        ratio=ratio,
    )
    curves = searched.chosen_curves(table(data / "search" / "curves.parquet"), best)
    ceiling, findings = alarms.beside_oracle(
        predictions,
        [name for name in real if name not in BASELINES],
        modalities=best["modalities"],
        data=data,
        corpora=corpora,
    )

    metrics = {
        "corpora": corpora,
        "protocol": folds_said["protocol"],
        "inflated": folds_said["inflated"],
        "waived": folds_said["waived"],
        "label_space": folds_said["label_space"],
        "classes": folds_said["classes"],
        "counts": {
            "utterances": len(predictions.truth),
            "speakers": len(predictions.speakers) - nameless,
            "nameless": nameless,
            "folds": len(predictions.folds),
            "seeds": len(predictions.seeds),
            "test_per_train": ratio,
        },
        "intervals": {
            "level": intervals.LEVEL,
            "figures": intervals.METHOD,
            "differences": intervals.DIFFERENCE_METHOD,
        },
        "strategies": strategies,
        "best": best["best"],
        "chosen": {"rule": f"{folds_said['selection']}. {RULE}", "per_fold": best["per_fold_best"]},
        "confusion": {"strategy": best["best"], "counts": confusion[best["best"]]},
        "comparisons": [
            asdict(each)
            | {"significant": each.significant, "significant_over_folds": each.significant_over_folds}
            for each in compared
        ],
        "search": searched.described(table(data / "search" / "trials.parquet"), curves, best),
        "ceiling": ceiling,
        "people": {
            name: agreement
            for name in corpora
            if (agreement := document(data / "ceilings" / name / "people.json"))
        },
        "zero_shot": zero_shot.figures(predictions, folds_said["unseen"], counts),
        "text_at_chance": alarms.beside_chance(folds_said, strategies),
        "findings": [
            {key: finding[key] for key in ("kind", "severity", "fold", "count", "explanation", "advice")}
            for finding in folds_said["findings"]
        ]
        + findings,
        "excluded": _excluded(
            data,
            corpora,
            predictions,
            utterances=utterances,
            dropped=folds_said["dropped_by_corpus"],
            unlabelled=folds_said["unlabelled"],
        ),
    }
    metrics["alarms"] = alarms.raised(metrics)
    return metrics, predictions


def _nameless(predictions: Predictions, utterances: dict[str, "pd.DataFrame"]) -> int:
    """Of how many test utterances nobody knows the speaker; the folds have each of them as a speaker of its own."""
    tested = set(predictions.utterance_ids.tolist())
    return sum(
        len(tested.intersection(rows.loc[rows["speaker"].isna(), "utterance_id"]))
        for rows in utterances.values()
    )


def _check_search(predictions: Predictions, best: dict[str, Any]) -> None:
    """The best strategy is predicted, and ``chosen`` is what each fold's own validation chose."""
    unknown = sorted({best["best"], *best["per_fold_best"].values()} - set(predictions.strategies))
    if unknown:
        raise EvaluationError(
            f"the search chose {listed(unknown)}, which the predictions lack (they hold "
            f"{listed(predictions.strategies, 20)}); run the stage `train` again"
        )
    if CHOSEN not in predictions.strategies:
        return
    for k, fold in enumerate(predictions.folds):
        name, rows = best["per_fold_best"][str(fold)], predictions.fold == k
        probabilities = predictions.probabilities
        if not np.array_equal(probabilities[CHOSEN][:, rows], probabilities[name][:, rows]):
            raise EvaluationError(
                f"fold {fold}: '{CHOSEN}' is not what that fold's validation chose ({name}); run `train` again"
            )


def _excluded(
    data: Path,
    corpora: list[str],
    predictions: Predictions,
    *,
    utterances: dict[str, "pd.DataFrame"],
    dropped: dict[str, dict[str, int]],
    unlabelled: dict[str, int],
) -> dict[str, Any]:
    """What was left out, and why: by corpus, labels outside the space and rows that validation set aside; rows that
    train without a label; rows in no test fold; media that cannot be used."""
    media: dict[str, dict[str, int]] = {}
    for corpus in corpora:
        rows = document(data / "features" / corpus / "exclusions.json")  # one for each encoder
        for _, modality, reason in sorted({(r["utterance_id"], r["modality"], r["reason"]) for r in rows}):
            reasons = media.setdefault(modality, {})
            reasons[reason] = reasons.get(reason, 0) + 1
    total, tested = sum(map(len, utterances.values())), len(np.unique(predictions.utterance_ids))
    elsewhere = sum(sum(counts_by_reason.values()) for counts_by_reason in dropped.values()) + sum(
        unlabelled.values()
    )
    return {
        "utterances": total,
        "tested": tested,
        "dropped": dropped,
        "unlabelled": unlabelled,
        "never_tested": total - tested - elsewhere,
        "media": media,
    }


if __name__ == "__main__":
    run(main)
