"""The models under test, and what they are tested on."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ...artifacts.fold_models import FoldModels
from ...artifacts.model import Modality, TunedEncoder
from ...encoders import FeatureStore
from ...encoders.jobs import Source
from .transcripts import Transcripts

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Tested:
    """The models under test, and what they are tested on.

    Attributes:
        models: of the test folds.
        modalities: those that they take.
        tuned: the encoders that were tuned, each with every member of every fold's model, by name.
        store: the features of the recordings as they are, by encoders before they were tuned.
        recordings: ``audio`` and ``face`` → utterance id → its sound, its film; those that are there.
        utterances: the utterance tables, one after the other; ``text`` is the transcript.
        transcripts: the texts that the encoders read; none where they read none.
        speakers: utterance → who speaks.
        test: the utterances of the test folds.
        root: the workspace.
    """

    models: FoldModels
    modalities: Mapping[str, Modality]
    tuned: Mapping[str, TunedEncoder]
    store: FeatureStore
    recordings: Mapping[str, Mapping[str, Source]]
    utterances: "pd.DataFrame"
    transcripts: Transcripts
    speakers: Mapping[str, str]
    test: frozenset[str]
    root: Path = Path()

    @property
    def tuned_modalities(self) -> list[str]:
        """The modalities that have such an encoder."""
        return [name for name, how in self.modalities.items() if set(how.encoders) & set(self.tuned)]

    @cached_property
    def there(self) -> dict[str, set[str]]:
        """Modality → the utterances that have features of it."""
        return {name: set(self.store.ids(name)) for name in self.modalities}
