"""What the report shows of an error's attributions, in shares of the clip and of the largest bar."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...artifacts.reports import Attributions, Misclassified, ModalityAttributions
from ..templates import nats
from .over_time import standing_out

NAMES = {"audio": "sound", "text": "words"}
ROUGH = 0.01
"""Nats; a larger gap is told, see `gradients.TOLERANCE`."""
LEAST = 0.05
"""Nats; what adds less is not told in words."""


def shown(error: Misclassified) -> dict[str, Any] | None:
    """Bars and words of a clip, on one scale, and what they say as sentences; what has times comes first.

    None without attributions, or where the clip has nothing that the strategy takes.

    A bar is as high as what its part adds per share of the clip, so that areas are values: a bar over the whole clip
    and narrow ones that add as much together cover as much. So it is with attention's cells.
    """
    held = error.attributions
    if held is None or not held.modalities:
        return None
    tracks = sorted(held.modalities.items(), key=lambda item: not item[1].timed)
    highest = max(
        [abs(value) * len(track.over_time) for _, track in tracks for value in track.over_time], default=0.0
    )
    largest = max(
        [
            abs(each)
            for _, track in tracks
            for each in (track.total, *(value for _, value in track.words or ()))
        ]
    )
    most = max(
        [share * len(track.rollout) for _, track in tracks if track.rollout for share in track.rollout] or [1]
    )
    return {
        "tracks": [
            {
                "name": name,
                "title": NAMES.get(name, name),
                "total": track.total,
                "bars": _bars(track, highest or 1.0, held.duration_s),
                "flow": _flow(track, most, held.duration_s),
                "words": [(word, value, value / (largest or 1.0)) for word, value in track.words or ()],
                "waveform": _waveform(held.waveform) if name == "audio" and held.waveform else None,
                "said": _of_track(name, track, error.predicted, held.duration_s),
            }
            for name, track in tracks
        ],
        "timed": sum(track.timed for _, track in tracks),
        "duration_s": held.duration_s,
        "unreadable": held.unreadable,
        "rough": abs(held.gap) > ROUGH,
        "gap": held.gap,
        "said": _said(held, error.predicted),
    }


def _bars(track: ModalityAttributions, highest: float, duration_s: float | None) -> list[dict[str, Any]]:
    """Heights from −1 to 1."""
    parts = len(track.over_time)
    return [
        {
            "from": at / parts,
            "width": 1 / parts,
            "height": each * parts / highest,
            "tip": f"{_when(at, at + 1, track, duration_s)}: {nats(each, 3)}",
        }
        for at, each in enumerate(track.over_time)
    ]


def _flow(track: ModalityAttributions, most: float, duration_s: float | None) -> list[dict[str, Any]] | None:
    """Attention's cells, by share of the clip, from 0 to 1."""
    if track.rollout is None:
        return None
    parts = len(track.rollout)
    return [
        {
            "from": at / parts,
            "width": 1 / parts,
            "strength": each * parts / (most or 1.0),
            "tip": f"attention, {_when(at, at + 1, track, duration_s)}: {100 * each:.1f} %",
        }
        for at, each in enumerate(track.rollout)
    ]


def _waveform(peaks: Sequence[float]) -> str:
    """The outline, as the points of a polygon of width 100 around 0, from −1 to 1."""
    at = [100 * (n + 0.5) / len(peaks) for n in range(len(peaks))]
    upper = [f"{x:.1f},{-peak:.2f}" for x, peak in zip(at, peaks, strict=True)]
    lower = [f"{x:.1f},{peak:.2f}" for x, peak in zip(at, peaks, strict=True)]
    return " ".join(upper + lower[::-1])


def _said(held: Attributions, label: str) -> str:
    """What speaks most for the class, and most against it."""
    found = [
        (float(sum(values[first:last])), _where(name, track, first, last, held.duration_s))
        for name, track in held.modalities.items()
        for sign in (1, -1)
        for values in [track.over_time]
        for first, last in [standing_out(sign * np.array(values))]
    ]
    found += [
        (each, f"the word “{word}”") for track in held.modalities.values() for word, each in track.words or ()
    ]
    highest, lowest = max(found), min(found)
    parts = [f"{highest[1]} speaks most for {label}: {nats(highest[0])}"] if highest[0] > LEAST else []
    if lowest[0] < -LEAST:
        parts.append(f"{lowest[1]} most against it: {nats(lowest[0])}")
    said = "; ".join(parts) or f"nothing in the clip speaks clearly for or against {label}"
    return said[0].upper() + said[1:] + "."


def _of_track(name: str, track: ModalityAttributions, label: str, duration_s: float | None) -> str:
    first, last = standing_out(np.array(track.over_time))
    where, most = _where(name, track, first, last, duration_s), sum(track.over_time[first:last])
    whole = f"{NAMES.get(name, name)}: {nats(track.total)} for {label}"
    return whole if last - first == len(track.over_time) else f"{whole}; of it {where}: {nats(most)}"


def _where(name: str, track: ModalityAttributions, first: int, last: int, duration_s: float | None) -> str:
    title = NAMES.get(name, name)
    if last - first == len(track.over_time):
        return f"the {title} as a whole"
    return f"{title} {_when(first, last, track, duration_s)}"


def _when(first: int, last: int, track: ModalityAttributions, duration_s: float | None) -> str:
    parts = len(track.over_time)
    if not track.timed:
        return f"part {first + 1}–{last} of {parts}" if last - first > 1 else f"part {last} of {parts}"
    if duration_s is None:
        return f"{100 * first / parts:.0f}–{100 * last / parts:.0f} % of the clip"
    return f"{duration_s * first / parts:.2f}–{duration_s * last / parts:.2f} s"
