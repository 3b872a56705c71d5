"""The stage ``train``: each strategy's choice scores its test folds once; the winner is refitted on all rows.

Finished refits are kept in the stage's work folder, so that a killed stage goes on where it was.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .. import params, settings
from ..artifacts import features as features_artifact
from ..artifacts import fold_models
from ..artifacts.model import (
    CHOSEN,
    CHOSEN_BY,
    DIMENSIONS,
    FOLDER,
    PREDICTIONS,
    SUBSETS,
    TUNED,
    WEIGHTS,
    LayerWeights,
    Modality,
    ModelCard,
    ModelTuning,
    Operations,
    ZeroShot,
)
from ..artifacts.search import Best
from ..encoders import ModelFiles, encode, layout_of, make, name_of, open_all
from ..errors import FeatureError, listed
from ..files import replacing, work_folder
from ..fusion.layer_weights import learned
from ..fusion.preparation import Layout, Preparation, plan
from ..fusion.strategy import BASELINES, build, parameter_count, uses
from ..progress import track
from ..schema import Join
from ..training import zero_shot
from ..training.operations import OPERATIONS, TOKENS
from ..training.predicted import dimensions, predictions
from ..training.refit import Choice, choice_for_everything
from ..training.rows import Fold, out_of_fold, unlabelled
from ..training.subsets import subset_table
from ..training.workers import Context, Job, StoredReader, SvmJob, job_of, run_jobs
from .entry import run
from .training_inputs import Inputs
from .tuning import TunedEncoders
from .weights import load, save, save_finite

REFIT = "model"
"""The job that trains the model that is registered; the others are called ``<strategy>.<fold>``, those that the other
rule of choice adds by its name in `CHOSEN_BY`."""


def main() -> None:
    import pandas as pd

    experiment, environment = params.load(), settings.load()
    inputs, best = Inputs.of(experiment), Best.read()
    classes, seeds = inputs.protocol.classes, experiment.train.seeds
    winner = choice_for_everything(best.best, best.strategies[best.best])
    device = environment.torch_device()
    models = ModelFiles(environment.landmark_model, environment.encoders)
    tuned = TunedEncoders.of(experiment, inputs, models, environment.cache)
    keeps = tuned.keeps(best.best)
    jobs = {
        f"{name}.{fold.number}": job_of(
            fold, Choice.of(name, strategy.folds[fold.number]), seeds, keep=keeps and name == best.best
        )
        for fold in inputs.folds
        for name, strategy in best.strategies.items()
    }
    nested, further = _nested(best, jobs, inputs.folds, seeds)
    jobs = dict(sorted((jobs | further).items(), key=lambda item: item[1].fold))
    jobs[REFIT] = Job(winner, tuple(seeds), _everything(inputs), None)
    tuned_jobs = {name: job for name, job in jobs.items() if tuned.tunes(job.choice.strategy)}
    for job in tuned_jobs.values():
        tuned.check(job)
    # The classifiers are files of their own: asking for one does not train the others again.
    stated = experiment.train.model_dump(exclude={"classifiers"}) | {"tuned": tuned.facts}
    digest = inputs.digest(stated, also=[Best.path()], device=device)
    work = work_folder("train", digest)
    beside = _classifier_jobs(experiment, inputs)
    left = [name for name in [*jobs, *beside] if not _file(work, name).is_file()]
    if left:
        if len(left) < len(jobs) + len(beside):
            print(
                f"train: {len(jobs) + len(beside) - len(left)} of {len(jobs) + len(beside)} refits were finished before"
            )
        context = Context(
            StoredReader(open_all, features_artifact.FOLDER.resolve(), tuple(inputs.corpora)),
            {name: inputs.store.layout(name) for name in inputs.trainable},
            tuple(inputs.trainable),
            len(classes),
            device,
            inputs.reduction,
            inputs.auxiliary_targets(),
            _prompts(experiment, inputs, models),
        )
        workers = 1 if device == "cuda" else environment.worker_count()
        frozen = [name for name in left if name not in tuned_jobs]
        if frozen:
            done = run_jobs([(jobs | beside)[name] for name in frozen], context, workers=workers)
            for i, arrays in track(done, total=len(frozen), what="train, refits"):
                save_finite(_file(work, frozen[i]), arrays)
        learning = [name for name in left if name in tuned_jobs]
        if learning:
            done = tuned.run(tuned_jobs, learning, tuned.context(context), work, workers=workers)
            for name, arrays in done:
                save_finite(_file(work, name), arrays)

    tables, scored = [], []
    for fold in inputs.folds:
        own = {name: f"{name}.{fold.number}" for name in best.strategies}
        for strategy, job in (own | nested[fold.number]).items():
            kept = load(_file(work, job))
            trained = kept["seeds"].tolist()
            tables.append(
                predictions(
                    kept["probabilities"],
                    fold,
                    strategy=strategy,
                    seeds=seeds,
                    trained=trained,
                    classes=classes,
                )
            )
            if strategy in own:
                scored.append((strategy, fold, kept))
        for name in experiment.train.classifiers if beside else ():
            kept = load(_file(work, f"{name}.{fold.number}"))
            # No chance is in it: what it says is the same for each seed.
            repeated = np.repeat(kept["probabilities"], len(seeds), axis=0)
            tables.append(
                predictions(repeated, fold, strategy=name, seeds=seeds, trained=seeds, classes=classes)
            )
    order = ["strategy", "fold", "seed", "utterance_id"]
    PREDICTIONS.write(pd.concat(tables).sort_values(order, ignore_index=True))
    SUBSETS.write(subset_table(scored, classes=classes))
    DIMENSIONS.write(dimensions(scored))
    _operations(scored).write()
    kept_folds = [fold.number for fold in inputs.folds] if keeps else []
    _write_fold_models(
        inputs,
        best,
        {fold: load(_file(work, f"{best.best}.{fold}")) for fold in kept_folds},
        tuned=tuned.tunes(best.best),
    )
    state = load(_file(work, REFIT))
    card = _card(
        experiment,
        inputs,
        winner,
        seeds=state.pop("seeds").tolist(),
        state=state,
        tuning=tuned.described(tuned_jobs, jobs[REFIT], work, state),
    )
    with replacing(FOLDER) as folder:
        folder.mkdir()
        save(folder / WEIGHTS.name, state)
        card.write_file(folder / card.path().name)


def _nested(
    best: Best, jobs: Mapping[str, Job], folds: Sequence[Fold], seeds: Sequence[int]
) -> tuple[dict[int, dict[str, str]], dict[str, Job]]:
    """What each fold's validation chose, by the rule that chooses and by the other one.

    Returns:
        Fold → nested choice → the job that scores it; and the jobs for what only the other rule would have chosen.
    """
    nested, further = {}, {}
    for fold in folds:
        n = fold.number
        nested[n] = {CHOSEN: f"{best.per_fold_best[n]}.{n}"}
        if best.other is None:
            continue
        name, strategy = CHOSEN_BY[best.other.choose_by], best.other.per_fold_best[n]
        choice = Choice.of(strategy, best.other.folds[n])
        job = f"{strategy}.{n}"
        if jobs[job].choice != choice:
            job = f"{name}.{n}"
            further[job] = job_of(fold, choice, seeds)
        nested[n][name] = job
    return nested, further


def _classifier_jobs(experiment: params.Params, inputs: Inputs) -> dict[str, SvmJob]:
    """The classifiers beside the strategies, a job for each fold. None can name a class that it was never shown."""
    stated = experiment.train.classifiers
    if stated and inputs.protocol.unseen:
        print(f"train: without {listed(stated)}, which cannot recognise classes that no training row has")
        return {}
    if stated and set(inputs.trainable) <= set(inputs.posteriors):
        print(
            f"train: without {listed(stated)}, which cannot learn from posteriors, and there is nothing else"
        )
        return {}
    return {f"{name}.{fold.number}": SvmJob(fold) for name in stated for fold in inputs.folds}


def _operations(scored: Iterable[tuple[str, Fold, dict[str, np.ndarray]]]) -> Operations:
    """What one answer of each strategy costs, from what the refits of the folds counted."""
    strategies: dict[str, dict[int, int]] = {}
    tokens: dict[int, dict[str, int]] = {}
    for strategy, fold, arrays in scored:
        strategies.setdefault(strategy, {})[fold.number] = arrays[OPERATIONS].item()
        tokens.setdefault(fold.number, {}).update(
            {
                key.removeprefix(TOKENS): x.item()
                for key, x in sorted(arrays.items())
                if key.startswith(TOKENS)
            }
        )
    return Operations(strategies=strategies, tokens=tokens)


def _everything(inputs: Inputs):
    """The rows that the registered model is trained on, with features that no fold's model made of its own training
    rows."""
    first = inputs.folds[0]
    learned = first.seen if inputs.protocol.scarce else first.seen + first.test
    return out_of_fold(learned.labelled + unlabelled(inputs.folds), inputs.folds)


def _write_fold_models(
    inputs: Inputs, best: Best, refits: dict[int, dict[str, np.ndarray]], *, tuned: bool
) -> None:
    """Write the models of the registered strategy that scored the test folds.

    Args:
        refits: fold → what its refit kept; none where all weights of an encoder are tuned.
        tuned: whether encoders were tuned with them.
    """
    kept = ("members.", "preparation.", "prompts", "usual_words", TUNED)
    with replacing(fold_models.FOLDER) as folder:
        folder.mkdir()
        described = {}
        for fold, arrays in refits.items():
            state = {name: x for name, x in arrays.items() if name.startswith(kept)}
            save(folder / fold_models.weights(fold).name, state)
            described[fold] = fold_models.FoldModel(
                config=best.strategies[best.best].folds[fold].config,
                seeds=arrays["seeds"].tolist(),
                preparation=_preparation(inputs, best.best, state).describe(),
            )
        models = fold_models.FoldModels(
            strategy=best.best,
            classes=inputs.protocol.classes,
            folds=described,
            by_prompts=_by_prompts(inputs, best.best),
            tuned=tuned,
        )
        models.write_file(folder / models.path().name)


def _preparation(inputs: Inputs, strategy: str, state: dict[str, np.ndarray]) -> Preparation:
    """An empty preparation of the sizes that the one in a model's state has."""
    layouts = {name: inputs.store.layout(name) for name in uses(strategy, inputs.trainable)}
    mark = "preparation."
    fitted = {name.removeprefix(mark): x for name, x in state.items() if name.startswith(mark)}
    return Preparation.sized(plan(layouts, inputs.reduction), fitted)


