"""Features of changed recordings, by the encoders that the model was trained with, each clip encoded once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ...encoders import Encoder, merge
from ...encoders.cache import Cache
from ...encoders.jobs import Source, run_missing
from ...encoders.parallel import Recipe
from ...errors import FeatureError
from ...schema import CONDITIONS
from .perturbation import Perturbation


@dataclass(frozen=True)
class Changed:
    """The features of changed recordings, in the cache.

    Attributes:
        recipes: modality → how it is encoded.
        cache: that holds them.
        keys: (condition, level, utterance id) → the cache's keys, one per encoder.
    """

    recipes: Mapping[str, Recipe]
    cache: Cache
    keys: Mapping[tuple[str, float, str], list[str]]

    def tokens(self, condition: str, level: float, utterance_id: str) -> np.ndarray | None:
        """Tokens float32 ``[T, D]`` of the modality that the condition changes, as the feature store gives them.

        Returns:
            None where there is nothing to encode in the changed recording, such as no face.

        Raises:
            FeatureError: an entry is gone from the cache.
        """
        join = self.recipes[CONDITIONS[condition].modality or ""].join
        entries = [self.cache.get(key) for key in self.keys[condition, level, utterance_id]]
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
    wanted: Iterable[tuple[Source, Perturbation]],
    *,
    recipes: Mapping[str, Recipe],
    cache: Cache,
    workers: int,
    cluster: str | None = None,
) -> Changed:
    """Encode changed recordings, as far as the cache lacks them.

    Args:
        wanted: recordings or texts, and how each is changed.
        recipes: modality → how it is encoded.
        cache: what is there already, and takes the rest.
        workers: processes of this machine.
        cluster: the address of a Ray cluster, whose nodes encode in their place.
    """
    encoders: dict[str, list[Encoder]] = {name: recipe.encoders() for name, recipe in recipes.items()}
    keys: dict[tuple[str, float, str], list[str]] = {}
    jobs: list[tuple[Source, Encoder, str]] = []
    for source, how in wanted:
        changed = replace(source, digest=how.digest(source.digest), change=how)
        of_modality = encoders[CONDITIONS[how.condition].modality or ""]
        own = [changed.key(cache, encoder) for encoder in of_modality]
        keys[how.condition, how.level, source.utterance_id] = own
        jobs += [(changed, encoder, key) for encoder, key in zip(of_modality, own, strict=True)]
    run_missing(
        jobs, recipes=recipes, cache=cache, workers=workers, cluster=cluster, what="robustness, recordings"
    )
    return Changed(recipes, cache, keys)
