"""A protocol by its name: a published one, or a rule over a label space."""

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ..errors import ProtocolError
from ..schema import LabelSpace
from . import rules
from .deal import SAID, Deal
from .published import Published, names, read

AUTO = "auto"


@dataclass(frozen=True)
class Protocol:
    """How a corpus is dealt into folds, and under which id its scores may be compared."""

    id: str
    """A published id, or ``<label space>.<rule>``."""
    title: str
    source: str
    space: LabelSpace
    seed: int
    """Of a rule's deal; a published protocol has one of its own."""
    deal: Deal
    published: Published | None = None
    known: Mapping[str, str] = field(default_factory=dict)
    """Name of a corpus here → the corpus that it is, where it bears another name."""
    apart: tuple[str, ...] = ("dialogue", "session")
    """Speakers who share one of these are dealt together."""

    @property
    def inflated(self) -> str | None:
        """Why its figures are too good; None where they are not."""
        return self.deal.inflated

    @property
    def leaks(self) -> dict[str, str]:
        """What crosses its folds by design: kind of leak → why."""
        return self.deal.leaks | (self.published.leaks if self.published else {})

    @property
    def selection(self) -> str:
        """By what a choice is made, in a sentence."""
        return SAID[self.deal.validation]


def protocol(
    name: str,
    space: LabelSpace,
    *,
    seed: int = 0,
    known: Mapping[str, str] = MappingProxyType({}),
    waived: Collection[str] = (),
) -> Protocol:
    """The protocol of that name for a label space.

    Args:
        name: a published id (``ravdess8.luna5``), or a rule (see ``rules``); a rule may carry the label space's name
            in front (``emotion7.kfold4``).
        seed: deals the speakers of a rule.
        known: name of a corpus here → the corpus that it is, where it bears another name.
        waived: kinds of leak that somebody answers for: speakers are then dealt apart even if they share a
            ``session`` (``episode``) or a ``dialogue``.

    Raises:
        ProtocolError: for an unknown name, or a published protocol of another label space.
    """
    if name in names():
        held = read(name)
        if held.label_space != space.name:
            raise ProtocolError(
                f"protocol {name} is for the label space {held.label_space}, not {space.name}: scores under it would "
                f"not be comparable. In params.yaml set label_space to {held.label_space}, or protocol to a rule, "
                f"such as kfold{max(rules.FEWEST, len(held.test.folds))}"
            )
        return Protocol(held.id, held.title, held.source, space, 0, held.deal, held, known)

    rule = name.removeprefix(f"{space.name}.")
    if deal := rules.parse(rule):
        bound = {"dialogue": {"dialogue"}, "session": {"session", "episode"}}
        return Protocol(
            id=f"{space.name}.{rule}",
            title=f"{rules.title(deal)}; {SAID[deal.validation][:1].lower()}{SAID[deal.validation][1:]}",
            source=f"emoflow's rule, folds.seed {seed}",
            space=space,
            seed=seed,
            deal=deal,
            known=known,
            apart=tuple(column for column, kinds in bound.items() if not kinds & set(waived)),
        )
    there = [*names(), *rules.KNOWN, *rules.INFLATED]
    close = difflib.get_close_matches(name, there, n=1)
    hint = f"did you mean {close[0]!r}? It" if close else "it"
    raise ProtocolError(f"protocol {name!r} is not known; {hint} may be: {', '.join(there)}")
