"""The experiment's answer in words: which strategy, how good, and whether fusion beats single modalities."""

from ..artifacts.model import CHOSEN
from ..artifacts.reports import Comparison, Interval, Metrics
from ..schema import CLASSIFIERS
from .summary import SCORED_BY, percent


def answer(metrics: Metrics) -> str:
    """The answer in two or three sentences, for the head of the report.

    Args:
        metrics: of the experiment.
    """
    strategies, best = metrics.strategies, metrics.best
    sentences = [
        f"{best} was chosen by validation and reaches UA {_with_interval(strategies[best].ua)} on "
        f"{len(metrics.classes)} classes{_beside_single(metrics)}."
    ]
    sentences += [_beside_classifier(each) for each in metrics.comparisons if each.second in CLASSIFIERS]
    if CHOSEN in strategies:
        strictly = "" if metrics.inflated or metrics.waived else ", the strictly nested estimate,"
        reached = percent(strategies[CHOSEN].ua)
        if other := metrics.chosen.other:
            by = SCORED_BY[metrics.chosen.choose_by], SCORED_BY[other.choose_by]
            reached += f" by {by[0]}, and {percent(strategies[other.strategy].ua)} by {by[1]}"
        sentences.append(f"Choosing in each fold by its own validation{strictly} reaches UA {reached}.")
    if metrics.inflated:
        sentences.append(f"All figures are inflated: {metrics.inflated}.")
    return " ".join(sentences)


def single_modalities(metrics: Metrics) -> list[str]:
    """The strategies that use one modality, by descending mean validation UA."""
    searched = metrics.search.strategies
    single = [name for name, figures in metrics.strategies.items() if figures.modalities == [name]]
    return sorted(
        (name for name in single if name in searched), key=lambda name: -searched[name].validation.ua
    )


def _beside_single(metrics: Metrics) -> str:
    """Whether the chosen strategy, if it fuses, is better than each strategy of a single modality."""
    single, best = single_modalities(metrics), metrics.best
    if best in single:
        fused = [name for name in metrics.search.strategies if len(metrics.strategies[name].modalities) > 1]
        why = "which validation preferred to every fusion" if fused else "as no fusion was searched"
        return f": a single modality, {why}"
    compared = {each.second: each for each in metrics.comparisons if each.second in single}
    verdicts: dict[str, list[str]] = {}
    for name in single:
        if name in compared:
            verdicts.setdefault(_verdict(compared[name]), []).append(_evidence(compared[name]))
    parts = [f"{verdict} {' and '.join(each)}" for verdict, each in verdicts.items()]
    return f"; this fusion is {', and '.join(parts)}" if parts else ""


def _beside_classifier(compared: Comparison) -> str:
    """Whether what was chosen is better than a plain classifier on all features."""
    what = f"{CLASSIFIERS[compared.second]} on all features"
    return f"{compared.first} is {_verdict(compared)} {what} ({_numbers(compared)})."


def _verdict(compared: Comparison) -> str:
    if not compared.significant:
        return "not shown to differ from"
    return "better than" if compared.difference > 0 else "worse than"


def _evidence(compared: Comparison) -> str:
    """The single modality, and the difference from it."""
    return f"{compared.second} alone ({_numbers(compared)})"


def _numbers(compared: Comparison) -> str:
    """The difference, its interval, and the corrected p-value."""
    points = f"{100 * compared.difference:+.1f} points".replace("-", "−")
    if compared.low is not None and compared.high is not None:
        low, high = (f"{100 * bound:+.1f}".replace("-", "−") for bound in (compared.low, compared.high))
        points += f", 95 % interval {low} to {high}"
    return f"{points}, corrected p = {compared.p_corrected:.2g}"


def _with_interval(interval: Interval) -> str:
    mean = f"{100 * interval.mean:.1f} %"
    if interval.low is None or interval.high is None:
        return mean
    return f"{mean} (95 % interval {100 * interval.low:.1f} to {100 * interval.high:.1f})"
