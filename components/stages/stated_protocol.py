"""The protocol that params name."""

from ..params import Params
from ..protocols import AUTO, Protocol, protocol

ANY = "kfold5"
"""In place of ``auto``, before a corpus's speakers are known."""


def stated_protocol(experiment: Params, *, auto: str = ANY) -> Protocol:
    """The protocol that params name, with what params say of the corpora and of leaks.

    Args:
        experiment: the parameters.
        auto: the rule in place of ``auto``, which remains where nobody knows the corpora.

    Raises:
        ProtocolError: for an unknown name, or a published protocol of another label space.
        ParamsError: for ``auto`` with corpora that differ.
    """
    layouts = {corpus: experiment.layout(corpus).layout for corpus in experiment.labelled}
    first, dot, rest = experiment.protocol_name().partition(".")
    return protocol(
        (auto if first == AUTO else first) + dot + rest,
        experiment.space(),
        seed=experiment.folds.seed,
        known={corpus: layout for corpus, layout in layouts.items() if layout != AUTO},
        waived=experiment.folds.waivers,
    )
