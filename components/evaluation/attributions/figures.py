"""Integrated gradients and attention roll-out of the errors that the report lists."""

from collections.abc import Mapping, Sequence
from math import exp
from typing import TYPE_CHECKING, cast

import numpy as np

from ...artifacts.corpora import RAW
from ...artifacts.features import FOLDER, RECOGNISED
from ...artifacts.fold_models import FoldModels
from ...artifacts.reports import Attributions, Misclassified, ModalityAttributions, NotAttributed
from ...errors import EvaluationError
from ..inputs import Experiment, tested_utterances
from . import by_word, over_time, recording

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor, nn

    from ...encoders import FeatureStore
    from ...fusion.model import EmotionModel
    from ...fusion.preparation import Block
    from ...fusion.strategy import Strategy

WORDS = "text"
"""The modality whose tokens have an order, and no times."""
SAME, SAME_BFLOAT16 = 1e-3, 3e-2
"""By how much a fold's model may differ from its own predictions; those of bfloat16 are of three digits."""
DIGITS = 4


def of_errors(
    errors: Sequence[Misclassified], experiment: Experiment
) -> tuple[list[Misclassified], NotAttributed]:
    """The errors with their attributions, or why there are none.

    Args:
        errors: of the registered strategy.
        experiment: with the models that scored the test folds.

    Raises:
        EvaluationError: a model does not give what the predictions hold, or features are of other words.
        FeatureError: the features are missing or broken.
    """
    models = experiment.fold_models
    if models is None or models.tuned or not models.folds:
        tuned = models is not None and models.tuned
        why = "its encoders were tuned with it" if tuned else "the models of the folds were not kept"
        return list(errors), NotAttributed(gradients=why, rollout=why)
    if not errors:
        return [], NotAttributed(gradients=None, rollout=None)
    from ...encoders import open_all
    from ..robustness.scoring import load

    store = open_all(experiment.root / FOLDER, list(experiment.corpora))
    table = tested_utterances(experiment.corpora, [each.utterance_id for each in errors])
    heard = _recognised(experiment)
    loaded = {fold: load(models, fold, experiment.root).double() for fold in {each.fold for each in errors}}
    attributed = []
    for error, (_, row) in zip(errors, table.iterrows(), strict=True):
        text = heard.get(error.utterance_id, row["text"])
        found = _attributions(error, loaded[error.fold], models, store, row, text, experiment)
        attributed.append(error.model_copy(update={"attributions": found}))
    return attributed, NotAttributed(gradients=None, rollout=_without_rollout(loaded[errors[0].fold]))


def _attributions(
    error: Misclassified,
    model: "EmotionModel",
    models: FoldModels,
    store: "FeatureStore",
    row: "pd.Series",
    text: object,
    experiment: Experiment,
) -> Attributions:
    import torch

    from .gradients import integrated_gradients, made_by

    tokens, present = {}, {}
    for name in model.preparation.dimensions:
        x, there = store.tokens(name, [error.utterance_id], [error.fold])
        tokens[name], present[name] = torch.from_numpy(x).double(), torch.from_numpy(there)
    found = integrated_gradients(model, tokens, present, models.classes.index(error.predicted))
    same = SAME_BFLOAT16 if models.folds[error.fold].config.get("bfloat16") else SAME
    if abs(exp(found.answer) - error.confidence) > same:
        raise EvaluationError(
            f"{error.utterance_id}: the model of fold {error.fold} gives {error.predicted} {exp(found.answer):.4f}, "
            f"and the predictions hold {error.confidence:.4f}; run the stage `train` again"
        )
    flow = _rollout(model, tokens, present)
    of_modalities = {}
    for name, values in found.values.items():
        starts, ends = over_time.spans(made_by(model, name, tokens[name])[0].numpy())
        of_tokens = values.sum(-1).double().numpy()
        of_modalities[name] = ModalityAttributions(
            total=round(float(of_tokens.sum()), DIGITS),
            over_time=_rounded(over_time.in_parts(of_tokens, starts, ends)),
            timed=name != WORDS,
            words=_words(model, tokens[name], values, text) if name == WORDS else None,
            rollout=_rounded(over_time.in_parts(flow[name], starts, ends)) if flow else None,
        )
    sound, film = (
        experiment.root / RAW / row["corpus"] / row[column] if isinstance(row[column], str) else None
        for column in ("audio", "video")
    )
    clip = recording.read(sound, film)
    return Attributions(
        log_probability=round(found.answer, DIGITS),
        neutral=round(found.neutral, DIGITS),
        gap=round(found.gap, DIGITS),
        steps=found.steps,
        modalities=of_modalities,
        duration_s=None if clip.duration_s is None else round(clip.duration_s, 3),
        unreadable=clip.unreadable,
        waveform=clip.waveform if "audio" in of_modalities else None,
    )


def _rollout(
    model: "EmotionModel", tokens: "dict[str, Tensor]", present: "dict[str, Tensor]"
) -> dict[str, np.ndarray] | None:
    """The mean over the members, of each token ``[T]``; None where there is none."""
    from ...fusion.attention_rollout import rollout

    if _without_rollout(model):
        return None
    prepared = model.preparation(tokens, present)
    each = [rollout(member, prepared, present) for member in _members(model)]
    return {name: np.mean([shares[name][0].double().numpy() for shares in each], axis=0) for name in prepared}


def _without_rollout(model: "EmotionModel") -> str | None:
    """Why attention does not lead from tokens to what a model says; None where it does."""
    from ...fusion.attention_rollout import why_not

    if model.prompts is not None:
        return "classes are recognised by their prompts, before modalities meet"
    return why_not(_members(model)[0])


def _members(model: "EmotionModel") -> "list[Strategy]":
    return [cast("Strategy", member) for member in model.members]


def _words(
    model: "EmotionModel", tokens: "Tensor", values: "Tensor", text: object
) -> list[tuple[str, float]] | None:
    """The words' values, where hashed words are all that the text's encoders read."""
    (plan, *others) = model.preparation.plans[WORDS]
    if others or plan.encoder != "hashing" or not isinstance(text, str):
        return None
    block = cast("Block", cast("nn.ModuleList", model.preparation.blocks[WORDS])[0])
    of_columns = np.zeros(plan.dimensions)
    kept = block.columns.numpy() if plan.components else slice(None)
    of_columns[kept] = values.sum(0).double().numpy()
    counts = tokens[0, 0].double().numpy()
    return [(word, round(value, DIGITS)) for word, value in by_word.by_word(text, counts, of_columns)]


def _recognised(experiment: Experiment) -> Mapping[str, object]:
    """By utterance, what a recogniser heard in the corpora whose words are no transcripts."""
    heard: dict[str, object] = {}
    for corpus, facts in experiment.corpora.items():
        if facts.recognition:
            table = RECOGNISED.read(experiment.root, corpus=corpus)
            heard |= dict(zip(table["utterance_id"], table["text"], strict=True))
    return heard


def _rounded(values: np.ndarray) -> list[float]:
    rounded: list[float] = np.round(values, DIGITS).tolist()
    return rounded
