"""A figure of a corpus: classes, speakers, durations of utterances, and missing modalities."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import CorpusError
from ...files import replacing
from .describe import Description

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ACCENT, WARM, GREY, INK, FAINT = "#2457c5", "#c2571a", "#9aa3b2", "#1d2433", "#d5dae3"
GENDERS = {"female": WARM, "male": ACCENT}
SUFFIXES = ".png", ".svg", ".pdf"
_CLASSES_SHOWN = 16
_SPEAKERS_SHOWN = 40


def save(found: Description, path: Path) -> Path:
    """Draw a description into a file; the same corpus gives the same picture.

    Raises:
        CorpusError: a suffix that is none of ``SUFFIXES``.
    """
    if path.suffix not in SUFFIXES:
        raise CorpusError(f"{path}: a figure ends in {', '.join(SUFFIXES)}")
    figure = draw(found)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150, metadata=_METADATA[path.suffix])
    return path


_METADATA = {
    ".png": {"Software": None},
    ".svg": {"Date": None, "Creator": None},
    ".pdf": {"CreationDate": None, "Producer": None, "Creator": None},
}
"""No time and no version in the file."""


def draw(found: Description) -> Figure:
    """Four panels: classes, speakers, lengths; and modalities, or how divided the raters are where there are some."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "emoflow", "font.size": 9, "axes.titlesize": 10}):
        figure = Figure(figsize=(11, 7.5), layout="constrained")
        FigureCanvasAgg(figure)
        spots = figure.subplots(2, 2)
        _classes(spots[0, 0], found)
        _speakers(spots[0, 1], found)
        _lengths(spots[1, 0], found)
        if len(found.entropy):
            _entropy(spots[1, 1], found)
        else:
            _modalities(spots[1, 1], found)
        who = found.table["speaker"].nunique()
        figure.suptitle(
            f"{found.corpus}: {len(found.table):,} utterances, {found.hours:.2f} hours, {who:,} speakers",
            fontsize=13,
            color=INK,
            x=0.01,
            ha="left",
        )
    return figure


def _classes(axes: Axes, found: Description) -> None:
    """How many utterances each class has, by the gender of who speaks."""
    import pandas as pd

    counts = found.classes()[:_CLASSES_SHOWN]
    gender = (
        found.table["speaker_gender"].astype(object).where(found.table["speaker_gender"].notna(), "unknown")
    )
    crossed = pd.crosstab(found.table["shown"], gender).reindex(counts.index)
    left = pd.Series(0, index=counts.index)
    drawn = [name for name in ("female", "male", "unknown") if name in crossed]
    for name in drawn:
        colour = GENDERS.get(name, GREY)
        axes.barh(range(len(counts)), crossed[name], left=left, color=colour, height=0.75, label=name)
        left = left + crossed[name]
    for place, count in enumerate(counts):
        axes.annotate(
            f"{count:,}", (count, place), xytext=(4, 0), textcoords="offset points", va="center", color=INK
        )
    axes.set_yticks(range(len(counts)), [str(name) for name in counts.index])
    axes.invert_yaxis()
    axes.margins(x=0.12)
    hidden = found.table["shown"].nunique() - len(counts)
    _bare(axes, "utterances of each class" + (f" ({hidden} rarer ones not shown)" if hidden > 0 else ""))
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    if drawn != ["unknown"]:
        axes.legend(
            frameon=False,
            loc="lower right",
            bbox_to_anchor=(1, 1),
            ncols=3,
            borderaxespad=0.2,
            handlelength=1,
        )


