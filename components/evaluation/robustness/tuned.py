"""Features by the encoders that were tuned with a fold's model, of recordings as they are and changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...artifacts.fold_models import weights
from ...artifacts.model import TUNED, TunedEncoder
from ...encoders import Encoder, merge
from ...encoders.cache import Cache, Entry
from ...encoders.parallel import Recipe, check_there
from ...encoders.pretrained.tuning.members import TunedMembers
from ...errors import MediaError
from ...files import digest_of, file_digest
from ...progress import track
from .extraction import Wanted


@dataclass(frozen=True)
class TunedFold:
    """A fold's encoders, as each of the K members of its model has them.

    Attributes:
        recipe: of a modality.
        encoders: of the modality, in the order of their columns.
        members: those of them that were tuned, by name.
        count: of the members, K.
        weights: the digest of the fold's weights.
        cache: of what they encoded, by these weights.
    """

    recipe: Recipe
    encoders: Sequence[Encoder]
    members: Mapping[str, TunedMembers]
    count: int
    weights: str
    cache: Cache

    @classmethod
    def of(
        cls,
        recipe: Recipe,
        tuned: Mapping[str, TunedEncoder],
        *,
        fold: int,
        count: int,
        cache: Cache,
        root: Path,
    ) -> "TunedFold":
        """Those of a modality.

        Args:
            recipe: of the modality.
            tuned: the encoders that were tuned, by name.
            fold: its number.
            count: of the members, K.
            cache: what is there already, and takes the rest.
            root: the workspace.
        """
        from safetensors.torch import load_file

        path, encoders = weights(fold, root), recipe.encoders()
        state = load_file(path)
        members = {}
        for each in encoders:
            if each.name in tuned:
                marks = [f"{TUNED}{k}.{each.name}." for k in range(count)]
                own = [
                    {name.removeprefix(mark): x for name, x in state.items() if name.startswith(mark)}
                    for mark in marks
                ]
                members[each.name] = TunedMembers(each, rank=tuned[each.name].rank, weights=own)
        return cls(recipe, encoders, members, count, file_digest(path), cache)

    def tokens(self, wanted: Sequence[Wanted], *, what: str) -> list[np.ndarray | None]:
        """Of each recording or text float32 ``[K, T, D]``; None where there is nothing to encode in it.

        Args:
            wanted: recordings and texts of this modality.
            what: the progress line's name.
        """
        return [self._tokens(each) for each in track(wanted, total=len(wanted), what=what)]

    def _tokens(self, wanted: Wanted) -> np.ndarray | None:
        entries = [self._entry(wanted, each) for each in self.encoders]
        usable = [each.reason is None for each in entries]
        if not (any(usable) if self.recipe.join == "streams" else all(usable)):
            return None
        of_member = [
            merge(
                [each.tokens[k] if each.tokens.ndim == 3 else each.tokens for each in entries],
                self.recipe.join,
            )
            for k in range(self.count)
        ]
        return np.ascontiguousarray(np.stack(of_member))

    def _entry(self, wanted: Wanted, encoder: Encoder) -> Entry:
        """What an encoder makes of a source: tokens ``[K, T, D]`` of a tuned one, ``[T, D]`` of another."""
        source, members = wanted.of(encoder), self.members.get(encoder.name)
        key = source.key(self.cache, encoder)
        if members is not None:
            key = digest_of([key, self.weights])
        found = self.cache.get(key)
        if found is not None:
            return found
        check_there(source.source, source.utterance_id)
        try:
            medium = encoder.decode_cached(
                source.source, digest=source.unchanged or source.digest, root=self.cache.root
            )
            if source.change is not None:
                medium = source.change(medium)
            entry = Entry(members.encode(medium) if members else encoder.encode_decoded(medium))
        except MediaError as error:
            shape = (self.count, 0, encoder.dimensions) if members else (0, encoder.dimensions)
            entry = Entry(np.empty(shape, np.float32), str(error))
        self.cache.put(key, entry)
        return entry
