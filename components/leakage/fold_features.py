"""Finds test and validation speakers whom the models behind features that differ by fold were trained on.

What such a model makes of a speaker whom it knows is better than what it makes of a stranger. In the test the scores
would be too good; in the validation the choice, the temperatures and the weights would trust the model too far.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..artifacts.fold_features import FoldFeatures
from ..artifacts.folds import Finding
from ..errors import ProtocolError, listed
from ..protocols import Protocol
from .finding import finding

if TYPE_CHECKING:
    import pandas as pd

Declared = Mapping[tuple[str, str], FoldFeatures]
"""``{(corpus, modality): what was declared of its attached features}``."""

_KINDS = {
    "test": (
        "model-heard-test",
        "Take features of models that were trained without the test's speakers.",
    ),
    "validation": (
        "model-heard-validation",
        "Take features of models that were trained without the fold's validation speakers, too: validation would trust "
        "these further than the test bears out (data/folds.parquet says who validates; without this modality under "
        "modalities, dvc repro folds makes it).",
    ),
}
"""Role → the kind of leak where a model was trained on its speakers, and what to do."""


def check(
    declared: Declared,
    plan: Protocol,
    *,
    folds: Iterable[int],
    classes: Sequence[str],
    speakers: Mapping[str, Iterable[str]],
) -> None:
    """Hold what was declared against the folds.

    Args:
        declared: of the modalities that the experiment uses.
        plan: the protocol.
        folds: the numbers of its folds.
        classes: in the order of the model's outputs.
        speakers: corpus → its speakers, as the utterance table has them.

    Raises:
        ProtocolError: another protocol, other folds, other classes, or speakers that the corpus does not have.
    """
    numbers = set(folds)
    for (corpus, modality), each in declared.items():
        what = f"the {modality} features that came with {corpus} differ by fold, and their declaration"
        if each.protocol != plan.id:
            raise ProtocolError(
                f"{what} is of the folds of {each.protocol}; these are of {plan.id}: set protocol in params.yaml, or "
                f"take {modality} out of modalities"
            )
        if lacking := sorted(numbers - set(each.training_speakers)):
            raise ProtocolError(
                f"{what} says nothing of fold {listed(lacking)} of {plan.id}: add it, with its rows"
            )
        if strange := sorted(set(each.training_speakers) - numbers):
            raise ProtocolError(
                f"{what} names fold {listed(strange)}; the folds of {plan.id} are {listed(sorted(numbers), 20)}"
            )
        if each.kind == "posteriors" and each.classes != list(classes):
            raise ProtocolError(
                f"{what} has the classes {listed(each.classes, 12)}; posteriors have those of the protocol, in its "
                f"order: classes: [{', '.join(classes)}]"
            )
        if each.kind == "posteriors" and (unseen := plan.scarcity.unseen_of(classes, protocol=plan.id)):
            raise ProtocolError(
                f"{modality} of {corpus} came as posteriors, which are of no use under a zero-shot protocol "
                f"({listed(unseen)} is to be unseen): take it out of modalities"
            )
        known = set(speakers[corpus])
        named = {name for names in each.training_speakers.values() for name in _whole(corpus, names)}
        if unknown := sorted(named - known):
            raise ProtocolError(
                f"{what} names speakers that the corpus does not have: {listed(unknown)}; it has "
                f"{listed(sorted(known), 5)}"
            )


def find(declared: Declared, folds: pd.DataFrame) -> list[Finding]:
    """Find the folds whose models were trained on speakers of their test or validation.

    Args:
        declared: of the modalities that the experiment uses.
        folds: ``fold, utterance_id, speaker, role``.

    Returns:
        A critical finding per fold, role and modality; and one of each modality that says what was declared.
    """
    findings = []
    for (corpus, modality), each in declared.items():
        trained = sorted({len(names) for names in each.training_speakers.values()})
        findings.append(
            finding(
                "fold-features",
                "info",
                fold=None,
                rows=[],
                explanation=f"the {modality} features of {corpus} differ by fold: they are the {each.kind} of models "
                f"that were trained on {' to '.join(map(str, trained[:1] + trained[1:][-1:]))} speaker(s) each.",
                advice="That is as their declaration says, which the features themselves cannot confirm.",
            )
        )
        for fold, names in sorted(each.training_speakers.items()):
            heard = set(_whole(corpus, names))
            rows = folds[(folds["fold"] == fold) & folds["speaker"].isin(heard)]
            for role, (kind, advice) in _KINDS.items():
                own = rows[rows["role"] == role]
                if own.empty:
                    continue
                findings.append(
                    finding(
                        kind,
                        "critical",
                        fold=fold,
                        rows=own["utterance_id"].tolist(),
                        explanation=f"fold {fold}: the model behind the {modality} features was trained on "
                        f"{listed(sorted(own['speaker'].unique()))}, and they are in the {role} "
                        f"({len(own)} utterance(s)).",
                        advice=advice,
                    )
                )
    return findings


def _whole(corpus: str, names: Iterable[str]) -> list[str]:
    """Speakers as the utterance table names them, who may be declared without their corpus."""
    return [name if name.startswith(f"{corpus}/") else f"{corpus}/{name}" for name in names]
