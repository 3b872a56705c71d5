"""The metrics as a table for a terminal."""

from typing import TYPE_CHECKING

from ..artifacts.model import CHOSEN, NESTED
from ..artifacts.reports import Figures, Interval, Metric, Metrics, Search, Variation, ZeroShot
from ..errors import listed
from ..schema import ChooseBy
from .agreement import reading
from .comparison import ALPHA, least

if TYPE_CHECKING:
    from rich.table import Table

COLUMNS: tuple[Metric, ...] = ("wa", "ua", "wf1")
SCORED_BY: dict[ChooseBy, str] = {"mean": "the mean of the seeds", "ensemble": "the ensemble of the seeds"}
"""By what a configuration is chosen, in words."""


def table(metrics: Metrics) -> "Table":
    """Strategies × WA, UA, WF1 in percent with 95 % intervals, by descending UA; the best is marked.

    Args:
        metrics: of the experiment.
    """
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    from .metrics import TITLES

    alarmed = {alarm.strategy for alarm in metrics.alarms}
    nested = ", strictly nested" * (not metrics.waived)  # a leak may well be into validation
    honest = "" if metrics.inflated else f"{nested}: the figure to quote"
    notes = [f"chosen: each fold's own choice{honest}", "★ registered: the highest mean validation UA"]
    if other := metrics.chosen.other:
        notes.insert(
            1,
            f"{other.strategy}: chosen likewise by {SCORED_BY[other.choose_by]}, and not by "
            f"{SCORED_BY[metrics.chosen.choose_by]} (search.choose_by)",
        )
    notes += [f"inflated: {metrics.inflated}"] if metrics.inflated else []
    notes += [_zero_shot(metrics.zero_shot, metrics.best)] if metrics.zero_shot else []
    notes += [f"let through the leakage gate: {kinds}: {reason}" for reason, kinds in _let_through(metrics)]
    notes += [
        f"{count:,} of {corpus}: {why.strip('()')}"
        for corpus, counts_by_reason in metrics.excluded.dropped.items()
        for why, count in counts_by_reason.items()
        if "quarantined" in why
    ]
    notes += [
        diverged(metrics),
        _against(metrics),
        _single(metrics),
        _contributed(metrics),
        _on_worse(metrics),
        _cheapest(metrics),
        metrics.search.statement,
        _spent(metrics.search),
        _agreement(metrics),
    ]
    shown = Table(
        title=f"protocol {escape(metrics.protocol)}: percent, 95 % intervals over {over(metrics)}",
        caption="\n".join(escape(line) for line in notes if line),
        caption_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        collapse_padding=True,
    )
    shown.add_column("strategy", no_wrap=True)
    for metric in COLUMNS:
        shown.add_column(TITLES[metric], no_wrap=True)
    rows = ranked(metrics)
    for name, figures in sorted(rows, key=lambda row: (row[0] != CHOSEN, row[0] not in NESTED)):
        best = name == metrics.best
        note = " [red]alarm[/red]" if name in alarmed else ""
        note += " [dim]baseline[/dim]" if figures.baseline else ""
        cells = [_cell(figures.pooled(column)) for column in COLUMNS]
        shown.add_row(
            ("★ " if best else "  ") + escape(name) + note, *cells, style="bold green" if best else ""
        )
    return shown


def diverged(metrics: Metrics) -> str:
    """Which refits diverged and were left out of the means; nothing where none did."""
    found = [
        f"{name} (fold {refit.fold}, seed {refit.seed})"
        for name, figures in sorted(metrics.strategies.items())
        for refit in figures.diverged
        if name not in NESTED
    ]
    if not found:
        return ""
    return (
        f"{len(found)} refit{'s' * (len(found) > 1)} diverged and {'are' if len(found) > 1 else 'is'} left out of the "
        f"means over seeds: {listed(found)}"
    )


def ranked(metrics: Metrics) -> list[tuple[str, Figures]]:
    """The strategies by descending UA, ties by name."""
    return sorted(metrics.strategies.items(), key=lambda item: (-item[1].ua.mean, item[0]))


def _against(metrics: Metrics) -> str:
    """Of how many others the best is told apart, by which test; nothing where there is none."""
    compared = metrics.comparisons
    if not compared:
        return ""
    people = sum(each.significant for each in compared)
    folds = sum(each.significant_over_folds for each in compared)
    too_few = out_of_reach(metrics)
    return (
        f"★ differs beyond chance in UA from {people} of {len(compared)} others over {over(metrics)}"
        + (" (too few for it to show)" if too_few else "")
        + f", from {folds} over folds and seeds (corrected over all pairs; reports/index.html)"
    )


def out_of_reach(metrics: Metrics) -> bool:
    """Whether there are so few speakers that no difference, however large, could be shown over them."""
    return least(metrics.counts.speakers + metrics.counts.nameless) >= ALPHA


