"""The stage ``evaluate``: metrics, figures and the report."""

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from ..schema import ChooseBy
from .document import Document, Part
from .features import Recognition
from .folds import Finding, Waived
from .model import LayerWeights, ModelTuning, ProbabilityCalibration
from .utterances import Agreement

STAGE = "evaluate"
FOLDER = Path("reports")
COMPARISON = FOLDER / "comparison.csv"
REPORT = FOLDER / "index.html"
PLOTS = FOLDER / "plots"

Metric = Literal["wa", "ua", "macro_f1", "wf1", "mcc"]
"""Weighted accuracy, unweighted average recall, macro F1 and weighted F1, all from 0 to 1; and Matthews correlation
coefficient, from -1 to 1."""


class Interval(Part):
    """A figure and the bounds of its 95 % interval.

    The bounds are None where the speakers cannot tell: there is only one; a figure is exactly 0 or 1; or it is not
    defined without one of them.
    """

    mean: float
    low: float | None
    high: float | None


class Variation(Part):
    """A mean over folds and seeds, its 95 % interval, and the two-sided p-value that it is 0.

    Attributes:
        over: ``"folds"`` (n of them, each the mean of its seeds); ``"seeds"`` where there is one fold alone, which
            says nothing of other training speakers; None where nothing varies: no interval and no p-value.
    """

    mean: float
    low: float | None
    high: float | None
    p: float | None
    over: Literal["folds", "seeds"] | None
    n: int


class Spread(Part):
    """Single values, their mean and their standard deviation (ddof 1; None for one value)."""

    mean: float
    sd: float | None
    values: list[float]


class DivergedRefit(Part):
    """A refit that diverged, so that its seed is left out of the fold's mean."""

    fold: int
    seed: int


class Figures(Part):
    """One strategy's figures, all from 0 to 1, MCC from -1.

    Attributes:
        wa, ua, macro_f1, wf1, mcc: pooled over all test utterances, the seeds averaged, with intervals over speakers.
        fold_mean: by metric, of each test fold.
        single_seed: by metric, of each seed on its own, pooled over the folds in which it did not diverge.
        over_folds: by metric, over folds and seeds.
        recall: by class; None for one without an utterance.
        diverged: the refits that were left out.
        baseline: whether it looks at no modality.
        params: trained parameters of a member, of the largest of the folds' choices; None for the nested choice, which
            is several models.
        operations: floating-point operations of one answer by all members, without encoders, of the folds' choice that
            takes the most; None for the nested choice.
        modalities: those that it looks at.
    """

    wa: Interval
    ua: Interval
    macro_f1: Interval
    wf1: Interval
    mcc: Interval
    fold_mean: dict[Metric, Spread]
    single_seed: dict[Metric, Spread]
    over_folds: dict[Metric, Variation]
    recall: dict[str, float | None]
    diverged: list[DivergedRefit]
    baseline: bool
    params: int | None
    operations: int | None
    modalities: list[str]

    def pooled(self, metric: Metric) -> Interval:
        """The figure of one metric."""
        interval: Interval = getattr(self, metric)
        return interval


class Calibration(Part):
    """How well probabilities are calibrated, with intervals over speakers; see ``evaluation.probabilities``.

    Attributes:
        ece: expected calibration error, 0 to 1. brier: 0 to 2. nll: in nats.
    """

    ece: Interval
    brier: Interval
    nll: Interval


class TemperatureScaled(Part):
    """The same of probabilities that were scaled by a temperature fitted on other folds' speakers; one a fold."""

    temperatures: list[float]
    calibration: Calibration


class ReliabilityBin(Part):
    """Utterances of similar confidence: how many, their mean confidence, and how many of them are right."""

    utterances: int
    confidence: float
    accuracy: float


class PredictionSets(Part):
    """Sets of classes that hold the true one with a stated probability.

    Attributes:
        level: the coverage that they are made for. coverage: what they have, with its interval over speakers.
        size: the mean number of classes in them. sizes: how many sets have one class, two, … all.
        single_right: the share of those of one class that are right; None where there are none.
    """

    level: float
    coverage: Interval
    size: float
    sizes: list[int]
    single_right: float | None


