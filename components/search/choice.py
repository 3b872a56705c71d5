"""The rule by which validation puts one of several candidates first.

UA of validation comes in steps: one utterance of the rarest class, recognised or not, changes it by 1 / (C n), with C
classes and n utterances of that class. Configurations of one strategy that are no further from the highest UA than that
are not told apart by it: they count as equal, and lower log loss decides, which uses the probabilities and not only the
decisions; then fewer parameters, then the order in which they were tried. On a small validation set many are equal, and
on one where nearly all is recognised, too.

Strategies count as equal only where their UA is the same: some are surer of what they say than others that are right as
often, so that their losses differ for another reason. Measured on the control corpus, see docs/search.md.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from ..artifacts.search import Decision

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Candidate(Generic[Key]):
    """A configuration or a strategy, with its scores of validation."""

    key: Key
    ua: float
    loss: float
    parameters: int


def first(candidates: Sequence[Candidate[Key]], resolution: float) -> tuple[Key, Decision]:
    """The candidate that comes first, and what decided.

    Args:
        candidates: one or more, in the order that decides last.
        resolution: UA that is lower than the highest by no more than this counts as equal.
    """
    highest = max(each.ua for each in candidates)
    equal = [each for each in candidates if round(highest - each.ua, 6) <= round(resolution, 6)]
    winner, *others = sorted(equal, key=lambda each: (each.loss, each.parameters))
    if not others:
        return winner.key, Decision(by="ua", equal=1)
    second = others[0]
    by: Literal["loss", "parameters", "order"] = "order"
    if winner.loss < second.loss:
        by = "loss"
    elif winner.parameters < second.parameters:
        by = "parameters"
    return winner.key, Decision(by=by, equal=len(equal))
