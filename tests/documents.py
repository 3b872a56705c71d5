"""Documents as the stages write them, with usual values for whatever a test does not care about."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from emoflow.artifacts.document import Document
from emoflow.artifacts.features import Exclusions
from emoflow.artifacts.fold_models import FoldModels
from emoflow.artifacts.folds import Folds
from emoflow.artifacts.model import ModelCard
from emoflow.artifacts.reports import Figures, Metrics
from emoflow.artifacts.robustness import PERTURBED, RobustnessNotes
from emoflow.artifacts.search import Best, Budget, Chosen, Scores, StrategyChoice
from emoflow.artifacts.utterances import ORACLE, UTTERANCES, Ceilings, People
from emoflow.artifacts.validation import FINGERPRINTS, Verdict
from emoflow.files import write_table
from emoflow.schema import UTTERANCE_COLUMNS

FINDING = {"rows": [], "fold": None}


def protocol(**changes: Any) -> Folds:
    """``data/folds.json`` of a plain protocol; ``changes`` are its fields."""
    usual = {
        "protocol": "small.kfold3",
        "id": "small.kfold3",
        "title": "3 folds of speakers",
        "source": "rule",
        "selection": "For test fold k, fold k+1 (cyclic) is validation, and the rest trains",
        "inflated": None,
        "shots": None,
        "unseen": [],
        "label_space": "small",
        "classes": ["anger", "neutral", "sadness"],
        "digest": "0" * 64,
        "count": 3,
        "utterances": 0,
        "unlabelled": {},
        "speakers": "all speakers",
        "folds": [],
        "waived": [],
        "dropped": {},
        "dropped_by_corpus": {},
        "findings": [],
        "text_repeats": False,
    }
    return Folds.model_validate(usual | changes)


def verdict(corpus: str, **changes: Any) -> Verdict:
    """A verdict of a contract that holds."""
    usual = {"corpus": corpus, "ok": True, "counts": {}, "critical": [], "warnings": [], "excluded": []}
    usual |= {"unusable": [], "original_copies": [], "quarantined": [], "features": {}, "unread": []}
    return Verdict.model_validate(usual | changes)


def validated(root: Path, table: pd.DataFrame, **changes: Any) -> None:
    """Write a corpus's utterance table, its verdict and empty fingerprints, as if it had been validated."""
    corpus = table["corpus"].iloc[0]
    UTTERANCES.write(table.reindex(columns=list(UTTERANCE_COLUMNS)), root, corpus=corpus)
    verdict(corpus, **changes).write(root, corpus=corpus)
    prints = pd.DataFrame({name: pd.Series(dtype="str") for name in FINGERPRINTS.columns})
    FINGERPRINTS.write(prints, root, corpus=corpus)


def three_folds(root: Path, table: pd.DataFrame) -> None:
    """Lay out 3 folds by speakers, who are called ``<corpus>/<number>``, as the stage ``folds`` would."""
    number = table["speaker"].str.rpartition("/")[2].astype(int) % 3
    folds = [
        table[["utterance_id", "speaker", "label"]].assign(
            fold=fold,
            role=np.where(number == fold, "test", np.where(number == (fold + 1) % 3, "validation", "train")),
        )
        for fold in range(3)
    ]
    every = pd.concat(folds).sort_values(["fold", "utterance_id"], ignore_index=True)
    write_table(root / "data/folds.parquet", every)


def nothing_planted(root: Path, corpus: str) -> None:
    """Write what the stages say of a corpus without planted truth, raters and exclusions."""
    Ceilings(truth={}, population={}, oracle={}).write(root, corpus=corpus)
    People(agreement={}).write(root, corpus=corpus)
    ORACLE.write(pd.DataFrame(columns=list(ORACLE.columns)), root, corpus=corpus)
    Exclusions(exclusions=[]).write(root, corpus=corpus)


def no_fold_models(root: Path) -> None:
    """Write what the stage ``train`` writes of the folds' models where none is kept."""
    FoldModels(strategy="late-average", classes=[], folds={}, by_prompts=False, tuned=False).write(root)


def nothing_perturbed(root: Path) -> None:
    """Write what the stage ``robustness`` writes where no condition is named."""
    PERTURBED.write(pd.DataFrame(columns=list(PERTURBED.columns)), root)
    RobustnessNotes(left_out={}, word_errors=[]).write(root)


DECISION = {"by": "ua", "equal": 1}


def chosen(**changes: Any) -> Chosen:
    """A fold's choice."""
    usual = {"trial": 0, "config": {}, "schedule": [], "parameters": 10, "epochs": 2, "fitted": {}}
    usual |= {"validation": {"wa": 0.5, "ua": 0.5, "loss": 1.0}, "other": None, "decision": DECISION}
    return Chosen.model_validate(usual | changes)


