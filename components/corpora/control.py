"""The control corpus: people who are made up, and of whom it is known how well their emotion can be told.

Speech, words and face each display the true emotion with a planted reliability (see ``truth``), so the best
accuracy that any model can reach is known for every subset of the modalities, and a pipeline that does better
has a leak. What a modality displays is drawn apart from the others, and each is made to be told apart with
little error by speakers that a model has not met. Two traces cross over, both faint: the lips show how fast
the speech is, and a clip's length does.

Layout::

    utterances.csv            id, speaker, gender, session, text, label
    audio/<id>.wav            16 kHz, mono
    video/<id>.mp4            192×192, 25 fps, with the same sound
    truth/displays.parquet    id, label, and what audio, text and face display
    truth/ceilings.json       for each subset: the population's ceiling, the oracle's score on these displays
    truth/request.json        what was asked for
"""

import multiprocessing
import os
import shutil
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ..errors import CorpusError
from ..files import digest_of, read_json, replacing, write_json, write_table
from ..process import begin_worker
from ..progress import track
from ..schema import EMOTION7, MODALITIES
from . import drawing, sentences, truth, voicing
from .copying import alone

VERSION = 1  # of what is made of a request; raise it when the same request gives other recordings
RELIABILITY = {"audio": 0.75, "text": 0.65, "face": 0.70}
SESSION = 2  # clips of each emotion in one session of a speaker

_PLAN, _VOICE, _LOOK, _SETTING, _SOUND, _FILM = range(6)  # random streams: one does not shift another


@dataclass(frozen=True)
class Clip:
    """One recording to be made."""

    id: str
    speaker: int
    number: int  # within the speaker
    gender: str
    session: int
    label: str
    audio: str  # what each modality displays
    text: str
    face: str
    sentence: str
    spoken: str


def synthesise(
    out: Path,
    *,
    speakers: int = 12,
    clips: int = 4,
    seed: int = 7,
    reliability: Mapping[str, float] = RELIABILITY,
    workers: int = 0,
) -> Path:
    """Make a control corpus in the folder ``out``.

    Asked again for what is there already it does nothing; killed midway it goes on where it stopped. The folder
    appears whole.

    Args:
        speakers: women and men in turn.
        clips: of each emotion by each speaker.
        reliability: how often each modality displays the true emotion.
        workers: processes; 0: one a core.

    Returns:
        ``out``.

    Raises:
        CorpusError: a request that cannot be, or ``out`` holds something else.
    """
    if speakers < 1 or clips < 1:
        raise CorpusError(f"{speakers} speakers with {clips} clips of each emotion: both must be at least 1")
    if seed < 0:
        raise CorpusError(f"seed is {seed}; it may be 0 or more")
    out = Path(out)
    request = {
        "version": VERSION,
        "speakers": speakers,
        "clips": clips,
        "seed": seed,
        "reliability": dict(truth.Truth(truth.in_order(reliability)).reliability),
    }
    if _is_there(out, request):
        return out
    planned = plan(speakers=speakers, clips=clips, seed=seed, reliability=request["reliability"])
    partial = out.parent / f".{out.name}-{digest_of(request)[:12]}.partial"
    with alone(partial):
        if _is_there(out, request):  # another process has finished meanwhile
            partial.rmdir()
            return out
        _clear_unfinished(partial)
        missing = [clip for clip in planned if not all(path.exists() for path in _media(partial, clip))]
        try:
            _record(missing, partial, seed, workers or len(os.sched_getaffinity(0)))
            _write_tables(partial, planned, request)
        except (OSError, BrokenProcessPool) as error:  # a full disk, no memory
            raise CorpusError(
                f"making {out} failed: {error}; what is finished is kept, run it again"
            ) from error
        partial.rename(out)
    return out


