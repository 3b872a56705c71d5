"""Intervals over dialogues, beside those over speakers.

Turns of one dialogue answer each other, so that they are as little independent as utterances of one person are. Where a
test has few speakers who are in most dialogues, as MELD's has, intervals over both are worth a look.
"""

from collections.abc import Mapping

import numpy as np

from ..artifacts.reports import DialogueFigures
from . import intervals
from .inputs import CorpusFacts, tested_utterances
from .metrics import LOWEST, METRICS, confusion_by
from .predictions import Predictions


def figures(
    predictions: Predictions, strategy: str, corpora: Mapping[str, CorpusFacts]
) -> DialogueFigures | None:
    """One strategy's figures with 95 % intervals by the jackknife over the test's dialogues.

    Args:
        predictions: of every strategy.
        strategy: the one.
        corpora: by name.

    Returns:
        None where some test utterance is in no dialogue, or all are in one.
    """
    import pandas as pd

    named = tested_utterances(corpora, predictions.utterance_ids)["dialogue"]
    dialogue, names = pd.factorize(named.to_numpy(object))
    if (dialogue < 0).any() or len(names) < 2:
        return None
    counts: np.ndarray = confusion_by(
        dialogue,
        predictions.truth,
        predictions.predicted(strategy),
        groups=len(names),
        classes=len(predictions.classes),
    )
    return DialogueFigures(
        dialogues=len(names),
        figures={
            name: intervals.of_figure(metric, counts, lowest=LOWEST[name]) for name, metric in METRICS.items()
        },
    )
