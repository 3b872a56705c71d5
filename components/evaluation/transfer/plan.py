"""Which experiments a transfer matrix is made of, and how each is stated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from ...errors import EvaluationError, listed

OTHERS = "others"
"""In place of a training corpus: all corpora but the one that tests."""


@dataclass(frozen=True)
class Planned:
    """One experiment.

    Attributes:
        source: the corpus that trains, or `OTHERS`.
        target: the corpus that tests; where it is the source, by its own folds.
        corpora: all that take part.
        protocol: as params.yaml states it.
        label_space: likewise.
    """

    source: str
    target: str
    corpora: tuple[str, ...]
    protocol: str
    label_space: str

    @property
    def name(self) -> str:
        """Of the `dvc exp`."""
        return f"transfer-{self.source}-to-{self.target}-{self.label_space}"

    @property
    def overrides(self) -> dict[str, str]:
        """What it changes in params.yaml, as `dvc exp run -S` takes it."""
        return {
            "corpora": f"[{','.join(self.corpora)}]",
            "label_space": self.label_space,
            "protocol": self.protocol,
        }


def plan(corpora: Sequence[str], *, label_space: str, within: str, others: bool) -> list[Planned]:
    """Every corpus with every other, and with itself.

    Args:
        corpora: at least two.
        label_space: in which all of them have labels.
        within: the protocol of a corpus with itself.
        others: whether each corpus is tested by what all others train as well; needs three.

    Returns:
        The experiments, by training corpus, then by the one that tests.

    Raises:
        EvaluationError: too few corpora, or one is named twice.
    """
    if len(set(corpora)) < len(corpora):
        raise EvaluationError(f"a corpus is named twice: {listed(corpora, 20)}")
    fewest = 3 if others else 2
    if len(corpora) < fewest:
        why = "which leaving one out leaves two to train" if others else "one to train and one to test"
        raise EvaluationError(f"name at least {fewest} corpora, {why}; there is {listed(corpora)}")
    planned = []
    for source, target in product(corpora, corpora):
        alone = source == target
        protocol = within if alone else f"cross:{source}:{target}"
        both = (source,) if alone else tuple(sorted((source, target)))
        planned.append(Planned(source, target, both, protocol, label_space))
    if others:
        for target in corpora:
            rest = "+".join(sorted(each for each in corpora if each != target))
            planned.append(
                Planned(OTHERS, target, tuple(sorted(corpora)), f"cross:{rest}:{target}", label_space)
            )
    return planned
