"""What of a corpus has to be encoded: each recording or text, with the encoders that have not had it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..progress import track
from ..ray_cluster import Site
from .base import Encoder
from .cache import Cache
from .cluster import run_jobs_on_cluster
from .dialogue import Turn
from .parallel import Change, Job, Recipe, run_jobs

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {"audio": ("audio", "video"), "face": ("video",), "text": ("text",)}
"""Which columns hold a modality's medium: the first that an utterance has. A video has sound too."""


@dataclass(frozen=True)
class Source:
    utterance_id: str
    source: str | Path | Turn
    digest: str
    """Of the recording or the text."""
    missing: str | None = None
    """Why there is nothing to read, where the table names a file that was not there."""
    recording: str | None = None
    """Of a recognised text: the digest of the recording that it was recognised in."""
    change: Change | None = None
    """What is done to it once it is decoded; ``digest`` then covers that, too."""
    unchanged: str | None = None
    """The digest of a recording that is changed, without the change: what is decoded of it is kept by that."""

    def key(self, cache: Cache, encoder: Encoder) -> str:
        """The cache's, of what an encoder makes of all that it reads of this source."""
        return cache.key(encoder.source_digest(self.source, self.digest), encoder)


def sources(
    table: pd.DataFrame,
    modality: str,
    raw: Path,
    *,
    said: Mapping[str, Turn] | None = None,
    recordings: Mapping[str, str] | None = None,
) -> Iterator[Source]:
    """Every utterance that has the medium of a modality.

    Args:
        table: the utterance table, with digests.
        modality: audio, text or face.
        raw: the corpus's root, which the table's paths are relative to.
        said: texts as the turns that they are, by utterance.
        recordings: of recognised texts: the digests of their recordings, by utterance.
    """
    import pandas as pd

    for row in table.to_dict("records"):
        column = next((name for name in COLUMNS[modality] if not pd.isna(row[name])), None)
        if column is None:
            continue
        name, digest = row["utterance_id"], row[f"{column}_digest"]
        yield Source(
            name,
            (said or {}).get(name, row[column]) if column == "text" else raw / row[column],
            digest,
            f"missing: {row[column]} does not exist" if pd.isna(digest) else None,
            (recordings or {}).get(name),
        )


def run_missing(
    wanted: Sequence[tuple[Source, Encoder, str]],
    *,
    recipes: Mapping[str, Recipe],
    cache: Cache,
    workers: int,
    cluster: str | None,
    what: str,
) -> set[str]:
    """Encode what the cache lacks, with a progress line.

    Args:
        wanted: what is to be encoded by which encoder, with the cache's key.
        recipes: modality → how the encoders are made.
        cache: what is there already, and takes the rest.
        workers: processes of this machine.
        cluster: the address of a Ray cluster, whose nodes encode in their place.
        what: the progress line's name.

    Returns:
        The keys that were missing.
    """
    missing = {key for *_, key in wanted if cache.get(key) is None}
    for device in sorted({encoder.device for _, encoder, key in wanted if key in missing}):
        jobs = _jobs([each for each in wanted if each[1].device == device], missing)
        site = Site(workers, device, address=cluster)
        if cluster:
            running = run_jobs_on_cluster(jobs, recipes=recipes, cache=cache, site=site)
        else:
            running = run_jobs(jobs, recipes=recipes, cache=cache, workers=site.processes)
        for _ in track(running, total=len(jobs), what=what if device == "cpu" else f"{what} on {device}"):
            pass
    return missing


def _jobs(wanted: Sequence[tuple[Source, Encoder, str]], missing: Collection[str]) -> list[Job]:
    """One job for each recording, with those of its encoders that the cache lacks. Copies are encoded once."""
    jobs: dict[tuple[str, str, str, str | Path | Turn], Job] = {}
    taken = set()
    for source, encoder, key in wanted:
        if key in missing and key not in taken:
            taken.add(key)
            digest = source.unchanged or source.digest
            job = Job(source.utterance_id, encoder.modality, source.source, digest, {}, source.change)
            # The digest of a turn is that of its own words: others may be read before it.
            which = (source.utterance_id, encoder.modality, source.digest, source.source)
            jobs.setdefault(which, job).keys[encoder.name] = key
    return list(jobs.values())
