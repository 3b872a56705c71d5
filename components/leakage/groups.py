"""Finds utterances, speakers, sessions, dialogues and performances with more than one role in a fold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..artifacts.folds import Finding
from ..errors import listed
from ..protocols import repeats
from .finding import finding
from .fold_roles import ROLES, TEST, TRAIN, VALIDATION, FoldRoles, numbered

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

GROUPS_SHOWN = 10
_RAVDESS = r"(?:^|/)\d\d-(\d\d-\d\d-\d\d-\d\d-\d\d-\d\d)(?:\.\w+)?$"
"""RAVDESS's file names: how it was recorded, then what was performed and by whom."""


def find(fold_roles: FoldRoles) -> list[Finding]:
    table = fold_roles.table
    session = table["session"]
    episode = repeats.episodes(session)
    return [
        *_twofold(fold_roles),
        *_without_speaker(fold_roles),
        *_speakers(fold_roles),
        *_crossing(
            fold_roles,
            session.mask(episode),
            kind="session",
            advice="Give all of a session one role: people, room and microphone are the same there.",
        ),
        *_crossing(
            fold_roles,
            session.where(episode),
            kind="episode",
            advice="Give all of an episode one role: its scenes, music and lines are known from training.",
        ),
        *_crossing(
            fold_roles,
            table["dialogue"],
            kind="dialogue",
            advice="Give all of a dialogue one role: each turn tells of the next.",
        ),
        *_crossing(
            fold_roles,
            performances(table),
            kind="performance",
            advice="These files are one performance, by ear, by eye or both: make them one utterance.",
        ),
    ]


def performances(table: pd.DataFrame) -> pd.Series:
    """A name for each performance of which there are several files as utterances of their own; null elsewhere.

    RAVDESS's names tell by their last six numbers, whatever corpus holds them; else it is a sound and a film of one
    speaker under one name (``audio/a1.wav``, ``video/a1.mp4``).
    """
    file = table["video"].fillna(table["audio"]).fillna(table["utterance_id"])
    corpus = table["corpus"].fillna("")
    ravdess = file.str.extract(_RAVDESS, expand=False)
    stem = file.str.rsplit("/", n=1).str[-1].str.replace(r"\.\w+$", "", regex=True)
    name = corpus + "/" + ravdess.fillna(table["speaker"].fillna("") + "/" + stem)

    one_medium = table["audio"].isna() != table["video"].isna()
    media = table["video"].notna().groupby(name).transform("nunique")
    pair = (one_medium & (media > 1)) | (ravdess.notna() & name.duplicated(keep=False))
    return name.where(pair)


def listed_groups(
    fold_roles: FoldRoles, rows: np.ndarray, roles: np.ndarray, group: np.ndarray, sign: str = " = "
) -> str:
    """``a (test) = b (train), c (test) = d (train) … and 4 more``: the rows of each group, with their roles."""
    import numpy as np

    order = np.lexsort((rows, group))
    rows, roles, group = rows[order], roles[order], group[order]
    starts = np.flatnonzero(np.append(True, group[1:] != group[:-1]))
    first = np.argsort(rows[starts], kind="stable")[:GROUPS_SHOWN]
    shown = []
    for start in starts[first]:
        members = range(start, start + int((group == group[start]).sum()))
        names = [f"{fold_roles.ids[rows[n]]} ({ROLES[roles[n]]})" for n in members]
        shown.append(sign.join(names[:4]) + (f"{sign}… {len(names) - 4} more" if len(names) > 4 else ""))
    more = len(starts) - len(shown)
    return ", ".join(shown) + (f" … and {more} more" if more else "")


def _twofold(fold_roles: FoldRoles) -> list[Finding]:
    return [
        finding(
            "utterance",
            "critical",
            fold=int(fold),
            rows=fold_roles.ids[part["row"]],
            explanation=f"fold {fold}: {len(part)} utterance(s) have two roles: {listed(fold_roles.ids[part['row']])}.",
            advice="Choose on other utterances than those that are tested.",
        )
        for fold, part in fold_roles.twofold.groupby("fold")
    ]


