"""Protocols by rule, for any corpus: their names, and how they assign speakers to folds.

An assignment depends on the seed and the names, and for speakers on their genders: not on the order of rows or files,
nor on a platform's random numbers.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from ..errors import ProtocolError, listed
from .split_scheme import SplitScheme

FEWEST = 3  # one fold tests, one validates, and something has to train
MOST = 100
"""Folds of a protocol. Each is a search of its own."""

COLUMNS = ("corpus", "speaker", "speaker_gender", "session", "dialogue", "language", "intensity")
"""What ``logo:<column>`` may leave out a value of."""

KNOWN = ("kfold<k>", "loso", "logo:<column>", "official", "cross:<corpus>[+<corpus>]:<corpus>")
INFLATED = ("random<k>", "<rule>.rand20", "<rule>.valtest")

_ENDS = {".rand20": "20 % of the utterances", ".valtest": "test"}
_CROSS = re.compile(r"cross:([^:]+):([^:]+)")


def parse(name: str) -> SplitScheme | None:
    """Parse the name of a rule.

    Returns:
        Its split scheme; None where the name is no rule.

    Raises:
        ProtocolError: for a column that folds cannot be made of.
    """
    end = next((each for each in _ENDS if name.endswith(each)), "")
    base, validation = name.removesuffix(end), _ENDS.get(end, "next fold")
    if base == "loso":
        return SplitScheme("each", validation)
    if match := re.fullmatch(r"kfold([1-9]\d*)", base):
        return SplitScheme("speakers", validation, count=int(match[1]))
    if base.startswith("logo:"):
        column = base.removeprefix("logo:")
        if column not in COLUMNS:
            raise ProtocolError(f"{name}: {column!r} makes no folds; logo takes {', '.join(COLUMNS)}")
        return SplitScheme("each", validation, column=column)
    if match := re.fullmatch(r"random([1-9]\d*)", name):
        return SplitScheme("utterances", "next fold", count=int(match[1]))
    if name == "official":
        return SplitScheme("official", "official")
    if match := _CROSS.fullmatch(name):
        sources = tuple(sorted(match[1].split("+")))
        if match[2] in sources or len(set(sources)) < len(sources) or not all(sources):
            raise ProtocolError(f"{name}: each corpus is named once, those that train and the one that tests")
        return SplitScheme("corpora", "held-out speakers", sources=sources, target=match[2])
    return None


def title(scheme: SplitScheme) -> str:
    """What a rule does, in a few words."""
    return {
        "each": "leave one speaker out" if scheme.column == "speaker" else f"leave one {scheme.column} out",
        "speakers": f"{scheme.count} folds by rule, speaker-disjoint, genders balanced",
        "utterances": f"{scheme.count} folds of utterances, whoever speaks",
        "official": "the corpus's own split",
        "corpora": f"{' and '.join(scheme.sources)} train, {scheme.target} is the test",
    }[scheme.test]


def fold_count(wanted: int, there: int, *, rule: str, of: str, fewest: int = FEWEST) -> int:
    """The number of folds that can be made of a number of speakers, groups or utterances.

    Args:
        wanted: 0 for a fold each.
        fewest: three where a fold validates.

    Raises:
        ProtocolError: for fewer folds than that, more than ``MOST``, or fewer things than folds.
    """
    count = wanted or there
    if wanted and there < wanted:
        raise ProtocolError(
            f"{rule} needs at least {wanted} {of}, and there are {there}: "
            f"name a protocol of fewer folds in params.yaml, or add {of}"
        )
    if count < fewest:
        raise ProtocolError(
            f"{rule} makes {count} fold(s) of {there} {of}; "
            + ("one fold tests and the next validates, " if fewest == FEWEST else "one fold tests, ")
            + f"so at least {fewest} are needed for anything to train on"
        )
    if count > MOST:
        raise ProtocolError(
            f"{rule} makes {count:,} folds, each a search of its own; {MOST} are the most: name kfold5"
        )
    return count


def linked(pairs: Iterable[tuple[str, str]], speakers: Collection[str]) -> dict[str, str]:
    """Speaker → the group that they stay with, by the name of its first speaker.

    Args:
        pairs: (speaker, what they share), say a dialogue; whoever shares something is in one group.
    """
    above = {speaker: speaker for speaker in speakers}

    def first(speaker: str) -> str:
        while above[speaker] != speaker:
            above[speaker] = above[above[speaker]]
            speaker = above[speaker]
        return speaker

    met: dict[str, str] = {}
    for speaker, shared in pairs:
        one, other = sorted((first(speaker), first(met.setdefault(shared, speaker))))
        above[other] = one
    return {speaker: first(speaker) for speaker in speakers}


def assign_speakers(genders: Mapping[str, str], groups: Mapping[str, str], *, folds: int, seed: int) -> dict:
    """Assign speakers to test folds, a group together: larger groups first, each to the fold with fewest speakers.

    Groups of a size come by gender and a hash of seed and name, so that speakers who share nothing are assigned
    round-robin, and folds' sizes and their numbers of each gender stay within one of each other.

    Args:
        genders: speaker → gender; "" where unknown.
        groups: speaker → group (see ``linked``).
    """
    members: dict[str, list[str]] = {}
    for speaker in sorted(genders):
        members.setdefault(groups[speaker], []).append(speaker)
    if len(members) < folds:
        raise ProtocolError(f"{folds} folds of {len(members)} groups of speakers: {listed(sorted(members))}")

    def place(group: str) -> tuple:
        speakers = members[group]
        return -len(speakers), sorted(genders[speaker] for speaker in speakers), hashed(seed, group)

    filled, fold_of = Counter(dict.fromkeys(range(folds), 0)), {}
    for group in sorted(members, key=place):
        fold = min(filled, key=lambda fold: (filled[fold], fold))
        filled[fold] += len(members[group])
        fold_of |= dict.fromkeys(members[group], fold)
    return fold_of


def hashed(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()
