"""Few-shot and zero-shot variants of a protocol: fewer labelled clips, or classes left out of training.

``<protocol>.shots8``: 8 labelled clips a class in all. Whatever chooses is labelled data too, and a choice by more of
it than the shots is no few-shot result (Perez, Kiela & Cho 2021, True Few-Shot Learning with Language Models). So half
of the clips, rounded down, validate, the rest trains, and the refit has all of them.

``<protocol>.zero-fear+surprise``: no clip of these classes trains or validates, and the test keeps them: generalised
zero-shot, where seen and unseen classes compete (Xian et al. 2019, Zero-Shot Learning: A Comprehensive Evaluation).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import ProtocolError, listed
from . import rules

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

KNOWN = ("<protocol>.shots<k>", "<protocol>.zero-<class>[+<class>]")
FEWEST = 2
"""Shots: one trains, one validates."""
LEAST_SEEN = 2
"""Classes: of one alone nothing is to be told apart."""

_SHOTS = re.compile(r"(.+)\.shots([1-9]\d*)")
_ZERO = re.compile(r"(.+)\.zero-([a-z0-9-]+(?:\+[a-z0-9-]+)*)")


@dataclass(frozen=True)
class Scarcity:
    """What is left of a fold's training and validation.

    Attributes:
        shots: clips a class in all; None for as many as there are.
        unseen: classes that neither train nor validate, as a protocol's name has them (see ``slug``), sorted.
        seed: draws the clips.
    """

    shots: int | None = None
    unseen: tuple[str, ...] = ()
    seed: int = 0

    def __bool__(self) -> bool:
        return self.shots is not None or bool(self.unseen)

    @property
    def ending(self) -> str:
        """As a protocol's id ends: ``.zero-fear.shots8``."""
        zero = f".zero-{'+'.join(self.unseen)}" * bool(self.unseen)
        return f"{zero}.shots{self.shots}" if self.shots is not None else zero

    @property
    def said(self) -> str:
        """In half a sentence; empty where nothing is left out."""
        parts = [f"no clip of {' or '.join(self.unseen)} trains or validates"] if self.unseen else []
        if self.shots is not None:
            parts.append(
                f"{self.shots} clips a class in all, of which {self.quota('train')} train and "
                f"{self.quota('validation')} validate"
            )
        return "; ".join(parts)

    def quota(self, role: str) -> int | None:
        """How many clips of a class have the role; None for all."""
        if self.shots is None or role == "test":
            return None
        half = self.shots // 2
        return half if role == "validation" else self.shots - half

    def unseen_of(self, classes: Sequence[str], *, protocol: str) -> tuple[str, ...]:
        """Those of the classes that are unseen, in their order.

        Raises:
            ProtocolError: for a name that is no class, or where fewer than two classes would be seen.
        """
        by_slug = {slug(name): name for name in classes}
        for name in self.unseen:
            if name not in by_slug:
                close = difflib.get_close_matches(name, by_slug, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"it may be: {', '.join(by_slug)}"
                raise ProtocolError(f"protocol {protocol}: {name!r} is no class of its label space; {hint}")
        if self.unseen and len(classes) - len(self.unseen) < LEAST_SEEN:
            raise ProtocolError(
                f"protocol {protocol}: of {len(classes)} classes {len(self.unseen)} are unseen; at least "
                f"{LEAST_SEEN} have to be seen for anything to be learnt: name fewer"
            )
        return tuple(name for name in classes if slug(name) in self.unseen)


WHOLE = Scarcity()
"""Nothing is left out."""


def slug(name: str) -> str:
    """A class as a protocol's name has it: ``No Humour`` → ``no-humour``."""
    return re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")


def split(name: str, *, seed: int) -> tuple[str, Scarcity]:
    """A protocol's name without such endings, and what they say.

    Raises:
        ProtocolError: for an ending that is there twice, a class named twice, or a single shot.
    """
    base, shots, unseen = name, None, ()
    while match := _SHOTS.fullmatch(base) or _ZERO.fullmatch(base):
        if shots is not None if match.re is _SHOTS else unseen:
            raise ProtocolError(f"protocol {name}: says twice what is left to learn from; once will do")
        base = match[1]
        if match.re is _SHOTS:
            shots = int(match[2])
        else:
            unseen = tuple(sorted(match[2].split("+")))
    if shots is not None and shots < FEWEST:
        raise ProtocolError(
            f"protocol {name}: one shot trains and nothing validates; at least .shots{FEWEST}"
        )
    if len(set(unseen)) < len(unseen):
        raise ProtocolError(f"protocol {name}: each unseen class is named once")
    return base, Scarcity(shots, unseen, seed)


def left_of(
    scarcity: Scarcity,
    rows: pd.DataFrame,
    role: np.ndarray,
    *,
    unseen: Sequence[str],
    fold: int,
    protocol: str,
) -> np.ndarray:
    """Which rows of one fold ``[N]`` keep their role; the others are in no part of the fold.

    The draw depends on the seed, the fold and the names alone. A class's clips are spread over the speakers: nobody
    gives a second one before everybody who has one gave the first.

    Args:
        rows: ``utterance_id, speaker, label``.
        role: of each row: train, validation, test.

    Raises:
        ProtocolError: where a seen class has too few clips.
    """
    import numpy as np

    keep = (role == "test") | ~rows["label"].isin(unseen).to_numpy()
    if scarcity.shots is None:
        return keep
    drawn = role == "test"
    short = {}
    for part in ("train", "validation"):
        quota = scarcity.quota(part)
        candidates = rows[keep & (role == part)]
        for label in sorted(set(rows["label"]) - set(unseen)):
            clips = candidates.loc[candidates["label"] == label, ["utterance_id", "speaker"]]
            if len(clips) < quota:
                short[part, label] = len(clips)
                continue
            names = spread(clips.itertuples(index=False, name=None), seed=scarcity.seed, fold=fold)[:quota]
            drawn |= (role == part) & rows["utterance_id"].isin(names).to_numpy()
    if short:
        most = min(2 * count + (part == "validation") for (part, _), count in short.items())
        said = listed(f"{count} {part} clip(s) of {label}" for (part, label), count in short.items())
        advice = f"take .shots{most}" if most >= FEWEST else "take folds of more speakers, such as kfold5"
        raise ProtocolError(
            f"protocol {protocol}: fold {fold} has {said}; {scarcity.quota('train')} have to train and "
            f"{scarcity.quota('validation')} to validate: {advice}, or add clips"
        )
    return np.asarray(drawn)


def spread(clips: Iterable[tuple[str, str]], *, seed: int, fold: int) -> list[str]:
    """Clips in the order in which they are drawn: everybody's first, then everybody's second, and so on.

    Args:
        clips: ``(utterance, speaker)``, in any order.
        seed, fold: the draw depends on these and on the names alone.
    """
    by_speaker: dict[str, list[str]] = {}
    for clip, speaker in sorted(clips, key=lambda pair: rules.hashed(seed, f"{fold}:{pair[0]}")):
        by_speaker.setdefault(speaker, []).append(clip)
    turns = [
        (turn, rules.hashed(seed, f"{fold}:{speaker}:{turn}"), clip)
        for speaker, clips_of_speaker in by_speaker.items()
        for turn, clip in enumerate(clips_of_speaker)
    ]
    return [clip for _, _, clip in sorted(turns)]
