"""Probabilities beside the raters' distribution over the classes (soft labels).

Of an utterance whose raters' distribution is q and whose probabilities are p:

- **Cross-entropy**: -Σ q ln p, in nats. It is at least the entropy of q.
- **Kullback-Leibler divergence**: Σ q ln(q / p), the cross-entropy less that entropy, in nats; 0 where p is q.
- **Jensen-Shannon divergence** (Lin, "Divergence measures based on the Shannon entropy", IEEE Transactions on
  Information Theory 37 (1991)): the mean of the Kullback-Leibler divergences of q and of p from (p + q) / 2, in bits,
  so that it is 0 where p is q and 1 where they share no class.
"""

from typing import TYPE_CHECKING

import numpy as np

from ...artifacts.reports import Divergences, SoftLabels
from ...fusion.calibrated import FAINTEST
from ...training.rater_votes import RaterVotes
from .. import intervals
from ..predictions import Predictions
from .speaker_means import mean, sums

if TYPE_CHECKING:
    import pandas as pd

LEAST_RATERS = 2
"""Of an utterance whose raters' distribution is looked at: one rater alone has none."""


def cross_entropy(raters: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Of each utterance in nats: ``[N, C], [N, C] → [N]``."""
    result: np.ndarray = -(raters * np.log(np.maximum(given, FAINTEST))).sum(1)
    return result


def kullback_leibler(raters: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Of each utterance's probabilities from its raters, in nats: ``[N, C], [N, C] → [N]``."""
    from scipy.special import rel_entr

    result: np.ndarray = rel_entr(raters, np.maximum(given, FAINTEST)).sum(1)
    return result


def jensen_shannon(raters: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Of each utterance in bits, 0 to 1: ``[N, C], [N, C] → [N]``."""
    from scipy.special import rel_entr

    middle = (raters + given) / 2
    nats = (rel_entr(raters, middle) + rel_entr(given, middle)).sum(1) / 2
    bits: np.ndarray = np.clip(nats / np.log(2), 0.0, 1.0)  # rounding may leave the range
    return bits


def beside_raters(
    predictions: Predictions, strategy: str, votes: RaterVotes, folds: "pd.DataFrame"
) -> SoftLabels | None:
    """Compare one strategy's test probabilities with the raters' distributions.

    Args:
        predictions: of every strategy.
        strategy: the one.
        votes: of all utterances of the corpora.
        folds: fold, utterance_id, role (see ``data/folds.parquet``).

    Returns:
        The comparison over the test utterances with at least `LEAST_RATERS` raters; None where there are none.
    """
    import pandas as pd

    place = pd.Index(votes.ids).get_indexer(predictions.utterance_ids)
    rated = votes.raters[place] >= LEAST_RATERS
    if not rated.any():
        return None
    shares, fold = votes.shares[place[rated]], predictions.fold[rated]
    speaker = np.unique(predictions.speaker[rated], return_inverse=True)[1]
    means = [_mean_outside_test(votes, folds[folds["fold"] == number]) for number in predictions.folds]
    constant = [each for each in means if each is not None]
    return SoftLabels(
        utterances=int(rated.sum()),
        speakers=int(speaker.max()) + 1,
        raters=float(votes.raters[place[rated]].mean()),
        strategy=strategy,
        model=_divergences(shares, predictions.of_model(strategy)[rated], speaker),
        constant=_divergences(shares, np.stack(constant)[fold], speaker)
        if len(constant) == len(means)
        else None,
    )


def _mean_outside_test(votes: RaterVotes, fold: "pd.DataFrame") -> np.ndarray | None:
    """The mean distribution ``[C]`` of the rated utterances that a fold's models learned from; None without any."""
    import pandas as pd

    tested = fold.loc[fold["role"] == "test", "utterance_id"]
    learned = fold.loc[fold["role"].isin(["train", "validation"]), "utterance_id"]
    ids = pd.Index(votes.ids)
    rows = ids.isin(learned) & ~ids.isin(tested) & (votes.raters >= LEAST_RATERS)
    return votes.shares[rows].mean(0) if rows.any() else None


def _divergences(raters: np.ndarray, given: np.ndarray, speaker: np.ndarray) -> Divergences:
    return Divergences(
        cross_entropy=intervals.of_positive(mean, sums(cross_entropy(raters, given), speaker)),
        kullback_leibler=intervals.of_positive(mean, sums(kullback_leibler(raters, given), speaker)),
        jensen_shannon=intervals.of_figure(mean, sums(jensen_shannon(raters, given), speaker)),
    )
