"""The layout of a labelled folder: ``LABEL/SPEAKER/<clip>.wav``, ``.mp4`` and ``.txt``, labels in its language."""

from __future__ import annotations

from collections.abc import Sequence

from ...schema import EMOTION7, MODALITIES
from .plan import RESOURCE_FORK, Irregularity, LayoutSpec, Plan, Recording, Take

WORDS = {
    "en": ("angry", "disgusted", "afraid", "happy", "sad", "surprised", "neutral"),
    "fi": ("viha", "inho", "pelko", "ilo", "suru", "yllätys", "neutraali"),
    "de": ("Wut", "Ekel", "Angst", "Freude", "Trauer", "Überraschung", "neutral"),
}
"""What EMOTION7 are called."""


def plan(takes: Sequence[Take], corpus: str, seed: int, clean: bool) -> Plan:
    """The takes as recordings; one that has neither sound nor film is none of them.

    A folder does not say which language it is in: English, which nobody states, is null.
    """
    planned = Plan({}, {}, [], {})
    for take in takes:
        word, speaker = word_of(take), f"s{take.speaker + 1:02d}"
        stem = f"{word}/{speaker}/{speaker}-{take.take + 1:03d}"
        heard, seen = "audio" in take.displays, "face" in take.displays
        if not (heard or seen):
            continue
        if heard:
            planned.recordings[f"{stem}.wav"] = Recording(((take.number, 0.0),))
        if seen:
            planned.recordings[f"{stem}.mp4"] = Recording(((take.number, 0.0),), sound=heard, picture=True)
        if take.text:
            planned.documents[f"{stem}.txt"] = f"{take.text}\n".encode()
        planned.ids[take.number] = f"{corpus}/{stem}"
        planned.rows.append(
            {
                "utterance_id": f"{corpus}/{stem}",
                "corpus": corpus,
                "speaker": f"{corpus}/{speaker}",
                "audio": f"{stem}.wav" if heard else None,
                "video": f"{stem}.mp4" if seen else None,
                "text": take.text,
                "language": None if take.language == "en" else take.language,
                "label_raw": word,
                "label": take.label,
            }
        )
    if not clean:
        _plant(planned, seed)
    return planned


def word_of(take: Take) -> str:
    """What the take's label is called: in its language, and not always in the same case."""
    word = WORDS[take.language][EMOTION7.index(take.label)]
    return word.upper() if (take.speaker + take.session) % 2 else word


def _plant(planned: Plan, seed: int) -> None:
    """Files in the wrong place, of the wrong kind or twice, as folders that grew by hand have them; a stereo clip."""
    sounds = [path for path in planned.recordings if path.endswith(".wav")]
    if sounds:
        chosen = sounds[seed % len(sounds)]
        planned.recordings[chosen] = Recording(planned.recordings[chosen].takes, channels=2)
        planned.irregularities.append(Irregularity(chosen, "stereo", "validation"))
        twice = f"{sounds[0].removesuffix('.wav')}.flac"
        planned.documents[twice] = b"fLaC"
        planned.irregularities.append(Irregularity(twice, "the same recording twice", "adapter"))
    folder = next(iter(planned.recordings)).rsplit("/", 1)[0]
    planned.documents[f"{folder}/._s01.wav"] = RESOURCE_FORK
    planned.irregularities.append(Irregularity("._*", "resource file", "adapter"))
    for path, kind in (
        ("unsorted.wav", "recording without a label"),
        (f"{folder}/deeper/still/take.wav", "recording too deep"),
        (f"{folder}/left_over.txt", "text without a recording"),
        ("notes.docx", "no recording"),
    ):
        planned.documents[path] = b"?"
        planned.irregularities.append(Irregularity(path, kind, "adapter"))


SPEC = LayoutSpec(labels=EMOTION7, modalities=MODALITIES, plan=plan)
