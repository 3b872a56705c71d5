"""Fine-tuning in the stage ``train``: of the strategies that use an encoder with ``tune``.

On each fold a member is tuned on the training rows, and validation chooses the number of epochs, 0 among them. Then a
member per seed is tuned for so many on all rows but those of the test, and scores these once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import encoders, media
from ..artifacts import features
from ..artifacts.corpora import RAW
from ..artifacts.model import TUNED, ModelTuning, TunedEncoder
from ..artifacts.utterances import UTTERANCES
from ..encoders import ModelFiles
from ..encoders.dialogue import Turn, turns
from ..encoders.extract import recipes_of
from ..encoders.jobs import sources
from ..encoders.pretrained.folder import find
from ..encoders.pretrained.spec import PretrainedSpec, name_of
from ..encoders.pretrained.tuning.inputs import Recording
from ..encoders.pretrained.tuning.opener import Tunable
from ..errors import ParamsError, SearchError, listed
from ..files import as_new, replacing, tree_digest, versions
from ..fusion.strategy import BASELINES, uses
from ..params import Params
from ..schema import MODALITIES
from ..training.operations import members_operations
from ..training.predicted import DIMENSION
from ..training.subsets import members_by_subset
from ..training.tuning.jobs import TuneContext, TuneJob, run_jobs
from ..training.tuning.learner import Opener, Tuning
from ..training.tuning.member import NOT_TUNED
from ..training.workers import Context, Job
from .training_inputs import Inputs
from .weights import load, save

if TYPE_CHECKING:
    from torch import Tensor

LIBRARIES = ("transformers", "tokenizers", "peft", "soxr", "av", "pillow", "scikit-image")
RATES = {"lora": 5e-4, "full": 2e-5}
"""The encoders' learning rates, where params.yaml does not say."""


