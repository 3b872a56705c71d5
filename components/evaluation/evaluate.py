"""Test predictions to metrics with intervals, tests and alarms."""

from collections.abc import Mapping

import numpy as np

from ..artifacts.model import CHOSEN, CHOSEN_BY, NESTED
from ..artifacts.reports import Choice, Confusion, Counts, Excluded, Methods, Metrics, OtherChoice
from ..artifacts.search import Best
from ..errors import EvaluationError, listed
from ..schema import BASELINES
from . import (
    alarms,
    by_dialogue,
    ceilings,
    cost,
    dimensions,
    intervals,
    misclassified,
    scores,
    searched,
    slices,
    zero_shot,
)
from .attributions import figures as attributions
from .contributions import coalitions
from .contributions import figures as contributions
from .inputs import CorpusFacts, Experiment, tested_utterances
from .predictions import Predictions, join
from .probabilities import figures as probabilities
from .probabilities.soft_labels import beside_raters
from .robustness import figures as robustness
from .variation import held_out_ratio

RULE = (
    "Configuration, epochs and strategy are chosen by validation; the choice is refitted on all of a fold's rows "
    "outside its test and scores that once. 'best' has the highest mean validation UA over the folds; 'chosen' "
    "takes, in each fold, what that fold's validation alone chose."
)


def measure(experiment: Experiment, *, seed: int) -> tuple[Metrics, Predictions]:
    """Evaluate every strategy.

    Args:
        experiment: what the stages before wrote.
        seed: of the permutation tests, and of what prediction sets draw.

    Returns:
        The metrics, and the predictions they are of.

    Raises:
        EvaluationError: predictions, folds, search and oracle do not fit each other.
    """
    protocol, best, corpora = experiment.protocol, experiment.best, experiment.corpora
    predictions = join(experiment.folds, experiment.predictions, protocol.classes)
    _check_search(predictions, best)
    nameless = _nameless(predictions, corpora)

    counts, ratio = scores.by_speaker(predictions), held_out_ratio(experiment.folds)
    strategies = {
        name: scores.figures(
            predictions,
            name,
            counts[name],
            ratio=ratio,
            params=best.strategies[name].parameters if name in best.strategies else None,
            operations=cost.most_operations(name, experiment.operations) if name in best.strategies else None,
            modalities=ceilings.modalities_of(name, best.modalities, best.posteriors),
        )
        for name in predictions.strategies
    }
    given_less = coalitions.of_strategies(predictions, experiment.subsets)
    real = [name for name in predictions.strategies if name not in NESTED]
    ceiling, findings = alarms.beside_oracle(
        predictions,
        [name for name in real if name not in BASELINES],
        modalities=best.modalities,
        posteriors=best.posteriors,
        corpora=corpora,
    )
    recognition = {name: facts.recognition for name, facts in corpora.items() if facts.recognition}
    # Recognised words are made from the voice: which words are misheard may tell the emotion.
    text_at_chance = None if recognition else alarms.beside_chance(protocol, strategies)
    gap = alarms.beside_test(protocol, best, strategies[best.best], units=len(predictions.speakers))
    comparisons = scores.against(
        best.best,
        [name for name in real if name != best.best],
        predictions,
        counts,
        seed=seed,
        ratio=ratio,
    )
    errors, not_attributed = attributions.of_errors(
        misclassified.surest(predictions, best.best, corpora, coalitions=given_less.get(best.best)),
        experiment,
    )

    metrics = Metrics(
        corpora=list(corpora),
        protocol=protocol.protocol,
        inflated=protocol.inflated,
        waived=protocol.waived,
        label_space=protocol.label_space,
        classes=protocol.classes,
        counts=Counts(
            utterances=len(predictions.truth),
            speakers=len(predictions.speakers) - nameless,
            nameless=nameless,
            folds=len(predictions.folds),
            seeds=len(predictions.seeds),
            diverged=sum(len(strategies[name].diverged) for name in real),
            test_per_train=ratio,
        ),
        intervals=Methods(
            level=intervals.LEVEL, figures=intervals.METHOD, differences=intervals.DIFFERENCE_METHOD
        ),
        strategies=strategies,
        best=best.best,
        chosen=Choice(
            rule=f"{protocol.selection}. {RULE}",
            choose_by=best.budget.choose_by,
            per_fold=best.per_fold_best,
            other=_other(best),
        ),
        confusion=Confusion(strategy=best.best, counts=counts[best.best].sum(0).tolist()),
        by_class=scores.by_class(counts[best.best], predictions.classes),
        probabilities=probabilities.of_strategies(predictions, seed=seed),
        calibration=probabilities.registered(
            predictions,
            best.best,
            given_less.get(best.best),
            modalities=ceilings.modalities_of(best.best, best.modalities, best.posteriors),
            seed=seed,
        ),
        soft_labels=beside_raters(predictions, best.best, experiment.votes, experiment.folds)
        if experiment.votes
        else None,
        contributions={name: contributions.to_ua(each, predictions) for name, each in given_less.items()},
        dimensions=dimensions.figures(
            predictions, experiment.dimensions, tested_utterances(corpora, predictions.utterance_ids)
        ),
        cost=cost.cost(strategies, comparisons, best=best.best, operations=experiment.operations),
        misclassified=errors,
        not_attributed=not_attributed,
        slices=slices.by_attribute(predictions, best.best, corpora),
        by_dialogue=by_dialogue.figures(predictions, best.best, corpora),
        robustness=robustness.of_conditions(
            predictions,
            best.best,
            experiment.perturbed,
            experiment.robustness_notes,
            coalitions=given_less.get(best.best),
        ),
        comparisons=comparisons,
        search=searched.described(experiment.trials, searched.chosen_curves(experiment.curves, best), best),
        ceiling=ceiling,
        people={name: dict(facts.agreement) for name, facts in corpora.items() if facts.agreement},
        layer_weights={
            name: modality.layer_weights
            for name, modality in experiment.modalities.items()
            if modality.layer_weights
        },
        recognition=recognition,
        tuning=experiment.tuning,
        zero_shot=zero_shot.figures(predictions, protocol.unseen, counts),
        text_at_chance=text_at_chance,
        alarms=alarms.raised(inflated=protocol.inflated, ceiling=ceiling, text=text_at_chance, gap=gap),
        findings=[*protocol.findings, *findings, *alarms.beside_pretraining(experiment.modalities, corpora)],
        excluded=_excluded(
            corpora,
            predictions,
            dropped=protocol.dropped_by_corpus,
            unlabelled=protocol.unlabelled,
        ),
    )
    return metrics, predictions


