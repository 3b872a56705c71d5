"""The alarms: a protocol that inflates, a strategy above the planted ceiling, text that tells an emotion it does
not hold, a validation that promises more than the test holds."""

import math
from collections.abc import Iterable, Mapping

import numpy as np

from ..artifacts.folds import Finding, Folds
from ..artifacts.model import Modality, seen
from ..artifacts.reports import Alarm, Ceiling, Figures, TextAtChance
from ..artifacts.search import Best
from ..errors import EvaluationError, listed
from .ceilings import compare, in_classes, modalities_of, oracle_right, subset_name, text_at_chance, together
from .inputs import CorpusFacts
from .intervals import LEVEL
from .predictions import Predictions
from .summary import percent


def beside_oracle(
    predictions: Predictions,
    strategies: list[str],
    *,
    modalities: list[str],
    posteriors: list[str],
    corpora: Mapping[str, CorpusFacts],
) -> tuple[Ceiling | None, list[Finding]]:
    """Compare every strategy with the oracle of its modalities on the corpora with planted truth.

    Args:
        predictions: of every strategy.
        strategies: those to compare.
        modalities: those that the corpora have; posteriors: those of them that are class probabilities of a model of
            others.
        corpora: what is known of each corpus, by name.

    Returns:
        The comparison, None where no truth is planted; and a finding for each corpus whose oracle says nothing of
        the classes.

    Raises:
        EvaluationError: an oracle lacks an utterance or has it twice.
    """
    import pandas as pd

    planted, population, findings = [], {}, []
    classes = dict(
        zip(predictions.utterance_ids, np.array(predictions.classes)[predictions.truth], strict=True)
    )
    for corpus, facts in corpora.items():
        oracle = facts.oracle
        if not oracle["utterance_id"].isin(classes.keys()).any():
            continue  # nothing is planted, or nothing of it tested
        try:
            answers = in_classes(oracle, classes)
        except EvaluationError as error:
            findings.append(_no_ceiling(corpus, error))
            continue
        planted.append(answers)
        if set(oracle["label"]) == set(predictions.classes):
            population[corpus] = {
                subset_name(subset.split("+")): value for subset, value in facts.ceilings.population.items()
            }
    if not planted:
        return None, findings
    covered = pd.Index(predictions.utterance_ids).isin(pd.concat(planted)["utterance_id"])
    right = {name: (predictions.predicted(name) == predictions.truth)[covered] for name in strategies}
    subsets = {name: subset_name(modalities_of(name, modalities, posteriors)) for name in strategies}
    if any(facts.recognition for facts in corpora.values()):  # recognised words are made from the voice
        subsets = {
            name: subset_name(list({*subset.split("+"), "audio"})) if "text" in subset.split("+") else subset
            for name, subset in subsets.items()
        }
    answered = oracle_right(together(planted, set(subsets.values())), predictions.utterance_ids[covered])
    ceiling = Ceiling(
        utterances=int(covered.sum()),
        population=population,
        oracle={subset: float(answered_right.mean()) for subset, answered_right in answered.items()},
        strategies={
            each.strategy: each for each in compare(right, answered, subsets, predictions.truth[covered])
        },
    )
    return ceiling, findings


def beside_chance(protocol: Folds, strategies: Mapping[str, Figures]) -> TextAtChance | None:
    """Compare text alone with chance.

    Args:
        protocol: says whether the sentences tell anything of the label.
        strategies: their figures.

    Returns:
        The comparison; None where sentences may tell the label, or text alone was not evaluated.
    """
    if not protocol.text_repeats or "text" not in strategies:
        return None
    ua, classes = strategies["text"].ua, len(protocol.classes)
    return TextAtChance(ok=text_at_chance(ua, classes), chance=1 / classes, ua=ua)