class Probabilities(Part):
    """What a strategy's probabilities are worth.

    Attributes:
        calibration: of the probabilities as they are. scaled: by a temperature; None where a fold has no others.
        auc: area under the curve, the mean over the classes, each against the rest; None where only one occurs.
        reliability: from the least to the most confident.
        answered: share of the utterances, those with the highest confidence → WA of them.
        sets: None where a fold has no others.
    """

    calibration: Calibration
    scaled: TemperatureScaled | None
    auc: float | None
    reliability: list[ReliabilityBin]
    answered: dict[str, float]
    sets: PredictionSets | None


class Divergences(Part):
    """How far probabilities are from the raters' distributions, with intervals over speakers.

    Attributes:
        cross_entropy, kullback_leibler: in nats. jensen_shannon: in bits, 0 to 1.
    """

    cross_entropy: Interval
    kullback_leibler: Interval
    jensen_shannon: Interval


class SoftLabels(Part):
    """A strategy's probabilities beside the raters' distributions; see ``evaluation.probabilities.soft_labels``.

    Attributes:
        utterances: of the test, those with two raters or more. speakers: of these.
        raters: of such an utterance, on average.
        model: of the strategy. constant: of the raters' mean distribution outside each fold's test; None where a fold
            has no raters there.
    """

    utterances: int
    speakers: int
    raters: float
    strategy: str
    model: Divergences
    constant: Divergences | None


class ClassFigures(Part):
    """A strategy's figures on one class, with intervals over speakers.

    Attributes:
        utterances: of the class.
        recall: None where there are none. precision: None where nothing was taken for the class. f1: None where both
            are.
    """

    utterances: int
    recall: Interval | None
    precision: Interval | None
    f1: Interval | None


class GroupFigures(Part):
    """A strategy's figures on the utterances of one group, with intervals over its speakers.

    Attributes:
        few: whether they are of too few speakers to be compared with other groups.
    """

    utterances: int
    speakers: int
    few: bool
    ua: Interval
    wa: Interval


class Gap(Part):
    """The groups with the highest and the lowest UA, and the difference, with its interval over speakers."""

    best: str
    worst: str
    difference: Interval


class Slice(Part):
    """Figures by the groups of one attribute, such as the speakers' gender.

    Attributes:
        groups: name → figures.
        unknown: test utterances of which the attribute is not known; they are in no group.
        gap: None where fewer than two groups have enough speakers.
    """

    attribute: str
    groups: dict[str, GroupFigures]
    unknown: int
    gap: Gap | None


class DialogueFigures(Part):
    """Figures with intervals over dialogues.

    Attributes:
        dialogues: of the test.
        figures: metric → figure.
    """

    dialogues: int
    figures: dict[str, Interval]


class Contributions(Part):
    """What each modality contributes to a strategy's UA, with intervals over speakers.

    Attributes:
        subsets: modalities, as ``audio+text`` → UA where the strategy is given these alone.
        guessed: of these, the utterances that have none of the modalities; each counts as a guess.
        shapley: modality → its Shapley value. They sum to the UA of all modalities minus that of a guess.
        interactions: pair, as ``audio+text`` → its interaction index: above 0 synergy, below 0 redundancy.
    """

    subsets: dict[str, Interval]
    guessed: dict[str, int]
    shapley: dict[str, Interval]
    interactions: dict[str, Interval]


class DimensionFigures(Part):
    """How well a strategy predicts valence, arousal or dominance, with intervals over speakers.

    Attributes:
        utterances, speakers: with a truth and a prediction.
        ccc: Lin's concordance correlation coefficient, -1 to 1. pearson: correlation, -1 to 1.
        mae: mean absolute error, on a scale of -1 to 1.
    """

    utterances: int
    speakers: int
    ccc: Interval
    pearson: Interval
    mae: Interval


