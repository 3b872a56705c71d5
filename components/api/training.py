"""Training: a fold's rows, and populations of configurations on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..encoders import FeatureStore
from ..errors import ProtocolError, SearchError, listed
from ..fusion.catalogue import REGISTRY
from ..fusion.reduction import Reduction
from ..fusion.strategy import entry, learns_posteriors, uses
from ..search.space import configurations as spread_configurations
from ..training import rows as fold_rows
from ..training.data import Rows
from ..training.hyperparameters import common
from ..training.population import Member, Population
from .corpora import Folds

if TYPE_CHECKING:
    import pandas as pd


def strategies() -> list[str]:
    """The names of the fusion strategies. A modality's own name is a strategy, too: that modality alone."""
    return list(REGISTRY)


def configurations(
    strategy: str, *, modalities: Sequence[str], count: int, seed: int = 7
) -> list[dict[str, Any]]:
    """Configurations spread evenly over a strategy's search space (a Latin hypercube).

    Args:
        modalities: those of the experiment.
    """
    return spread_configurations(strategy, modalities=modalities, count=count, seed=seed)


@dataclass(frozen=True)
class PreparedFold:
    """A fold's rows as models take them. Everything that was fitted (scaling, PCA, IDF) was fitted on training rows.

    Attributes:
        train, validation, test: tokens ``{modality: float32 [N, T, D]}``, ``present`` ``{modality: bool [N, T]}`` and
            ``target`` int64 ``[N]``.
        test_ids: utterance ids of the test rows.
    """

    number: int
    classes: tuple[str, ...]
    train: Rows
    validation: Rows
    test: Rows
    test_ids: tuple[str, ...]


def prepare_fold(
    features: FeatureStore,
    folds: Folds,
    number: int = 0,
    *,
    modalities: Sequence[str] | None = None,
    reduction: Reduction | None = None,
) -> PreparedFold:
    """Read a fold's features and fit their preparation on its training rows.

    Args:
        number: of the fold, from 0.
        modalities: all that are stored by default. An utterance that lacks one is a row without it.
        reduction: 128 principal components of features of more than 512 dimensions by default.

    Raises:
        ProtocolError: there is no fold of this number, or it lacks training, validation or test rows.
        FeatureError: features that are not finite.
    """
    parts = {fold.number: fold for fold in fold_rows.folds_of(folds.table, folds.classes)}
    if number not in parts:
        raise ProtocolError(f"there is no fold {number}; folds are {', '.join(map(str, parts))}")
    fold = parts[number]
    names = list(modalities or features.modalities)
    train = fold_rows.read(features.tokens, fold.train, names)
    layouts = {name: features.layout(name) for name in names}
    preparation = fold_rows.fit_preparation(train, layouts, reduction or Reduction())
    validation, test = (
        fold_rows.prepare(preparation, fold_rows.read(features.tokens, part, names))
        for part in (fold.validation, fold.test)
    )
    return PreparedFold(
        number=number,
        classes=folds.classes,
        train=fold_rows.prepare(preparation, train),
        validation=validation,
        test=test,
        test_ids=fold.test.ids,
    )


@dataclass(frozen=True)
class FittedPopulation:
    """Trained configurations of one strategy, in the order in which they were given.

    Attributes:
        strategy: its name.
        configs: one per member.
        validation_ua: ``[K, epochs]``: each member's unweighted average recall on validation after each epoch.
    """

    strategy: str
    configs: list[dict[str, Any]]
    validation_ua: np.ndarray
    _groups: list[tuple[list[int], Population]]
    _modalities: tuple[str, ...]

    def probabilities(self, rows: Rows) -> np.ndarray:
        """Class probabilities of rows, float64 ``[K, N, C]``; each row sums to 1."""
        parts = {}
        for members, population in self._groups:
            scored = population.evaluate(rows.of(self._modalities)).double().softmax(-1).cpu().numpy()
            parts |= dict(zip(members, scored, strict=True))
        return np.stack([parts[k] for k in sorted(parts)])

    def best(self) -> int:
        """The member of highest validation UA after its last epoch; the first of equals."""
        return int(self.validation_ua[:, -1].argmax())

    def predictions(self, fold: PreparedFold, member: int | None = None) -> pd.DataFrame:
        """The test predictions of one member, for `evaluate`.

        Args:
            member: its number; the one of highest validation UA by default.
        """
        import pandas as pd

        chosen = self.best() if member is None else member
        probabilities = self.probabilities(fold.test)[chosen]
        table = {
            "utterance_id": list(fold.test_ids),
            "fold": fold.number,
            "seed": 0,
            "strategy": self.strategy,
            "label": [fold.classes[i] for i in fold.test.target.tolist()],
        }
        return pd.DataFrame(table | {f"p_{name}": probabilities[:, i] for i, name in enumerate(fold.classes)})


def fit_population(
    strategy: str,
    configs: Sequence[Mapping[str, Any]],
    fold: PreparedFold,
    *,
    epochs: int = 40,
    seed: int = 0,
    device: str = "cpu",
) -> FittedPopulation:
    """Train many configurations of a strategy on a fold's training rows, all at once.

    Each comes out as it would alone, but for rounding.

    Args:
        configs: such as `configurations` draws them; ``learning_rate`` and whatever the strategy's architecture takes.
        seed: of all members: initial weights, batches, dropout, augmentation.

    Raises:
        SearchError: no configuration is given, no training row has a modality of the strategy, or it would learn from
            posteriors.
    """
    if not configs:
        raise SearchError("no configuration is given; configurations(…) draws some")
    modalities = uses(strategy, tuple(fold.train.tokens))
    if learned := learns_posteriors(strategy, tuple(fold.train.tokens), fold.train.posteriors):
        raise SearchError(
            f"{strategy} learns from training rows, where the {listed(learned)} posteriors are those of models that "
            "were trained on these rows; take a late strategy"
        )
    train = fold.train.of(modalities)
    train = train.trainable()
    if not len(train):
        raise SearchError(f"no training row has {' or '.join(modalities)}")
    keys = entry(strategy, tuple(train.tokens)).load().architecture_keys
    alike: dict[tuple, list[int]] = {}
    for number, config in enumerate(configs):
        architecture = (*(config[key] for key in keys), common(config))
        alike.setdefault(architecture, []).append(number)
    groups, curves = [], np.full((len(configs), epochs), np.nan)
    for members in alike.values():
        population = Population(
            strategy,
            [Member(dict(configs[i]), seed) for i in members],
            dimensions=train.dimensions,
            classes=len(fold.classes),
            layers=train.layers,
            posteriors=train.posteriors,
            device=device,
        )
        with _one_thread(device):
            fitted = population.fit(train, epochs=epochs, validation=fold.validation.of(modalities))
        curves[members] = np.array(fitted.ua).T
        groups.append((members, population))
    return FittedPopulation(strategy, [dict(each) for each in configs], curves, groups, modalities)


@contextmanager
def _one_thread(device: str) -> Iterator[None]:
    """On a CPU the products of small models are faster in one thread, and the same on any number of cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1 if device == "cpu" else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
