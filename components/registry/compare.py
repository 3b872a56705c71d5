"""Is one model better than another? Paired on the utterances that both were tested on, by speaker."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy import special

CHOSEN = "chosen"
LEVEL = 0.95


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
        path: ``data/predictions.parquet`` of the run.
        strategy: whose predictions to take where the run has no nested choice (``chosen``).

    Returns:
        Columns ``label`` and ``predicted``, indexed by ``utterance_id``.
    """
    table = pd.read_parquet(path)
    name = CHOSEN if CHOSEN in set(table["strategy"]) else strategy
    table = table[table["strategy"] == name]
    columns = [column for column in table.columns if column.startswith("p_")]
    mean = table.groupby("utterance_id")[columns].mean()
    labels = table.drop_duplicates("utterance_id").set_index("utterance_id")["label"]
    predicted = mean.idxmax(axis=1).str.removeprefix("p_")
    return pd.DataFrame({"label": labels.loc[mean.index], "predicted": predicted})


def paired(
    challenger: pd.DataFrame, champion: pd.DataFrame, *, speakers: Mapping[str, str | None]
) -> Comparison | None:
    """Compare two models' UA on the utterances that both were tested on.

    UA is a mean of ratios (recalls), and speakers are the sampling units. The difference's standard error is that of
    a ratio estimator for cluster samples, by linearisation (Cochran, "Sampling Techniques", 3rd ed., 1977, ch. 6);
    its interval is Student's t with one degree of freedom fewer than there are speakers.

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
    classes, label = np.unique(labels, return_inverse=True)
    hits = [
        (each.loc[common, "predicted"].to_numpy() == labels).astype(float) for each in (challenger, champion)
    ]
    count = np.bincount(label)
    recalls = [np.bincount(label, weights=each) / count for each in hits]
    gain = recalls[0] - recalls[1]
    difference = float(gain.mean())
    # each utterance's share of the difference, less what its class has on average: these sum to 0
    residual = (hits[0] - hits[1] - gain[label]) / count[label] / len(classes)
    by_speaker = np.bincount(speaker, weights=residual)
    groups = len(names)
    low = high = None
    if groups > 1:
        error = np.sqrt(groups / (groups - 1) * (by_speaker**2).sum())
        half = float(special.stdtrit(groups - 1, (1 + LEVEL) / 2) * error)
        low, high = difference - half, difference + half
    return Comparison(
        utterances=len(common),
        speakers=groups,
        unnamed=sum(speakers[each] is None for each in common),
        overlap=len(common) / len(champion),
        challenger=float(recalls[0].mean()),
        champion=float(recalls[1].mean()),
        difference=difference,
        low=low,
        high=high,
    )