def _single(metrics: Metrics) -> str:
    """The best's UA over folds and seeds; nothing where neither varies."""
    variation = metrics.strategies[metrics.best].over_folds["ua"]
    if variation.over is None:
        return ""
    corrected = ", corrected for the training rows they share" if variation.over == "folds" else ""
    return f"★ one seed alone: UA {percent(variation)} over {variation.n} {variation.over}{corrected}"


def _contributed(metrics: Metrics) -> str:
    """The Shapley values of the best's modalities; nothing where it looks at one."""
    if metrics.best not in metrics.contributions:
        return ""
    shapley = metrics.contributions[metrics.best].shapley
    shares = ", ".join(
        f"{name} {100 * value.mean:+.1f}".replace("-", "−")
        for name, value in sorted(shapley.items(), key=lambda item: -item[1].mean)
    )
    return f"★ contributions to UA, points above a guess (Shapley values): {shares}"


def _on_worse(metrics: Metrics) -> str:
    """How much UA falls on worse recordings, at each condition's worst level; nothing where none were made."""
    if metrics.robustness is None or not metrics.robustness.conditions:
        return ""
    worst = {
        name: (max(each.levels, key=lambda level: level.loss.mean), each.unit)
        for name, each in sorted(metrics.robustness.conditions.items())
    }
    losses = ", ".join(
        f"{name.replace('_', ' ')} {level.level:g} {unit} {100 * level.loss.mean:.1f}".replace("-", "−")
        for name, (level, unit) in worst.items()
    )
    return f"★ points of UA lost on worse recordings, at the worst level of each: {losses}"


def _cheapest(metrics: Metrics) -> str:
    """The cheapest strategy whose UA is not shown to be lower, where that is another than the best."""
    cheapest = metrics.cost.cheapest
    if cheapest == metrics.best:
        return ""
    own, best = (metrics.strategies[name].operations for name in (cheapest, metrics.best))
    if not own or not best:
        return ""
    return f"{cheapest} is not shown to be worse than ★, and takes {100 * own / best:.0f} % of its operations"


def _spent(search: Search) -> str:
    counts = ", ".join(f"{count:,} {status}" for status, count in trials_by_status(search))
    return (
        f"{search.trials.total:,} trials ({counts}); {search.epochs.trained:,} of "
        f"{search.epochs.possible:,} epochs trained"
    )


def _agreement(metrics: Metrics) -> str:
    """Whether the folds agree on the best's configurations; nothing where nothing can be said."""
    said = reading(metrics.search.strategies[metrics.best])
    return f"★ {said}" if said else ""


def trials_by_status(search: Search) -> list[tuple[str, int]]:
    """How many trials have each status, in words; a status that no trial has is left out."""
    trials = search.trials
    counts = [
        ("finished", trials.finished),
        ("stopped", trials.stopped),
        ("failed", trials.failed),
        ("left out", trials.left_out),
    ]
    return [(status, count) for status, count in counts if count]


def over(metrics: Metrics) -> str:
    """What the intervals are over: speakers; and utterances, each on its own, where nobody knows who speaks."""
    named, nameless = metrics.counts.speakers, metrics.counts.nameless
    if not nameless:
        return "speakers"
    if not named:
        return "utterances (nobody knows their speakers)"
    return f"speakers (and {nameless:,} utterance{'s' * (nameless > 1)} whose speaker nobody knows)"


def percent(interval: Interval | Variation) -> str:
    """``71.2 (68.0–74.1)``; without bounds where there are none."""
    mean = f"{100 * interval.mean:.1f}"
    if interval.low is None or interval.high is None:
        return mean
    return f"{mean} ({100 * interval.low:.1f}–{100 * interval.high:.1f})"


def _zero_shot(zero_shot: ZeroShot, best: str) -> str:
    figures = zero_shot.strategies[best]
    return (
        f"zero-shot ({', '.join(zero_shot.unseen)} unseen), {best}: UA seen {100 * figures.seen.mean:.1f}, "
        f"unseen {100 * figures.unseen.mean:.1f}, harmonic mean {100 * figures.harmonic.mean:.1f}; a guess among all "
        f"has {100 * zero_shot.chance:.1f}"
    )


def _let_through(metrics: Metrics) -> list[tuple[str, str]]:
    """Each reason, and the kinds of leak that it lets through."""
    by_reason: dict[str, list[str]] = {}
    for each in metrics.waived:
        by_reason.setdefault(each.reason, []).append(each.kind)
    return [(reason, ", ".join(kinds)) for reason, kinds in by_reason.items()]


def _cell(interval: Interval) -> str:
    mean, *bounds = percent(interval).split(" ")
    return f"{mean:>4}" + "".join(f" [dim]{bound.strip('()')}[/dim]" for bound in bounds)
