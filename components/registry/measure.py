"""What a registered model costs on this machine: time by stage, throughput, memory and energy, one clip at a time."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import media
from ..errors import RegistryError, listed
from ..evaluation.timing.machine import Latency, Machine, peak_memory, this_machine
from ..evaluation.timing.stopwatch import Stopwatch
from ..lineage.reference import ModelReference
from . import energy
from .predict import is_film, loaded, media_table
from .timed_model import time_stages
from .tracking import tracking, version_named

OTHER = "other"
"""What no stage counts: reading headers, MLflow's checks, the tables that come and go."""
TOTAL = "total"


@dataclass(frozen=True)
class ClipCost:
    """What one clip takes.

    Attributes:
        file: its path.
        duration_s: of the recording; None where it was not measured.
        label: that is predicted; None where nothing of the clip can be used, so that it was not measured.
        reason: why there is no label.
        modalities_used: as ``audio+face``.
        stages: stage → latency. The stages of a repetition sum to its ``total``, percentiles need not.
    """

    file: str
    duration_s: float | None
    label: str | None
    reason: str | None
    modalities_used: str
    stages: dict[str, Latency]


@dataclass(frozen=True)
class Measurement:
    """What a model costs on this machine.

    Attributes:
        model: ``models:/NAME/VERSION``.
        repeat: how often each clip was measured, after one pass that was not.
        load_s: to download the model, verify its files, import its code and build it.
        clips: each clip.
        clips_per_s: answers in a second, one after another.
        real_time_factor: seconds that an answer takes for a second of recording; below 1 is faster than real time.
        peak_memory_bytes: the most that this process has held, from its start on.
        peak_gpu_bytes: the most that its tensors held on the GPU; None without a GPU.
        energy_j: of the processor packages, an answer; None where it cannot be read, and ``energy_why_not`` says why.
        machine: where it was measured.
    """

    model: str
    repeat: int
    load_s: float
    clips: list[ClipCost]
    clips_per_s: float
    real_time_factor: float
    peak_memory_bytes: int
    peak_gpu_bytes: int | None
    energy_j: float | None
    energy_why_not: str
    machine: Machine


def measure(
    reference: ModelReference,
    files: Sequence[Path],
    *,
    text: str | None = None,
    repeat: int = 10,
    root: str | Path,
    tracking_uri: str,
    lineage_uri: str,
    progress: Callable[[Iterable[int], int], Iterable[int]] = lambda numbers, total: numbers,
) -> Measurement:
    """Load a model and predict each clip alone, several times, as `predict` does.

    Args:
        reference: the model; its champion where no version is named.
        files: recordings, as `predict.find` returns them.
        text: what is said in each of them.
        repeat: how often each clip is measured.
        root: the project's root.
        tracking_uri: MLflow's tracking and registry URI.
        lineage_uri: the lineage database, which knows what the model's files should be.
        progress: wraps the numbers of the answers and their count while they are measured.

    Raises:
        RegistryError: for a model that cannot be loaded, is not as it was published or has other stages, and where no
            clip can be used.
    """
    table = media_table(files, text)
    with tracking(tracking_uri, root=Path(root)) as client:
        entry = version_named(client, reference)
        began = time.perf_counter()
        model = loaded(entry, root=Path(root), lineage_uri=lineage_uri)
        load_s = time.perf_counter() - began
    import torch  # the model has it imported already, which is part of loading

    watch = Stopwatch()
    time_stages(model.unwrap_python_model().predictor, watch)

    rows = [table.iloc[[number]] for number in range(len(files))]
    answers = [
        model.predict(row).iloc[0] for row in rows
    ]  # also warms up: weights and libraries are loaded here
    usable = [number for number, answer in enumerate(answers) if _text(answer["label"])]
    if not usable:
        why = listed(dict.fromkeys(answer["reason"] for answer in answers))
        raise RegistryError(f"no clip can be used, so there is nothing to measure: {why}")
    measured: dict[int, list[dict[str, float]]] = {number: [] for number in usable}
    before = energy.read()
    for at in progress(range(repeat * len(usable)), repeat * len(usable)):
        number = usable[
            at % len(usable)
        ]  # in turn, so that no clip is answered from what the one before left warm
        watch.reset()
        began = time.perf_counter()
        model.predict(rows[number])
        total = time.perf_counter() - began
        stages = dict(watch.seconds)
        measured[number].append(stages | {OTHER: total - sum(stages.values()), TOTAL: total})
    after = energy.read()

    spent = energy.joules(before, after)
    durations = {number: _duration(files[number]) for number in usable}
    seconds = sum(each[TOTAL] for repetitions in measured.values() for each in repetitions)
    count = repeat * len(usable)
    gpu = torch.cuda.is_available()
    return Measurement(
        model=f"models:/{entry.name}/{entry.version}",
        repeat=repeat,
        load_s=load_s,
        clips=[
            ClipCost(
                file=str(path),
                duration_s=durations.get(number),
                label=_text(answer["label"]),
                reason=_text(answer["reason"]),
                modalities_used=answer["modalities_used"],
                stages=_latencies(measured.get(number, [])),
            )
            for number, (path, answer) in enumerate(zip(files, answers, strict=True))
        ],
        clips_per_s=count / seconds,
        real_time_factor=seconds / (repeat * sum(durations.values())),
        peak_memory_bytes=peak_memory(),
        peak_gpu_bytes=torch.cuda.max_memory_allocated() if gpu else None,
        energy_j=None if spent is None else spent / count,
        energy_why_not=before.why_not or after.why_not,
        machine=this_machine(),
    )


def _text(cell: Any) -> str | None:
    """A cell of the answers; None where it is null, which pandas may hold as NaN."""
    return cell if isinstance(cell, str) else None


def _latencies(repetitions: Sequence[dict[str, float]]) -> dict[str, Latency]:
    stages = list(dict.fromkeys(name for each in repetitions for name in each))
    return {name: Latency.of([each.get(name, 0.0) for each in repetitions]) for name in stages}


def _duration(path: Path) -> float:
    facts = media.video_facts if is_film(path) else media.audio_facts
    return float(facts(str(path)).duration_s)
