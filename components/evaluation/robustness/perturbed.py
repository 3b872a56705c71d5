"""What the fold's models say of the test utterances under each condition."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...artifacts.model import PROBABILITY
from ...artifacts.robustness import WordErrors
from ...encoders.cache import Cache
from ...encoders.parallel import Recipe
from ...encoders.recognition import RecogniserRecipe
from ...errors import FeatureError
from ...schema import CONDITIONS
from ...training.subsets import proper_subsets
from . import attacked, recognised, scoring, worse_media
from .changes import changed
from .extraction import Changed, Wanted, extract
from .missing import absent
from .tested import Tested
from .tuned import TunedFold

AS_IT_IS = ("", 0.0)
"""Stands for condition and level of what is not changed."""
Place = tuple[str, str, float, str]
"""Modality, condition, level, utterance id."""

if TYPE_CHECKING:
    import pandas as pd

    from ...fusion.model import EmotionModel


def perturbed(
    rows: "pd.DataFrame",
    conditions: Mapping[str, Sequence[float]],
    tested: Tested,
    *,
    seed: int,
    recipes: Mapping[str, Recipe],
    recogniser: RecogniserRecipe | None,
    cache: Cache,
    workers: int,
    cluster: str | None = None,
) -> "tuple[pd.DataFrame, list[WordErrors]]":
    """Score test utterances under each condition at each level.

    Only the modalities that a condition changes are encoded again; the others are those of the feature store. What a
    fold's model does not take is not encoded at all.

    Args:
        rows: the test rows, see `sample.drawn`.
        conditions: name → levels.
        tested: the models and what they read.
        seed: of what conditions draw at random.
        recipes: modality → how it is encoded.
        recogniser: of words, where a condition needs one.
        cache: of encoded clips.
        workers: processes of this machine.
        cluster: the address of a Ray cluster.

    Returns:
        A table as `artifacts.robustness.PERTURBED` describes it; and the word errors, where words were recognised.

    Raises:
        EvaluationError: a condition by what others say, and a corpus with one test speaker; words that are to be
            recognised, and no sound.
    """
    import pandas as pd

    ids = sorted(set(rows["utterance_id"]))
    heard = recognised.under(
        conditions, ids, tested, recogniser, seed=seed, cache=cache, workers=workers, cluster=cluster
    )
    wanted = [
        each
        for name, levels in conditions.items()
        for level in levels
        for each in worse_media.of(name, level, ids, tested, heard, seed=seed)
    ]
    of_tuned = [each for each in wanted if each.modality in tested.tuned_modalities]
    frozen = [each for each in wanted if each.modality not in tested.tuned_modalities]
    features = extract(frozen, recipes=recipes, cache=cache, workers=workers, cluster=cluster)
    tables = []
    for fold, own in rows.groupby("fold", sort=True):
        model = scoring.load(tested.models, int(fold), tested.root)
        names = own["utterance_id"].to_numpy()
        clean = [_clean(name, int(fold), tested) for name in names]
        by_tuned = _by_tuned(int(fold), set(names), of_tuned, tested, recipes=recipes, cache=cache)
        for name, each in zip(names, clean, strict=True):
            for modality in set(tested.tuned_modalities) & set(each):
                each[modality] = _there(by_tuned[modality, *AS_IT_IS, name], name)
        truth = pd.Categorical(own["label"], categories=tested.models.classes).codes.astype(int)
        for condition, levels in conditions.items():
            of_condition = changed(condition, tested.modalities)
            for level in levels:
                if condition in attacked.ATTACKS:
                    scored = attacked.probabilities(
                        model, clean, truth, condition, level, utterance_ids=names, seed=seed
                    )
                    answers = [_answers(names, scored, tested, given=list(tested.modalities))]
                else:
                    held = [
                        _worse(name, each, condition, level, of_condition, features, by_tuned, seed=seed)
                        for name, each in zip(names, clean, strict=True)
                    ]
                    answers = _by_subset(model, names, held, of_condition, tested)
                known = {"fold": int(fold), "condition": condition, "level": float(level)}
                known |= {"changed": "+".join(of_condition)}
                tables += [each.assign(**known) for each in answers]
    order = ["condition", "level", "modalities", "fold", "utterance_id"]
    table = pd.concat(tables).sort_values(order, ignore_index=True)
    return table, recognised.errors(heard, ids, tested)


def _by_subset(
    model: "EmotionModel",
    ids: np.ndarray,
    held: Sequence[tuple[dict[str, np.ndarray], bool]],
    of_condition: Sequence[str],
    tested: Tested,
) -> "list[pd.DataFrame]":
    """What a model says given all modalities, and given each subset that holds one that was changed.

    Args:
        held: of each utterance its features, and whether the changed recording gave none of a modality.
        of_condition: the modalities that were changed.
    """
    lost = np.array([each for _, each in held])
    scored = scoring.probabilities(model, [features for features, _ in held])
    tables = [_answers(ids, scored, tested, given=list(tested.modalities), unusable=lost)]
    for subset in proper_subsets(list(tested.modalities)):
        if not set(of_condition) & set(subset):
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


def _clean(utterance_id: str, fold: int, tested: Tested) -> dict[str, np.ndarray]:
    """An utterance's stored features ``[T, D]`` by modality, those of the fold that tests it."""
    found = {}
    for name in tested.modalities:
        if utterance_id in tested.there[name]:
            tokens, present = tested.store.tokens(name, [utterance_id], [fold])
            if present.any():
                found[name] = tokens[0][present[0]]
    return found