@dataclass(frozen=True)
class CheckpointFile:
    """A member's state in a file."""

    path: Path

    def read(self) -> dict[str, Tensor] | None:
        from safetensors.torch import load_file

        return load_file(self.path) if self.path.is_file() else None

    def write(self, state: Mapping[str, Tensor]) -> None:
        from safetensors.torch import save_file

        with replacing(self.path) as temporary:
            save_file(dict(state), temporary)
            as_new(temporary)

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True)
class TunedEncoders:
    """The encoders that are tuned, and what is needed for it.

    Attributes:
        specs: modality → encoder → how params.yaml states it; empty where all are frozen.
        cache: the folder where decoded pictures are kept.
    """

    experiment: Params
    inputs: Inputs
    models: ModelFiles
    specs: dict[str, dict[str, PretrainedSpec]]
    cache: Path

    @classmethod
    def of(cls, experiment: Params, inputs: Inputs, models: ModelFiles, cache: Path) -> TunedEncoders:
        """Those of params.yaml.

        Raises:
            ParamsError: tuning is asked for where it cannot be had.
        """
        specs = {}
        for modality in (name for name in inputs.trainable if name in MODALITIES):
            of_modality = {
                name_of(each): PretrainedSpec.of(each)
                for each in getattr(experiment.features, modality).model_dump()["encoders"]
                if isinstance(each, dict) and each.get("tune")
            }
            if not of_modality:
                continue
            specs[modality] = of_modality
            there = [name for name, _ in inputs.store.layout(modality)]
            lacking = [name for name in of_modality if name not in there]
            if lacking:
                raise ParamsError(
                    f"features.{modality}.encoders: {listed(lacking)} cannot be tuned, since a table of features that "
                    "came with the corpus takes its place: leave tune out"
                )
            if inputs.protocol.unseen:
                raise ParamsError(
                    f"features.{modality}.encoders: tune is not supported under a zero-shot protocol, whose classes "
                    "are recognised by features of a frozen encoder: leave tune out"
                )
        return cls(experiment, inputs, models, specs, cache)

    def tunes(self, strategy: str) -> bool:
        """Whether a strategy uses one of them."""
        return bool(self._of(strategy))

    def keeps(self, strategy: str) -> bool:
        """Whether the weights of a strategy's folds are kept: not where whole encoders are, a copy for each member."""
        return all(spec.tune == "lora" for spec in self._of(strategy).values())

    def _of(self, strategy: str) -> dict[str, PretrainedSpec]:
        """Those that a strategy uses."""
        used = () if strategy in BASELINES else uses(strategy, self.inputs.trainable)
        return {name: spec for modality in used for name, spec in self.specs.get(modality, {}).items()}

    def check(self, job: Job) -> None:
        """Raises ParamsError where the chosen configuration asks of training what tuning does not do."""
        asked = [name for name in NOT_TUNED if job.choice.config.get(name, 0)]
        if asked:
            places = listed(f"features.{name}.encoders" for name in self.specs)
            raise ParamsError(
                f"search.space: {job.choice.strategy} was chosen with {listed(asked)}, which fine-tuning does not "
                f"support: set it to 0, or leave tune out of {places}"
            )

    @property
    def facts(self) -> dict[str, Any]:
        """What of them the outcome depends on."""
        if not self.specs:
            return {}
        return {
            "encoders": {
                name: [spec.mapping(), find(spec, self.models).weights]
                for of_modality in self.specs.values()
                for name, spec in of_modality.items()
            },
            "libraries": versions(LIBRARIES),
            "code": tree_digest(
                [Path(encoders.__file__).parent, Path(media.__file__).parent, Path(__file__)]
            ),
        }

    @cached_property
    def _tuning(self) -> Tuning:
        stated = self.experiment.train.tuning
        rate = stated.learning_rate or min(
            RATES[str(spec.tune)] for of_modality in self.specs.values() for spec in of_modality.values()
        )
        return Tuning(stated.epochs, rate, stated.batch, stated.accumulate)

    def context(self, common: Context) -> TuneContext:
        """What all members' jobs have in common."""
        stated = self.experiment.train.tuning
        sections = {name: getattr(self.experiment.features, name).model_dump() for name in self.specs}
        recipes = recipes_of(sections, self.models)
        openers: dict[str, tuple[str, Opener]] = {}
        for modality, of_modality in self.specs.items():
            for name, spec in of_modality.items():
                rank, read = self._rank(spec), self._sources(modality, spec)
                openers[name] = (
                    modality,
                    Tunable(recipes[modality], name, rank, stated.checkpointing, read, self.cache),
                )
        return TuneContext(common, self._tuning, openers)

    def _sources(self, modality: str, spec: PretrainedSpec) -> Mapping[str, str | Turn | Recording]:
        """What each utterance is made from that has features of a modality."""
        there = set(self.inputs.store.ids(modality))
        if modality == "text":
            return self._texts(spec, there)
        columns = [
            "utterance_id",
            *(f"{name}{part}" for name in ("audio", "video") for part in ("", "_digest")),
        ]
        return {
            each.utterance_id: Recording(str(each.source), each.digest)
            for corpus in self.inputs.corpora
            for each in sources(UTTERANCES.read(corpus=corpus, columns=columns), modality, RAW / corpus)
            if each.utterance_id in there
        }

    def _texts(self, spec: PretrainedSpec, there: Collection[str]) -> dict[str, str | Turn]:
        import pandas as pd

        columns = ["utterance_id", "dialogue", "turn", "start_s", "speaker", "text"]
        table = self.inputs.utterances(columns)
        if self.experiment.features.text.recogniser:
            heard = pd.concat([features.RECOGNISED.read(corpus=name) for name in self.inputs.corpora])
            table["text"] = table["utterance_id"].map(heard.set_index("utterance_id")["text"])
        table = table[table["utterance_id"].isin(there)]
        texts = dict(zip(table["utterance_id"], table["text"], strict=True))
        return texts | (turns(table, context=spec.context) if spec.context else {})

    def run(
        self,
        jobs: Mapping[str, Job],
        left: Collection[str],
        context: TuneContext,
        work: Path,
        *,
        workers: int,
    ) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
        """Tune members, and yield what `training.workers.run_jobs` yields of jobs with frozen encoders.

        Finished members and epochs are kept in ``work``.

        Args:
            jobs: all that are tuned: ``<strategy>.<fold>``; the model on all rows, which has no fold; and what the
                other rule of choice adds, by other names.
            left: the names of those that are not finished.
            context: of `context`.
            work: the stage's work folder.
            workers: number of processes.

        Yields:
            The job's name and its arrays. Of the model on all rows a member's encoder weights are called
            ``tuned.<member>.<encoder>.<weight>``.

        Raises:
            SearchError: all members of a job diverged.
        """
        folds = {fold.number: fold for fold in self.inputs.folds}
        asked = {each for name in left for each in _folds_of(jobs[name], jobs)}
        choosing = {
            f"{name}.epochs": TuneJob(
                choice=jobs[name].choice,
                seed=jobs[name].seeds[0],
                train=folds[jobs[name].fold].train,
                epochs=context.tuning.epochs,
                checkpoint=CheckpointFile(work / f"{name}.epochs.checkpoint"),
                fold=jobs[name].fold,
                validation=folds[jobs[name].fold].validation,
            )
            for name in sorted(asked)
        }
        _finish(
            choosing, context, work, workers=workers, what="train, fine-tuning, steps to choose the epochs"
        )
        members = {
            f"{name}.seed{seed}": TuneJob(
                choice=jobs[name].choice,
                seed=seed,
                train=jobs[name].train,
                epochs=epochs_of(jobs[name], jobs, work),
                checkpoint=CheckpointFile(work / f"{name}.seed{seed}.checkpoint"),
                fold=jobs[name].fold,
                test=jobs[name].test,
                keep=jobs[name].keep,
            )
            for name in left
            for seed in jobs[name].seeds
        }
        _finish(members, context, work, workers=workers, what="train, fine-tuning, steps")
        for name in left:
            yield name, _together(name, jobs[name], work)
        spent = sum(_load(work, label)["seconds"].item() for label in [*choosing, *members])
        print(
            f"train: {len(choosing) + len(members)} members were fine-tuned, which took {spent:.0f} s of one process"
        )

    def described(
        self, jobs: Mapping[str, Job], model: Job, work: Path, state: Mapping[str, np.ndarray]
    ) -> ModelTuning | None:
        """What ``model.json`` says of the tuning of a model; None where nothing of it was tuned.

        Args:
            jobs: all that are tuned.
            model: the one that trained it.
            work: the stage's work folder.
            state: its weights.
        """
        if not self.tunes(model.choice.strategy):
            return None
        return ModelTuning(
            encoders={
                name: TunedEncoder(
                    rank=self._rank(spec),
                    parameters=sum(x.size for key, x in state.items() if key.startswith(f"{TUNED}0.{name}.")),
                )
                for name, spec in self._of(model.choice.strategy).items()
            },
            epochs=epochs_of(model, jobs, work),
            validation={
                job.fold: [
                    None if np.isnan(ua) else ua for ua in _load(work, f"{name}.epochs")["ua"].tolist()
                ]
                for name, job in jobs.items()
                if name in _folds_of(model, jobs) and job.fold is not None
            },
        )

    def _rank(self, spec: PretrainedSpec) -> int | None:
        return self.experiment.train.tuning.rank if spec.tune == "lora" else None