def best(folds: dict[str, dict[int, Chosen]], **changes: Any) -> Best:
    """``data/search/best.json`` of strategies' choices by fold."""
    strategies = {
        name: StrategyChoice(
            folds=choices,
            validation=Scores(
                **{
                    key: sum(getattr(each.validation, key) for each in choices.values()) / len(choices)
                    for key in ("wa", "ua", "loss")
                }
            ),
            parameters=max(each.parameters for each in choices.values()),
        )
        for name, choices in folds.items()
    }
    numbers = sorted({fold for choices in folds.values() for fold in choices})
    usual = {
        "strategies": strategies,
        "best": max(strategies, key=lambda name: strategies[name].validation.ua),
        "per_fold_best": {
            fold: max(strategies, key=lambda name: strategies[name].folds[fold].validation.ua)
            for fold in numbers
        },
        "decision": DECISION,
        "per_fold_decision": dict.fromkeys(numbers, DECISION),
        "other": None,
        "left_out": {},
        "modalities": ["audio", "text", "face"],
        "budget": budget(folds=len(numbers)),
    }
    return Best(**usual | changes)


def card(**changes: Any) -> ModelCard:
    """``data/model/model.json`` of a model of sound with one member."""
    usual = {"strategy": "audio", "config": {}, "epochs": 1, "seeds": [0], "left_out": [], "parameters": 1}
    usual |= {"classes": ["anger"], "label_space": "emotion7", "protocol": "emotion7.kfold4"}
    usual |= {"corpora": ["control"], "modalities": {}, "preparation": {}}
    return ModelCard.model_validate(usual | changes)


def budget(**changes: Any) -> Budget:
    """What every strategy had on each fold."""
    usual = {"configurations": 1, "epochs": 2, "folds": 3, "seeds": 1, "rungs": [2], "proposals": "spread"}
    usual |= {"choose_by": "mean", "batches": 1, "patience": None, "evolve": False, "failed": 0}
    return Budget(**usual | changes)


def figures(mean: float = 0.6, **changes: Any) -> Figures:
    """A strategy's figures, all alike."""
    interval = {"mean": mean, "low": mean - 0.1, "high": mean + 0.1}
    spread = {"mean": mean, "sd": None, "values": [mean]}
    varied = interval | {"p": 0.01, "over": "folds", "n": 3}
    names = ("wa", "ua", "macro_f1", "wf1", "mcc")
    usual = dict.fromkeys(names, interval) | {
        "fold_mean": dict.fromkeys(names, spread),
        "single_seed": dict.fromkeys(names, spread),
        "over_folds": dict.fromkeys(names, varied),
        "recall": {},
        "diverged": [],
        "baseline": False,
        "params": 10,
        "operations": 1000,
        "modalities": ["audio"],
    }
    return Figures.model_validate(usual | changes)


def metrics(**changes: Any) -> Metrics:
    """``reports/metrics.json`` of an experiment with one strategy and nothing to remark."""
    usual = {
        "corpora": ["control"],
        "protocol": "small.kfold3",
        "inflated": None,
        "waived": [],
        "label_space": "small",
        "classes": ["anger", "neutral", "sadness"],
        "counts": {
            "utterances": 9,
            "speakers": 3,
            "nameless": 0,
            "folds": 3,
            "seeds": 1,
            "diverged": 0,
            "test_per_train": 0.5,
        },
        "intervals": {"level": 0.95, "figures": "jackknife", "differences": "jackknife"},
        "strategies": {"audio": figures()},
        "best": "audio",
        "chosen": {"rule": "by validation", "choose_by": "mean", "other": None}
        | {"per_fold": {fold: "audio" for fold in range(3)}},
        "confusion": {"strategy": "audio", "counts": [[3, 0, 0], [0, 3, 0], [0, 0, 3]]},
        "by_class": {},
        "probabilities": {},
        "calibration": {
            "level": 0.9,
            "given": {"audio": {"temperature": 2.0, "threshold": 0.8, "utterances": 9, "speakers": 3}},
        },
        "contributions": {},
        "soft_labels": None,
        "dimensions": {},
        "cost": {"tokens": {"audio": 1}, "front": ["audio"], "cheapest": "audio"},
        "misclassified": [],
        "not_attributed": {"gradients": "the models of the folds were not kept", "rollout": "the same"},
        "slices": [],
        "by_dialogue": None,
        "robustness": None,
        "comparisons": [],
        "search": {
            "statement": "Every strategy had the same.",
            "equal": True,
            "departures": [],
            "trials": {"total": 3, "finished": 3, "stopped": 0, "failed": 0, "left_out": 0},
            "epochs": {"trained": 6, "possible": 6},
            "strategies": {},
        },
        "ceiling": None,
        "people": {},
        "layer_weights": {},
        "tuning": None,
        "zero_shot": None,
        "text_at_chance": None,
        "alarms": [],
        "findings": [],
        "excluded": {
            "utterances": 9,
            "tested": 9,
            "dropped": {},
            "unlabelled": {},
            "never_tested": 0,
            "media": {},
        },
    }
    return Metrics.model_validate(usual | changes)


def changed(document: type[Document], root: Path, *, corpus: str = "", **changes: Any) -> None:
    """Rewrite a document with other values in some of its fields."""
    fields = document.read(root, corpus=corpus).model_dump(mode="json")
    document.model_validate(fields | changes).write(root, corpus=corpus)