def _speakers(axes: Axes, found: Description) -> None:
    """How many utterances each speaker has, those with most first."""
    speakers = found.speakers().sort_values("utterances", ascending=False, kind="stable")
    if not len(speakers):
        _empty(axes, "utterances of each speaker", "the corpus names no speakers")
        return
    most = speakers.head(_SPEAKERS_SHOWN)
    colours = [GENDERS.get(each, GREY) for each in most["gender"]]
    axes.bar(range(len(most)), most["utterances"], color=colours, width=0.8)
    names = [str(name).partition("/")[2] for name in most.index]
    upright = max(map(len, names)) * len(names) <= 50
    axes.set_xticks(range(len(names)), names, rotation=0 if upright else 90, fontsize=8)
    hidden = speakers["utterances"].iloc[_SPEAKERS_SHOWN:]
    if len(hidden):
        rest = f"{len(hidden):,} more speakers have {hidden.sum():,} together"
        axes.annotate(rest, (1, 1), xycoords="axes fraction", ha="right", va="top", color=INK)
    _bare(axes, "utterances of each speaker, coloured by gender", grid="y")


def _lengths(axes: Axes, found: Description) -> None:
    """How long the utterances are."""
    seconds = found.table["seconds"].dropna()
    if not len(seconds):
        _empty(axes, "length of the utterances", "neither times nor recordings tell it")
        return
    most = float(seconds.quantile(0.995))
    longer = int((seconds > most).sum())
    axes.hist(seconds[seconds <= most], bins=30, color=ACCENT)
    middle = float(seconds.median())
    axes.axvline(middle, color=WARM, linewidth=1.5)
    axes.annotate(
        f"median {middle:.1f} s",
        (middle, 1),
        xycoords=("data", "axes fraction"),
        xytext=(5, -10),
        textcoords="offset points",
        color=WARM,
    )
    axes.set_xlabel(
        "seconds" + (f" (the longest {longer:,}, up to {seconds.max():.1f}, not shown)" if longer else "")
    )
    _bare(axes, "length of the utterances", grid="y")


def _modalities(axes: Axes, found: Description) -> None:
    """What share of the utterances has each modality."""
    names, total = list(found.media), len(found.table)
    shares = [100 * count / max(total, 1) for count in found.media.values()]
    axes.barh(range(len(names)), [100] * len(names), color=FAINT, height=0.6)
    axes.barh(range(len(names)), shares, color=ACCENT, height=0.6)
    for place, (name, share) in enumerate(zip(names, shares, strict=True)):
        caption = f"{found.media[name]:,} of {total:,}"
        inside = share > 30
        axes.annotate(
            caption,
            (2, place),
            va="center",
            color="white" if inside else INK,
        )
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.xaxis.set_major_formatter("{x:.0f} %")
    _bare(axes, "utterances that have each modality")


def _entropy(axes: Axes, found: Description) -> None:
    """How divided the raters are over the utterances of each class."""
    joined = found.table.set_index("utterance_id")["shown"].reindex(found.entropy.index)
    names = [name for name in found.classes().index[:_CLASSES_SHOWN] if (joined == name).any()]
    entropies = [found.entropy[joined == name] for name in names]
    axes.boxplot(
        entropies,
        orientation="horizontal",
        widths=0.6,
        showfliers=False,
        medianprops={"color": WARM, "linewidth": 1.5},
        boxprops={"color": ACCENT},
        whiskerprops={"color": GREY},
        capprops={"color": GREY},
    )
    axes.set_yticks(range(1, len(names) + 1), [str(name) for name in names])
    axes.invert_yaxis()
    axes.set_xlim(left=-0.05)
    axes.set_xlabel("bits; 0: all raters say the same")
    _bare(axes, "how divided the raters are, by class", grid="x")


def _bare(axes: Axes, title: str, *, grid: str | None = None) -> None:
    axes.set_title(title, loc="left", color=INK, fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(colors=INK, length=0)
    if grid:
        axes.grid(axis=grid, color=FAINT, linewidth=0.6)
        axes.set_axisbelow(True)


def _empty(axes: Axes, title: str, message: str) -> None:
    _bare(axes, title)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.annotate(message, (0.5, 0.5), xycoords="axes fraction", ha="center", va="center", color=GREY)