def epochs_of(job: Job, jobs: Mapping[str, Job], work: Path) -> int:
    """How many epochs a job's members are tuned for: of a fold what its validation chose, else the folds' median.

    Chosen is the epoch of highest UA of validation; ties by lower log loss, then the earlier one. 0 is before tuning.
    """
    chosen = []
    for name in _folds_of(job, jobs):
        curve = _load(work, f"{name}.epochs")
        rank = [
            (-ua, loss, epoch)
            for epoch, (ua, loss) in enumerate(zip(curve["ua"], curve["loss"], strict=True))
        ]
        chosen.append(min(each for each in rank if np.isfinite(each[:2]).all())[2])
    return round(median(chosen))


def _folds_of(job: Job, jobs: Mapping[str, Job]) -> list[str]:
    """The jobs whose validation chooses the epochs of a job: its own, or those of its strategy on all folds."""
    if job.fold is not None:
        return [name for name, each in jobs.items() if each is job]
    return [name for name, each in jobs.items() if name == f"{job.choice.strategy}.{each.fold}"]


def _finish(
    jobs: Mapping[str, TuneJob], context: TuneContext, work: Path, *, workers: int, what: str
) -> None:
    """Run those of the jobs that have no file yet, and write it."""
    left = [label for label in jobs if not _file(work, label).is_file()]
    if not left:
        return
    for i, arrays in run_jobs([jobs[label] for label in left], context, workers=workers, what=what):
        save(_file(work, left[i]), arrays)
        jobs[left[i]].checkpoint.remove()


def _together(name: str, job: Job, work: Path) -> dict[str, np.ndarray]:
    """The arrays of a job, of those of its members."""
    found = {seed: _load(work, f"{name}.seed{seed}") for seed in job.seeds}
    sound = {seed: arrays for seed, arrays in found.items() if set(arrays) > {"seconds"}}
    if not sound:
        raise SearchError(
            f"{name}: while the encoder was fine-tuned all of the seeds {listed(job.seeds, 20)} diverged (losses, "
            "weights or scores are no longer finite). In params.yaml, lower train.tuning.learning_rate"
        )
    seeds = np.array(list(sound), dtype=np.int64)
    if job.test is not None:
        stacked = np.stack([each["probabilities"] for each in sound.values()])
        learned = {
            key: np.stack([each[key] for each in sound.values()])
            for key in next(iter(sound.values()))
            if key.startswith(DIMENSION)
        }
        members = list(sound.values())
        return (
            {"probabilities": stacked, "seeds": seeds}
            | learned
            | members_by_subset(members)
            | members_operations(members)
            | _weights(members)
        )
    return {"seeds": seeds} | _weights(list(sound.values()))


def _weights(members: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The weights of members, where they were kept, by their names in a model."""
    state = {}
    for k, arrays in enumerate(members):
        for key, x in arrays.items():
            kind, _, rest = key.partition(".")
            if kind == "member":
                state[f"members.{k}.{rest}"] = x
            elif kind == "tuned":
                state[f"{TUNED}{k}.{rest}"] = x
            elif kind == "preparation":  # the same of all members: fitted on the same rows
                state[key] = x
    return state


def _file(work: Path, label: str) -> Path:
    return work / f"{label}.safetensors"


def _load(work: Path, label: str) -> dict[str, np.ndarray]:
    return load(_file(work, label))
