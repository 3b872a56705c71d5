"""A fabricated experiment in the form in which the earlier stages leave it, with a planted skill a strategy."""

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from documents import best, budget, card, chosen, no_fold_models, nothing_perturbed, protocol
from emoflow.artifacts.features import Exclusions
from emoflow.artifacts.model import DIMENSIONS, SUBSETS, Operations
from emoflow.artifacts.search import CURVES, TRIALS, Best
from emoflow.artifacts.utterances import ORACLE, Ceilings, People
from emoflow.evaluation.inputs import CorpusFacts
from emoflow.files import write_table
from emoflow.schema import UTTERANCE_COLUMNS

CLASSES = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
MODALITIES = ["audio", "text", "face"]
SKILL = {
    "majority": 1 / 7,
    "audio": 0.55,
    "text": 0.45,
    "face": 0.52,
    "early-concatenation": 0.62,
    "late-average": 0.66,
    "late-weighted": 0.67,
    "intermediate-concatenation": 0.69,
    "cross-attention": 0.70,
}
CONFIGURATIONS, SEARCH_SEEDS = 3, 2
RELIABILITY = {"audio": 0.75, "text": 0.65, "face": 0.70}


def experiment(
    root: Path,
    *,
    corpus: str = "control",
    classes: list[str] = CLASSES,
    skill: dict[str, float] = SKILL,
    speakers: int = 12,
    clips: int = 4,
    folds: int = 4,
    seeds: int = 3,
    planted: bool = True,
    text_repeats: bool = False,
    raters: int = 0,
    said: dict | None = None,
    seed: int = 0,
) -> Path:
    """Write ``root/data`` and return it. A strategy is right about as often as its skill says.

    ``said``: what ``folds.json`` holds instead.
    """
    data, generator = root / "data", np.random.default_rng(seed)
    table = _utterances(corpus, classes, speakers, clips)
    if raters:
        table["raters"] = _votes(table["label"], classes, raters)
    write_table(data / "utterances" / f"{corpus}.parquet", table)
    deal = np.array([int(name[-2:]) % folds for name in table["speaker"]])
    rows = pd.concat(
        [
            table[["utterance_id", "speaker", "label"]].assign(
                fold=k, role=np.select([deal == k, deal == (k + 1) % folds], ["test", "validation"], "train")
            )
            for k in range(folds)
        ]
    ).sort_values(["fold", "utterance_id"])
    write_table(data / "folds.parquet", rows[["fold", "utterance_id", "speaker", "label", "role"]])
    finding = {
        "kind": "duplicate",
        "severity": "warning",
        "fold": None,
        "rows": [],
        "count": 2,
        "explanation": "byte-identical audio, always in one role together: a/1 = a/2.",
        "advice": "No leak; but the clip counts more than once.",
    }
    name = f"emotion{len(classes)}"
    usual = {"protocol": f"{name}.kfold{folds}", "label_space": name, "classes": classes, "count": folds}
    usual |= {"findings": [finding], "text_repeats": text_repeats}
    protocol(**usual | (said or {})).write(root)
    best = _search(root, skill, folds, generator)
    predictions = _predictions(table, deal, skill, classes, seeds, best.per_fold_best, generator)
    write_table(data / "predictions.parquet", predictions)
    DIMENSIONS.write(pd.DataFrame(columns=DIMENSIONS.columns), root)
    operations(skill, folds).write(root)
    SUBSETS.write(subsets_of(predictions, np.random.default_rng(seed)), root)
    _oracle(root, corpus, table, classes, generator, planted=planted)
    excluded = {"utterance_id": table["utterance_id"][0], "modality": "face", "encoder": "appearance"}
    excluded |= {"reason": "no face found"}
    exclusions = [excluded, excluded | {"encoder": "landmarks"}]
    Exclusions(exclusions=exclusions).write(root, corpus=corpus)
    card().write(root)
    no_fold_models(root)
    nothing_perturbed(root)
    return data