class LevelFigures(Part):
    """The registered strategy's UA under a condition at one level.

    Attributes:
        ua: with its interval over speakers.
        loss: UA of the recordings as they are, minus ``ua``, on the same utterances.
        unusable: utterances whose changed recording gave no features of the modality, which was then missing.
        shapley: modality → its Shapley value of ``ua``; empty where no one modality is changed, or the strategy takes
            one alone.
        word_error_rate: of the words that were recognised in the changed sound; None where none were.
    """

    level: float
    ua: Interval
    loss: Interval
    unusable: int
    shapley: dict[str, Interval]
    word_error_rate: float | None


class ConditionFigures(Part):
    """The registered strategy under one condition.

    Attributes:
        modality: the one that is changed; None: any of them.
        changes: the strategy's modalities that are made from what is changed: of sound also the words that are
            recognised in it, and the films that are heard.
        unit: of the levels.
        levels: from the mildest to the worst.
        mean_loss: the mean of the levels' losses, not weighted.
    """

    modality: str | None
    changes: list[str]
    unit: str
    levels: list[LevelFigures]
    mean_loss: Interval


class Robustness(Part):
    """How well the registered strategy does on worse recordings.

    Attributes:
        utterances, speakers: that were drawn.
        clean: UA on the same utterances as they are.
        shapley: modality → its Shapley value of ``clean``; empty of a strategy that takes one alone.
        conditions: by name.
        without: what a condition changes, as ``audio`` or ``audio+text`` → UA on the same utterances without it, of a
            strategy that takes more.
        left_out: condition → why it could not be tested.
        word_reference: what recognised words are compared with: ``transcripts``, or those ``recognised`` in the
            recordings as they are; None where none were recognised.
    """

    utterances: int
    speakers: int
    clean: Interval
    shapley: dict[str, Interval]
    conditions: dict[str, ConditionFigures]
    without: dict[str, Interval]
    left_out: dict[str, str]
    word_reference: Literal["transcripts", "recognised"] | None


class Cost(Part):
    """What strategies cost beside the UA that they reach; without baselines, which look at no modality.

    Attributes:
        tokens: modality → how many tokens operations are counted with: the largest of the folds' medians.
        front: the Pareto front, the cheapest first: strategies with a higher UA than all that take no more operations.
        cheapest: the strategy of fewest operations among ``best`` and those whose UA is not shown to be lower.
    """

    tokens: dict[str, int]
    front: list[str]
    cheapest: str


class ModalityAttributions(Part):
    """What a modality's tokens add to the log-probability of a class, in nats.

    Attributes:
        total: of all its tokens.
        over_time: of even parts of the clip, which sum to ``total``; one part for a single token.
        timed: whether the parts are of time; words have an order alone.
        words: of each word in order, where the words can be told apart; they sum to ``total``.
        rollout: the share of the same parts in what is classified, by attention alone; all modalities' sum to 1. None
            where the strategy has no roll-out.
    """

    total: float
    over_time: list[float]
    timed: bool
    words: list[tuple[str, float]] | None
    rollout: list[float] | None


class Attributions(Part):
    """Integrated gradients of a model's log-probability of the class that it predicted, and attention roll-out.

    Attributes:
        log_probability: of the class. neutral: the same of a clip of as many tokens that tell nothing.
        gap: by how much the sum over all tokens misses the difference of the two.
        steps: at how many points the gradient was taken.
        modalities: those that the clip has.
        duration_s: of the clip, in seconds; None where ``unreadable`` says why.
        waveform: peaks of even parts of its sound, the loudest 1; None without sound, or where it is not attributed.
    """

    log_probability: float
    neutral: float
    gap: float
    steps: int
    modalities: dict[str, ModalityAttributions]
    duration_s: float | None
    unreadable: str | None
    waveform: list[float] | None


class NotAttributed(Part):
    """Why the listed errors have no attributions, and no roll-out; None where they have."""

    gradients: str | None
    rollout: str | None


