"""The stage ``features``: a corpus's media to tokens, ``data/features/<corpus>``."""

import argparse
import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from .. import corpora, params, settings
from ..corpora.attached.features import Attached
from ..errors import CorpusError, FeatureError, listed, run
from ..files import digest_of, read_json, replacing, write_json
from ..params import Features
from ..progress import track
from ..schema import MODALITIES
from ..storage import assets
from .base import Encoder
from .cache import Cache
from .pool import Job, Recipe, run_jobs
from .store import TABLE, Row, write


def recipes_of(features: Features, modalities: list[str], landmark_model: Path | None) -> dict[str, Recipe]:
    """How ``params.yaml`` wants each modality encoded that is made from media; any other comes as features."""
    recipes = {}
    for modality in modalities:
        if modality not in MODALITIES:
            continue
        held = getattr(features, modality).model_dump()
        names = tuple(held.pop("encoders"))
        model = str(landmark_model) if "landmarks" in names and landmark_model else None
        recipes[modality] = Recipe(names, held, model)
    return recipes


def extract(
    table: pd.DataFrame,
    *,
    raw: Path,
    out: Path,
    recipes: dict[str, Recipe],
    attached: dict[str, Attached],
    excluded: dict[tuple[str, str], str],
    cache: Cache,
    workers: int,
) -> list[str]:
    """Encode a corpus and write its feature store and ``exclusions.json`` to ``out``, whole or not at all.

    Args:
        table: the utterance table, with digests.
        raw: the corpus's root, which the table's paths are relative to.
        attached: features that came along, which take their modality's encoders' place.
        excluded: (utterance, modality) → why validation set it aside.

    Returns:
        What was done, a line for each encoder.
    """
    encoders = {name: recipe.encoders() for name, recipe in recipes.items() if name not in attached}
    wanted, exclusions = [], []
    for modality, held in encoders.items():
        for source in _sources(table, modality, raw):
            reason = excluded.get((source.utterance_id, modality)) or source.missing
            if reason:
                exclusions += [_exclusion(source.utterance_id, modality, each.name, reason) for each in held]
            else:
                wanted += [(source, encoder, cache.key(source.digest, encoder)) for encoder in held]

    missing = {key for *_, key in wanted if cache.get(key) is None}
    jobs = _jobs(wanted, missing)
    for _ in track(
        run_jobs(jobs, recipes=recipes, cache=cache, workers=workers), total=len(jobs), what="features"
    ):
        pass

    lines = []
    with replacing(out) as folder:
        folder.mkdir()
        for modality in [*recipes, *(name for name in attached if name not in recipes)]:
            for encoder in encoders.get(modality, []):
                mine = [(source, key) for source, each, key in wanted if each is encoder]
                rows = _rows(mine, encoder, cache, exclusions)
                count = write(
                    folder,
                    rows,
                    modality=modality,
                    encoder=encoder.name,
                    params_digest=encoder.digest(),
                    feature_names=encoder.feature_names(),
                )
                cached = sum(key not in missing for _, key in mine)
                lines.append(
                    f"{modality}/{encoder.name}: {count} encoded, {cached} of {len(mine)} from the cache"
                )
            if modality in attached:
                _write_table(folder, modality, attached[modality], table, excluded, exclusions)
                lines.append(f"{modality}/{TABLE}: {attached[modality].coverage(table['utterance_id'])}")
        exclusions.sort(key=lambda each: (each["utterance_id"], each["modality"], each["encoder"]))
        write_json(folder / "exclusions.json", exclusions)
    reasons = Counter((each["modality"], each["encoder"], each["reason"]) for each in exclusions)
    lines += [
        f"{modality}/{name}: {count} left out: {why}"
        for (modality, name, why), count in sorted(reasons.items())
    ]
    return lines


@dataclass(frozen=True)
class _Source:
    utterance_id: str
    source: str | Path
    digest: str
    missing: str | None = None
    """Why there is nothing to read, where the table names a file that was not there."""


_COLUMNS = {"audio": ("audio", "video"), "face": ("video",), "text": ("text",)}
"""Which columns hold a modality's medium: the first that an utterance has. A video has sound too."""


def _sources(table: pd.DataFrame, modality: str, raw: Path) -> Iterator[_Source]:
    """Every utterance that has the medium of this modality."""
    for row in table.to_dict("records"):
        column = next((name for name in _COLUMNS[modality] if not pd.isna(row[name])), None)
        if column is None:
            continue
        digest = row[f"{column}_digest"]
        yield _Source(
            row["utterance_id"],
            row[column] if column == "text" else raw / row[column],
            digest,
            f"missing: {row[column]} was not there" if pd.isna(digest) else None,
        )