def plan(*, speakers: int, clips: int, seed: int, reliability: Mapping[str, float]) -> list[Clip]:
    """What will be recorded, sorted by id. No two clips have the same sentence, as far as there are enough."""
    planned, told = [], set()
    for speaker in range(speakers):
        generator = np.random.default_rng([seed, _PLAN, speaker])
        order = [
            (session, emotion)
            for session in range(-(-clips // SESSION))
            for emotion in generator.permutation(
                np.repeat(np.arange(len(EMOTION7)), min(SESSION, clips - session * SESSION))
            )
        ]
        for number, (session, emotion) in enumerate(order):
            shown = {m: EMOTION7[truth.display(int(emotion), reliability[m], generator)] for m in MODALITIES}
            for _ in range(100):
                sentence = sentences.compose(shown["text"], generator)
                if sentence.text not in told:
                    break
            told.add(sentence.text)
            planned.append(
                Clip(
                    id=f"s{speaker + 1:02d}-{number + 1:03d}",
                    speaker=speaker,
                    number=number,
                    gender="male" if speaker % 2 else "female",
                    session=session + 1,
                    label=EMOTION7[int(emotion)],
                    sentence=sentence.text,
                    spoken=sentence.spoken,
                    **shown,
                )
            )
    return sorted(planned, key=lambda clip: clip.id)


def record(clip: Clip, folder: Path, seed: int) -> None:
    """Make one clip's sound and film, under their names only when whole."""
    from .recording import write_mp4, write_wav

    timbre = voicing.timbre(
        clip.speaker // 2, clip.gender, np.random.default_rng([seed, _VOICE, clip.speaker])
    )
    look = drawing.look(clip.gender, np.random.default_rng([seed, _LOOK, clip.speaker]))
    setting = drawing.setting(np.random.default_rng([seed, _SETTING, clip.speaker, clip.session]))
    sounds = np.random.default_rng([seed, _SOUND, clip.speaker, clip.number])
    films = np.random.default_rng([seed, _FILM, clip.speaker, clip.number])

    sound = voicing.speak(clip.spoken, clip.audio, timbre, sounds)
    frames = drawing.film(drawing.express(clip.face, films), look, setting, openness(sound), films)
    audio, video = _media(folder, clip)
    with replacing(audio) as temporary:
        write_wav(temporary, sound, voicing.RATE)
    with replacing(video) as temporary:
        write_mp4(temporary, frames, drawing.FPS, sound, voicing.RATE)


def openness(sound: np.ndarray) -> np.ndarray:
    """How far the mouth is open in each frame, 0 to 1: the sound's envelope, each clip's loudest as 1.

    So the lips do not tell how loud the speech is, which is a cue of the audio's display.
    """
    step = voicing.RATE // drawing.FPS
    frames = np.pad(sound.astype(np.float64), (0, -len(sound) % step)).reshape(-1, step)
    envelope = np.convolve(np.sqrt((frames**2).mean(axis=1)), (0.25, 0.5, 0.25), mode="same")
    return np.clip(envelope / max(np.quantile(envelope, 0.95), 1e-6), 0, 1) ** 0.8


def _media(folder: Path, clip: Clip) -> tuple[Path, Path]:
    return folder / "audio" / f"{clip.id}.wav", folder / "video" / f"{clip.id}.mp4"


def _clear_unfinished(folder: Path) -> None:
    """Remove the temporary files that a killed run has left."""
    for path in [*folder.glob(".*"), *folder.glob("*/.*")]:
        shutil.rmtree(path)


def _record(missing: list[Clip], folder: Path, seed: int, workers: int) -> None:
    what = "control corpus"
    if workers == 1 or len(missing) < 2:
        for clip in track(missing, total=len(missing), what=what):
            record(clip, folder, seed)
        return
    pool = ProcessPoolExecutor(
        min(workers, len(missing)),
        mp_context=multiprocessing.get_context("spawn"),  # forking a process with threads can lock it up
        initializer=begin_worker,
    )
    try:
        running = [pool.submit(record, clip, folder, seed) for clip in missing]
        for done in track(as_completed(running), total=len(running), what=what):
            done.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _write_tables(folder: Path, planned: list[Clip], request: dict) -> None:
    import pandas as pd

    with replacing(folder / "utterances.csv") as temporary:
        pd.DataFrame(
            {
                "id": [clip.id for clip in planned],
                "speaker": [f"s{clip.speaker + 1:02d}" for clip in planned],
                "gender": [clip.gender for clip in planned],
                "session": [f"s{clip.speaker + 1:02d}-{clip.session}" for clip in planned],
                "text": [clip.sentence for clip in planned],
                "label": [clip.label for clip in planned],
            }
        ).to_csv(temporary, index=False)
    displays = pd.DataFrame([asdict(clip) for clip in planned])[["id", "label", *MODALITIES]]
    write_table(folder / "truth" / "displays.parquet", displays)
    held = truth.Truth(request["reliability"])
    scores = truth.oracle(displays.rename(columns={"id": "utterance_id"}), held)
    ceilings = {
        "reliability": request["reliability"],
        "population": truth.population(held),
        "oracle": scores.groupby("subset")["correct"].mean().to_dict(),
    }
    write_json(folder / "truth" / "ceilings.json", ceilings)
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
        f"{key} {held.get(key)}, not {value}" for key, value in request.items() if held.get(key) != value
    ]
    if other:
        raise CorpusError(f"{out} is there and was made with {'; '.join(other)}; {advice}")
    return True
