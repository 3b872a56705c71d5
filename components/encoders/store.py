"""The feature store: one memory-mapped tensor of tokens per modality and encoder, with an index of utterances.

<folder>/<modality>/<encoder>/tokens.safetensors    "tokens" [sum of T, D], float32;
                                                    of an encoder whose layers are apart [sum of T, L, D], float16;
                                                    metadata: feature_names, model, join (where it is not concatenate),
                                                    recogniser (of an encoder of recognised words)
<folder>/<modality>/<encoder>/index.parquet         utterance_id, offset, length, media_digest, encoder, params_digest,
                                                    coverage (of the face in a film's frames; else NaN); of features
                                                    that differ by test fold also fold
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FeatureError, listed
from ..files import as_new, write_table
from ..schema import POSTERIORS, TABLE, Join
from .base import Layout, entries, merge

_TOKENS, _INDEX = "tokens.safetensors", "index.parquet"


@dataclass(frozen=True)
class Row:
    utterance_id: str
    media_digest: str
    """The SHA-256 of what was encoded; for a table, of the row's own numbers."""
    tokens: np.ndarray
    """[T, D]"""
    coverage: float | None = None
    """The share of a film's frames with a face, where a face was followed."""
    fold: int | None = None
    """The test fold that these tokens are of; None: they are the same in every fold."""


Key = tuple[int | None, str]
"""A row's fold, and its utterance."""


def write(
    folder: str | Path,
    rows: Iterable[Row],
    *,
    modality: str,
    encoder: str,
    params_digest: str,
    feature_names: Sequence[str],
    model: Mapping[str, Any] | None = None,
    layers: int = 1,
    join: Join = "concatenate",
    recogniser: Mapping[str, Any] | None = None,
) -> int:
    """Write one encoder's tokens under ``folder``, sorted by utterance.

    Args:
        folder: of a corpus's features.
        rows: the tokens of each utterance.
        modality: of the encoder.
        encoder: its name.
        params_digest: its digest.
        feature_names: of its dimensions.
        model: what `Encoder.model` says of the model that it ran; None where it ran none.
        layers: how many lie side by side in a token, apart.
        join: how it is joined with the modality's other encoders.
        recogniser: ``name`` and ``model`` of what recognised the words that it read; None where nothing did.

    Returns:
        How many were written; none leaves no folder.
    """
    import pandas as pd
    from safetensors.numpy import save_file

    rows = sorted(rows, key=lambda row: (row.utterance_id, -1 if row.fold is None else row.fold))
    if not rows:
        return 0
    lengths = np.array([len(row.tokens) for row in rows])
    index = pd.DataFrame(
        {
            "utterance_id": [row.utterance_id for row in rows],
            "offset": np.cumsum(lengths) - lengths,
            "length": lengths,
            "media_digest": [row.media_digest for row in rows],
            "encoder": encoder,
            "params_digest": params_digest,
            "coverage": np.array([row.coverage for row in rows], np.float32),
        }
    )
    if any(row.fold is not None for row in rows):
        index["fold"] = [row.fold for row in rows]
    folder = Path(folder, modality, encoder)
    folder.mkdir(parents=True)
    tokens = np.concatenate([row.tokens for row in rows])
    if layers > 1:
        tokens = tokens.reshape(len(tokens), layers, -1)
    about = {"feature_names": json.dumps(list(feature_names))}
    if model is not None:
        about["model"] = json.dumps(dict(model), sort_keys=True)
    if join != "concatenate":
        about["join"] = join
    if recogniser is not None:
        about["recogniser"] = json.dumps(dict(recogniser), sort_keys=True)
    save_file({"tokens": tokens}, folder / _TOKENS, about)
    _sort_header(folder / _TOKENS)
    as_new(folder / _TOKENS)
    write_table(folder / _INDEX, index)
    return len(rows)


def _sort_header(path: Path) -> None:
    """Sort the keys of a safetensors file's header: the metadata are in another order at each writing."""
    with path.open("r+b") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        text = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        if len(text) > length:
            raise FeatureError(f"{path}: its header of {length} bytes takes {len(text)} once it is sorted")
        file.seek(8)
        file.write(text.ljust(length))


