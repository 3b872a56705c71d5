"""A whole search: every strategy's populations on every fold, batch after batch, on Ray."""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..encoders import FeatureStore
from ..errors import SearchError, listed
from ..fusion.reduction import Reduction
from ..fusion.strategy import BASELINES, learns_posteriors, uses
from ..ray_cluster import Site
from ..training.auxiliary_targets import AuxiliaryTargets
from ..training.rows import Fold, fit_preparation, prepare, read
from .cohort import Cohort
from .cohorts import ray_of, run_cohorts
from .outcome import Outcome, joined
from .plan import Plan
from .results import Outcomes
from .shared_features import FoldFile, FoldRows, clear, fold_file, folder_of


@dataclass(frozen=True)
class Rows:
    """The rows that a search trains and validates on, prepared fold by fold.

    Attributes:
        store: the stored features.
        folds: the utterances of each.
        modalities: those that every fold can train on.
        classes: number of classes C.
        reduction: how wide blocks are reduced.
        targets: votes, side targets and speakers.
    """

    store: FeatureStore
    folds: Sequence[Fold]
    modalities: Sequence[str]
    classes: int
    reduction: Reduction
    targets: AuxiliaryTargets

    def of(self, fold: Fold) -> FoldRows:
        """A fold's training and validation rows; the preparation is fitted on training rows."""
        training = self.targets.of(read(self.store.tokens, fold.train, self.modalities), fold.train)
        layouts = {name: self.store.layout(name) for name in self.modalities}
        preparation = fit_preparation(training, layouts, self.reduction)
        validation = read(self.store.tokens, fold.validation, self.modalities)
        validation = self.targets.spoken(validation, fold.validation)
        return FoldRows(prepare(preparation, training), prepare(preparation, validation))


def search(
    plan: Plan,
    rows: Rows,
    *,
    absent: Mapping[str, str],
    site: Site,
    name: str,
    kept: Callable[[Cohort], Outcome | None],
    keep: Callable[[Cohort, Outcome], None],
) -> Outcomes:
    """Train every configuration of the plan.

    Args:
        plan: what is searched.
        rows: what is trained and validated on.
        absent: strategies that nothing is searched for, with the reason.
        site: where cohorts run.
        name: of the search, unique to its inputs: the rows that workers share are kept under it until it has ended.
        kept: gives a cohort's outcome in an earlier, unfinished run, or None.
        keep: receives each cohort's outcome as soon as it has ended.

    Returns:
        The outcome of each strategy and fold, its batches joined.

    Raises:
        SearchError: some cohorts failed; the outcomes of the others have been passed to ``keep``.
    """
    shared = folder_of(name, site)
    prepared = {fold.number: partial(rows.of, fold) for fold in rows.folds}
    done: dict[tuple[str, int], list[tuple[Cohort, Outcome]]] = {}
    with ExitStack() as ray:
        for batch in range(plan.batches):
            cohorts = {
                (cohort.strategy, cohort.fold): cohort
                for cohort in plan.cohorts(batch, done, without=list(absent))
            }
            outcomes = {
                key: outcome for key, cohort in cohorts.items() if (outcome := kept(cohort)) is not None
            }
            missing = [cohort for key, cohort in cohorts.items() if key not in outcomes]
            if missing and outcomes:
                print(f"search: {len(outcomes)} of {len(cohorts)} populations were finished before")
            if missing:
                with ThreadPoolExecutor(max_workers=1) as beside:  # Ray takes seconds to start
                    files = beside.submit(_fold_files, shared, prepared, {cohort.fold for cohort in missing})
                    ray.enter_context(ray_of(site))
                    folds = files.result()
                what = f"search, batch {batch + 1} of {plan.batches}, populations"
                outcomes |= _trained(missing, folds, rows=rows, site=site, keep=keep, what=what)
            for key, cohort in cohorts.items():
                done.setdefault(key, []).append((cohort, outcomes[key]))
    clear(shared, site)
    return {key: joined(outcome for _, outcome in pairs) for key, pairs in sorted(done.items())}


def _fold_files(
    shared: Path, prepared: Mapping[int, Callable[[], FoldRows]], folds: Collection[int]
) -> dict[int, FoldFile]:
    return {fold: fold_file(shared, fold, prepared[fold]) for fold in sorted(folds)}


def _trained(
    cohorts: Sequence[Cohort],
    folds: Mapping[int, FoldFile],
    *,
    rows: Rows,
    site: Site,
    keep: Callable[[Cohort, Outcome], None],
    what: str,
) -> dict[tuple[str, int], Outcome]:
    """The cohorts' outcomes by strategy and fold, each handed to ``keep`` as soon as it is there."""
    outcomes: dict[tuple[str, int], Outcome] = {}

    def on_outcome(cohort: Cohort, outcome: Outcome) -> None:
        keep(cohort, outcome)
        outcomes[cohort.strategy, cohort.fold] = outcome
        for notice in outcome.notices:
            print(f"search: {cohort.strategy} on fold {cohort.fold}: {notice}")

    failed = run_cohorts(
        cohorts,
        folds,
        modalities=rows.modalities,
        classes=rows.classes,
        site=site,
        on_outcome=on_outcome,
        what=what,
    )
    if failed:
        by_reason: dict[tuple[str, str], list[int]] = {}
        for i, why in sorted(failed.items()):
            by_reason.setdefault((cohorts[i].strategy, why), []).append(cohorts[i].fold)
        reasons = listed(f"{name} on fold {listed(where)}: {why}" for (name, why), where in by_reason.items())
        raise SearchError(
            f"{len(failed)} of {len(cohorts)} populations failed ({reasons}); the others are kept"
        )
    return outcomes


def absent_strategies(
    strategies: Sequence[str],
    *,
    corpora: Sequence[str],
    modalities: Sequence[str],
    missing_in: Mapping[str, Sequence[int]],
    posteriors: Sequence[str] = (),
    folds: Sequence[int],
) -> dict[str, str]:
    """The strategies that nothing can be searched for, and why.

    Args:
        strategies: those that params.yaml names.
        corpora: named in the reasons.
        modalities: those that params.yaml names.
        missing_in: modality that is stored → the folds that cannot train on it.
        posteriors: those modalities that are class probabilities of a model of others.
        folds: the numbers of all.

    Returns:
        ``{strategy: reason}``.
    """
    trainable = [name for name in modalities if missing_in.get(name) == []]
    absent, whose = {}, listed(corpora)
    for name in strategies:
        if not set(uses(name, modalities)) & set(trainable):
            absent[name] = f"no utterance of {whose} has the modality {name!r}"
            if name in missing_in:
                absent[name] = (
                    f"the features of {name!r} are of none of {whose}'s labelled utterances"
                    if list(missing_in[name]) == list(folds)
                    else f"no {'validation' if name in posteriors else 'training'} utterance of fold "
                    f"{listed(missing_in[name])} has the modality {name!r}"
                )
        elif len(trainable) == 1 and name not in {*modalities, *BASELINES}:
            absent[name] = f"{whose} has {listed(trainable)} alone, so there is nothing to fuse"
        elif learned := learns_posteriors(name, modalities, set(posteriors) & set(trainable)):
            absent[name] = (
                f"it learns from training rows, where the {listed(learned)} posteriors are those of models that were "
                "trained on these rows; late strategies and posteriors alone learn nothing of them but a temperature "
                "and weights, on validation rows"
            )
    return absent
