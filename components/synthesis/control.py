"""The control corpus: people who are made up, and of whom it is known how well their emotion can be told.

Speech, words and face each display the true emotion with a planted reliability (see ``truth``), so the best
accuracy that any model can reach is known for every subset of the modalities, and a pipeline that does better
has a leak. What a modality displays is drawn apart from the others, and each is made to be told apart with
little error by speakers that a model has not met. Two traces cross over, both faint: the lips show how fast
the speech is, and a clip's length does. Noise behind the speech changes no display: the ceilings are those of
the displays, which a model then hears less well.

It is written in the layout of any corpus that emoflow reads (``layouts``), with that corpus's known faults unless
asked for clean; in its own layout::

    utterances.csv            id, speaker, gender, session, text, label
    audio/<id>.wav            16 kHz, mono
    video/<id>.mp4            192×192, 25 fps, with the same sound

And in every layout::

    truth/displays.parquet    id (in that layout), label, and what each modality displays; emotion, where raters err
    truth/oracle.parquet      id, subset, label, prediction, correct, and how probable the displays make each class
    truth/ceilings.json       for each subset: the population's ceiling, the oracle's score on these displays
    truth/irregularities.json the faults that were planted: path, kind, seen_by; not there where there are none
    truth/request.json        what was asked for, and is not as usual
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from pathlib import Path

from ..errors import CorpusError
from ..files import PARTIAL, digest_of, locked, read_json, write_json, write_table
from ..process_pool import process_pool
from ..progress import track
from ..schema import LAYOUTS
from . import bayes, takes, truth
from .layouts import grammar
from .layouts.plan import Plan, Recording, Take
from .studio import Studio

VERSION = 1  # of what is made of a request; raise it when the same request gives other recordings
QUIETEST, LOUDEST = -20.0, 60.0  # dB of speech to noise that make sense

Job = dict[str, Recording]
"""Recordings of the same takes: path → what is recorded."""


def synthesise(
    out: Path,
    *,
    layout: str = "control",
    speakers: int = 12,
    clips: int = 4,
    seed: int = 7,
    language: str | None = None,
    clean: bool = False,
    reliability: Mapping[str, float] | None = None,
    relation: str = "redundant",
    missing: float = 0.0,
    raters: int = 0,
    agreement: float = 0.8,
    snr: float | None = None,
    workers: int = 0,
) -> Path:
    """Make a control corpus in the folder ``out``.

    Asked again for what is there already it does nothing; killed midway it goes on where it stopped. The folder
    appears whole.

    Args:
        layout: whose layout it is written in, one of ``schema.LAYOUTS``.
        speakers: women and men in turn.
        clips: of each emotion by each speaker.
        language: ISO 639-1; None: the layout's first.
        clean: without the faults that the layout's corpus is known for.
        reliability: how often a modality displays what it means; of those that are not named, as usual.
        relation, missing, raters, agreement: see ``truth.Truth``.
        snr: of the speech to the noise behind it, in dB; None: a room that is nearly silent.
        workers: processes; 0: one a core.

    Returns:
        ``out``.

    Raises:
        CorpusError: a request that cannot be, or ``out`` holds something else.
    """
    if layout not in LAYOUTS:
        raise CorpusError(f"nothing is synthesised in the layout {layout!r}; it may be {', '.join(LAYOUTS)}")
    if snr is not None and not QUIETEST <= snr <= LOUDEST:
        raise CorpusError(f"snr is {snr} dB; it may be from {QUIETEST:g} to {LOUDEST:g}")
    out, wanted = Path(out), grammar(layout)
    held = takes.planted(
        wanted,
        reliability=reliability,
        relation=relation,
        missing=missing,
        raters=raters,
        agreement=agreement,
    )
    made = takes.make(wanted, held, speakers=speakers, clips=clips, seed=seed, language=language)
    unusual = {
        "layout": layout if layout != "control" else None,
        "language": language if language != wanted.languages[0] else None,
        "clean": clean or None,
        "snr": snr,
        **{
            key: value
            for key, value in held.as_json().items()
            if key not in ("classes", "mute", "acted", "majority")
        },
    }
    request = {"version": VERSION, "speakers": speakers, "clips": clips, "seed": seed} | {
        key: value for key, value in unusual.items() if value is not None
    }
    if _is_there(out, request):
        return out
    planned = wanted.plan(made, layout, seed, clean)
    partial = out.parent / f".{out.name}-{digest_of(request)[:12]}{PARTIAL}"
    with locked(partial):
        if _is_there(out, request):  # another process has finished meanwhile
            partial.rmdir()
            return out
        _clear_unfinished(partial)
        try:
            studio = Studio({take.number: take for take in made}, seed, snr)
            _record(jobs(planned, partial), partial, studio, workers or len(os.sched_getaffinity(0)))
            _write_documents(partial, planned.documents)
            write_truth(partial, displays(planned, made, held, layout), held, planned, request)
        except (OSError, BrokenProcessPool) as error:  # a full disk, no memory
            raise CorpusError(
                f"making {out} failed: {error}; what is finished is kept, run it again"
            ) from error
        partial.rename(out)
    return out


def displays(planned: Plan, made: Sequence[Take], held: truth.Truth, corpus: str):
    """What each utterance of a corpus displays: id in its layout, label, a column a modality; sorted by id.

    Where raters err, the column ``emotion`` holds what was planted.
    """
    import pandas as pd

    rows = {
        planned.ids[take.number].removeprefix(f"{corpus}/"): take
        for take in made
        if take.number in planned.ids
    }
    rows = dict(sorted(rows.items()))
    columns = {"id": list(rows), "label": [take.label for take in rows.values()]}
    if held.raters and not held.acted:
        columns["emotion"] = [take.emotion for take in rows.values()]
    for modality in held.telling:
        columns[modality] = [take.displays.get(modality) for take in rows.values()]
    return pd.DataFrame({name: pd.Series(values, dtype="str") for name, values in columns.items()})


def jobs(planned: Plan, folder: Path) -> list[Job]:
    """The recordings that are not in the folder yet, those of the same takes together; the longest first."""
    together: dict[tuple, Job] = {}
    for path, recording in sorted(planned.recordings.items()):
        if not (folder / path).exists():
            together.setdefault(recording.takes, {})[path] = recording
    return sorted(together.values(), key=lambda job: -len(next(iter(job.values())).takes))


def record(studio: Studio, folder: Path, job: Job) -> None:
    """Make the recordings of one job."""
    studio.record(folder, job)


def _clear_unfinished(folder: Path) -> None:
    """Remove the temporary folders that a killed run has left."""
    for path in sorted(folder.rglob(f".*{PARTIAL}")):
        shutil.rmtree(path)


def _record(missing: list[Job], folder: Path, studio: Studio, workers: int) -> None:
    what = "control corpus"
    if workers == 1 or len(missing) < 2:
        for job in track(missing, total=len(missing), what=what):
            record(studio, folder, job)
        return
    with process_pool(min(workers, len(missing))) as pool:
        running = [pool.submit(record, _staffed(studio, job), folder, job) for job in missing]
        for done in track(as_completed(running), total=len(running), what=what):
            done.result()


def _staffed(studio: Studio, job: Job) -> Studio:
    """The studio with no more takes than the job needs."""
    needed = {number for recording in job.values() for number, _ in recording.takes}
    return Studio({number: studio.takes[number] for number in sorted(needed)}, studio.seed, studio.snr)


def _write_documents(folder: Path, documents: Mapping[str, bytes]) -> None:
    """The folder is renamed only when all of them are there, so none needs a temporary name."""
    for path, content in documents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def write_truth(folder: Path, shown, held: truth.Truth, planned: Plan, request: dict) -> None:
    """Write the folder ``truth`` of a control corpus; ``shown`` is what :func:`displays` returns."""
    labelled = {row["utterance_id"].partition("/")[2] for row in planned.rows if row.get("label") is not None}
    oracle = bayes.oracle(shown.rename(columns={"id": "utterance_id"}), held)
    scored = oracle[oracle["utterance_id"].isin(labelled)]
    write_table(folder / "truth" / "displays.parquet", shown)
    write_table(folder / "truth" / "oracle.parquet", oracle.rename(columns={"utterance_id": "id"}))
    write_json(folder / "truth" / "ceilings.json", bayes.ceilings(held, scored))
    if planned.irregularities:
        write_json(
            folder / "truth" / "irregularities.json", [asdict(each) for each in planned.irregularities]
        )
    write_json(folder / "truth" / "request.json", request)


def _is_there(out: Path, request: dict) -> bool:
    """Whether ``out`` is this very corpus; an error if it is something else."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    advice = f"move {out} away, or name another folder"
    if not (out / "truth" / "request.json").is_file():
        raise CorpusError(f"{out} is there and is no control corpus; {advice}")
    held = read_json(out / "truth" / "request.json")
    other = [
        f"{key} {held.get(key, 'as usual')}, not {request.get(key, 'as usual')}"
        for key in [*request, *sorted(held.keys() - request.keys())]
        if held.get(key) != request.get(key)
    ]
    if other:
        raise CorpusError(f"{out} is there and was made with {'; '.join(other)}; {advice}")
    return True