class _Shard:
    """One encoder's tokens of one corpus."""

    def __init__(self, folder: Path):
        import pandas as pd
        from safetensors import SafetensorError, safe_open

        self.folder = folder
        try:
            self._file = safe_open(folder / _TOKENS, framework="numpy")
            self._slice = self._file.get_slice("tokens")
            count, *layers, width = self._slice.get_shape()
            self.layers = layers[0] if layers else 1
            self.dimensions = self.layers * width
            index = pd.read_parquet(folder / _INDEX)
            offsets, lengths = index["offset"].to_numpy(), index["length"].to_numpy()
            self.digests = dict(zip(index["utterance_id"], index["media_digest"], strict=True))
            folds = index["fold"].tolist() if "fold" in index else [None] * len(index)
            self.params_digest = index["params_digest"].iloc[0]
            self.feature_names = json.loads(self._file.metadata()["feature_names"])
            self.model = json.loads(self._file.metadata().get("model", "null"))
            self.join: Join = self._file.metadata().get("join", "concatenate")
            self.recogniser = json.loads(self._file.metadata().get("recogniser", "null"))
        except (OSError, SafetensorError, KeyError, ValueError, TypeError, IndexError) as error:
            raise FeatureError(
                f"{folder} is not part of a feature store ({error}); make it again with: dvc repro features"
            ) from None
        whole = (lengths > 0).all() and (offsets == np.cumsum(lengths) - lengths).all()
        keys: list[Key] = list(zip(folds, index["utterance_id"], strict=True))
        if not whole or lengths.sum() != count or len(set(keys)) != len(index):
            raise FeatureError(
                f"{folder}: the index does not fit the tokens ({lengths.sum()} in the index, {count} there); "
                "make it again with: dvc repro features"
            )
        self.spans = dict(zip(keys, zip(offsets, lengths, strict=True), strict=True))

    def read(self, key: Key) -> np.ndarray:
        offset, length = self.spans[key]
        return self._slice[int(offset) : int(offset + length)].reshape(length, -1)


@dataclass(frozen=True)
class _Modality:
    shards: dict[str, list[_Shard]]
    """By encoder, sorted."""

    @cached_property
    def layout(self) -> Layout:
        return [
            entry
            for encoder, shards in self.shards.items()
            for entry in entries(encoder, shards[0].dimensions, shards[0].layers)
        ]

    @property
    def join(self) -> Join:
        return next(iter(self.shards.values()))[0].join

    @cached_property
    def where(self) -> dict[Key, list[_Shard | None]]:
        """For each row that every encoder has, of streams any encoder: where each has it."""
        by_encoder = [
            {key: shard for shard in shards for key in shard.spans} for shards in self.shards.values()
        ]
        joined = set.union if self.join == "streams" else set.intersection
        return {key: [each.get(key) for each in by_encoder] for key in joined(*map(set, by_encoder))}

    @cached_property
    def folds(self) -> list[int]:
        """That some of the rows are of, sorted."""
        return sorted({fold for fold, _ in self.where if fold is not None})

    def parts(self, utterance_id: str, fold: int | None) -> list[np.ndarray]:
        """The tokens [T, D] of each encoder; none where it has none, nothing where no encoder has any."""
        key = next((key for key in ((None, utterance_id), (fold, utterance_id)) if key in self.where), None)
        if key is None:
            return []
        return [
            np.empty((0, shards[0].dimensions), np.float32) if shard is None else shard.read(key)
            for shard, shards in zip(self.where[key], self.shards.values(), strict=True)
        ]


