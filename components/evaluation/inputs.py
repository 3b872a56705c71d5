"""What an evaluation is of: the folds, the search, the predictions, and what is known of the corpora."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..artifacts.features import Exclusion, Recognition
from ..artifacts.fold_models import FoldModels
from ..artifacts.folds import Folds
from ..artifacts.model import Modality, ModelTuning, Operations
from ..artifacts.robustness import RobustnessNotes
from ..artifacts.search import Best
from ..artifacts.utterances import Agreement, Ceilings
from ..training.rater_votes import RaterVotes

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class CorpusFacts:
    """What is known of one corpus.

    Attributes:
        utterances: its utterance table.
        exclusions: the utterances that have no features of some encoder.
        agreement: of its raters, by kind of rater.
        ceilings, oracle: of planted truth; empty where nothing is planted.
        recognition: of its words; None where they are transcripts.
    """

    utterances: "pd.DataFrame"
    exclusions: Sequence[Exclusion]
    agreement: Mapping[str, Agreement]
    ceilings: Ceilings
    oracle: "pd.DataFrame"
    recognition: Recognition | None = None


@dataclass(frozen=True)
class Experiment:
    """A finished experiment: what the stages before `evaluate` wrote.

    Attributes:
        protocol: what the folds follow. folds: the fold table.
        best, trials, curves: what the search chose, tried and recorded.
        predictions: of every strategy on every test fold.
        subsets: the same with fewer modalities.
        dimensions: valence, arousal and dominance that strategies predict of the test utterances.
        operations: of one answer of each strategy.
        corpora: by name.
        modalities: of the registered model, by name.
        tuning: of its encoders; None where they are frozen.
        votes: of the corpora's raters; None where they are not looked at.
        perturbed: what its fold models say of worse recordings; None where that was not asked.
        robustness_notes: what there is to say beside that; None where it was not asked.
        fold_models: those of the registered strategy that scored the test folds.
        root: the workspace, where their weights, the features and the recordings lie.
    """

    protocol: Folds
    folds: "pd.DataFrame"
    best: Best
    trials: "pd.DataFrame"
    curves: "pd.DataFrame"
    predictions: "pd.DataFrame"
    subsets: "pd.DataFrame"
    dimensions: "pd.DataFrame"
    operations: Operations
    corpora: Mapping[str, CorpusFacts] = field(default_factory=dict)
    modalities: Mapping[str, Modality] = field(default_factory=dict)
    tuning: ModelTuning | None = None
    votes: RaterVotes | None = None
    perturbed: "pd.DataFrame | None" = None
    robustness_notes: RobustnessNotes | None = None
    fold_models: FoldModels | None = None
    root: Path = Path()


def tested_utterances(corpora: Mapping[str, CorpusFacts], ids: Iterable[str]) -> "pd.DataFrame":
    """The rows of the corpora's utterance tables, by utterance id and in the order of ``ids``."""
    import pandas as pd

    table = pd.concat([facts.utterances for facts in corpora.values()]).set_index("utterance_id")
    return table.loc[list(ids)]
