"""The generative model of a control corpus: what each modality displays of an emotion, and the label raters give.

An emotion is planted in each utterance, every one of ``n`` classes as often as another. What a modality means to
display follows from it by the corpus's *relation*:

    redundant       every modality means the emotion itself
    complementary   each class is dealt to one modality, which means it; a class that is not its own a modality
                    takes for any of those that are not, at random: each tells apart a part, all together tell all
    interacting     two modalities mean a pair (a, b) drawn at random among those with a + b = emotion (mod n), as
                    glad words in an angry voice mean neither: each of the two alone tells nothing, both tell all;
                    the others mean the emotion itself

What is meant is displayed with the modality's reliability ``r``, apart from the other modalities; else one of the
other ``n - 1`` is, drawn uniformly:

    P(display = d | meant = s) = r if d == s else (1 - r) / (n - 1)

The corpus's label is the planted emotion, or what several raters agree on, each of whom is right with the
probability ``agreement`` and else names any other class: the most frequent vote, among equals the one that was
cast first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property, lru_cache
from itertools import combinations_with_replacement, product
from math import factorial, prod

import numpy as np

from ..errors import CorpusError
from ..schema import EMOTION7, MODALITIES

RELATIONS = ("redundant", "complementary", "interacting")
MOST_RATERS = 9


@dataclass(frozen=True)
class Truth:
    """The parameters of the generative model described above.

    Attributes:
        reliability: modality → how often it displays what it means, in the usual order of the modalities.
        classes: the planted emotions.
        relation: one of ``RELATIONS``.
        mute: modalities that display nothing and are never missing: the text, if all speak the same sentences.
        missing: the probability that a modality is missing from an utterance; at least one remains.
        raters: the number of votes per utterance; 0 if the label is the planted emotion.
        agreement: the probability that a rater's vote is the planted emotion.
        acted: the label is the planted emotion, whatever the raters' votes.
        majority: an utterance has a label only where more than half of the raters agree on it; the ceilings are
            those of the utterances that have one.

    Raises:
        CorpusError: a value is out of range.
    """

    reliability: Mapping[str, float]
    classes: tuple[str, ...] = EMOTION7
    relation: str = "redundant"
    mute: tuple[str, ...] = ()
    missing: float = 0.0
    raters: int = 0
    agreement: float = 1.0
    acted: bool = False
    majority: bool = False

    def __post_init__(self):
        object.__setattr__(self, "classes", tuple(self.classes))
        object.__setattr__(self, "mute", tuple(self.mute))
        chance = 1 / len(self.classes)
        checked = {}
        for modality, value in in_order(self.reliability).items():
            checked[modality] = chance if modality in self.mute else float(value)
            if not chance <= checked[modality] <= 1:
                raise CorpusError(
                    f"reliability of {modality} is {value}; it must be from {chance:.3f} (chance) to 1"
                )
        object.__setattr__(self, "reliability", checked)
        if self.relation not in RELATIONS:
            raise CorpusError(f"the relation is {self.relation!r}; it must be one of {', '.join(RELATIONS)}")
        if self.relation != "redundant" and len(self.telling) < 2:
            raise CorpusError(
                f"{self.relation} displays need two informative modalities; this corpus has "
                f"{', '.join(self.telling) or 'none'}"
            )
        if not 0 <= self.missing < 1:
            raise CorpusError(f"missing is {self.missing}; it must be from 0 to below 1")
        if not 0 <= self.raters <= MOST_RATERS:
            raise CorpusError(f"{self.raters} raters; there can be 0 to {MOST_RATERS}")
        if not chance <= self.agreement <= 1:
            raise CorpusError(f"agreement is {self.agreement}; it must be from {chance:.3f} (chance) to 1")

    @property
    def modalities(self) -> tuple[str, ...]:
        return tuple(self.reliability)

    @property
    def telling(self) -> tuple[str, ...]:
        """The informative modalities: those that display something."""
        return tuple(modality for modality in self.reliability if modality not in self.mute)

    def as_json(self) -> dict:
        """The reliabilities, and of the rest what is not as usual."""
        usual = {field.name: field.default for field in fields(self)}
        values = asdict(self) | {"reliability": dict(self.reliability)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
            if value != usual[name]
        }

    @classmethod
    def from_json(cls, document: Mapping) -> Truth:
        """The truth that ``as_json`` wrote, other keys left out."""
        known = {field.name: document[field.name] for field in fields(cls) if field.name in document}
        return cls(**known)

    @cached_property
    def joint(self) -> np.ndarray:
        """P(label, displays): float64 [n, n, …], the label first, then the modalities that tell."""
        n = len(self.classes)
        label = _label_channel(n, 0 if self.acted else self.raters, self.agreement, self.majority)
        joint = np.einsum("yl,y...->l...", label, self._given_emotion()) / n
        joint.setflags(write=False)
        return joint

    def _given_emotion(self) -> np.ndarray:
        """P(displays | emotion): [n, n, …]."""
        n = len(self.classes)
        shown = [_display_channel(n, self.reliability[modality]) for modality in self.telling]
        apart = list(shown)
        if self.relation == "complementary":
            apart = [_meant_channel(n, place, len(shown)) @ channel for place, channel in enumerate(shown)]
        given = np.ones((n,))
        if self.relation == "interacting":
            first, second = (self.telling.index(modality) for modality in self.pair)
            meant = np.zeros((n, n, n))  # emotion, what the first means, what the second means
            for emotion, a in product(range(n), repeat=2):
                meant[emotion, a, (emotion - a) % n] = 1 / n
            both = np.einsum("yab,ac,bd->ycd", meant, shown[first], shown[second])
            given = both
            apart = [channel for place, channel in enumerate(apart) if place not in (first, second)]
        for channel in apart:
            given = given[..., None] * channel.reshape(n, *[1] * (given.ndim - 1), n)
        if self.relation == "interacting":  # the pair's axes stand first; to their places
            rest = [place for place in range(len(shown)) if place not in (first, second)]
            given = np.moveaxis(given, range(1, given.ndim), [1 + at for at in (first, second, *rest)])
        return given

    @property
    def pair(self) -> tuple[str, str]:
        """The two modalities that interact: the first two that tell something."""
        return self.telling[0], self.telling[1]


def in_order(reliability: Mapping[str, float]) -> dict[str, float]:
    """The modalities in their usual order, further ones after them by name."""
    known = [modality for modality in MODALITIES if modality in reliability]
    return {
        modality: float(reliability[modality]) for modality in known + sorted(set(reliability) - set(known))
    }


def _display_channel(n: int, reliability: float) -> np.ndarray:
    channel = np.full((n, n), (1 - reliability) / (n - 1))
    np.fill_diagonal(channel, reliability)
    return channel


def strange_to(n: int, place: int, modalities: int) -> list[int]:
    """The classes that are not the ``place``-th modality's own, where classes are dealt in turn."""
    return [index for index in range(n) if index % modalities != place]


def _meant_channel(n: int, place: int, modalities: int) -> np.ndarray:
    """P(meant | emotion) of the ``place``-th modality, complementary."""
    strange = strange_to(n, place, modalities)
    channel = np.eye(n)
    channel[np.ix_(strange, strange)] = 1 / len(strange)
    return channel


@lru_cache
def _label_channel(n: int, raters: int, agreement: float, majority: bool) -> np.ndarray:
    """P(label | emotion): that of a consensus, by enumerating how often each class is voted for."""
    if not raters:
        return np.eye(n)
    right = labelled = 0.0
    wrong = (1 - agreement) / (n - 1)
    for cast in combinations_with_replacement(range(n), raters):  # the emotion is class 0
        counts = Counter(cast)
        orders = factorial(raters) // prod(map(factorial, counts.values()))
        probability = orders * agreement ** counts[0] * wrong ** (raters - counts[0])
        most = max(counts.values())
        if majority and 2 * most <= raters:
            continue
        labelled += probability
        if counts[0] == most:  # among equals every one is as often the first to be cast
            right += probability / list(counts.values()).count(most)
    return _display_channel(n, right / labelled)
