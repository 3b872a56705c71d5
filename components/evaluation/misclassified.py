"""The errors to listen to first: utterances that a strategy took for another class and was surest of."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..artifacts.corpora import RAW
from ..artifacts.reports import Misclassified
from .contributions.coalitions import Coalitions
from .contributions.figures import to_predictions
from .inputs import CorpusFacts, tested_utterances
from .predictions import Predictions

if TYPE_CHECKING:
    import pandas as pd

MOST = 12


def surest(
    predictions: Predictions,
    strategy: str,
    corpora: Mapping[str, CorpusFacts],
    *,
    coalitions: Coalitions | None = None,
) -> list[Misclassified]:
    """At most `MOST` of them, by descending confidence.

    Args:
        predictions: of every strategy.
        strategy: the one.
        corpora: by name.
        coalitions: its predictions with each subset of its modalities; None where it looks at one.
    """
    given = predictions.of_model(strategy)
    predicted, confidence = given.argmax(1), given.max(1)
    wrong = np.flatnonzero(predicted != predictions.truth)
    wrong = wrong[np.argsort(-confidence[wrong], kind="stable")]
    _, places = np.unique(predictions.utterance_ids[wrong], return_index=True)  # several folds may test one
    first = wrong[np.sort(places)][:MOST]
    table = tested_utterances(corpora, predictions.utterance_ids[first])
    modalities = coalitions.modalities if coalitions else ()
    shares = to_predictions(coalitions, first, predicted[first]) if coalitions else np.empty((len(first), 0))
    return [
        Misclassified(
            utterance_id=predictions.utterance_ids[at],
            fold=predictions.folds[predictions.fold[at]],
            label=predictions.classes[predictions.truth[at]],
            predicted=predictions.classes[predicted[at]],
            confidence=float(confidence[at]),
            probability=float(given[at, predictions.truth[at]]),
            contributions=dict(zip(modalities, share.tolist(), strict=True)),
            recording=_recording(row),
        )
        for at, share, (_, row) in zip(first, shares, table.iterrows(), strict=True)
    ]


def _recording(row: "pd.Series") -> str | None:
    """Where its film lies, or else its sound."""
    import pandas as pd

    paths = [row[column] for column in ("video", "audio") if not pd.isna(row[column])]
    return (RAW / row["corpus"] / paths[0]).as_posix() if paths else None
