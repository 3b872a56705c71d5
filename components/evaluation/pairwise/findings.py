"""What a comparison of two experiments found; differences are B minus A, figures from 0 to 1."""

from typing import Literal

from ...artifacts.document import Part
from ...artifacts.reports import Interval, Metric, Variation


class Measured(Part):
    """A figure of both on the same utterances, and the paired difference with its interval over speakers."""

    a: Interval
    b: Interval
    difference: Interval


class Outcomes(Part):
    """How many utterances both, only A, only B, or neither classifies correctly."""

    both: int
    only_a: int
    only_b: int
    neither: int


class ClassRecall(Part):
    """Recall of one class; None where no utterance has it."""

    label: str
    utterances: int
    a: float | None
    b: float | None
    difference: Interval | None


class SpeakerUA(Part):
    """UA of one speaker's utterances, over the classes that occur among them."""

    speaker: str
    utterances: int
    a: float
    b: float
    difference: float


class Effect(Part):
    """How large the difference in UA is beside its variation over speakers.

    Attributes:
        d_z: the mean of the speakers' shares in the difference over their standard deviation (Cohen 1988); None where
            nothing varies.
        better, worse, equal: for how many speakers UA of B is above, below, the same as that of A.
    """

    d_z: float | None
    better: int
    worse: int
    equal: int


class Pair(Part):
    """A strategy of A against a strategy of B.

    Attributes:
        kind: ``nested`` (each fold's own choice), ``registered`` (of each experiment), or ``named`` by the user.
        a, b: the strategies.
        same: whether both predict the same class for every utterance.
        p: two-sided sign-flip permutation test of UA over speakers; least_p: the smallest that it can give.
        folds: UA over folds and seeds (corrected resampled t); None where the folds differ.
        answer: in words.
    """

    kind: Literal["nested", "registered", "named"]
    a: str
    b: str
    same: bool
    figures: dict[Metric, Measured]
    p: float
    least_p: float
    effect: Effect
    folds: Variation | None
    outcomes: Outcomes
    recall: list[ClassRecall]
    speakers: list[SpeakerUA]
    answer: str


class Named(Part):
    """One of the two experiments.

    Attributes:
        name: as the user named it, or `this workspace`. source: what that is: a commit, a run.
        registered: its registered strategy.
        utterances: that it was tested on. seeds: of its refits.
    """

    name: str
    source: str
    registered: str
    utterances: int
    seeds: int


class Comparison(Part):
    """Two experiments of one protocol.

    Attributes:
        inflated: why figures under the protocol are too good; None where they are not.
        utterances, speakers: that both were tested on.
        same_folds: whether the folds are the same; the difference is otherwise one of the training rows, too.
        pairs: the first is the one to quote.
        params: key → its value in A and in B, of those that differ; None where it is not stated.
    """

    a: Named
    b: Named
    protocol: str
    inflated: str | None
    utterances: int
    speakers: int
    same_folds: bool
    pairs: list[Pair]
    params: dict[str, tuple[str | None, str | None]]
