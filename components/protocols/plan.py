"""A protocol by its name: a published one, or a rule over a label space."""

import difflib
from dataclasses import dataclass

from ..errors import ProtocolError
from ..schema import LabelSpace
from . import rules
from .published import Published, names, read


@dataclass(frozen=True)
class Protocol:
    """How a corpus is dealt into folds, and under which id its scores may be compared."""

    id: str
    """A published id, or ``<label space>.<rule>``."""
    title: str
    source: str
    space: LabelSpace
    seed: int
    """Of a rule's deal; a published protocol has no use for it."""
    rule: str | None = None
    published: Published | None = None

    @property
    def test_speakers(self) -> tuple[tuple[str, ...], ...] | None:
        """The published test speakers of each fold, as the utterance table names them; None for a rule."""
        if self.published is None:
            return None
        return tuple(
            tuple(f"{self.published.corpus}/{speaker}" for speaker in fold) for fold in self.published.folds
        )


def protocol(name: str, space: LabelSpace, *, seed: int = 0) -> Protocol:
    """The protocol of that name for a label space.

    Args:
        name: a published id (``ravdess8.luna5``), or a rule: ``kfold<k>``, ``loso`` (leave one speaker out);
            a rule may carry the label space's name in front (``emotion7.kfold4``).
        seed: deals the speakers of a rule.

    Raises:
        ProtocolError: for an unknown name, or a published protocol of another label space.
    """
    if name in names():
        held = read(name)
        if held.label_space != space.name:
            raise ProtocolError(
                f"protocol {name} is for the label space {held.label_space}, not {space.name}: scores under it would "
                f"not be comparable. In params.yaml set label_space to {held.label_space}, or protocol to a rule, "
                f"such as kfold{len(held.folds)}"
            )
        return Protocol(held.id, held.title, held.source, space, seed, published=held)

    rule = name.removeprefix(f"{space.name}.")
    if rules.is_rule(rule):
        what = "leave one speaker out" if rule == "loso" else f"{rule.removeprefix('kfold')} folds by rule"
        return Protocol(
            id=f"{space.name}.{rule}",
            title=f"{what}, speaker-disjoint, genders balanced; validation is the next fold",
            source=f"emoflow's rule, folds.seed {seed}",
            space=space,
            seed=seed,
            rule=rule,
        )
    known = [*names(), "kfold<k>", "loso"]
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}? It" if close else "it"
    raise ProtocolError(f"protocol {name!r} is not known; {hint} may be: {', '.join(known)}")
