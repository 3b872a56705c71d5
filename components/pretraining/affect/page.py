"""The retrieved clips as a page to look through: each beside the labelled clip that it is like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

MOST = 500
"""Clips that the page shows; the table holds all."""


@dataclass(frozen=True)
class Shown:
    """A clip of the pool, and the labelled one.

    Attributes:
        utterance_id: of the clip.
        media: where it can be played from, relative to the page; None where it has no file.
        score: the cosine of the two.
        anchor: the labelled clip's id.
        anchor_media: likewise.
        emotion: of the labelled clip.
    """

    utterance_id: str
    media: str | None
    score: float
    anchor: str
    anchor_media: str | None
    emotion: str


def page(clips: Sequence[Shown], *, title: str) -> str:
    """HTML without scripts; recordings are played from their corpora.

    Args:
        clips: the most similar first.
        title: of the page.
    """
    rows = "\n".join(
        f"<tr><td>{each.score:.3f}</td><td>{escape(each.emotion)}</td>"
        f"<td>{escape(each.utterance_id)}<br>{_player(each.media)}</td>"
        f"<td>{escape(each.anchor)}<br>{_player(each.anchor_media)}</td></tr>"
        for each in clips[:MOST]
    )
    left = f"<p>The first {MOST} of {len(clips)} are shown.</p>" if len(clips) > MOST else ""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>
<meta name="viewport" content="width=device-width">
<style>
body {{ font-family: system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1f2937; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ border-bottom: 1px solid #d5dae3; padding: .4rem; text-align: left; vertical-align: top; }}
td {{ overflow-wrap: anywhere; }}
audio, video {{ max-width: 100%; width: 16rem; }}
</style></head><body>
<h1>{escape(title)}</h1>{left}
<table><thead><tr><th>cosine</th><th>emotion</th><th>clip of the pool</th><th>labelled clip</th></tr></thead>
<tbody>
{rows}
</tbody></table></body></html>
"""


def _player(media: str | None) -> str:
    if media is None:
        return ""
    kind = "video" if media.lower().endswith((".mp4", ".mov", ".mkv", ".webm", ".avi", ".mpg")) else "audio"
    return f'<{kind} controls preload="none" src="{escape(media)}"></{kind}>'