def operations(skill: dict[str, float], folds: int) -> Operations:
    """Each strategy costs 10 times the one before it, in the order of ``skill``; in later folds a little more."""
    return Operations(
        strategies={
            name: {fold: 10**n + fold for fold in range(folds)} for n, name in enumerate(skill, start=3)
        },
        tokens={fold: {"audio": 40 + fold, "face": 8, "text": 1} for fold in range(folds)},
    )


def facts_of(table: pd.DataFrame) -> CorpusFacts:
    """A corpus of which only its utterances are known: these columns, their rows in no order."""
    return CorpusFacts(
        utterances=table.reindex(columns=list(UTTERANCE_COLUMNS)).sample(frac=1, random_state=0),
        exclusions=[],
        agreement={},
        ceilings=Ceilings(truth={}, population={}, oracle={}),
        oracle=pd.DataFrame(),
    )


def _utterances(corpus: str, classes: list[str], speakers: int, clips: int) -> pd.DataFrame:
    rows = [
        {"utterance_id": f"{corpus}/s{s:02d}-{label}-{c}", "corpus": corpus, "speaker": f"{corpus}/s{s:02d}"}
        | {"label": label, "label_raw": label}
        for s in range(speakers)
        for label in classes
        for c in range(clips)
    ]
    return pd.DataFrame(rows, columns=list(UTTERANCE_COLUMNS)).sort_values("utterance_id", ignore_index=True)


def _votes(labels: pd.Series, classes: list[str], raters: int) -> list[str]:
    """Each rater hears the label in two of three utterances, and any class in the others."""
    generator = np.random.default_rng(11)
    heard = np.where(
        generator.random((len(labels), raters)) < 2 / 3,
        labels.to_numpy()[:, None],
        generator.choice(classes, (len(labels), raters)),
    )
    return [json.dumps({f"r{n}": [str(word)] for n, word in enumerate(row)}) for row in heard]


def _search(root: Path, skill: dict[str, float], folds: int, generator: np.random.Generator) -> Best:
    trials, curves, strategies = [], [], {}
    config = {"learning_rate": 0.00123, "width": 64, "dropout": 0.3, "pooling": "attention"}
    for name, right in skill.items():
        held = {}
        for fold in range(folds):
            final = right + generator.normal(0, 0.02)
            for trial in range(CONFIGURATIONS):
                epochs, status, reason = (20, "finished", "") if trial == 0 else (5, "stopped", "lower half")
                if (name, fold, trial) == ("audio", 0, 2):
                    epochs, status, reason = 1, "failed", "the loss is <NaN>"
                for seed in range(SEARCH_SEEDS):
                    at, ended = (name, fold, trial, seed), final + 0.02 * (seed - 0.5)
                    curves += _curve(at, ended, epochs, generator)
                    scores = (None,) * 3 if status == "failed" else (ended, ended, 0.9)
                    trials.append((*at, json.dumps(config), 2, epochs, status, reason, *scores))
            validation = {"wa": final, "ua": final, "loss": 0.9}
            held[fold] = chosen(config=config, epochs=17, parameters=48_231, validation=validation)
        strategies[name] = held
    columns = [
        "strategy",
        "fold",
        "trial",
        "seed",
        "config",
        "rung",
        "epochs",
        "status",
        "reason",
        "wa",
        "ua",
        "loss",
    ]
    table = pd.DataFrame(trials, columns=columns)
    ensemble = {f"ensemble_{key}": table[key] for key in ("wa", "ua", "loss")} | {"ensemble_epoch": 16}
    table = table.assign(batch=0, schedule=None, parameters=48_231, best_epoch=17, **ensemble)
    TRIALS.write(table, root)
    columns = [*columns[:4], "epoch", "train_loss", "loss", "wa", "ua"]
    CURVES.write(pd.DataFrame(curves, columns=columns), root)
    found = best(
        strategies,
        left_out={"gesture": "no utterance of <control> has it"},
        modalities=MODALITIES,
        budget=budget(
            configurations=CONFIGURATIONS, epochs=20, folds=folds, seeds=SEARCH_SEEDS, rungs=[5, 20]
        ),
    )
    found.write(root)
    return found