class Misclassified(Part):
    """An utterance that was taken for another class.

    Attributes:
        fold: whose model tested it.
        label, predicted: what it is, and what it was taken for.
        confidence: in that. probability: of what it is.
        contributions: modality → what it contributed to the confidence (Shapley value); empty where the strategy looks
            at one modality.
        recording: the path of its film or sound from the workspace's root, as the utterance table has it; None where
            it has neither.
        attributions: to parts of the clip; None where ``not_attributed`` of the metrics says why.
    """

    utterance_id: str
    fold: int
    label: str
    predicted: str
    confidence: float
    probability: float
    contributions: dict[str, float]
    recording: str | None
    attributions: Attributions | None = None


class Counts(Part):
    """What the figures are of.

    Attributes:
        utterances: tested.
        speakers: of these, those that are named.
        nameless: test utterances whose speaker is unknown; each counts as a speaker of its own.
        diverged: refits that were left out, of all strategies.
        test_per_train: n_test / n_train, the mean over the folds.
    """

    utterances: int
    speakers: int
    nameless: int
    folds: int
    seeds: int
    diverged: int
    test_per_train: float


class Methods(Part):
    """How the intervals were made: their level, and in words the method for figures and for differences."""

    level: float
    figures: str
    differences: str


class OtherChoice(Part):
    """What would have been chosen by the rule that does not choose.

    Attributes:
        choose_by: this rule.
        strategy: the name of the nested choice by it, as in `model.CHOSEN_BY`.
        per_fold: fold → the strategy that the fold's own validation would have chosen.
    """

    choose_by: ChooseBy
    strategy: str
    per_fold: dict[int, str]


class Choice(Part):
    """How strategies are chosen.

    Attributes:
        rule: in words.
        choose_by: ``search.choose_by``.
        per_fold: fold → the strategy that the fold's own validation chose.
        other: None where configurations have one seed.
    """

    rule: str
    choose_by: ChooseBy
    per_fold: dict[int, str]
    other: OtherChoice | None


class Confusion(Part):
    """Confusion counts of a strategy ``[C, C]``; rows are the true classes, in the order of ``classes``."""

    strategy: str
    counts: list[list[int]]


class Comparison(Part):
    """Strategy ``first`` against ``second`` on the same utterances; differences are of UA, first minus second.

    Attributes:
        difference, low, high, p: of the models as they are, paired by speaker.
        p_corrected: over all pairs of strategies, by step-down max-T.
        folds: of each seed on its own, paired by fold and seed.
        folds_p_corrected: over all pairs of strategies, by Holm; None where nothing varies.
        significant: whether these models would differ with other test speakers, too.
        significant_over_folds: whether models of other training speakers and seeds would differ in the same direction.
    """

    first: str
    second: str
    difference: float
    low: float | None
    high: float | None
    p: float
    p_corrected: float
    folds: Variation
    folds_p_corrected: float | None
    significant: bool
    significant_over_folds: bool


class TrialCounts(Part):
    """How many trials there are, and how many of each status."""

    total: int
    finished: int
    stopped: int
    failed: int
    left_out: int


class Epochs(Part):
    """Epochs that the search trained, and those that it would have trained had it stopped no trial."""

    trained: int
    possible: int


class Validation(Part):
    """Validation UA of a strategy's choices; too high, since they were chosen for it.

    Attributes:
        ua, sd: mean and standard deviation (ddof 1; None for one value) over folds and seeds.
        folds: of each fold, its seeds' values.
    """

    ua: float
    sd: float | None
    folds: list[list[float]]


class LearningCurve(Part):
    """A strategy's learning curve on validation, over the folds and seeds of its choices.

    Attributes:
        epoch: from 1. curves: how many folds and seeds went so far.
        ua, loss: mean at each epoch; None where it is undefined. ua_sd, loss_sd: standard deviation (ddof 1).
    """

    epoch: list[int]
    curves: list[int]
    ua: list[float | None]
    ua_sd: list[float | None]
    loss: list[float | None]
    loss_sd: list[float | None]


class ExpectedBest(Part):
    """The best validation UA that a strategy would show if its configurations were equally good, the mean over folds.

    Attributes:
        configurations: tried on a fold. finished: of these, trained to the end, among which the choice is made.
        mean: validation UA of those that were trained to the end.
        noise: standard deviation of a configuration's validation UA, from its seeds.
        expected: of the best; see ``evaluation.expected_best``.
    """

    configurations: int
    finished: int
    mean: float
    noise: float
    expected: float


