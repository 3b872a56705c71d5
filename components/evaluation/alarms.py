"""The alarms: a protocol that inflates, a strategy above the planted ceiling, text that tells an emotion it does
not hold."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from ..artifacts.folds import Folds
from ..errors import EvaluationError
from .ceilings import compare as compare_with_oracle
from .ceilings import in_classes, modalities_of, oracle_right, subset_name, text_at_chance, together
from .inputs import CorpusFacts
from .predictions import Predictions
from .summary import percent


def beside_oracle(
    predictions: Predictions,
    strategies: list[str],
    *,
    modalities: list[str],
    corpora: Mapping[str, CorpusFacts],
) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """Every strategy beside the oracle of its modalities on the corpora with planted truth; None without any."""
    import pandas as pd

    planted, population, findings = [], {}, []
    classes = dict(
        zip(predictions.utterance_ids, np.array(predictions.classes)[predictions.truth], strict=True)
    )
    for corpus, facts in corpora.items():
        oracle = facts.oracle
        if (
            not oracle["utterance_id"].isin(classes.keys()).any()
        ):  # nothing is planted, or nothing of it tested
            continue
        try:
            answers = in_classes(oracle, classes)
        except EvaluationError as error:
            findings.append(
                _finding(
                    "ceiling",
                    f"{corpus}: {error}; strategies are not compared with its oracle.",
                    "A label space that maps or merges the corpus's labels has a ceiling.",
                )
            )
            continue
        planted.append(answers)
        if set(oracle["label"]) == set(predictions.classes):
            population[corpus] = {
                subset_name(subset.split("+")): value for subset, value in facts.ceilings.population.items()
            }
    if not planted:
        return None, findings
    covered = pd.Index(predictions.utterance_ids).isin(pd.concat(planted)["utterance_id"])
    right = {name: (predictions.predicted(name) == predictions.truth)[covered] for name in strategies}
    subsets = {name: subset_name(modalities_of(name, modalities)) for name in strategies}
    oracle = oracle_right(together(planted, set(subsets.values())), predictions.utterance_ids[covered])
    compared = compare_with_oracle(right, oracle, subsets)
    truth = predictions.truth[covered]
    oracle_ua = {
        subset: float(np.mean([answered_right[truth == label].mean() for label in np.unique(truth)]))
        for subset, answered_right in oracle.items()
    }
    return {
        "utterances": int(covered.sum()),
        "population": population,
        "oracle": {subset: float(answered_right.mean()) for subset, answered_right in oracle.items()},
        "strategies": {
            each.strategy: asdict(each) | {"above": each.above, "oracle_ua": oracle_ua[each.subset]}
            for each in compared
        },
    }, findings


def beside_chance(protocol: Folds, strategies: dict[str, Any]) -> dict[str, Any] | None:
    """Whether text alone is at chance, where its sentences say nothing of the label; None where they may."""
    if not protocol.text_repeats or "text" not in strategies:
        return None
    ua, classes = strategies["text"]["ua"], len(protocol.classes)
    return {"ok": text_at_chance(ua, classes), "chance": 1 / classes, "ua": ua}


def raised(metrics: dict[str, Any]) -> list[dict[str, str | None]]:
    """The alarms that the metrics give rise to, each with its kind, its strategy (None: all) and a sentence."""
    alarms = []
    if metrics["inflated"]:
        alarms.append(
            {
                "alarm": "inflated",
                "strategy": None,
                "message": f"Every figure here is inflated: {metrics['inflated']}. Compare them with those of others "
                "who did so; nothing is ranked by them.",
            }
        )
    for name, compared in (metrics["ceiling"] or {"strategies": {}})["strategies"].items():
        if compared["above"]:
            alarms.append(
                {
                    "alarm": "above-ceiling",
                    "strategy": name,
                    "message": f"{name} is above the ceiling: WA {100 * compared['accuracy']:.1f}, while the oracle of "
                    f"{compared['subset']} has {100 * compared['oracle']:.1f} on the same utterances (p = "
                    f"{compared['p_holm']:.2g}, Holm-corrected). A leak?",
                }
            )
    text = metrics["text_at_chance"]
    if text and not text["ok"]:
        alarms.append(
            {
                "alarm": "text-above-chance",
                "strategy": "text",
                "message": f"text alone has UA {percent(text['ua'])}, though the sentences of this corpus say nothing "
                f"of the emotion: it should be at chance, {100 * text['chance']:.1f}. A leak?",
            }
        )
    return alarms


def _finding(kind: str, explanation: str, advice: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "severity": "warning",
        "fold": None,
        "count": 1,
        "explanation": explanation,
        "advice": advice,
    }
