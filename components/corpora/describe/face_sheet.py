"""A contact sheet of the faces and mouths in a sample of a corpus's films."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import CorpusError
from ...files import replacing
from .face_samples import FRAMES, SIDE, FaceSample
from .figure import ACCENT, FAINT, INK, WARM

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DPI = 100
_EDGE, _HEAD, _TEXT, _BAR = 16, 56, 20, 8
"""Pixels: around the sheet, its title, and of each clip the text above and the bar below the pictures."""
_CLIP = _TEXT + 2 * SIDE + 3 * _BAR


def check(path: Path) -> None:
    """Raise CorpusError where a sheet cannot be written under this name."""
    if path.suffix != ".png":
        raise CorpusError(f"{path}: a contact sheet ends in .png")


def save(samples: Sequence[FaceSample], path: Path, *, title: str) -> Path:
    """Draw a contact sheet; the same samples give the same picture.

    Args:
        samples: one a row.
        path: of the file, which ends in ``.png``.
        title: of the sheet.

    Raises:
        CorpusError: another suffix.
    """
    check(path)
    sheet = draw(samples, title=title)
    with replacing(path) as temporary:
        sheet.savefig(temporary, dpi=_DPI, format="png", metadata={"Software": None})
    return path


def draw(samples: Sequence[FaceSample], *, title: str) -> Figure:
    """For each clip its faces, its mouths below them, and a bar of when a face was there."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width, height = FRAMES * SIDE + 2 * _EDGE, _HEAD + _CLIP * len(samples)
    with rc_context({"font.size": 9}):
        figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI)
        FigureCanvasAgg(figure)

        def text(pixels: int, words: str, size: int) -> None:
            at = _EDGE / width, 1 - pixels / height
            figure.text(*at, words, fontsize=size, color=INK, va="center", parse_math=False)

        def axes(top: int, high: int) -> Axes:
            return figure.add_axes(
                (_EDGE / width, 1 - (top + high) / height, 1 - 2 * _EDGE / width, high / height)
            )

        text(18, title, 12)
        text(42, "bars: found (blue), interpolated (orange), no face (grey), over the clip's time", 8)
        for row, sample in enumerate(samples):
            top = _HEAD + row * _CLIP
            text(top + _TEXT // 2, f"{sample.utterance_id}: {sample.summary}", 8)
            _pictures(axes(top + _TEXT, 2 * SIDE), sample)
            _presence(axes(top + _TEXT + 2 * SIDE + _BAR // 2, _BAR), sample)
    return figure


def _pictures(axes: Axes, sample: FaceSample) -> None:
    strip = np.full((2 * SIDE, FRAMES * SIDE, 3), 255, np.uint8)
    for at, (face, mouth) in enumerate(zip(sample.faces, sample.mouths, strict=True)):
        columns, inset = slice(at * SIDE, (at + 1) * SIDE), (SIDE - len(mouth)) // 2
        strip[:SIDE, columns] = face
        strip[SIDE + inset : SIDE + inset + len(mouth), columns][:, inset : inset + len(mouth)] = mouth[
            ..., None
        ]
    axes.imshow(strip, aspect="auto", interpolation="none")
    if not sample.faces:
        axes.text(0.5, 0.5, "no face", transform=axes.transAxes, ha="center", color=INK)
    axes.set_axis_off()


def _presence(axes: Axes, sample: FaceSample) -> None:
    from matplotlib.colors import to_rgb

    if sample.track is not None:
        states = sample.track.found.astype(int) + sample.track.present
        colours = np.array([to_rgb(each) for each in (FAINT, WARM, ACCENT)])
        axes.imshow(colours[states][None], aspect="auto", interpolation="none")
    axes.set_axis_off()
