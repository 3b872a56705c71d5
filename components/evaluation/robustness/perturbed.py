"""What the fold's models say of the test utterances under each condition."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...artifacts.fold_models import FoldModels
from ...artifacts.model import PROBABILITY
from ...encoders import FeatureStore
from ...encoders.cache import Cache
from ...encoders.dialogue import Turn
from ...encoders.jobs import Source
from ...encoders.parallel import Recipe
from ...errors import EvaluationError
from ...schema import CONDITIONS
from ...training.subsets import proper_subsets
from . import attacked, scoring
from .extraction import Changed, extract
from .missing import absent
from .perturbation import Perturbation
from .talkers import talkers

if TYPE_CHECKING:
    import pandas as pd

    from ...fusion.model import EmotionModel

BY_OTHERS = ("babble", "wrong_words")
"""Conditions that take sound or words of other people."""


@dataclass(frozen=True)
class Tested:
    """The models under test, and what they are tested on.

    Attributes:
        models: of the test folds.
        modalities: those that they take.
        store: the features of the recordings as they are.
        recordings: modality → utterance id → its medium.
        speakers: test utterance → who speaks.
        root: the workspace.
    """

    models: FoldModels
    modalities: Sequence[str]
    store: FeatureStore
    recordings: Mapping[str, Mapping[str, Source]]
    speakers: Mapping[str, str]
    root: Path = Path()


def perturbed(
    rows: "pd.DataFrame",
    conditions: Mapping[str, Sequence[float]],
    tested: Tested,
    *,
    seed: int,
    recipes: Mapping[str, Recipe],
    cache: Cache,
    workers: int,
    cluster: str | None = None,
) -> "pd.DataFrame":
    """Score test utterances under each condition at each level.

    Only the modality that a condition changes is encoded again; the others are those of the feature store. What a
    fold's model does not take is not encoded at all.

    Args:
        rows: the test rows, see `sample.drawn`.
        conditions: name → levels.
        tested: the models and what they read.
        seed: of what conditions draw at random.
        recipes: modality → how it is encoded.
        cache: of encoded clips.
        workers: processes of this machine.
        cluster: the address of a Ray cluster.

    Returns:
        A table as `artifacts.robustness.PERTURBED` describes it.

    Raises:
        EvaluationError: a condition by what others say, and a corpus with one test speaker.
    """
    import pandas as pd

    there = {name: set(tested.store.ids(name)) for name in tested.modalities}
    wanted = [
        each
        for name, levels in conditions.items()
        for level in levels
        for each in _changes(name, level, sorted(set(rows["utterance_id"])), there, tested, seed=seed)
    ]
    changed = extract(wanted, recipes=recipes, cache=cache, workers=workers, cluster=cluster)
    tables = []
    for fold, own in rows.groupby("fold", sort=True):
        model = scoring.load(tested.models, int(fold), tested.root)
        ids = own["utterance_id"].to_numpy()
        clean = [_clean(name, int(fold), tested, there) for name in ids]
        truth = pd.Categorical(own["label"], categories=tested.models.classes).codes.astype(int)
        for condition, levels in conditions.items():
            for level in levels:
                if condition in attacked.ATTACKS:
                    scored = attacked.probabilities(
                        model, clean, truth, condition, level, utterance_ids=ids, seed=seed
                    )
                    answers = [_answers(ids, scored, tested, given=tested.modalities)]
                else:
                    held = [
                        _worse(name, features, condition, level, changed, seed=seed)
                        for name, features in zip(ids, clean, strict=True)
                    ]
                    answers = _by_subset(model, ids, held, CONDITIONS[condition].modality, tested)
                known = {"fold": int(fold), "condition": condition, "level": float(level)}
                tables += [each.assign(**known) for each in answers]
    order = ["condition", "level", "modalities", "fold", "utterance_id"]
    return pd.concat(tables).sort_values(order, ignore_index=True)


def _by_subset(
    model: "EmotionModel",
    ids: np.ndarray,
    held: Sequence[tuple[dict[str, np.ndarray], bool]],
    changed: str | None,
    tested: Tested,
) -> "list[pd.DataFrame]":
    """What a model says given all modalities, and given each subset that holds the one that was changed.

    Args:
        held: of each utterance its features, and whether the changed recording gave none.
    """
    lost = np.array([each for _, each in held])
    scored = scoring.probabilities(model, [features for features, _ in held])
    tables = [_answers(ids, scored, tested, given=tested.modalities, unusable=lost)]
    for subset in proper_subsets(tested.modalities):
        if changed not in subset:
            continue  # what is given is as it was
        given = [
            {name: tokens for name, tokens in features.items() if name in subset} for features, _ in held
        ]
        some = np.array([bool(each) for each in given])
        if some.any():
            scored = scoring.probabilities(model, [each for each in given if each])
            tables.append(_answers(ids[some], scored, tested, given=subset, unusable=lost[some]))
    return tables


def _answers(
    ids: np.ndarray,
    probabilities: np.ndarray,
    tested: Tested,
    *,
    given: Sequence[str],
    unusable: np.ndarray | bool = False,
) -> "pd.DataFrame":
    import pandas as pd

    known = {"utterance_id": ids, "modalities": "+".join(sorted(given)), "unusable": unusable}
    return pd.DataFrame(
        known | {PROBABILITY + label: probabilities[:, c] for c, label in enumerate(tested.models.classes)}
    )


def _changes(
    condition: str,
    level: float,
    ids: Sequence[str],
    there: Mapping[str, set[str]],
    tested: Tested,
    *,
    seed: int,
) -> Iterator[tuple[Source, Perturbation]]:
    """The recordings that a condition changes, and how."""
    modality = CONDITIONS[condition].modality
    if modality is None or modality not in there:
        return
    recordings = {name: each for name, each in tested.recordings[modality].items() if name in there[modality]}
    for name in ids:
        if name not in recordings:
            continue
        how = partial(Perturbation, condition, level, seed, name)
        if condition not in BY_OTHERS:
            yield recordings[name], how()
            continue
        others = talkers(name, condition, tested.speakers, recordings, seed=seed)
        if not others:
            raise EvaluationError(
                f"robustness.conditions.{condition}: {name.partition('/')[0]} has one test speaker, and nobody else "
                f"whose {'sound' if condition == 'babble' else 'words'} could be taken; leave {condition} out"
            )
        yield (
            recordings[name],
            how(tuple(_content(each) for each in others), tuple(each.digest for each in others)),
        )


def _content(source: Source) -> Path | str:
    return source.source.text if isinstance(source.source, Turn) else source.source


def _clean(
    utterance_id: str, fold: int, tested: Tested, there: Mapping[str, set[str]]
) -> dict[str, np.ndarray]:
    """An utterance's stored features ``[T, D]`` by modality, those of the fold that tests it."""
    found = {}
    for name in tested.modalities:
        if utterance_id in there[name]:
            tokens, present = tested.store.tokens(name, [utterance_id], [fold])
            if present.any():
                found[name] = tokens[0][present[0]]
    return found


def _worse(
    utterance_id: str,
    clean: Mapping[str, np.ndarray],
    condition: str,
    level: float,
    changed: Changed,
    *,
    seed: int,
) -> tuple[dict[str, np.ndarray], bool]:
    """An utterance's features under a condition, and whether the changed recording gave none."""
    worse, modality = dict(clean), CONDITIONS[condition].modality
    if modality is None:
        gone = absent(utterance_id, sorted(clean), level, seed=seed)
        return {name: tokens for name, tokens in worse.items() if name not in gone}, False
    if modality not in worse:
        return worse, False
    tokens = changed.tokens(condition, level, utterance_id)
    if tokens is None:
        del worse[modality]
        return worse, True
    return worse | {modality: tokens}, False
