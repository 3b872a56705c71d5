"""Feature extraction of a corpus: each clip is encoded once and cached, then the feature store is written."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..errors import CorpusError, FeatureError, listed
from ..files import digest_of
from ..schema import MODALITIES
from .base import Encoder
from .cache import Cache
from .dialogue import Turn, turns
from .jobs import Source, run_missing, sources
from .model_files import NO_MODELS, ModelFiles
from .parallel import Recipe
from .recognition import Recognised
from .store import Row, write

if TYPE_CHECKING:
    import pandas as pd


class FeatureTable(Protocol):
    """Features of one modality that came with a corpus, which take its encoders' place.

    Attributes:
        encoder: what stands for their encoder in the feature store.
        names: of the D features.
        unusable: utterance id → why its features cannot be used.
    """

    @property
    def encoder(self) -> str: ...

    @property
    def names(self) -> Sequence[str]: ...

    @property
    def unusable(self) -> Mapping[str, str]: ...

    def rows(self) -> Iterator[tuple[int | None, str, np.ndarray]]:
        """The test fold, None where they are the same in all; the utterance; its tokens, float32 ``[T, D]``."""
        ...

    def coverage(self, ids: Iterable[str]) -> str:
        """In words, how many of these utterances have features."""


def recipes_of(stated: Mapping[str, Mapping[str, Any]], models: ModelFiles = NO_MODELS) -> dict[str, Recipe]:
    """How each modality is encoded that is made from media; any other modality comes as features.

    Args:
        stated: modality → its section ``features.<modality>`` of params.yaml: ``encoders``, their parameters, ``join``.
        models: where the models are that some encoders run.
    """
    recipes = {}
    for modality, section in stated.items():
        if modality not in MODALITIES:
            continue
        parameters = dict(section)
        encoders = tuple(parameters.pop("encoders"))
        join = parameters.pop("join", "concatenate")
        recipes[modality] = Recipe(modality, encoders, parameters, models, join)
    return recipes


def extract(
    table: pd.DataFrame,
    *,
    raw: Path,
    out: Path,
    recipes: dict[str, Recipe],
    attached: Mapping[str, FeatureTable],
    excluded: dict[tuple[str, str], str],
    cache: Cache,
    workers: int,
    cluster: str | None = None,
    recognised: Recognised | None = None,
) -> tuple[list[dict[str, str]], list[str]]:
    """Encode a corpus and write its feature store to the new folder ``out``.

    Args:
        table: the utterance table, with digests.
        raw: the corpus's root, which the table's paths are relative to.
        attached: features that came along, which take their modality's encoders' place.
        excluded: (utterance, modality) → why validation set it aside.
        workers: processes of this machine.
        cluster: the address of a Ray cluster, whose nodes encode in their place.
        recognised: the words that take the place of the table's texts.

    Returns:
        The utterances without features of an encoder (``utterance_id, modality, encoder, reason``), sorted; and what
        was done, a line per encoder.
    """
    encoders = {name: recipe.encoders() for name, recipe in recipes.items() if name not in attached}
    if recognised:
        table = recognised.replace_texts(table)
        excluded = {key: why for key, why in excluded.items() if key[1] != "text"}  # what the transcripts are
    said = {name: _turns(table, name, of_modality, excluded) for name, of_modality in encoders.items()}
    wanted, exclusions = [], []
    for modality, of_modality in encoders.items():
        words = recognised if modality == "text" else None
        if words:
            exclusions += [
                _exclusion(name, modality, each.name, why)
                for name, why in words.reasons.items()
                for each in of_modality
            ]
        recordings = words.recordings if words else {}
        for source in sources(table, modality, raw, said=said.get(modality), recordings=recordings):
            reason = excluded.get((source.utterance_id, modality)) or source.missing
            if reason:
                exclusions += [
                    _exclusion(source.utterance_id, modality, each.name, reason) for each in of_modality
                ]
            else:
                wanted += [(source, encoder, source.key(cache, encoder)) for encoder in of_modality]

    missing = run_missing(
        wanted, recipes=recipes, cache=cache, workers=workers, cluster=cluster, what="features"
    )

    lines = []
    out.mkdir()
    for modality in [*recipes, *(name for name in attached if name not in recipes)]:
        for encoder in encoders.get(modality, []):
            mine = [(source, key) for source, each, key in wanted if each is encoder]
            notices: Counter[str] = Counter()
            count = write(
                out,
                _rows(mine, encoder, cache, exclusions, notices),
                modality=modality,
                encoder=encoder.name,
                params_digest=_digest(encoder, recognised),
                feature_names=encoder.feature_names(),
                model=encoder.model(),
                layers=encoder.layers_apart,
                join=recipes[modality].join,
                recogniser=_recogniser(encoder, recognised),
            )
            cached = sum(key not in missing for _, key in mine)
            lines.append(
                f"{modality}/{encoder.name}: {count} encoded, {cached} of {len(mine)} from the cache"
            )
            lines += [f"{modality}/{encoder.name}: {n} {notice}" for notice, n in sorted(notices.items())]
            if encoder.context:
                lines.append(f"{modality}/{encoder.name}: {_context([source.source for source, _ in mine])}")
        if modality in attached:
            _write_table(out, modality, attached[modality], table, excluded, exclusions)
            lines.append(
                f"{modality}/{attached[modality].encoder}: {attached[modality].coverage(table['utterance_id'])}"
            )
    reasons = Counter((each["modality"], each["encoder"], each["reason"]) for each in exclusions)
    lines += [
        f"{modality}/{name}: {count} left out: {why}"
        for (modality, name, why), count in sorted(reasons.items())
    ]
    streams = {name: len(of) for name, of in encoders.items() if recipes[name].join == "streams"}
    exclusions = _by_stream(exclusions, streams)
    return sorted(
        exclusions, key=lambda each: (each["utterance_id"], each["modality"], each["encoder"])
    ), lines


def _by_stream(exclusions: list[dict[str, str]], streams: Mapping[str, int]) -> list[dict[str, str]]:
    """The same, with ``modality/encoder`` for the modality where other encoders of it found something.

    Args:
        streams: modality whose encoders are joined as streams → how many there are.
    """
    lacking = Counter((each["utterance_id"], each["modality"]) for each in exclusions)
    return [
        each | {"modality": f"{each['modality']}/{each['encoder']}"}
        if lacking[each["utterance_id"], each["modality"]] < streams.get(each["modality"], 0)
        else each
        for each in exclusions
    ]


def _turns(
    table: pd.DataFrame, modality: str, encoders: Sequence[Encoder], excluded: Mapping[tuple[str, str], str]
) -> dict[str, Turn]:
    """The turns of the dialogues, as far back as one of the encoders reads; {} where none does."""
    context = max(encoder.context for encoder in encoders)
    unusable = [name for name, of in excluded if of == modality]
    return turns(table, context=context, unusable=unusable) if context else {}


def _context(texts: Sequence[str | Path | Turn]) -> str:
    """In words, how many texts are read after earlier turns, and how many have no place in a dialogue."""
    after = sum(isinstance(text, Turn) and bool(text.earlier) for text in texts)
    apart = sum(not isinstance(text, Turn) for text in texts)
    why = "read alone: in no dialogue, or in one whose turns have neither numbers nor times"
    return f"{after} read after earlier turns" + (f"; {apart} {why}" if apart else "")


def _digest(encoder: Encoder, recognised: Recognised | None) -> str:
    """Of all that decides what becomes of a recording or a text: of recognised words, the recogniser too."""
    of_words = recognised if encoder.modality == "text" else None
    return digest_of([encoder.digest(), of_words.digest]) if of_words else encoder.digest()


def _recogniser(encoder: Encoder, recognised: Recognised | None) -> dict[str, Any] | None:
    """The name and the model of what recognised the words that an encoder of text read; None where nothing did."""
    if recognised is None or encoder.modality != "text":
        return None
    return {"name": recognised.recogniser, "model": recognised.model}


def _rows(
    mine: list[tuple[Source, str]],
    encoder: Encoder,
    cache: Cache,
    exclusions: list[dict],
    notices: Counter[str],
) -> Iterator[Row]:
    """The tokens of what could be encoded; counts what ``notice`` said, and adds to ``exclusions`` what could not."""
    for source, key in mine:
        entry = cache.get(key)
        if entry is None:
            raise FeatureError(
                f"{source.utterance_id}: what {encoder.name} made of it is gone from the cache {cache.root}; run again"
            )
        if entry.notice is not None:
            notices[entry.notice] += 1
        if entry.reason is None:
            digest = source.recording or source.digest
            yield Row(source.utterance_id, digest, entry.tokens, entry.coverage)
        else:
            exclusions.append(_exclusion(source.utterance_id, encoder.modality, encoder.name, entry.reason))


def _write_table(
    folder: Path,
    modality: str,
    features: FeatureTable,
    table: pd.DataFrame,
    excluded: dict[tuple[str, str], str],
    exclusions: list[dict],
) -> None:
    """Features that came with the corpus, as its tokens."""
    held = list(features.rows())
    strange = sorted({*(name for _, name, _ in held), *features.unusable} - set(table["utterance_id"]))
    if strange:
        raise CorpusError(
            f"the {modality} features that came with the corpus are also of utterances that it does not have: "
            f"{listed(strange)}"
        )
    encoder = features.encoder
    rows, left_out = [], dict(features.unusable)
    for fold, utterance_id, tokens in held:
        reason = excluded.get((utterance_id, modality))
        if reason:
            left_out[utterance_id] = reason
        else:
            digest = hashlib.sha256(tokens.tobytes()).hexdigest()
            rows.append(Row(utterance_id, digest, tokens, fold=fold))
    exclusions += [_exclusion(each, modality, encoder, why) for each, why in left_out.items()]
    write(
        folder,
        rows,
        modality=modality,
        encoder=encoder,
        params_digest=digest_of(list(features.names)),
        feature_names=features.names,
    )


def _exclusion(utterance_id: str, modality: str, encoder: str, reason: str) -> dict[str, str]:
    return {"utterance_id": utterance_id, "modality": modality, "encoder": encoder, "reason": reason}