def _by_tuned(
    fold: int,
    ids: set[str],
    wanted: Sequence[Wanted],
    tested: Tested,
    *,
    recipes: Mapping[str, Recipe],
    cache: Cache,
) -> dict[Place, np.ndarray | None]:
    """What the encoders that were tuned with a fold's model make of its utterances, as they are and changed."""
    found: dict[Place, np.ndarray | None] = {}
    for modality in tested.tuned_modalities:
        encoders = TunedFold.of(
            recipes[modality],
            tested.tuned,
            fold=fold,
            count=len(tested.models.folds[fold].seeds),
            cache=cache,
            root=tested.root,
        )
        unchanged = [
            Wanted(modality, *AS_IT_IS, worse_media.as_it_is(modality, name, tested))
            for name in sorted(ids & tested.there[modality])
        ]
        changes = [each for each in wanted if each.modality == modality and each.source.utterance_id in ids]
        own = unchanged + changes
        what = f"robustness, fold {fold}, {modality} by tuned encoders"
        for each, tokens in zip(own, encoders.tokens(own, what=what), strict=True):
            found[modality, each.condition, each.level, each.source.utterance_id] = tokens
    return found


def _there(tokens: np.ndarray | None, utterance_id: str) -> np.ndarray:
    if tokens is None:
        raise FeatureError(
            f"{utterance_id}: there are features of it, and now it cannot be encoded; make them again with: dvc repro "
            "-f features"
        )
    return tokens


def _worse(
    utterance_id: str,
    clean: Mapping[str, np.ndarray],
    condition: str,
    level: float,
    of_condition: Sequence[str],
    features: Changed,
    by_tuned: Mapping[Place, np.ndarray | None],
    *,
    seed: int,
) -> tuple[dict[str, np.ndarray], bool]:
    """An utterance's features under a condition, and whether the changed recording gave none of a modality."""
    if CONDITIONS[condition].modality is None:
        gone = absent(utterance_id, sorted(clean), level, seed=seed)
        return {name: tokens for name, tokens in clean.items() if name not in gone}, False
    worse, lost = dict(clean), False
    for name in of_condition:
        if name not in clean:
            continue
        place = (name, condition, level, utterance_id)
        tokens = by_tuned[place] if place in by_tuned else features.tokens(*place)
        if tokens is None:
            del worse[name]
            lost = True
        else:
            worse[name] = tokens
    return worse, lost
