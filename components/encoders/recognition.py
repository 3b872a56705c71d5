"""The words of a corpus as a speech recogniser hears them, which take its transcripts' place."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import FeatureError
from .base import Encoder
from .cache import Cache
from .jobs import Source, run_missing, sources
from .parallel import Recipe
from .pretrained.recogniser import SpeechRecogniser

if TYPE_CHECKING:
    import pandas as pd


class RecogniserRecipe(Recipe):
    """How words are recognised; ``parameters`` are what `SpeechRecogniser` takes."""

    def encoders(self) -> list[Encoder]:
        return [SpeechRecogniser(**self.parameters, models=self.models)]


@dataclass(frozen=True)
class Recognised:
    """What a recogniser heard in a corpus.

    Attributes:
        recogniser: its name.
        digest: of all that decides what it makes of a recording.
        model: see `Encoder.model`.
        texts: utterance id → what is said, of the utterances where something was recognised.
        reasons: utterance id → why nothing was.
        recordings: utterance id → the digest of its recording, of those that were heard.
        cached: how many of them the cache had.
    """

    recogniser: str
    digest: str
    model: Mapping[str, Any] | None
    texts: Mapping[str, str]
    reasons: Mapping[str, str]
    recordings: Mapping[str, str]
    cached: int

    def lines(self) -> list[str]:
        """What was done, in words."""
        return [
            f"text/{self.recogniser}: words recognised in {len(self.texts)} of {len(self.recordings)} recordings, "
            f"{self.cached} of {len(self.recordings)} from the cache"
        ]

    def replace_texts(self, table: pd.DataFrame) -> pd.DataFrame:
        """The utterance table with these texts in place of its own."""
        texts = table["utterance_id"].map(dict(self.texts))
        digests = texts.map(lambda text: hashlib.sha256(text.encode()).hexdigest(), na_action="ignore")
        return table.assign(text=texts.astype("str"), text_digest=digests.astype("str"))


def recognise(
    table: pd.DataFrame,
    recipe: RecogniserRecipe,
    *,
    raw: Path,
    excluded: Mapping[tuple[str, str], str],
    cache: Cache,
    workers: int,
    cluster: str | None = None,
) -> Recognised:
    """Recognise the words of every recording of a corpus.

    Args:
        table: the utterance table, with digests.
        recipe: the recogniser.
        raw: the corpus's root, which the table's paths are relative to.
        excluded: (utterance, modality) → why validation set it aside; that of its sound counts here.
        cache: each recording is recognised once, and kept here.
        workers: processes of this machine.
        cluster: the address of a Ray cluster, whose nodes work in their place.

    Returns:
        The words of each utterance that has a recording, or why there are none.

    Raises:
        SettingsError: the model is absent, or is no Whisper.
    """
    (recogniser,) = recipe.encoders()
    reasons, wanted = {}, []
    for source in sources(table, recogniser.modality, raw):
        reason = excluded.get((source.utterance_id, recogniser.modality)) or source.missing
        if reason:
            reasons[source.utterance_id] = reason
        else:
            wanted.append(source)
    heard = hear(wanted, recipe, cache=cache, workers=workers, cluster=cluster, what="speech recognition")
    texts = {}
    for source, each in zip(wanted, heard, strict=True):
        if each.text is not None:
            texts[source.utterance_id] = each.text
        else:
            reasons[source.utterance_id] = each.why_not
    return Recognised(
        recogniser=recogniser.name,
        digest=recogniser.digest(),
        model=recogniser.model(),
        texts=texts,
        reasons=reasons,
        recordings={source.utterance_id: source.digest for source in wanted},
        cached=sum(each.cached for each in heard),
    )


@dataclass(frozen=True)
class Heard:
    """What a recogniser heard in a recording.

    Attributes:
        text: what is said; None where nothing was recognised.
        why_not: the reason then; otherwise empty.
        cached: whether the cache had it.
    """

    text: str | None
    why_not: str
    cached: bool


def hear(
    recordings: Sequence[Source],
    recipe: RecogniserRecipe,
    *,
    cache: Cache,
    workers: int,
    cluster: str | None,
    what: str,
) -> list[Heard]:
    """Recognise the words of recordings, as they are or changed: of each what was heard.

    Args:
        recordings: what is to be heard.
        recipe: the recogniser.
        cache: each recording is recognised once, and kept here.
        workers: processes of this machine.
        cluster: the address of a Ray cluster, whose nodes work in their place.
        what: the progress line's name.

    Raises:
        SettingsError: the model is absent, or is no Whisper.
        FeatureError: what was recognised is gone from the cache.
    """
    (recogniser,) = recipe.encoders()
    wanted = [(source, recogniser, source.key(cache, recogniser)) for source in recordings]
    recipes = {recogniser.modality: recipe}
    missing = run_missing(wanted, recipes=recipes, cache=cache, workers=workers, cluster=cluster, what=what)
    heard = []
    for source, _, key in wanted:
        entry = cache.get(key)
        if entry is None:
            raise FeatureError(
                f"{source.utterance_id}: what {recogniser.name} recognised is gone from the cache {cache.root}; run "
                "again"
            )
        text = entry.tokens.tobytes().decode() if entry.reason is None else None
        heard.append(Heard(text, entry.reason or "", key not in missing))
    return heard
