"""Every probe of every layer of the models that scored the test folds."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ...artifacts.fold_models import FoldModels
from ...encoders import FeatureStore
from ...progress import track
from ...training.rows import Part
from ..robustness.scoring import load
from .figures import figures_of
from .findings import EMBEDDING, Probed, ProbedLayer, ProbedModels
from .inputs import Inputs
from .model_layers import LayerName, representations
from .model_splits import by_model
from .probe import Predictions, predict
from .targets import Target, speaker_codes


@dataclass
class _Found:
    """What was found of a layer in the models of all folds so far."""

    dimensions: set[int] = field(default_factory=set)
    folds: int = 0
    utterances: set[int] = field(default_factory=set)
    predictions: dict[str, list[Predictions]] = field(default_factory=dict)


def why_not(inputs: Inputs) -> str | None:
    """Why a workspace has no models to probe; None where it has."""
    models, path, store = inputs.models, FoldModels.path(inputs.root), inputs.store
    if models is None:
        return f"{path} does not exist; make it with: dvc repro train"
    if models.tuned or not models.folds:
        return "encoders were tuned with the models, and what those make is not stored"
    taken = next(iter(models.folds.values())).preparation
    sizes = {name: sum(block["dimensions"] for block in blocks) for name, blocks in taken.items()}
    stored = {name: sum(size for _, size in store.layout(name)) for name in store.modalities if name in sizes}
    numbers = {fold.number for fold in inputs.folds}
    if stored != sizes or models.classes != inputs.protocol.classes or set(models.folds) != numbers:
        return f"{path} is of other features, classes or folds; make it again with: dvc repro train"
    return None


def probe_models(inputs: Inputs, models: FoldModels, targets: Sequence[Target], *, seed: int) -> ProbedModels:
    """Probe every layer of the fold models for every target, showing how many folds are done.

    A fold's model gives the representations of the utterances that it was trained on and of those that it is tested on;
    `model_splits` says which are learned from and which tested. Of the members of a model the first is probed.

    Args:
        inputs: of the workspace.
        models: those of the workspace, to which `why_not` has no objection.
        targets: with splits that are the same for all features.
        seed: of splits and randomised components.

    Raises:
        FeatureError: features that are not finite.
    """
    ids, speakers = list(inputs.utterances["utterance_id"]), speaker_codes(inputs.utterances)
    place = {name: position for position, name in enumerate(ids)}
    made = {target.name: by_model(target, inputs.folds, ids, speakers, seed=seed) for target in targets}
    left_out = {name: why for name, why in made.items() if isinstance(why, str)}
    split = {name: each for name, each in made.items() if not isinstance(each, str)}
    found: dict[LayerName, _Found] = {}
    for k, fold in enumerate(track(inputs.folds, total=len(inputs.folds), what="probing the fusion, folds")):
        part = fold.seen.labelled + fold.test
        rows = np.array([place[name] for name in part.ids])
        model = load(models, fold.number, inputs.root)
        for layer, of_part in representations(
            model, features_by_modality(inputs.store, part, model.modalities)
        ).items():
            features = np.full((len(ids), of_part.shape[1]), np.nan, np.float32)
            features[rows] = of_part
            own = found.setdefault(layer, _Found())
            own.dimensions.add(of_part.shape[1])
            own.folds += 1
            own.utterances |= set(rows[~np.isnan(of_part).any(1)].tolist())
            for name, (_, of_fold) in split.items():
                said = predict(features, of_fold[k], seed=seed)
                if said is not None:
                    own.predictions.setdefault(name, []).append(said)
    return ProbedModels(
        strategy=models.strategy,
        folds=len(inputs.folds),
        targets=[target.described() for target, _ in split.values()],
        left_out=left_out,
        layers=[
            ProbedLayer(
                modality=layer.modality,
                name=layer.name,
                dimensions=sorted(own.dimensions),
                folds=own.folds,
                utterances=len(own.utterances),
                targets={
                    name: _figures(target, own.predictions.get(name, []), speakers)
                    for name, (target, _) in split.items()
                },
            )
            for layer, own in sorted(found.items(), key=lambda each: _place(each[0]))
        ],
    )


def features_by_modality(
    store: FeatureStore, part: Part, modalities: Sequence[str]
) -> list[dict[str, np.ndarray]]:
    """Of each utterance of a part its features ``[T, D]`` by modality, without those that it lacks."""
    rows = []
    for name, fold in zip(part.ids, part.folds, strict=True):
        read = {modality: store.tokens(modality, [name], [fold]) for modality in modalities}
        rows.append({modality: x[0, there[0]] for modality, (x, there) in read.items() if there.any()})
    return rows


def _figures(target: Target, said: Sequence[Predictions], speakers: np.ndarray) -> Probed | None:
    if not said:
        return None
    return figures_of(target, Predictions.joined(said), speakers)


def _place(layer: LayerName) -> tuple[bool, str, bool]:
    """Where a layer stands; those of one place keep their order, models of few layers coming before one of more."""
    return layer.modality is None, layer.modality or "", layer.name == EMBEDDING