def _curve(at: tuple, final: float, epochs: int, generator: np.random.Generator) -> list[tuple]:
    epoch = np.arange(1, epochs + 1)
    ua = final * (1 - np.exp(-epoch / 4)) + generator.normal(0, 0.01, epochs)
    loss = 2.2 * np.exp(-epoch / 6) + 0.7
    return [(*at, *row) for row in zip(epoch, loss - 0.2, loss, ua, ua, strict=True)]


def _predictions(table, deal, skill, classes, seeds, per_fold, generator) -> pd.DataFrame:
    truth = np.array([classes.index(label) for label in table["label"]])
    speaker_effect = {name: generator.normal(0, 0.06) for name in table["speaker"].unique()}
    ease = table["speaker"].map(speaker_effect).to_numpy()
    parts = []
    for name, right in skill.items():
        other = (truth + generator.integers(1, len(classes), len(truth))) % len(classes)
        seen = np.where(generator.random(len(truth)) < right + ease, truth, other)
        for seed in range(seeds):
            scores = generator.normal(0, 0.6, (len(truth), len(classes)))
            scores[np.arange(len(truth)), seen] += 2.2
            values = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
            part = pd.DataFrame(values, columns=[f"p_{label}" for label in classes])
            part.insert(0, "label", table["label"])
            part.insert(0, "strategy", name)
            part.insert(0, "seed", seed)
            part.insert(0, "fold", deal)
            part.insert(0, "utterance_id", table["utterance_id"])
            parts.append(part)
    rows = pd.concat(parts, ignore_index=True)
    chosen = rows[rows["strategy"] == rows["fold"].map(per_fold)].assign(strategy="chosen")
    rows = pd.concat([rows, chosen], ignore_index=True)
    return rows.sort_values(["strategy", "seed", "fold", "utterance_id"], ignore_index=True)


def subsets_of(predictions: pd.DataFrame, generator: np.random.Generator) -> pd.DataFrame:
    """Predictions with some of the modalities, of strategies that use all: the fewer they are, the less sure."""
    fusing = predictions[~predictions["strategy"].isin(["majority", "chance", "chosen", *MODALITIES])]
    columns = [name for name in predictions if name.startswith("p_")]
    means = fusing.groupby(["strategy", "fold", "utterance_id"])[columns].mean().reset_index()
    parts = []
    for size in range(1, len(MODALITIES)):
        for subset in combinations(sorted(MODALITIES), size):
            kept = generator.random((len(means), 1)) < size / len(MODALITIES)
            part = means.assign(modalities="+".join(subset))
            drawn = generator.dirichlet(np.ones(len(columns)), len(means))
            part[columns] = np.where(kept, means[columns], drawn)
            parts.append(part)
    return pd.concat(parts, ignore_index=True) if len(means) else means.assign(modalities="")


def _oracle(root: Path, corpus: str, table, classes, generator, *, planted: bool) -> None:
    agree = {"both": {"accuracy": 0.634, "ua": 0.612, "utterances": 120, "raters": 9.8}}
    People(agreement=agree if planted else {}).write(root, corpus=corpus)
    columns = list(ORACLE.columns)
    if not planted:
        ORACLE.write(pd.DataFrame(columns=columns), root, corpus=corpus)
        Ceilings(truth={}, population={}, oracle={}).write(root, corpus=corpus)
        return
    subsets = ["audio", "text", "face", "audio+text", "audio+face", "text+face", "audio+text+face"]
    parts, population = [], {}
    for subset in subsets:
        misses = np.prod([1 - RELIABILITY[modality] for modality in subset.split("+")]) ** 0.6
        single = "+" not in subset
        population[subset] = RELIABILITY[subset] if single else float(1 - misses)
        correct = generator.random(len(table)) < population[subset]
        part = table[["utterance_id", "label"]].assign(subset=subset, correct=correct)
        after = dict(zip(classes, [*classes[1:], classes[0]], strict=True))
        part["prediction"] = part["label"].where(correct, part["label"].map(after))
        parts.append(pd.concat([part[columns], pd.get_dummies(part["prediction"], dtype=float)], axis=1))
    ORACLE.write(pd.concat(parts, ignore_index=True), root, corpus=corpus)
    Ceilings(truth={}, population=population, oracle={}).write(root, corpus=corpus)