def _without_speaker(fold_roles: FoldRoles) -> list[Finding]:
    rows = fold_roles.ids[fold_roles.table["speaker"].isna()]
    if not len(rows):
        return []
    return [
        finding(
            "no-speaker",
            "warning",
            fold=None,
            rows=rows,
            explanation=f"{len(rows)} utterance(s) have no speaker: {listed(rows)}; whether a tested "
            "speaker was also in training is unknown.",
            advice="Name the speakers: in the manifest's column speaker, or by a group of layouts.<corpus>.pattern.",
        )
    ]


def _speakers(fold_roles: FoldRoles) -> list[Finding]:
    speaker = fold_roles.table["speaker"]
    advice = "Give all utterances of a speaker one role; if two names are one person, give them one name."
    return [
        *_crossing(fold_roles, speaker, kind="speaker", held_out=(TEST,), advice=advice),
        *_crossing(fold_roles, speaker, kind="validation-speaker", held_out=(VALIDATION,), advice=advice),
    ]


def _crossing(
    fold_roles: FoldRoles,
    names: pd.Series,
    *,
    kind: str,
    advice: str,
    held_out: tuple[int, ...] = (TEST, VALIDATION),
) -> list[Finding]:
    """A finding per fold in which some groups are in one of the roles ``held_out`` and also in an earlier role."""
    group = numbered(names)
    if (group < 0).all():
        return []
    noun = {"validation-speaker": "speaker"}.get(kind, kind)
    crossing = fold_roles.crossing(group)
    findings = []
    for fold, part in crossing.groupby("fold"):
        least = part.groupby("group")["role"].transform("min")
        affected = part[part["role"].isin(held_out) & (part["role"] > least)]
        if affected.empty:
            continue
        here = part[part["group"].isin(affected["group"])]
        roles = here.groupby("group")["role"].agg(lambda values: sorted(set(values), reverse=True))
        shown = {names[group == code].iloc[0]: roles[code] for code in roles.index[: GROUPS_SHOWN + 1]}
        descriptions = sorted(
            f"{name} ({' and '.join(ROLES[role] for role in of_name)})" for name, of_name in shown.items()
        )
        more = f" … and {len(roles) - GROUPS_SHOWN} more" if len(roles) > GROUPS_SHOWN else ""
        findings.append(
            finding(
                kind,
                "critical",
                fold=int(fold),
                rows=fold_roles.ids[affected["row"]],
                explanation=f"fold {fold}: {len(roles)} {noun}(s) with more than one role: "
                f"{', '.join(descriptions[:GROUPS_SHOWN])}{more}. "
                f"{_shares(fold_roles, fold, here, group, noun, held_out)}",
                advice=advice,
            )
        )
    return findings


def _shares(
    fold_roles: FoldRoles,
    fold: int,
    here: pd.DataFrame,
    group: np.ndarray,
    noun: str,
    held_out: tuple[int, ...],
) -> str:
    """``Of the test, 142 of 143 episodes (2,608 of 2,610 utterances) also train.``"""
    import numpy as np

    masks = fold_roles.masks(fold)
    sentences = []
    for role in held_out:
        for other, verb in ((TRAIN, "train"), (VALIDATION, "validate")):
            both = np.intersect1d(here["group"][here["role"] == role], here["group"][here["role"] == other])
            if role <= other or not len(both):
                continue
            of = group[masks[role]]
            sentences.append(
                f"Of the {ROLES[role]}, {len(both):,} of {len(np.unique(of[of >= 0])):,} {noun}s "
                f"({int(np.isin(of, both).sum()):,} of {len(of):,} utterances) also {verb}."
            )
    return " ".join(sentences)