def beside_test(protocol: Folds, best: Best, figures: Figures, *, units: int) -> Alarm | None:
    """Compare the validation UA of the registered strategy's choices with its test UA.

    A choice of the best of K configurations on a validation with standard error s is too high by about
    s √(2 ln K), the expected maximum of K normal deviations; the difference of two independent figures has the
    standard error √(s² + t²). An alarm is a gap beyond the former and the 99 % point of the latter, by Student's t.

    Args:
        protocol: the folds, whose sizes scale the test's standard error t to that of the validation.
        best: what the search chose.
        figures: of the strategy that is registered.
        units: speakers (or utterances where nobody knows them) that the interval of ``figures`` is over.

    Returns:
        The alarm; None where there is no gap, validation is the test itself, or the interval is not defined.
    """
    from scipy.stats import t as student

    tested = sum(fold.test for fold in protocol.folds)
    validated = sum(fold.validation for fold in protocol.folds)
    low, high = figures.ua.low, figures.ua.high
    if low is None or high is None or not validated or units < 2:
        return None
    error = (high - low) / 2 / float(student.ppf((1 + LEVEL) / 2, units - 1))
    on_validation = error * math.sqrt(tested / validated)
    choice = on_validation * math.sqrt(2 * math.log(max(best.budget.configurations, 1)))
    chance = float(student.ppf(0.99, units - 1)) * math.hypot(error, on_validation)
    ua = best.strategies[best.best].validation.ua
    if ua - figures.ua.mean <= choice + chance:
        return None
    alike = sum(each.validation.ua >= ua - 0.005 for each in best.strategies.values())
    saturated = (
        f" {alike} of {len(best.strategies)} strategies are within half a point of that on validation, so that "
        "validation hardly tells them apart."
        if alike > 1
        else ""
    )
    message = (
        f"{best.best} has UA {100 * ua:.1f} on validation and {percent(figures.ua)} on the test: "
        f"{100 * (ua - figures.ua.mean):.1f} points, of which chance and the choice explain "
        f"{100 * (choice + chance):.1f}.{saturated} Were features or models fitted on validation speakers, or are "
        "validation and training alike in what the test is not? Then validation cannot choose."
    )
    return Alarm(alarm="validation-above-test", strategy=best.best, message=message)


def beside_pretraining(modalities: Mapping[str, Modality], corpora: Iterable[str]) -> list[Finding]:
    """Warn of encoders that were pre-trained on what is tested, as far as known.

    Args:
        modalities: of the registered model.
        corpora: that are tested.

    Returns:
        A finding for each such encoder.
    """
    findings = []
    for modality in modalities.values():
        for encoder, model in modality.models.items():
            heard = seen(model.pretrained_on, corpora)
            if heard:
                findings.append(
                    Finding(
                        kind="pre-training",
                        severity="warning",
                        fold=None,
                        rows=[],
                        count=len(heard),
                        explanation=f"{encoder} was pre-trained on {listed(heard)}, which is tested here: it may have "
                        "heard the test speakers, and every figure with it may be too good.",
                        advice="Compare with an encoder that has not, and say so beside the figures.",
                    )
                )
    return findings


def raised(
    *, inflated: str | None, ceiling: Ceiling | None, text: TextAtChance | None, gap: Alarm | None
) -> list[Alarm]:
    """The alarms that the figures give rise to.

    Args:
        inflated: why figures under the protocol are too good; None where they are not.
        ceiling: what `beside_oracle` returned.
        text: what `beside_chance` returned.
        gap: what `beside_test` returned.

    Returns:
        One alarm for an inflated protocol, for each strategy above its ceiling, for text above chance, and for a
        validation above the test.
    """
    alarms = [gap] if gap else []
    if inflated:
        message = (
            f"Every figure here is inflated: {inflated}. Compare them with those of others who did so; nothing is "
            "ranked by them."
        )
        alarms.append(Alarm(alarm="inflated", strategy=None, message=message))
    for name, compared in ceiling.strategies.items() if ceiling else ():
        if compared.above:
            message = (
                f"{name} is above the ceiling: WA {100 * compared.accuracy:.1f}, while the oracle of "
                f"{compared.subset} has {100 * compared.oracle:.1f} on the same utterances (p = "
                f"{compared.p_holm:.2g}, Holm-corrected). A leak?"
            )
            alarms.append(Alarm(alarm="above-ceiling", strategy=name, message=message))
    if text and not text.ok:
        message = (
            f"text alone has UA {percent(text.ua)}, though the sentences of this corpus say nothing of the emotion: "
            f"it should be at chance, {100 * text.chance:.1f}. A leak?"
        )
        alarms.append(Alarm(alarm="text-above-chance", strategy="text", message=message))
    return alarms


def _no_ceiling(corpus: str, error: EvaluationError) -> Finding:
    """That a corpus has planted truth, but none of the classes that are evaluated."""
    return Finding(
        kind="ceiling",
        severity="warning",
        fold=None,
        rows=[],
        count=1,
        explanation=f"{corpus}: {error}; strategies are not compared with its oracle.",
        advice="A label space that maps or merges the corpus's labels has a ceiling.",
    )
