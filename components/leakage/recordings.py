"""Finds copies of one sound or film with different roles in a fold: byte-identical, or by fingerprint."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from ..artifacts.folds import Finding
from ..errors import listed
from .finding import finding
from .fold_roles import FoldRoles, joined, numbered
from .groups import listed_groups

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_REMOVE = "Remove the copies from the corpus, or give them to one speaker, so that they share a fold."


def find(
    fold_roles: FoldRoles, fingerprints: pd.DataFrame | None, original_copies: Collection[str] = ()
) -> list[Finding]:
    """Find the copies among the recordings.

    Args:
        fold_roles: who has which role in which fold.
        fingerprints: see `leakage.find`.
        original_copies: utterances that are copies of one another in the corpus as it was published.
    """
    findings = []
    for media in ("audio", "video"):
        findings += _copies(
            fold_roles,
            _digests(fold_roles.table, media),
            kind="duplicate",
            what=f"byte-identical {media}",
            original=original_copies,
        )
        findings += _without_digest(fold_roles, media)
    if fingerprints is None:
        return findings
    matching = fingerprints.set_index("utterance_id").reindex(fold_roles.table["utterance_id"])
    sounds = _matched(fold_roles.table, matching["audio_fingerprint"].to_numpy(object), "audio")
    films = _matched(fold_roles.table, matching["face_fingerprint"].to_numpy(object), "video")
    return [
        *findings,
        *_copies(fold_roles, sounds, kind="fingerprint", what="one recording in several forms"),
        *_copies(fold_roles, films, kind="face-track", what="films with the same pictures"),
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


def _copies(
    fold_roles: FoldRoles, group: np.ndarray, *, kind: str, what: str, original: Collection[str] = ()
) -> list[Finding]:
    """A critical finding for each fold where copies have several roles, and warnings for those that never do."""
    import numpy as np

    several = group >= 0
    several[several] = np.bincount(group[several])[group[several]] > 1
    group = np.where(several, group, -1)
    crossing = fold_roles.crossing(group)
    findings = [
        finding(
            kind,
            "critical",
            fold=int(fold),
            rows=fold_roles.ids[np.sort(part["row"])],
            explanation=f"fold {fold}: {what} in different roles: "
            f"{listed_groups(fold_roles, *(part[name].to_numpy() for name in ('row', 'role', 'group')))}.",
            advice=_REMOVE,
        )
        for fold, part in crossing.groupby("fold")
    ]
    within = np.flatnonzero(several & ~np.isin(group, crossing["group"]))
    speakers = fold_roles.table["speaker"].iloc[within].groupby(group[within]).transform("nunique").to_numpy()
    if len(apart := within[speakers > 1]):
        findings.append(
            finding(
                kind,
                "warning",
                fold=None,
                rows=fold_roles.ids[apart],
                explanation=f"{what} under the names of different speakers: {_equal(fold_roles, apart, group)}.",
                advice="Nobody speaks with another's voice: one of the names is wrong, and with it what else bears it. "
                "Find out whose the recording is, or leave the copies out (folds.exclude in params.yaml).",
            )
        )
    if kind == "face-track":  # films of one speaker are much alike, and cost nothing in one role
        return findings
    alike = within[speakers <= 1]
    published = np.isin(fold_roles.ids[alike].astype(str), list(original))
    for rows, where in ((alike[~published], ""), (alike[published], " in the corpus as it was published")):
        if len(rows):
            findings.append(
                finding(
                    kind,
                    "warning",
                    fold=None,
                    rows=fold_roles.ids[rows],
                    explanation=f"{what}{where}, always in one role together: {_equal(fold_roles, rows, group)}.",
                    advice="No leak; but the clip counts more than once. It stays, as the corpus has it.",
                )
            )
    return findings


def _equal(fold_roles: FoldRoles, rows: np.ndarray, group: np.ndarray) -> str:
    by_group: dict[int, list[str]] = {}
    for row in rows:
        by_group.setdefault(int(group[row]), []).append(fold_roles.ids[row])
    return listed(" = ".join(names) for names in by_group.values())


def _without_digest(fold_roles: FoldRoles, media: str) -> list[Finding]:
    table = fold_roles.table
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
