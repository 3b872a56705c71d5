"""Speakers by name: who is known, and which registered versions heard them."""

import difflib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..artifacts.utterances import FOLDER, UTTERANCES
from ..errors import LineageError, listed
from .store import TEST, Store


@dataclass(frozen=True)
class Heard:
    """A registered version that heard a speaker.

    Attributes:
        name: the registered model.
        version: its version.
        champion: whether it is the champion now.
        utterances: the number of the speaker's utterances by their role in it.
    """

    name: str
    version: int
    champion: bool
    utterances: dict[str, int]

    @property
    def learned(self) -> bool:
        """Whether the version learned from the speaker, and was not only scored on them."""
        return any(role != TEST for role in self.utterances)

    def __str__(self) -> str:
        roles = [f"{role}, {count} utterances" for role, count in self.utterances.items()]
        return f"{self.name}/{self.version}: {'; '.join(roles)}{', champion' if self.champion else ''}"


def heard(speaker: str, *, store: Store) -> list[Heard]:
    """List the registered versions that heard a speaker.

    Args:
        speaker: ``<corpus>/<id>``.
        store: the lineage store.

    Returns:
        Them, ordered by name and version.
    """
    found: dict[tuple[str, int], Heard] = {}
    for row in store.models_of_speaker(speaker):
        key = row["name"], row["version"]
        version = found.setdefault(key, Heard(*key, row["champion"], {}))
        version.utterances[row["role"]] = row["utterances"]
    return list(found.values())


def known(speaker: str, *, store: Store, root: Path = Path()) -> str:
    """Find the speaker that a user names, in the lineage store or the workspace's utterance tables.

    Args:
        speaker: ``<corpus>/<id>``.
        store: the lineage store.
        root: the workspace.

    Returns:
        The speaker, in Unicode's normalisation form C, as the tables have it.

    Raises:
        LineageError: neither knows the speaker; names those that the user may have meant.
        ArtifactError: an utterance table cannot be read.
    """
    speaker = unicodedata.normalize("NFC", speaker)
    there = store.speakers()
    if speaker in there:
        return speaker
    for path in sorted((root / FOLDER).glob("*.parquet")):
        there |= set(UTTERANCES.read(root, corpus=path.stem, columns=["speaker"])["speaker"].dropna())
    if speaker in there:
        return speaker
    raise LineageError(f"no speaker {speaker!r} is known; {_hint(speaker, there)}")


def _hint(speaker: str, there: Iterable[str]) -> str:
    forms: dict[
        str, list[str]
    ] = {}  # a speaker is also looked for by the id alone, which several corpora may have
    for each in sorted(there):
        forms.setdefault(each, []).append(each)
        forms.setdefault(each.partition("/")[2], []).append(each)
    if not forms:
        return "nobody is: `dvc repro` reads the corpora"
    close = difflib.get_close_matches(speaker, forms, n=1)
    if close:
        return f"did you mean {' or '.join(map(repr, forms[close[0]][:3]))}?"
    return f"these are: {listed(sorted(there))}"
