"""RAVDESS as published on Zenodo (record 1188976): ``Actor_NN/MM-VC-EM-IN-ST-RE-AC.wav``, ``.mp4``; or ``.flac``.

Livingstone & Russo (2018), *The Ryerson Audio-Visual Database of Emotional Speech and Song*, PLoS ONE 13(5):
e0196391, table 1. The first field says what was recorded of a performance (01 picture and sound, 02 picture,
03 sound); the other six say which performance it is. So these six are the utterance's id, and a performance's
files are one utterance's media. The archives may be unpacked into one folder, or each into a folder of its name; where
there are no folders of actors at all, the names tell the actors.
"""

import re
from itertools import product
from pathlib import Path, PurePosixPath

from ...errors import CorpusError
from ...schema import UNSTATED, Layout
from ..adapter_interface import Adapter, Reading, files_below, unread_list, utterance_table
from .corpus_root import wrong_root

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
_ARCHIVE = re.compile(r"(Audio|Video)_(Speech|Song)_Actors?_\d\d(-\d\d)?")
_ACTOR = re.compile(r"(^|/)Actor_\d\d/")
_CALLED = {"01": "film", "02": "silent film", "03": "clip"}


def read(root: Path, corpus: str = "ravdess", stated: Layout = UNSTATED) -> Reading:
    """The corpus in ``root``: one row a performance.

    Of a performance's films the one with sound is taken; the other shows the same pictures.

    Args:
        root: the corpus's folder.
        corpus: its name.
        stated: not looked at: the names tell everything.

    Returns:
        The utterance table, and what is not read.

    Raises:
        CorpusError: nothing here is RAVDESS; says which folder looks like it.
    """
    paths, droppings = files_below(root)
    media: dict[str, dict[str, str]] = {}
    unread: dict[str, str] = {}
    flat = not any(_ACTOR.search(path) for path in [*paths, f"{root.resolve().name}/"])
    for path in paths:
        fault = _fault(PurePosixPath(path), flat=flat)
        if fault:
            unread[path] = fault
            continue
        modality, local = PurePosixPath(path).stem.split("-", 1)
        files = media.setdefault(local, {})
        other = files.get(modality)
        if other is None:
            files[modality] = path
        else:
            taken, left = sorted((other, path), key=_preference)
            files[modality] = taken
            unread[left] = f"the same recording as {taken}, which is taken"
    if not media:
        holds = "Actor_NN/MM-VC-EM-IN-ST-RE-AC.wav"
        raise CorpusError(wrong_root(root, title="RAVDESS", holds=holds, layout="ravdess"))
    unread |= _gaps(media)
    table = utterance_table(_row(corpus, local, files) for local, files in media.items())
    return Reading(table, unread_list(unread, droppings))


def local_id(name: str) -> str | None:
    """What a feature table calls a clip → its id within the corpus.

    Args:
        name: ``01-01-05-02-01-01-12``, of any modality, with an extension or without.

    Returns:
        ``01-05-02-01-01-12``; None for what is no name of RAVDESS.
    """
    stem = PurePosixPath(name.strip()).name
    stem = re.sub(r"\.(wav|mp4|flac|csv)$", "", stem, flags=re.IGNORECASE)
    return None if _name_fault(stem) else stem.split("-", 1)[1]


def _gaps(media: dict[str, dict[str, str]]) -> dict[str, str]:
    """The recordings that an actor lacks who has most of their kind: lost, rather than left out on purpose."""
    gaps = {}
    for channel, kind in (("01", "speech"), ("02", "song")):
        takes = _performances(channel)
        for modality, actor in product(SUFFIXES, FIELDS[-1][1]):
            missing = [take for take in takes if modality not in media.get(f"{channel}-{take}-{actor}", ())]
            if 0 < len(missing) < len(takes) / 2:
                here = len(takes) - len(missing)
                reason = f"missing: {here} of this actor's {len(takes)} {kind} {_CALLED[modality]}s are here"
                gaps |= {f"Actor_{actor}/{modality}-{channel}-{take}-{actor}": reason for take in missing}
    return gaps


def _performances(channel: str) -> list[str]:
    """Emotion, intensity, statement and repetition of what each actor speaks (60) or sings (44)."""
    performances = map("-".join, product(LABELS, INTENSITIES, SENTENCES, ("01", "02")))
    return [take for take in performances if not _name_fault(f"03-{channel}-{take}-01")]


def _preference(path: str) -> tuple[int, str]:
    """Of two files of one recording the first in this order is taken."""
    place = PurePosixPath(path)
    return SUFFIXES[place.stem[:2]].index(place.suffix.lower()), path


def _row(corpus: str, local: str, files: dict[str, str]) -> dict:
    _channel, emotion, intensity, statement, _repetition, actor = local.split("-")
    raw, label = LABELS[emotion]
    return {
        "utterance_id": f"{corpus}/{local}",
        "corpus": corpus,
        "speaker": f"{corpus}/{actor}",
        "speaker_gender": "male" if int(actor) % 2 else "female",
        "audio": files.get("03"),
        "video": files.get("01", files.get("02")),
        "text": SENTENCES[statement],
        "language": "en",
        "label_raw": raw,
        "label": label,
        "intensity": INTENSITIES[intensity],
        "elicitation": "scripted",
    }


def _fault(path: PurePosixPath, *, flat: bool) -> str | None:
    """Why this file is not a recording of RAVDESS; None where it is one. ``flat``: there are no folders of actors."""
    fault = _name_fault(path.stem)
    if fault:
        return fault
    modality, actor = path.stem[:2], path.stem[-2:]
    if path.suffix.lower() not in SUFFIXES[modality]:
        allowed = " or ".join(SUFFIXES[modality])
        return f"modality {modality} comes as {allowed}, not {path.suffix or 'without an extension'}"
    folders = path.parts[1:-1] if _ARCHIVE.fullmatch(path.parts[0]) else path.parts[:-1]
    if folders != (() if flat else (f"Actor_{actor}",)):
        return f"lies in {path.parent.as_posix()}, not in Actor_{actor} at the top of the corpus"
    return None


def _name_fault(stem: str) -> str | None:
    parts = stem.split("-")
    if len(parts) != len(FIELDS):
        return f"a name has 7 numbers (MM-VC-EM-IN-ST-RE-AC, say 03-01-06-01-02-01-12); this has {len(parts)} part(s)"
    for part, (field, values) in zip(parts, FIELDS, strict=True):
        if part not in values:
            allowed = f"{values[0]} to {values[-1]}" if len(values) > 3 else ", ".join(values)
            return f"{field} is {part!r}; it must be {allowed}"
    _modality, channel, emotion, intensity, *_ = parts
    if emotion == "01" and intensity == "02":
        return "neutral (emotion 01) has no strong intensity (02)"
    if channel == "02" and emotion in ("07", "08"):
        return f"song (channel 02) has no {LABELS[emotion][0]} (emotion {emotion})"
    return None


ADAPTER = Adapter(read=read, local_id=local_id)