def _card(
    experiment: params.Params,
    inputs: Inputs,
    winner: Choice,
    *,
    seeds: list[int],
    state: dict[str, np.ndarray],
    tuning: ModelTuning | None,
) -> ModelCard:
    """What it takes to build the model again and to feed it.

    Args:
        seeds: of the members that did not diverge.
        state: the trained model's tensors by name.
        tuning: of its encoders.
    """
    protocol = inputs.protocol
    layouts = {name: inputs.store.layout(name) for name in uses(winner.strategy, inputs.trainable)}
    preparation = _preparation(inputs, winner.strategy, state)
    member = build(
        winner.strategy,
        dimensions=preparation.dimensions,
        classes=len(protocol.classes),
        config=winner.config,
        layers=preparation.layers,
        posteriors=preparation.posteriors,
    )
    tuned_weights = sum(each.parameters for each in tuning.encoders.values()) if tuning else 0
    return ModelCard(
        strategy=winner.strategy,
        config=winner.config,
        epochs=winner.epochs,
        seeds=seeds,
        left_out=[seed for seed in experiment.train.seeds if seed not in seeds],
        classes=protocol.classes,
        label_space=protocol.label_space,
        protocol=protocol.protocol,
        corpora=experiment.corpora,
        modalities={
            name: _modality(
                experiment,
                name,
                layout,
                inputs.store.models(name),
                inputs.store.join(name),
                _layer_weights(name, preparation, state, len(seeds)),
            )
            for name, layout in layouts.items()
        },
        preparation=preparation.describe(),
        parameters=(parameter_count(member) + tuned_weights) * len(seeds),
        zero_shot=ZeroShot(unseen=protocol.unseen) if _by_prompts(inputs, winner.strategy) else None,
        tuning=tuning,
    )


