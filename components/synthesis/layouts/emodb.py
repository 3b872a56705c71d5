"""EmoDB's layout: ``wav/03a01Fa.wav``."""

from __future__ import annotations

from collections.abc import Sequence

from ...corpora.adapters.emodb import FOLDER, LABELS, SENTENCES, SPEAKERS
from .plan import RESOURCE_FORK, Irregularity, LayoutSpec, Plan, Recording, Take

VERSIONS = "abcdef"
_LETTERS = {label: (letter, raw) for letter, (raw, label) in LABELS.items()}
_TEXTS = {sentence: code for code, sentence in SENTENCES.items()}


def plan(takes: Sequence[Take], corpus: str, seed: int, clean: bool) -> Plan:
    """The takes as clips; the n-th of a text and an emotion has the n-th letter for a version."""
    recordings, rows, ids, taken = {}, [], {}, set()
    for take in takes:
        if "audio" not in take.displays:
            continue
        speaker = [number for number, (gender, _) in SPEAKERS.items() if gender == take.gender][
            take.speaker // 2
        ]
        letter, raw = _LETTERS[take.label]
        names = (f"{speaker}{_TEXTS[take.spoken]}{letter}{version}" for version in VERSIONS)
        name = next(name for name in names if name not in taken)
        taken.add(name)
        path = f"{FOLDER}/{name}.wav"
        recordings[path] = Recording(((take.number, 0.0),))
        ids[take.number] = f"{corpus}/{name}"
        rows.append(
            {
                "utterance_id": f"{corpus}/{name}",
                "corpus": corpus,
                "speaker": f"{corpus}/{speaker}",
                "speaker_gender": take.gender,
                "speaker_age": SPEAKERS[speaker][1],
                "audio": path,
                "text": take.spoken,
                "language": "de",
                "label_raw": raw,
                "label": take.label,
                "elicitation": "scripted",
            }
        )
    planned = Plan(recordings, {}, rows, ids)
    if not clean:
        name = sorted(taken)[seed % len(taken)]
        planned.documents[f"{FOLDER}/._{name}.wav"] = RESOURCE_FORK
        planned.documents[f"lablaut/{name}.lablaut"] = b"signal\n#\n 0.12 121 h\n"
        planned.irregularities.append(Irregularity("._*", "resource file", "adapter"))
        planned.irregularities.append(Irregularity("lablaut", "labels of phones", "adapter"))
    return planned


SPEC = LayoutSpec(
    labels=tuple(_LETTERS),
    modalities=("audio", "text"),
    sentences={"de": tuple(_TEXTS)},
    speakers_at_most=len(SPEAKERS),
    clips_at_most=len(SENTENCES) * len(VERSIONS),
    acted=True,
    languages=("de",),
    plan=plan,
)