class FeatureStore:
    """The tokens of one corpus or several, by utterance id."""

    def __init__(self, folders: Sequence[str | Path]):
        found: dict[str, list[dict[str, _Shard]]] = {}
        for folder in map(Path, folders):
            if not folder.is_dir():
                raise FeatureError(f"{folder} does not exist; make it with: dvc repro features")
            for modality in sorted(path for path in folder.iterdir() if path.is_dir()):
                shards = {path.name: _Shard(path) for path in sorted(modality.iterdir()) if path.is_dir()}
                if shards:
                    found.setdefault(modality.name, []).append(shards)
        self._modalities = {}
        for name, corpora in sorted(found.items()):
            _same_layout(name, corpora)
            self._modalities[name] = _Modality(
                {encoder: [shards[encoder] for shards in corpora] for encoder in corpora[0]}
            )

    @classmethod
    def open(cls, folder: str | Path) -> "FeatureStore":
        """Open one corpus's features. Raises FeatureError where they are missing or broken."""
        return cls([folder])

    @property
    def modalities(self) -> list[str]:
        return list(self._modalities)

    def layout(self, modality: str) -> Layout:
        """Which encoder fills which of the D dimensions: (encoder, dimensions) in order.

        One whose layers are apart has an entry for each of them.
        """
        return list(self._modality(modality).layout)

    def feature_names(self, modality: str) -> list[str]:
        """A name for each of the D dimensions."""
        return [
            name for shards in self._modality(modality).shards.values() for name in shards[0].feature_names
        ]

    def models(self, modality: str) -> dict[str, dict[str, Any]]:
        """Encoder → the model that it ran (see `Encoder.model`), of the encoders that run one.

        A recogniser whose words they read is among them.
        """
        stored = {name: shards[0] for name, shards in self._modality(modality).shards.items()}
        models = {name: shard.model for name, shard in stored.items() if shard.model}
        return models | {
            shard.recogniser["name"]: shard.recogniser["model"]
            for shard in stored.values()
            if shard.recogniser
        }

    def join(self, modality: str) -> Join:
        """How the encoders' tokens are joined (see `merge`)."""
        return self._modality(modality).join

    def folds(self, modality: str) -> list[int]:
        """The test folds by which a modality's features differ, sorted; none where they are the same in all."""
        return self._modality(modality).folds

    def holds_posteriors(self, modality: str) -> bool:
        """Whether a modality's tokens are the class probabilities that a model of others gave."""
        return POSTERIORS in self._modality(modality).shards

    def ids(self, modality: str, fold: int | None = None) -> list[str]:
        """The utterances that have this modality, sorted: those that every one of its encoders could encode.

        Where encoders are joined as streams, those that any of them could encode.

        Args:
            modality: its name.
            fold: of features that differ by test fold, those of this one; None: of any fold.
        """
        where = self._modality(modality).where
        return sorted({name for of, name in where if fold is None or of is None or of == fold})

    def tokens(
        self, modality: str, ids: Sequence[str], folds: Sequence[int | None] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The tokens of the utterances named, in that order.

        Args:
            modality: its name.
            ids: of the utterances.
            folds: the test fold of each, whose features are read where they differ by fold; without a fold (None) an
                utterance lacks such a modality.

        Returns:
            float32 [N, T, D], zero where there is no token; and bool [N, T], whether there is one. An utterance
            without this modality has none. T is the longest of those asked for, at least 1. Where encoders are joined
            as streams a token is of one of them, and NaN in the columns of the others.

        Raises:
            FeatureError: features that are not finite; the message names the utterances. Or features that differ by
                fold, and ``folds`` is not given.
        """
        stored = self._modality(modality)
        if folds is None and stored.folds:
            raise FeatureError(
                f"the {modality} features differ by test fold: say of which fold each row is to be read"
            )
        parts, bad = [], []
        for id_, fold in zip(ids, folds or [None] * len(ids), strict=True):
            own = stored.parts(id_, fold)
            if not all(np.isfinite(part).all() for part in own):
                bad.append(id_)
            parts.append(merge(own, stored.join) if own else None)
        if bad:
            raise FeatureError(
                f"{modality}: features that are not finite, of {listed(bad)}; make them again with: "
                "dvc repro features, or leave the recordings out"
            )
        longest = max((len(part) for part in parts if part is not None), default=1)
        tokens = np.zeros((len(parts), longest, sum(size for _, size in stored.layout)), np.float32)
        present = np.zeros((len(parts), longest), bool)
        for index, part in enumerate(parts):
            if part is not None:
                tokens[index, : len(part)] = part
                present[index, : len(part)] = True
        return tokens, present

    def check(self, utterances) -> None:
        """Hold the store against the utterance table.

        Raises:
            FeatureError: features of utterances that the table does not have, or of other media than it names.
        """
        named = utterances.set_index("utterance_id")[["audio_digest", "video_digest", "text_digest"]]
        media = {id_: set(digests) for id_, digests in zip(named.index, named.to_numpy(), strict=True)}
        for name, modality in self._modalities.items():
            digests = {
                (encoder, id_): digest
                for encoder, shards in modality.shards.items()
                for shard in shards
                for id_, digest in shard.digests.items()
            }
            strange = sorted({id_ for _, id_ in digests if id_ not in media})
            other = sorted(
                {id_ for (encoder, id_), digest in digests.items()
                 if encoder not in (TABLE, POSTERIORS) and id_ in media and digest not in media[id_]}
            )  # fmt: skip
            for ids, what in (
                (strange, "are not in the utterance table"),
                (other, "were made from other media"),
            ):
                if ids:
                    raise FeatureError(
                        f"{name} features of {len(ids)} utterances {what}: {listed(ids)}; "
                        "make them again with: dvc repro features"
                    )

    def _modality(self, name: str) -> _Modality:
        if name not in self._modalities:
            raise FeatureError(
                f"no features of modality {name!r}; there are: {listed(self._modalities) or 'none'}"
            )
        return self._modalities[name]


def open_all(root: str | Path, corpora: Sequence[str]) -> FeatureStore:
    """Open the features of several corpora as one.

    Raises:
        FeatureError: missing or broken ones, or a modality that two corpora encode differently.
    """
    return FeatureStore([Path(root, corpus) for corpus in corpora])


def _same_layout(modality: str, corpora: list[dict[str, _Shard]]) -> None:
    def meaning(shards: dict[str, _Shard]) -> list:
        return [
            (
                encoder,
                shard.dimensions,
                shard.layers,
                shard.feature_names if encoder in (TABLE, POSTERIORS) else shard.params_digest,
                shard.join,
            )
            for encoder, shard in shards.items()
        ]

    for shards in corpora[1:]:
        if meaning(shards) != meaning(corpora[0]):
            layouts = [
                f"{next(iter(each.values())).folder.parent}: "
                + " + ".join(f"{encoder} [{shard.dimensions}]" for encoder, shard in each.items())
                + f", join: {next(iter(each.values())).join}"
                for each in (corpora[0], shards)
            ]
            raise FeatureError(
                f"the corpora's {modality} features are not of one kind ({'; '.join(layouts)}); "
                "encode them alike, or leave the modality or a corpus out of params.yaml"
            )
