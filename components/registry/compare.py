"""Is one model better than another? Paired on the utterances that both were tested on, by speaker."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from ..artifacts.model import CHOSEN, PROBABILITY
from ..evaluation import intervals
from ..evaluation.metrics import confusion_by, ua


@dataclass(frozen=True)
class Policy:
    """What a challenger must show against the champion: ``registry`` of ``params.yaml``."""

    margin: float
    """The loss of unweighted average recall (UA, 0 to 1) that is accepted; the interval must exclude a larger one."""
    least_utterances: int
    least_speakers: int
    least_overlap: float
    """The share of the champion's held-out utterances that the challenger must have been tested on, too."""

    @classmethod
    def of(cls, stated: Any) -> Self:
        """The policy that ``registry`` of ``params.yaml`` states (``params.Registry``)."""
        return cls(**{each.name: getattr(stated, each.name) for each in fields(cls)})


@dataclass(frozen=True)
class Comparison:
    """UA of two models on their common held-out utterances, and the interval of the difference.

    ``low`` and ``high`` bound the difference (challenger minus champion) with 95 % confidence; None where fewer than
    two speakers are common. ``speakers`` counts the groups that are paired; an utterance whose speaker is unknown is
    a group of its own, and ``unnamed`` counts those.
    """

    utterances: int
    speakers: int
    unnamed: int
    overlap: float
    challenger: float
    champion: float
    difference: float
    low: float | None
    high: float | None

    def lacking(self, policy: Policy) -> list[str]:
        """What the overlap has too little of, one phrase each; empty where it suffices."""
        found = []
        if self.utterances < policy.least_utterances:
            found.append(f"{self.utterances} common utterances (at least {policy.least_utterances})")
        if self.speakers < policy.least_speakers:
            found.append(f"{self.speakers} common speakers (at least {policy.least_speakers})")
        if self.overlap < policy.least_overlap:
            found.append(
                f"{100 * self.overlap:.0f} % of the champion's held-out utterances (at least "
                f"{100 * policy.least_overlap:.0f} %)"
            )
        return found

    def passes(self, policy: Policy) -> bool:
        """Whether the overlap suffices and the interval excludes a loss larger than the margin."""
        return not self.lacking(policy) and self.low is not None and self.low > -policy.margin


def held_out(path: Path, strategy: str) -> pd.DataFrame:
    """Read a run's held-out predictions, the probabilities averaged over seeds.

    Args:
        path: the predictions that were logged to the run.
        strategy: whose predictions to take where the run has no nested choice (``chosen``).

    Returns:
        Columns ``label`` and ``predicted``, indexed by ``utterance_id``.
    """
    table = pd.read_parquet(path)
    name = CHOSEN if CHOSEN in set(table["strategy"]) else strategy
    table = table[table["strategy"] == name]
    columns = [column for column in table.columns if column.startswith(PROBABILITY)]
    mean = table.groupby("utterance_id")[columns].mean()
    labels = table.drop_duplicates("utterance_id").set_index("utterance_id")["label"]
    predicted = mean.idxmax(axis=1).str.removeprefix(PROBABILITY)
    return pd.DataFrame({"label": labels.loc[mean.index], "predicted": predicted})


def paired(
    challenger: pd.DataFrame, champion: pd.DataFrame, *, speakers: Mapping[str, str | None]
) -> Comparison | None:
    """Compare two models' UA on the utterances that both were tested on.

    Speakers are the sampling units; the interval is that of `evaluation.intervals.of_difference`.

    Args:
        challenger, champion: held-out predictions, as `held_out` returns them.
        speakers: utterance → speaker; an utterance whose speaker is None counts as a speaker of its own.

    Returns:
        The comparison; None where no utterance is common.
    """
    common = sorted(set(challenger.index) & set(champion.index) & set(speakers))
    if not common:
        return None
    names, speaker = np.unique([speakers[each] or each for each in common], return_inverse=True)
    labels = challenger.loc[common, "label"].to_numpy()
    classes = np.unique(
        np.concatenate([labels, *(p.loc[common, "predicted"] for p in (challenger, champion))])
    )
    codes = {name: number for number, name in enumerate(classes)}
    truth = np.array([codes[label] for label in labels])
    confusion = [
        confusion_by(
            speaker,
            truth,
            predictions.loc[common, "predicted"].map(codes).to_numpy(),
            groups=len(names),
            classes=len(classes),
        )
        for predictions in (challenger, champion)
    ]
    interval = intervals.of_difference(ua, *confusion)
    return Comparison(
        utterances=len(common),
        speakers=len(names),
        unnamed=sum(speakers[each] is None for each in common),
        overlap=len(common) / len(champion),
        challenger=float(ua(confusion[0].sum(0))),
        champion=float(ua(confusion[1].sum(0))),
        difference=interval.mean,
        low=interval.low,
        high=interval.high,
    )