def _other(best: Best) -> OtherChoice | None:
    """What the rule that does not choose would have chosen."""
    if best.other is None:
        return None
    rule = best.other.choose_by
    return OtherChoice(choose_by=rule, strategy=CHOSEN_BY[rule], per_fold=best.other.per_fold_best)


def _nameless(predictions: Predictions, corpora: Mapping[str, CorpusFacts]) -> int:
    """Of how many test utterances nobody knows the speaker; the folds have each of them as a speaker of its own."""
    tested = set(predictions.utterance_ids.tolist())
    return sum(
        len(tested.intersection(facts.utterances.loc[facts.utterances["speaker"].isna(), "utterance_id"]))
        for facts in corpora.values()
    )


def _check_search(predictions: Predictions, best: Best) -> None:
    """The best strategy is predicted, and ``chosen`` is what each fold's own validation chose."""
    unknown = sorted({best.best, *best.per_fold_best.values()} - set(predictions.strategies))
    if unknown:
        raise EvaluationError(
            f"the search chose {listed(unknown)}, which the predictions lack (they hold "
            f"{listed(predictions.strategies, 20)}); run the stage `train` again"
        )
    if CHOSEN not in predictions.strategies:
        return
    other = {CHOSEN_BY[best.other.choose_by]} if best.other else set()
    if set(CHOSEN_BY.values()) & set(predictions.strategies) != other:
        raise EvaluationError("the predictions are of another search.choose_by; run `train` again")
    for k, fold in enumerate(predictions.folds):
        name, rows = best.per_fold_best[fold], predictions.fold == k
        probabilities = predictions.probabilities
        if not np.array_equal(probabilities[CHOSEN][:, rows], probabilities[name][:, rows], equal_nan=True):
            raise EvaluationError(
                f"fold {fold}: '{CHOSEN}' is not what that fold's validation chose ({name}); run `train` again"
            )


def _excluded(
    corpora: Mapping[str, CorpusFacts],
    predictions: Predictions,
    *,
    dropped: dict[str, dict[str, int]],
    unlabelled: dict[str, int],
) -> Excluded:
    """What was left out, and why: by corpus, labels outside the space and rows that validation set aside; rows that
    train without a label; rows in no test fold; media that cannot be used."""
    media: dict[str, dict[str, int]] = {}
    for facts in corpora.values():
        reasons = {(each.utterance_id, each.modality, each.reason) for each in facts.exclusions}
        for _, modality, reason in sorted(reasons):  # an exclusion is of one encoder
            counts = media.setdefault(modality, {})
            counts[reason] = counts.get(reason, 0) + 1
    total = sum(len(facts.utterances) for facts in corpora.values())
    tested = len(np.unique(predictions.utterance_ids))
    elsewhere = sum(sum(counts.values()) for counts in dropped.values()) + sum(unlabelled.values())
    return Excluded(
        utterances=total,
        tested=tested,
        dropped=dropped,
        unlabelled=unlabelled,
        never_tested=total - tested - elsewhere,
        media=media,
    )
