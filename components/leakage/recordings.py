"""The same sound or film on two sides of a fold: byte for byte, or as a copy in another form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import listed
from .dealt import Dealt, joined, numbered
from .finding import Finding, finding
from .groups import told

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_REMOVE = "Remove the copies from the corpus, or give them to one speaker, so that they share a fold."


def find(dealt: Dealt, fingerprints: pd.DataFrame | None) -> list[Finding]:
    findings = []
    for media in ("audio", "video"):
        findings += _copies(
            dealt, _digests(dealt.table, media), kind="duplicate", what=f"byte-identical {media}"
        )
        findings += _without_digest(dealt, media)
    if fingerprints is None:
        return findings
    held = fingerprints.set_index("utterance_id").reindex(dealt.table["utterance_id"])
    sounds = _matched(dealt.table, held["audio_fingerprint"].to_numpy(object), "audio")
    films = _matched(dealt.table, held["face_fingerprint"].to_numpy(object), "video")
    return [
        *findings,
        *_copies(dealt, sounds, kind="fingerprint", what="one recording in several forms"),
        *_copies(dealt, films, kind="face-track", what="films with the same pictures"),
    ]


def _digests(table: pd.DataFrame, media: str) -> np.ndarray:
    """The same number for the same bytes; a part of a longer recording that is told by its times alone is its own."""
    times = table["start_s"].astype("str") + " " + table["end_s"].astype("str")
    part = table["start_s"].notna() & table["end_s"].notna() & table.duplicated(["corpus", media], keep=False)
    return numbered(table[f"{media}_digest"].mask(part, table[f"{media}_digest"] + " " + times))


def _matched(table: pd.DataFrame, prints: np.ndarray, media: str) -> np.ndarray:
    """The same number for the recordings whose fingerprints match; -1 for what matches none, or is byte-identical."""
    import numpy as np
    import pandas as pd

    from ..media.fingerprint_matching import same_films, same_sounds

    there = np.flatnonzero(~pd.isna(prints))
    pairs = there[{"audio": same_sounds, "video": same_films}[media](prints[there].tolist())]
    first, second = pairs.T
    # An utterance without a sound file of its own has its film's sound.
    own = numbered(
        table["audio_digest"].fillna(table["video_digest"]) if media == "audio" else table["video_digest"]
    )
    group = joined(pairs[(own[first] < 0) | (own[first] != own[second])], len(table))
    return group


def _copies(dealt: Dealt, group: np.ndarray, *, kind: str, what: str) -> list[Finding]:
    """A critical finding a fold where copies have several roles, and one warning for those that never do."""
    import numpy as np

    several = group >= 0
    several[several] = np.bincount(group[several])[group[several]] > 1
    group = np.where(several, group, -1)
    crossing = dealt.crossing(group)
    findings = [
        finding(
            kind,
            "critical",
            fold=int(fold),
            rows=dealt.ids[np.sort(part["row"])],
            explanation=f"fold {fold}: {what} in different roles: "
            f"{told(dealt, *(part[name].to_numpy() for name in ('row', 'role', 'group')))}.",
            advice=_REMOVE,
        )
        for fold, part in crossing.groupby("fold")
    ]
    within = np.flatnonzero(several & ~np.isin(group, crossing["group"]))
    if kind == "face-track":
        # Films of one speaker are much alike, and cost nothing in one role: two speakers' are worth a look.
        speakers = dealt.table["speaker"].iloc[within].groupby(group[within]).transform("nunique")
        within = within[speakers.to_numpy() > 1]
    if len(within):
        findings.append(
            finding(
                kind,
                "warning",
                fold=None,
                rows=dealt.ids[within],
                explanation=f"{what}, always in one role together: {_equal(dealt, within, group)}.",
                advice="No leak; but the clip counts more than once. It stays, as the corpus has it.",
            )
        )
    return findings


def _equal(dealt: Dealt, rows: np.ndarray, group: np.ndarray) -> str:
    by_group: dict[int, list[str]] = {}
    for row in rows:
        by_group.setdefault(int(group[row]), []).append(dealt.ids[row])
    return listed(" = ".join(names) for names in by_group.values())


def _without_digest(dealt: Dealt, media: str) -> list[Finding]:
    table = dealt.table
    rows = table.loc[table[media].notna() & table[f"{media}_digest"].isna(), "utterance_id"].tolist()
    if not rows:
        return []
    return [
        finding(
            "no-digest",
            "warning",
            fold=None,
            rows=rows,
            explanation=f"{len(rows)} {media} file(s) have no digest: {listed(rows)}; copies of them cannot be seen.",
            advice="See the validation report on whether the files are there and readable.",
        )
    ]
