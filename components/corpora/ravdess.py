"""RAVDESS as Zenodo ships it (record 1188976): ``Actor_NN/MM-VC-EM-IN-ST-RE-AC.wav``, ``.mp4``; or ``.flac``.

Livingstone & Russo (2018), *The Ryerson Audio-Visual Database of Emotional Speech and Song*, PLoS ONE 13(5):
e0196391, table 1. The first field says what was recorded of a performance (01 picture and sound, 02 picture,
03 sound); the other six say which performance it is. So these six are the utterance's id, and a performance's
files are one utterance's media.
"""

import re
from itertools import product
from pathlib import Path, PurePosixPath

from ..errors import CorpusError, listed
from ..schema import UNSTATED, Layout
from .reading import Adapter, Reading, files_below, unread_list, utterance_table

LABELS = {
    "01": ("neutral", "neutral"),
    "02": ("calm", "calm"),
    "03": ("happy", "happiness"),
    "04": ("sad", "sadness"),
    "05": ("angry", "anger"),
    "06": ("fearful", "fear"),
    "07": ("disgust", "disgust"),
    "08": ("surprised", "surprise"),
}
"""The emotion field → RAVDESS's word, and the field's common word."""
SENTENCES = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}
INTENSITIES = {"01": "normal", "02": "strong"}
FIELDS = (
    ("modality", ("01", "02", "03")),
    ("vocal channel", ("01", "02")),
    ("emotion", tuple(LABELS)),
    ("intensity", tuple(INTENSITIES)),
    ("statement", tuple(SENTENCES)),
    ("repetition", ("01", "02")),
    ("actor", tuple(f"{actor:02d}" for actor in range(1, 25))),
)
SUFFIXES = {"01": (".mp4",), "02": (".mp4",), "03": (".wav", ".flac")}
"""What each modality comes as, the preferred first."""
_FOLDER = re.compile(r"Actor_\d\d")


def read(root: Path, corpus: str = "ravdess", stated: Layout = UNSTATED) -> Reading:
    """The corpus in ``root``: one row a performance.

    Of a performance's films the one with sound is taken; the other shows the same pictures.

    Raises:
        CorpusError: nothing here is RAVDESS; says which folder looks like it.
    """
    paths, droppings = files_below(root)
    media: dict[str, dict[str, str]] = {}
    unread: dict[str, str] = {}
    for path in paths:
        fault = _fault(PurePosixPath(path))
        if fault:
            unread[path] = fault
            continue
        modality, local = PurePosixPath(path).stem.split("-", 1)
        held = media.setdefault(local, {})
        if modality not in held:
            held[modality] = path
        else:  # .wav and .flac; .wav is preferred, and sorts after .flac
            unread[held[modality]] = f"the same recording as {path}, which is taken"
            held[modality] = path
    if not media:
        raise CorpusError(_nothing(root, unread))
    unread |= _gaps(set(media))
    table = utterance_table(_row(corpus, local, held) for local, held in media.items())
    return Reading(table, unread_list(unread, droppings))


def local_id(name: str) -> str | None:
    """``01-01-05-02-01-01-12``, of any modality, with an extension or without → ``01-05-02-01-01-12``."""
    stem = PurePosixPath(name.strip()).name
    stem = re.sub(r"\.(wav|mp4|flac|csv)$", "", stem, flags=re.IGNORECASE)
    return None if _name_fault(stem) else stem.split("-", 1)[1]


def _gaps(present: set[str]) -> dict[str, str]:
    """The speech clips that an actor lacks who has most of them: lost, rather than left out on purpose."""
    takes = [
        f"{emotion}-{intensity}-{statement}-{repetition}"
        for emotion, intensity, statement, repetition in product(LABELS, INTENSITIES, SENTENCES, ("01", "02"))
        if (emotion, intensity) != ("01", "02")
    ]
    gaps = {}
    for actor in FIELDS[-1][1]:
        missing = [take for take in takes if f"01-{take}-{actor}" not in present]
        if 0 < len(missing) < len(takes) / 2:
            said = f"missing: {len(takes) - len(missing)} of this actor's {len(takes)} speech clips are here"
            gaps |= {f"Actor_{actor}/03-01-{take}-{actor}": said for take in missing}
    return gaps


def _row(corpus: str, local: str, held: dict[str, str]) -> dict:
    _channel, emotion, intensity, statement, _repetition, actor = local.split("-")
    raw, label = LABELS[emotion]
    return {
        "utterance_id": f"{corpus}/{local}",
        "corpus": corpus,
        "speaker": f"{corpus}/{actor}",
        "speaker_gender": "male" if int(actor) % 2 else "female",
        "audio": held.get("03"),
        "video": held.get("01", held.get("02")),
        "text": SENTENCES[statement],
        "language": "en",
        "label_raw": raw,
        "label": label,
        "intensity": INTENSITIES[intensity],
    }


def _fault(path: PurePosixPath) -> str | None:
    """Why this file is no recording of RAVDESS; None where it is one."""
    fault = _name_fault(path.stem)
    if fault:
        return fault
    modality, actor = path.stem[:2], path.stem[-2:]
    if path.suffix.lower() not in SUFFIXES[modality]:
        may_be = " or ".join(SUFFIXES[modality])
        return f"modality {modality} comes as {may_be}, not {path.suffix or 'without an extension'}"
    if len(path.parts) != 2 or path.parts[0] != f"Actor_{actor}":
        return f"lies in {path.parent.as_posix()}, not in Actor_{actor} at the top of the corpus"
    return None


def _name_fault(stem: str) -> str | None:
    parts = stem.split("-")
    if len(parts) != len(FIELDS):
        return f"a name has 7 numbers (MM-VC-EM-IN-ST-RE-AC, say 03-01-06-01-02-01-12); this has {len(parts)} part(s)"
    for part, (field, values) in zip(parts, FIELDS, strict=True):
        if part not in values:
            may_be = f"{values[0]} to {values[-1]}" if len(values) > 3 else ", ".join(values)
            return f"{field} is {part!r}; it may be {may_be}"
    _modality, channel, emotion, intensity, *_ = parts
    if emotion == "01" and intensity == "02":
        return "neutral (emotion 01) has no strong intensity (02)"
    if channel == "02" and emotion in ("07", "08"):
        return f"song (channel 02) has no {LABELS[emotion][0]} (emotion {emotion})"
    return None


def _nothing(root: Path, unread: dict[str, str]) -> str:
    """What to say of a folder that holds no recording in its place."""
    if _FOLDER.fullmatch(root.name) and any(not _name_fault(PurePosixPath(path).stem) for path in unread):
        return f"{root} is one actor's folder; give the folder that holds all of them: {root.parent}"
    inside = sorted(
        {
            path.relative_to(root).parent.as_posix()
            for path in root.rglob("Actor_*")
            if path.is_dir() and _FOLDER.fullmatch(path.name)
        }
        - {"."}
    )
    if inside:
        return f"{root} holds no Actor_NN folders, but {listed(inside)} in it does; give that folder"
    zips = sorted(path.name for path in root.glob("*.zip"))
    if zips:
        return f"{root} holds archives ({listed(zips)}): unpack them there first"
    shown = listed(f"{path} ({reason})" for path, reason in list(unread.items())[:3])
    return f"{root} is not RAVDESS: no Actor_NN/MM-VC-EM-IN-ST-RE-AC.wav in it" + (
        f"; it holds {shown}" if shown else "; it is empty"
    )


ADAPTER = Adapter(read=read, local_id=local_id)
