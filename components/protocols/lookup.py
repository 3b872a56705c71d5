"""Looks a protocol up by its name: a published one, or a rule applied to a label space."""

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from ..errors import ProtocolError
from ..schema import LabelSpace
from . import few_and_zero_shot, rules
from .few_and_zero_shot import WHOLE, Scarcity
from .published import Published, names, read
from .split_scheme import DESCRIPTIONS, SplitScheme

AUTO = "auto"


@dataclass(frozen=True)
class Protocol:
    """How a corpus is split into folds, and the id under which its scores may be compared."""

    id: str
    """A published id, or ``<label space>.<rule>``; with ``.shots<k>`` and ``.zero-<class>`` behind it where less is
    left to learn from, so that no such figure is taken for the whole protocol's."""
    title: str
    source: str
    space: LabelSpace
    seed: int
    """Of a rule's random draws; a published protocol has one of its own."""
    scheme: SplitScheme
    published: Published | None = None
    known: Mapping[str, str] = field(default_factory=dict)
    """Name of a corpus here → the corpus that it is, where it bears another name."""
    apart: tuple[str, ...] = ("dialogue", "session")
    """Speakers who share one of these stay in one fold."""
    scarcity: Scarcity = WHOLE

    @property
    def inflated(self) -> str | None:
        """Why its figures are too good; None where they are not."""
        return self.scheme.inflated

    @property
    def leaks(self) -> dict[str, str]:
        """What crosses its folds by design: kind of leak → why."""
        return self.scheme.leaks | (self.published.leaks if self.published else {})

    @property
    def selection(self) -> str:
        """By what a choice is made, in a sentence."""
        return "; ".join(filter(None, (DESCRIPTIONS[self.scheme.validation], self.scarcity.said)))


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
            in front (``emotion7.kfold4``). Behind either may stand ``.shots<k>`` and ``.zero-<class>[+<class>]``
            (see ``few_and_zero_shot``).
        seed: assigns the speakers of a rule to folds, and draws the shots of any protocol.
        known: name of a corpus here → the corpus that it is, where it bears another name.
        waived: kinds of leak that params.yaml accepts: speakers may then be in different folds even if they share a
            ``session`` (``episode``) or a ``dialogue``.

    Raises:
        ProtocolError: for an unknown name, or a published protocol of another label space.
    """
    base, left = few_and_zero_shot.split(name, seed=seed)
    whole = _whole(base, name, space, seed=seed, known=known, waived=waived)
    if not left:
        return whole
    if whole.scheme.validation == "test":
        raise ProtocolError(
            f"protocol {name}: validation is the test, and {left.ending} says what may validate: take a protocol "
            f"whose validation is apart, such as kfold5{left.ending}"
        )
    return replace(
        whole,
        id=whole.id + left.ending,
        title=f"{whole.title}; {left.said}",
        source=f"{whole.source}; {left.ending} is emoflow's rule, folds.seed {seed}",
        scarcity=left,
    )


def _whole(
    name: str,
    asked: str,
    space: LabelSpace,
    *,
    seed: int,
    known: Mapping[str, str],
    waived: Collection[str],
) -> Protocol:
    """The protocol before anything is left out of it; ``asked`` is what the user wrote."""
    if name in names():
        published = read(name)
        if published.label_space != space.name:
            raise ProtocolError(
                f"protocol {name} is for the label space {published.label_space}, not {space.name}: scores under it "
                f"would not be comparable. In params.yaml set label_space to {published.label_space}, or protocol to a "
                f"rule, such as kfold{max(rules.FEWEST, len(published.test.folds))}"
            )
        return Protocol(
            published.id, published.title, published.source, space, 0, published.scheme, published, known
        )

    rule = name.removeprefix(f"{space.name}.")
    if scheme := rules.parse(rule):
        validation = DESCRIPTIONS[scheme.validation]
        bound = {"dialogue": {"dialogue"}, "session": {"session", "episode"}}
        return Protocol(
            id=f"{space.name}.{rule}",
            title=f"{rules.title(scheme)}; {validation[:1].lower()}{validation[1:]}",
            source=f"emoflow's rule, folds.seed {seed}",
            space=space,
            seed=seed,
            scheme=scheme,
            known=known,
            apart=tuple(column for column, kinds in bound.items() if not kinds & set(waived)),
        )
    there = [*names(), *rules.KNOWN, *rules.INFLATED, *few_and_zero_shot.KNOWN]
    close = _ending(name, space) or difflib.get_close_matches(name, there, n=1)
    hint = f"did you mean {close[0]!r}? It" if close else "it"
    raise ProtocolError(f"protocol {asked!r} is not known; {hint} may be: {', '.join(there)}")


def _ending(name: str, space: LabelSpace) -> list[str]:
    """The name with the nearest ending that there is, where what stands before it is a protocol."""
    base, _, ending = name.rpartition(".")
    if base not in names() and not rules.parse(base.removeprefix(f"{space.name}.")):
        return []
    known = [each.partition(">")[2] for each in (*rules.INFLATED, *few_and_zero_shot.KNOWN) if ">." in each]
    return [base + each for each in difflib.get_close_matches(f".{ending}", known, n=1, cutoff=0.3)]