def _by_prompts(inputs: Inputs, strategy: str) -> bool:
    """Whether a strategy recognises classes by their prompts."""
    return bool(inputs.protocol.unseen) and strategy not in BASELINES


def _modality(
    experiment: params.Params,
    name: str,
    layout: Layout,
    models: dict[str, Any],
    join: Join,
    layer_weights: dict[str, LayerWeights],
) -> Modality:
    encoders = list(dict.fromkeys(encoder for encoder, _ in layout))
    section = getattr(experiment.features, name, None)  # None: a modality that comes as features alone
    parameters: dict[str, Any] = section.model_dump() if section else {"encoders": []}
    stated = {name_of(each): each for each in parameters.pop("encoders")}
    parameters.pop("join", None)
    from_media = bool(set(encoders) & set(stated))  # not a table that came with the corpora
    return Modality(
        encoders=encoders,
        parameters=parameters if from_media else {},
        layout=layout,
        pretrained={name: stated[name] for name in encoders if isinstance(stated.get(name), dict)},
        models=models,
        join=join,
        layer_weights=layer_weights,
        recogniser=getattr(section, "recogniser", None) if from_media else None,
    )


def _layer_weights(
    modality: str, preparation: Preparation, state: dict[str, np.ndarray], members: int
) -> dict[str, LayerWeights]:
    """What the registered model weighs the layers of a modality's encoders by, of those whose layers are all kept."""
    weights = {}
    for place, each in enumerate(preparation.plans[modality]):
        if each.layers > 1:
            of_members = learned(state, modality, place, members).astype(np.float64)  # [K, L]
            weights[each.encoder] = LayerWeights(
                mean=of_members.mean(0).tolist(),
                sd=of_members.std(0, ddof=1).tolist() if members > 1 else None,
            )
    return weights