class FoldAgreement(Part):
    """How alike the folds rank a strategy's configurations by validation; see ``evaluation.agreement``.

    Attributes:
        correlation: Spearman's, the mean over the pairs of folds: 0 for pure noise, 1 for the same order.
        p: that the folds' ranks are unrelated, by Friedman's test.
        rank: of the configuration that one fold chooses on the other folds, on average; 1 is the best.
        by_chance: what ``rank`` would be.
    """

    configurations: int
    folds: int
    correlation: float
    p: float
    rank: float
    by_chance: float


class StrategySearch(Part):
    """What the search spent on a strategy, and how its choices did on validation.

    Attributes:
        expected_best: None where the trials do not hold what the estimate takes.
        agreement: of the folds; likewise.
        undecided: the number of folds whose UA did not tell the best configurations apart, see ``search.choice``.
    """

    trials: int
    failed: int
    epochs_trained: int
    validation: Validation
    expected_best: ExpectedBest | None
    agreement: FoldAgreement | None
    undecided: int
    curve: LearningCurve


class Search(Part):
    """What the search did.

    Attributes:
        statement: the budget in one sentence.
        equal: whether every strategy had the same; ``departures`` says in words where not.
    """

    statement: str
    equal: bool
    departures: list[str]
    trials: TrialCounts
    epochs: Epochs
    strategies: dict[str, StrategySearch]


class BesideOracle(Part):
    """A strategy beside the oracle of its modalities on the same utterances; all from 0 to 1.

    Attributes:
        subset: the modalities, as ``audio+text``.
        accuracy: the strategy's. oracle, oracle_ua: the oracle's accuracy and UA.
        p, p_holm: one-sided, that the strategy is better; corrected over the strategies.
        above: whether it is better beyond sampling error, which an honest strategy cannot be.
    """

    strategy: str
    subset: str
    accuracy: float
    oracle: float
    oracle_ua: float
    utterances: int
    p: float
    p_holm: float
    above: bool


class Ceiling(Part):
    """The strategies beside the Bayes-optimal classifier of planted truth.

    Attributes:
        utterances: those that have planted truth.
        population: corpus → subset of modalities → accuracy expected over all utterances that could be drawn.
        oracle: subset of modalities → accuracy on the test utterances.
        strategies: by name; baselines look at no modality and are not among them.
    """

    utterances: int
    population: dict[str, dict[str, float]]
    oracle: dict[str, float]
    strategies: dict[str, BesideOracle]


class SeenUnseen(Part):
    """Mean recall of the seen and of the unseen classes, and their harmonic mean."""

    seen: Interval
    unseen: Interval
    harmonic: Interval


class ZeroShot(Part):
    """Seen and unseen classes where both compete.

    Attributes:
        chance: the recall of a guess among all classes.
        how: in words, how classes are recognised.
    """

    unseen: list[str]
    chance: float
    how: str
    strategies: dict[str, SeenUnseen]


class TextAtChance(Part):
    """Whether text alone is at chance, where the sentences say nothing of the label."""

    ok: bool
    chance: float
    ua: Interval


class Alarm(Part):
    """Something that forbids to trust the figures.

    Attributes:
        strategy: None where it is about all of them.
    """

    alarm: Literal["inflated", "above-ceiling", "text-above-chance", "validation-above-test"]
    strategy: str | None
    message: str


class Excluded(Part):
    """What was left out, and why.

    Attributes:
        utterances: of the corpora. tested: of these.
        dropped: corpus → reason → utterances.
        unlabelled: corpus → utterances that are learned from without a label.
        never_tested: in no test fold of the protocol.
        media: modality → reason → utterances.
    """

    utterances: int
    tested: int
    dropped: dict[str, dict[str, int]]
    unlabelled: dict[str, int]
    never_tested: int
    media: dict[str, dict[str, int]]


