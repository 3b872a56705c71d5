"""The model card of a version, its description in MLflow.

Mitchell et al., "Model cards for model reporting" (FAT* 2019).
"""

from collections.abc import Iterator

from ..artifacts.model import CHOSEN, EncoderModel, ModelCard
from ..artifacts.reports import Interval, Metric, Metrics, Slice
from ..evaluation.pairwise.answer import points
from ..evaluation.summary import percent
from .predict import trained_on

FIGURES: tuple[Metric, ...] = ("ua", "wa", "wf1")

USE = """Research on how emotions are expressed in recordings like those it was trained on. It gives the label that
raters or actors would probably have given to an expression. What a person feels it does not know.

Do not use it to decide about a person. In the European Union, inferring the emotions of people at work or in education
is prohibited, except for medical or safety reasons (Regulation (EU) 2024/1689, Article 5(1)(f)); elsewhere such a
system is of high risk (Annex III), and the people who are exposed to it must be told (Article 50(3))."""


def model_card(metrics: Metrics, model: ModelCard, *, headline: str) -> str:
    """The card, as Markdown.

    Args:
        metrics: of the experiment.
        model: what was trained.
        headline: what it begins with.
    """
    sections = {
        "Intended use": USE,
        "Data": "\n".join(f"- {line}" for line in _data(metrics, model)),
        "Results": _results(metrics),
        "Groups": "\n".join(f"- {line}" for line in _groups(metrics.slices)),
        "Limits": "\n".join(f"- {line}" for line in _limits(metrics)),
        "Licences": "\n".join(f"- {line}" for line in _licences(model)),
    }
    return "\n\n".join([headline, *(f"## {title}\n\n{text}" for title, text in sections.items() if text)])


def _data(metrics: Metrics, model: ModelCard) -> Iterator[str]:
    counts = metrics.counts
    yield f"Trained on {trained_on('+'.join(model.corpora))}: {', '.join(model.classes)}."
    yield f"Modalities: {', '.join(model.modalities)}; each row may lack some of them."
    folds = f"{counts.folds} {'folds' if counts.folds > 1 else 'fold'}"
    yield (
        f"Tested under the protocol {metrics.protocol}: {counts.utterances:,} utterances of {counts.speakers:,} "
        f"speakers in {folds}. The registered model is a refit on all of them, whose own figures cannot be measured; "
        "those below are of models that were trained without the utterances that they were tested on."
    )
    if counts.nameless:
        yield f"Of {counts.nameless:,} tested utterances the speaker is unknown."


def _results(metrics: Metrics) -> str:
    """The nested choice and the registered strategy, as a table."""
    names = {CHOSEN: "each fold's own choice, nested", metrics.best: f"{metrics.best}, registered"}
    rows = [
        f"| {title} | {' | '.join(percent(metrics.strategies[name].pooled(each)) for each in FIGURES)} |"
        for name, title in names.items()
        if name in metrics.strategies
    ]
    head = f"| percent, 95 % intervals | {' | '.join(each.upper() for each in FIGURES)} |\n|---|---|---|---|"
    return "\n".join([head, *rows, *_contributions(metrics)])


def _contributions(metrics: Metrics) -> Iterator[str]:
    """What each modality of the registered strategy contributes; nothing where it looks at one."""
    held = metrics.contributions.get(metrics.best)
    if held:
        shares = "; ".join(f"{name} {_difference(value)}" for name, value in held.shapley.items())
        yield f"\nPoints of UA above a guess that each modality contributes (Shapley values): {shares}."


def _groups(slices: list[Slice]) -> Iterator[str]:
    if not slices:
        yield "Not known: the corpora name no groups, or only one. Differences between people were not tested."
    for each in slices:
        figures = "; ".join(
            f"{name} {percent(group.ua)}{', of few speakers' if group.few else ''}"
            for name, group in each.groups.items()
        )
        gap = each.gap and _difference(each.gap.difference)
        yield f"UA by {each.attribute}: {figures}." + (
            f" {each.gap.best} − {each.gap.worst}: {gap} points." if each.gap else " Not compared."
        )


def _limits(metrics: Metrics) -> Iterator[str]:
    if metrics.inflated:
        yield f"The figures are inflated: {metrics.inflated}."
    for leak in metrics.waived:
        yield f"A leak was let through ({leak.kind}): {leak.reason}."
    for alarm in metrics.alarms:
        yield f"Alarm: {alarm.message}."
    recalls = {
        name: value for name, value in metrics.strategies[metrics.best].recall.items() if value is not None
    }
    if recalls:
        worst = min(recalls, key=lambda name: recalls[name])
        yield f"Least recognised: {worst}, of which {100 * recalls[worst]:.0f} % are."
    held = metrics.probabilities.get(metrics.best)
    if held:
        apart = 100 * held.calibration.ece.mean
        scaled = held.scaled and f", scaled by a temperature {100 * held.scaled.calibration.ece.mean:.1f}"
        yield f"A probability is {apart:.1f} points from the accuracy that it promises, on average{scaled or ''}."
    worse = metrics.robustness.conditions if metrics.robustness else {}
    for name, condition in worse.items():
        levels = ", ".join(f"{each.level:g}: {_difference(each.loss)}" for each in condition.levels)
        yield f"Points of UA lost to {name.replace('_', ' ')}, by {condition.unit}: {levels}."
    others = "further" if worse else "other"
    yield f"What {others} recordings, languages, rooms and microphones change was not measured."


def _licences(model: ModelCard) -> Iterator[str]:
    yield "The licences of the corpora bind what is trained on them: `emoflow corpora list` names them."
    held: dict[str, EncoderModel] = {}
    for modality in model.modalities.values():
        held |= modality.models
    for name, each in sorted(held.items()):
        seen = f"; pre-trained on {', '.join(each.pretrained_on)}" if each.pretrained_on else ""
        yield f"{name}: {each.licence or 'licence unknown'}{seen}."


def _difference(value: Interval) -> str:
    mean, *bounds = (points(each) for each in (value.mean, value.low, value.high) if each is not None)
    return f"{mean} ({' to '.join(bounds)})" if bounds else mean