def _jobs(wanted: list[tuple[_Source, Encoder, str]], missing: set[str]) -> list[Job]:
    """One job for each recording, with those of its encoders that the cache lacks. Copies are encoded once."""
    jobs: dict[tuple[str, str], Job] = {}
    taken = set()
    for source, encoder, key in wanted:
        if key in missing and key not in taken:
            taken.add(key)
            job = Job(source.utterance_id, encoder.modality, source.source, {})
            jobs.setdefault((source.utterance_id, encoder.modality), job).keys[encoder.name] = key
    return list(jobs.values())


def _rows(
    mine: list[tuple[_Source, str]], encoder: Encoder, cache: Cache, exclusions: list[dict]
) -> Iterator[Row]:
    for source, key in mine:
        entry = cache.get(key)
        if entry is None:
            raise FeatureError(
                f"{source.utterance_id}: what {encoder.name} made of it is gone from the cache {cache.root}; run again"
            )
        if entry.reason is None:
            yield Row(source.utterance_id, source.digest, entry.tokens)
        else:
            exclusions.append(_exclusion(source.utterance_id, encoder.modality, encoder.name, entry.reason))


def _write_table(
    folder: Path,
    modality: str,
    features: Attached,
    table: pd.DataFrame,
    excluded: dict[tuple[str, str], str],
    exclusions: list[dict],
) -> None:
    """Features that came with the corpus, as its tokens."""
    strange = sorted({*features.tokens, *features.unusable} - set(table["utterance_id"]))
    if strange:
        raise CorpusError(
            f"the {modality} features that came with the corpus are also of utterances that it does not have: "
            f"{listed(strange)}"
        )
    rows = []
    for utterance_id, tokens in features.tokens.items():
        reason = excluded.get((utterance_id, modality))
        if reason:
            exclusions.append(_exclusion(utterance_id, modality, TABLE, reason))
        else:
            rows.append(Row(utterance_id, hashlib.sha256(tokens.tobytes()).hexdigest(), tokens))
    exclusions += [_exclusion(each, modality, TABLE, why) for each, why in features.unusable.items()]
    write(
        folder,
        rows,
        modality=modality,
        encoder=TABLE,
        params_digest=digest_of(list(features.names)),
        feature_names=features.names,
    )


def _exclusion(utterance_id: str, modality: str, encoder: str, reason: str) -> dict[str, str]:
    return {"utterance_id": utterance_id, "modality": modality, "encoder": encoder, "reason": reason}


def _set_aside(verdict: Path) -> dict[tuple[str, str], str]:
    """What validation found unusable, by utterance and modality; a video's pictures are the face's."""
    named = {"video": "face"}
    return {
        (each["utterance_id"], named.get(each["modality"], each["modality"])): each["reason"]
        for each in _listed_in(verdict, "excluded")
    }


def _quarantined(verdict: Path) -> set[str]:
    """The utterances that validation set aside altogether."""
    return {each["utterance_id"] for each in _listed_in(verdict, "quarantined")}


def _listed_in(verdict: Path, key: str) -> list[dict]:
    return read_json(verdict).get(key, []) if verdict.is_file() else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus")
    corpus = parser.parse_args().corpus
    stated, where = params.load(), settings.load()
    recipes = recipes_of(stated.features, stated.modalities, where.landmark_model)
    raw = Path("data/raw", corpus)
    verdict = Path("reports/validation", corpus, "verdict.json")
    table = pd.read_parquet(Path("data/utterances", f"{corpus}.parquet"))
    table = table[~table["utterance_id"].isin(_quarantined(verdict))]
    came = corpora.attached_features(corpus, raw, table["utterance_id"], stated.layout(corpus))
    attached = {name: held for name, held in came.items() if name in stated.modalities}
    for modality in stated.modalities:
        if modality not in MODALITIES and modality not in attached:
            print(
                f"{corpus}: no features of modality {modality!r} came with it, so it counts as missing there; "
                f"to give some: emoflow corpora add {corpus} DIR --features {modality}=PATH"
            )
    if any(recipe.landmark_model and name not in attached for name, recipe in recipes.items()):
        assets.require("face-landmarker", where.landmark_model)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"  # the workers inherit it: they share the cores among themselves
    lines = extract(
        table,
        raw=raw,
        out=Path("data/features", corpus),
        recipes=recipes,
        attached=attached,
        excluded=_set_aside(verdict),
        cache=Cache(where.cache),
        workers=where.worker_count(),
    )
    print("\n".join(lines))


if __name__ == "__main__":
    run(main)