class Metrics(Document):
    """``reports/metrics.json``: everything that the report says.

    Attributes:
        protocol, inflated, waived, label_space, classes: as in ``data/folds.json``.
        best: the strategy that is registered.
        confusion: of ``best``.
        by_class: of ``best``.
        probabilities: of each strategy but baselines.
        calibration: of the registered model.
        contributions: of each strategy of several modalities.
        soft_labels: of ``best``; None where no test utterance has two raters.
        dimensions: strategy → valence, arousal and dominance, of strategies that learned them.
        cost: of all strategies but baselines.
        misclassified: by ``best``, those it was surest of. not_attributed: why nothing is attributed to their parts.
        slices: of ``best``, by attributes of which the test utterances have several groups.
        by_dialogue: of ``best``; None where some test utterance is in no dialogue.
        robustness: of ``best``; None where params.yaml names no condition.
        comparisons: of ``best`` with every other strategy.
        ceiling: None where no truth is planted.
        people: corpus → kind of rater → agreement.
        layer_weights: modality → encoder → its layers' weights in the registered model, of encoders whose layers are
            all kept.
        recognition: corpus → how its words were recognised, of corpora whose words are no transcripts.
        tuning: of the registered model's encoders; None where they are frozen.
        zero_shot: None where no class is unseen.
        text_at_chance: None where sentences may tell the label.
        findings: of the leakage gate, and of the evaluation.
    """

    PATH: ClassVar[str] = "reports/metrics.json"
    STAGE: ClassVar[str] = STAGE
    VERSION: ClassVar[int | None] = 11

    corpora: list[str]
    protocol: str
    inflated: str | None
    waived: list[Waived]
    label_space: str
    classes: list[str]
    counts: Counts
    intervals: Methods
    strategies: dict[str, Figures]
    best: str
    chosen: Choice
    confusion: Confusion
    by_class: dict[str, ClassFigures]
    probabilities: dict[str, Probabilities]
    calibration: ProbabilityCalibration
    contributions: dict[str, Contributions]
    soft_labels: SoftLabels | None
    dimensions: dict[str, dict[str, DimensionFigures]]
    cost: Cost
    misclassified: list[Misclassified]
    not_attributed: NotAttributed
    slices: list[Slice]
    by_dialogue: DialogueFigures | None
    robustness: Robustness | None
    comparisons: list[Comparison]
    search: Search
    ceiling: Ceiling | None
    people: dict[str, dict[str, Agreement]]
    layer_weights: dict[str, dict[str, LayerWeights]]
    recognition: dict[str, Recognition] = Field(default_factory=dict)
    tuning: ModelTuning | None
    zero_shot: ZeroShot | None
    text_at_chance: TextAtChance | None
    alarms: list[Alarm]
    findings: list[Finding]
    excluded: Excluded


class Headline(Document):
    """``reports/headline.json``: the few figures that ``dvc exp show`` lists side by side.

    It has no schema version: DVC would list that as one more figure.

    Attributes:
        ua_nested, wa_nested, wf1_nested: of the choice that each fold's own validation made, which is strictly nested;
            None where the predictions hold none.
        ua_registered, wa_registered, wf1_registered: of the strategy that is registered. The validation of all folds
            named it, whose speakers are other folds' test speakers, so it may be a little too high.
        alarms: how many.

    The bounds of each figure's interval end in ``_low`` and ``_high``.
    """

    PATH: ClassVar[str] = "reports/headline.json"
    STAGE: ClassVar[str] = STAGE
    VERSION: ClassVar[int | None] = None

    protocol: str
    inflated: bool
    best: str
    ua_nested: float | None
    ua_nested_low: float | None
    ua_nested_high: float | None
    wa_nested: float | None
    wa_nested_low: float | None
    wa_nested_high: float | None
    wf1_nested: float | None
    wf1_nested_low: float | None
    wf1_nested_high: float | None
    ua_registered: float
    ua_registered_low: float | None
    ua_registered_high: float | None
    wa_registered: float
    wa_registered_low: float | None
    wa_registered_high: float | None
    wf1_registered: float
    wf1_registered_low: float | None
    wf1_registered_high: float | None
    alarms: int