def _prompts(experiment: params.Params, inputs: Inputs, models: ModelFiles) -> zero_shot.Prompts | None:
    """A zero-shot protocol's prompts, in the languages of what trains, as the experiment's text encoders give them.

    Args:
        models: where the encoders find the models that they run.

    Raises:
        FeatureError: the corpora's words were encoded by others.
    """
    protocol = inputs.protocol
    if not protocol.unseen:
        return None
    stated = experiment.features.text.model_dump()
    join = stated.pop("join")
    encoders = make(stated.pop("encoders"), stated, modality="text", models=models, join=join)
    layout = inputs.store.layout("text")
    if layout != layout_of(encoders):
        raise FeatureError(
            f"the protocol is zero-shot, and its prompts cannot be encoded as the corpora's words were "
            f"({listed(name for name, _ in layout)}): leave the text's feature table out"
        )
    spoken = zero_shot.languages_of(
        inputs.utterances(["utterance_id", "language"]),
        (name for fold in inputs.folds for name in fold.train.ids),
    )
    return zero_shot.encoded(
        zero_shot.sentences(protocol.classes, spoken), partial(encode, encoders, join=join)
    )


def _file(work: Path, name: str) -> Path:
    return work / f"{name}.safetensors"


if __name__ == "__main__":
    run("train", main)
