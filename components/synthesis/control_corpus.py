"""Making a control corpus: synthetic speakers whose best recognisable accuracy is known.

Speech, words and face each display the true emotion with a planted reliability (see ``truth``). So the best
accuracy that any model can reach is known for every subset of the modalities, and a pipeline that exceeds it has a
leak. Displays are sampled independently per modality, and each is rendered so that it can be recognised with little
error from speakers that a model has not seen. Two weak cues cross modalities: the lips show the speech rate, and so
does the clip's duration. Background noise changes no display: the ceilings are those of the displays, which become
harder to recognise.

The corpus is written in the layout of any corpus that emoflow reads (``layouts``), with the known faults of that
corpus unless ``clean``. In its own layout::

    utterances.csv            id, speaker, gender, session, text, label
    audio/<id>.wav            16 kHz, mono
    video/<id>.mp4            192×192 pixels, 25 fps, with the same audio

And in every layout::

    truth/displays.parquet    id (in that layout), label, the class that each modality displays; emotion, if raters err
    truth/oracle.parquet      id, subset, label, prediction, correct, and the posterior probability of each class
    truth/ceilings.json       for each subset: the population's ceiling, and the oracle's accuracy on these displays
    truth/phones.parquet      id, phone, begin_s, end_s: which phone is said when; only if asked for
    truth/irregularities.json the planted faults: path, kind, seen_by; only if there are any
    truth/request.json        the arguments that differ from the defaults
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
from . import bayes_ceilings, truth, utterance_sampling
from .layouts import layout_spec
from .layouts.plan import Plan, Recording, Take
from .rendering import Studio

VERSION = 1  # of what is made of a request; raise it when the same request gives other recordings
QUIETEST, LOUDEST = -20.0, 60.0  # dB of speech to noise that make sense

Job = dict[str, Recording]
"""Recordings that show the same takes: path → recording."""


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
    phones: bool = False,
    workers: int = 0,
) -> Path:
    """Make a control corpus in the folder ``out``.

    Does nothing if the same corpus is already there, and resumes after an interruption. The folder appears only when
    it is complete.

    Args:
        out: the new folder.
        layout: one of ``schema.LAYOUTS``.
        speakers: the number of speakers, women and men in turn.
        clips: the number of clips per speaker and emotion.
        seed: of all random draws.
        language: ISO 639-1; None for the layout's first.
        clean: leave out the faults that the layout's corpus is known for.
        reliability: modality → how often it displays what it means; the default for those not named.
        relation, missing, raters, agreement: see ``truth.Truth``.
        snr: signal-to-noise ratio of the speech in dB; None for a nearly silent room.
        phones: also write which phone is said when.
        workers: the number of processes; 0 for one per core.

    Returns:
        ``out``.

    Raises:
        CorpusError: an argument is out of range, or ``out`` contains something else.
    """
    if layout not in LAYOUTS:
        raise CorpusError(f"{layout!r} is not a layout; it must be one of {', '.join(LAYOUTS)}")
    if snr is not None and not QUIETEST <= snr <= LOUDEST:
        raise CorpusError(f"snr is {snr} dB; it must be from {QUIETEST:g} to {LOUDEST:g}")
    out, wanted = Path(out), layout_spec(layout)
    model = utterance_sampling.planted(
        wanted,
        reliability=reliability,
        relation=relation,
        missing=missing,
        raters=raters,
        agreement=agreement,
    )
    made = utterance_sampling.make(
        wanted, model, speakers=speakers, clips=clips, seed=seed, language=language
    )
    unusual = {
        "layout": layout if layout != "control" else None,
        "language": language if language != wanted.languages[0] else None,
        "clean": clean or None,
        "snr": snr,
        "phones": phones or None,
        **{
            key: value
            for key, value in model.as_json().items()
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
            if phones:
                write_phones(partial, planned, studio, layout)
            write_truth(partial, displays(planned, made, model, layout), model, planned, request)
        except (OSError, BrokenProcessPool) as error:  # a full disk, no memory
            raise CorpusError(
                f"making {out} failed: {error}; what is finished is kept, run it again"
            ) from error
        partial.rename(out)
    return out


def displays(planned: Plan, made: Sequence[Take], model: truth.Truth, corpus: str):
    """The table of displays: id (in the corpus's layout), label, and a column per modality; sorted by id.

    Where raters err, the column ``emotion`` has the planted emotion.
    """
    import pandas as pd

    rows = {
        planned.ids[take.number].removeprefix(f"{corpus}/"): take
        for take in made
        if take.number in planned.ids
    }
    rows = dict(sorted(rows.items()))
    columns = {"id": list(rows), "label": [take.label for take in rows.values()]}
    if model.raters and not model.acted:
        columns["emotion"] = [take.emotion for take in rows.values()]
    for modality in model.telling:
        columns[modality] = [take.displays.get(modality) for take in rows.values()]
    return pd.DataFrame({name: pd.Series(values, dtype="str") for name, values in columns.items()})


def jobs(planned: Plan, folder: Path) -> list[Job]:
    """Group the recordings missing from the folder by the takes they show, the longest first."""
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


def write_truth(folder: Path, shown, model: truth.Truth, planned: Plan, request: dict) -> None:
    """Write the folder ``truth`` of a control corpus; ``shown`` is the table of :func:`displays`."""
    labelled = {row["utterance_id"].partition("/")[2] for row in planned.rows if row.get("label") is not None}
    oracle = bayes_ceilings.oracle(shown.rename(columns={"id": "utterance_id"}), model)
    scored = oracle[oracle["utterance_id"].isin(labelled)]
    write_table(folder / "truth" / "displays.parquet", shown)
    write_table(folder / "truth" / "oracle.parquet", oracle.rename(columns={"utterance_id": "id"}))
    write_json(folder / "truth" / "ceilings.json", bayes_ceilings.ceilings(model, scored))
    if planned.irregularities:
        write_json(
            folder / "truth" / "irregularities.json", [asdict(each) for each in planned.irregularities]
        )
    write_json(folder / "truth" / "request.json", request)


def write_phones(folder: Path, planned: Plan, studio: Studio, corpus: str) -> None:
    """Write ``truth/phones.parquet``: when each phone of an utterance is said, from the utterance's beginning on."""
    import pandas as pd

    rows = [
        (name.removeprefix(f"{corpus}/"), *phone)
        for number, name in sorted(planned.ids.items(), key=lambda pair: pair[1])
        for phone in studio.speech(studio.takes[number]).phones
    ]
    table = pd.DataFrame(rows, columns=["id", "phone", "begin_s", "end_s"])
    write_table(folder / "truth" / "phones.parquet", table)


def _is_there(out: Path, request: dict) -> bool:
    """Whether ``out`` is this very corpus; an error if it is something else."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    advice = f"move {out} away, or name another folder"
    if not (out / "truth" / "request.json").is_file():
        raise CorpusError(f"{out} exists and is not a control corpus; {advice}")
    existing = read_json(out / "truth" / "request.json")
    other = [
        f"{key} {existing.get(key, 'default')}, not {request.get(key, 'default')}"
        for key in [*request, *sorted(existing.keys() - request.keys())]
        if existing.get(key) != request.get(key)
    ]
    if other:
        raise CorpusError(f"{out} exists and was made with {'; '.join(other)}; {advice}")
    return True
