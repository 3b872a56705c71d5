"""What `emoflow active-learning` reads of a workspace whose search is finished, and what it refuses."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..artifacts import features
from ..artifacts.folds import FOLDS, Folds
from ..artifacts.search import Best
from ..encoders import ModelFiles, open_all
from ..errors import EvaluationError, listed
from ..evaluation import active_learning
from ..evaluation.active_learning.plan import Budget
from ..files import work_folder
from ..fusion.strategy import BASELINES, uses
from ..stages.training_inputs import Inputs
from ..stages.tuning import TunedEncoders
from ..training.refit import Choice
from ..training.rows import Fold
from ..training.workers import Context, StoredReader

if TYPE_CHECKING:
    from ..params import Params
    from ..settings import Settings


@dataclass(frozen=True)
class Searched:
    """An experiment after its search.

    Attributes:
        choices: fold → what its validation chose for the strategy.
        speakers: utterance → who speaks.
        context: what all training has in common.
    """

    inputs: Inputs
    seeds: list[int]
    choices: dict[int, Choice]
    speakers: dict[str, str]
    context: Context

    @classmethod
    def read(cls, experiment: Params, settings: Settings, *, strategy: str | None) -> Searched:
        """Read the workspace.

        Args:
            experiment: params.yaml.
            settings: the environment.
            strategy: one that was searched; None: the registered one.

        Raises:
            ArtifactError: the experiment was not run.
            EvaluationError: its labels cannot be hidden, or it has no such strategy.
        """
        best, inputs = Best.read(), Inputs.of(experiment)
        name = strategy or best.best
        if name not in best.strategies:
            raise EvaluationError(
                f"--strategy {name}: it was not searched; this experiment has {listed(best.strategies, 50)}"
            )
        if best.modalities != inputs.trainable or set(best.per_fold_best) != {
            fold.number for fold in inputs.folds
        }:
            raise EvaluationError(
                f"{Best.path()} is of other folds or modalities than the workspace now has: `dvc repro` searches again"
            )
        _refuse(name, experiment, settings, inputs)
        return cls(
            inputs=inputs,
            seeds=experiment.train.seeds,
            choices={fold: Choice.of(name, chosen) for fold, chosen in best.strategies[name].folds.items()},
            speakers=FOLDS.read().set_index("utterance_id")["speaker"].to_dict(),
            context=Context(
                StoredReader(open_all, features.FOLDER.resolve(), tuple(inputs.corpora)),
                {each: inputs.store.layout(each) for each in inputs.trainable},
                tuple(inputs.trainable),
                len(inputs.protocol.classes),
                settings.torch_device(),
                inputs.reduction,
                inputs.auxiliary_targets(),
            ),
        )

    @property
    def protocol(self) -> Folds:
        return self.inputs.protocol

    @property
    def folds(self) -> list[Fold]:
        return self.inputs.folds

    def work(self, budget: Budget) -> Path:
        """Where finished simulations are kept: of the same data, choices, code, seeds and budget."""
        return work_folder(
            "active-learning",
            self.inputs.digest(
                {"seeds": self.seeds, "budget": asdict(budget)},
                code=[Path(active_learning.__file__).parent],
                also=[Best.path()],
                device=self.context.device,
            ),
        )


def _refuse(strategy: str, experiment: Params, settings: Settings, inputs: Inputs) -> None:
    """Raises EvaluationError where features or encoders saw labels of the pool, or no clip can be asked for."""
    protocol = inputs.protocol
    if protocol.scarce:
        raise EvaluationError(
            f"protocol {protocol.id} is few-shot or zero-shot, so labels are left out of it already: active learning "
            "needs a protocol with all labels, to hide them itself"
        )
    if strategy in BASELINES:
        raise EvaluationError(f"--strategy {strategy}: it looks at no clip, so it is in doubt of none")
    used = uses(strategy, inputs.trainable)
    if learned := [name for name in used if inputs.store.folds(name) or name in inputs.posteriors]:
        raise EvaluationError(
            f"{listed(learned)} of {strategy}: attached features or posteriors of models that were trained for these "
            "folds, with labels that the annotator has not yet given: name a --strategy of other modalities"
        )
    models = ModelFiles(settings.landmark_model, settings.encoders)
    if TunedEncoders.of(experiment, inputs, models, settings.cache).tunes(strategy):
        raise EvaluationError(
            f"{strategy} uses an encoder with tune, which each round would tune again: name a --strategy of frozen "
            "encoders"
        )
