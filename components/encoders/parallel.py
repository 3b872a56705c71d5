"""Encoding many recordings in worker processes; one that crashes does not end the run."""

import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CorpusError, FeatureError, MediaError, SettingsError
from ..process_pool import SPAWN, end_with_parent, process_pool
from ..schema import Join, file_of
from .base import Encoder, by_decoding
from .cache import Cache, Entry
from .dialogue import Turn
from .model_files import NO_MODELS, ModelFiles
from .registry import make

Change = Callable[[Any], Any]
"""What is done to a decoded medium before it is encoded: it gives another medium of the same kind. It is pickled."""


@dataclass(frozen=True)
class Recipe:
    """How a modality is encoded: what ``make`` takes."""

    modality: str
    stated: tuple[str | Mapping[str, Any], ...]
    parameters: Mapping[str, Any]
    models: ModelFiles = NO_MODELS
    join: Join = "concatenate"

    def encoders(self) -> list[Encoder]:
        return make(self.stated, self.parameters, modality=self.modality, models=self.models, join=self.join)


@dataclass(frozen=True)
class Job:
    """One recording, for the encoders of one modality that have not had it."""

    utterance_id: str
    modality: str
    source: str | Path | Turn
    """A path; for text the text itself, or the turn of a dialogue."""
    digest: str
    """Of the recording or the text."""
    keys: dict[str, str]
    """Encoder → the cache's key for what it will give."""
    change: Change | None = None


def run_jobs(
    jobs: Sequence[Job], *, recipes: Mapping[str, Recipe], cache: Cache, workers: int
) -> Iterator[Job]:
    """Encode, each result into the cache; yield each job as it is done, in no fixed order.

    A process that dies (a decoder's crash) breaks only the jobs in flight: each is tried again in a process of
    its own, and one that crashes that as well is kept in the cache as unusable.

    Raises:
        SettingsError: something that an encoder needs is missing, or the system ended a process (memory).
        CorpusError: a file that the utterance table names does not exist.
    """
    waiting = deque(jobs)
    while waiting:
        flying: dict = {}
        try:
            with process_pool(min(workers, len(waiting)), begin, recipes, cache.root) as pool:
                while waiting or flying:
                    while waiting and len(flying) < 2 * workers:
                        flying[pool.submit(encode, waiting[0])] = waiting[0]
                        waiting.popleft()
                    for future in wait(flying, return_when=FIRST_COMPLETED).done:
                        future.result()
                        yield flying.pop(future)
        except BrokenProcessPool:
            suspects = list(flying.values()) or [waiting.popleft()]
        else:
            suspects = []
        for job in suspects:
            _encode_alone(job, recipes, cache)
            yield job


_recipes: Mapping[str, Recipe] = {}
_encoders: dict[str, list[Encoder]] = {}
_cache: Cache


def begin(recipes: Mapping[str, Recipe], root: Path) -> None:
    """Make this process a worker, which encodes into the cache in ``root``."""
    global _recipes, _cache
    # The workers share the cores among themselves; torch, which is imported later, asks for its threads then.
    os.environ["OMP_NUM_THREADS"] = "1"
    _recipes, _cache = recipes, Cache(root)
    _encoders.clear()


def encode(job: Job) -> None:
    """Encode one recording into the cache. In a process that `begin` made a worker."""
    if job.modality not in _encoders:
        _encoders[job.modality] = _recipes[job.modality].encoders()
    encoders = [encoder for encoder in _encoders[job.modality] if encoder.name in job.keys]
    check_there(job.source, job.utterance_id)
    for group in by_decoding(encoders):
        _encode_by(group, job)


def check_there(source: object, utterance_id: str) -> None:
    """Raises CorpusError for a recording that is not there: it can come back, so the cache must not know of it."""
    if isinstance(source, Path) and not Path(file_of(str(source))).is_file():
        raise CorpusError(f"{utterance_id}: {source} is in the utterance table but does not exist")


def _encode_by(encoders: Sequence[Encoder], job: Job) -> None:
    """Encode one recording by encoders that share what is decoded of it."""
    try:
        medium = encoders[0].decode_cached(job.source, digest=job.digest, root=_cache.root)
        if job.change is not None:
            medium = job.change(medium)
    except MediaError as error:
        for encoder in encoders:
            _cache.put(job.keys[encoder.name], _unusable(encoder.dimensions, str(error)))
        return
    except Exception as error:
        error.add_note(f"while decoding {job.utterance_id}, {job.modality}")
        raise
    for encoder in encoders:
        try:
            entry = Entry(
                encoder.encode_decoded(medium),
                notice=encoder.notice(medium),
                coverage=encoder.coverage(medium),
            )
        except MediaError as error:
            entry = _unusable(encoder.dimensions, str(error))
        except Exception as error:
            error.add_note(f"while encoding {job.utterance_id} with {encoder.name}")
            raise
        _cache.put(job.keys[encoder.name], entry)


def _unusable(dimensions: int, reason: str) -> Entry:
    return Entry(np.empty((0, dimensions), np.float32), reason)


def _alone(recipes: Mapping[str, Recipe], root: Path, job: Job) -> None:
    end_with_parent()
    begin(recipes, root)
    encode(job)


def _encode_alone(job: Job, recipes: Mapping[str, Recipe], cache: Cache) -> None:
    process = SPAWN.Process(target=_alone, args=(recipes, cache.root, job))
    process.start()
    try:
        process.join()
    finally:
        process.kill()
        process.join()
    status: int = process.exitcode  # type: ignore[assignment]  # there is one: it has ended
    if status == 0:
        return
    if status == -signal.SIGKILL:
        raise SettingsError(
            f"the system ended the process that encoded {job.utterance_id} ({job.modality}), probably for lack of "
            "memory; run again with fewer workers (EMOFLOW_WORKERS=1)"
        )
    if status > 0:
        raise FeatureError(
            f"{job.utterance_id} ({job.modality}) cannot be encoded: the error is printed above"
        )
    name = f"signal {-status}"
    with suppress(ValueError):
        name = signal.Signals(-status).name
    for encoder in recipes[job.modality].encoders():
        if encoder.name in job.keys:
            reason = f"its decoder or encoder crashed twice ({name})"
            cache.put(job.keys[encoder.name], _unusable(encoder.dimensions, reason))
