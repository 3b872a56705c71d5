"""Features of changed recordings and texts, by the encoders that the model was trained with, each encoded once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ...encoders import Encoder, merge
from ...encoders.cache import Cache
from ...encoders.jobs import Source, run_missing
from ...encoders.parallel import Recipe
from ...errors import FeatureError


@dataclass(frozen=True)
class Wanted:
    """A changed recording or text, to be encoded as a modality.

    Attributes:
        modality: by whose encoders.
        condition, level: under which it is changed.
        source: what is encoded.
        unheard: of faces whose films have other sound: the film as it is, for encoders that do not hear it.
    """

    modality: str
    condition: str
    level: float
    source: Source
    unheard: Source | None = None

    def of(self, encoder: Encoder) -> Source:
        """What an encoder reads."""
        return self.source if self.unheard is None or encoder.hears_films else self.unheard


@dataclass(frozen=True)
class Changed:
    """The features of changed recordings and texts, in the cache.

    Attributes:
        recipes: modality → how it is encoded.
        cache: that holds them.
        keys: (modality, condition, level, utterance id) → the cache's keys, one per encoder.
    """

    recipes: Mapping[str, Recipe]
    cache: Cache
    keys: Mapping[tuple[str, str, float, str], list[str]]

    def tokens(self, modality: str, condition: str, level: float, utterance_id: str) -> np.ndarray | None:
        """Tokens float32 ``[T, D]`` of a modality that the condition changes, as the feature store gives them.

        Returns:
            None where there is nothing to encode in the changed recording, such as no face and no recognised word.

        Raises:
            FeatureError: an entry is gone from the cache.
        """
        keys = self.keys.get((modality, condition, level, utterance_id))
        if keys is None:
            return None
        join = self.recipes[modality].join
        entries = [self.cache.get(key) for key in keys]
        found = [entry for entry in entries if entry is not None]
        if len(found) < len(entries):
            raise FeatureError(
                f"{utterance_id}: its features at {condition} {level:g} are gone from the cache {self.cache.root}; "
                "run again"
            )
        usable = [entry.reason is None for entry in found]
        if not (any(usable) if join == "streams" else all(usable)):
            return None
        return np.ascontiguousarray(merge([entry.tokens for entry in found], join))


def extract(
    wanted: Iterable[Wanted],
    *,
    recipes: Mapping[str, Recipe],
    cache: Cache,
    workers: int,
    cluster: str | None = None,
) -> Changed:
    """Encode changed recordings and texts, as far as the cache lacks them.

    Args:
        wanted: the recordings and texts.
        recipes: modality → how it is encoded.
        cache: what is there already, and takes the rest.
        workers: processes of this machine.
        cluster: the address of a Ray cluster, whose nodes encode in their place.
    """
    encoders: dict[str, list[Encoder]] = {name: recipe.encoders() for name, recipe in recipes.items()}
    keys: dict[tuple[str, str, float, str], list[str]] = {}
    jobs: list[tuple[Source, Encoder, str]] = []
    for each in wanted:
        own = [
            (source, encoder, source.key(cache, encoder))
            for encoder in encoders[each.modality]
            for source in [each.of(encoder)]
        ]
        keys[each.modality, each.condition, each.level, each.source.utterance_id] = [key for *_, key in own]
        jobs += own
    run_missing(
        jobs, recipes=recipes, cache=cache, workers=workers, cluster=cluster, what="robustness, recordings"
    )
    return Changed(recipes, cache, keys)
