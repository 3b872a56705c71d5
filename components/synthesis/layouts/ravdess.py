"""RAVDESS's layout: ``Actor_NN/MM-VC-EM-IN-ST-RE-AC``, as audio, video, and video without sound."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from ...corpora.adapters.ravdess import INTENSITIES, LABELS, SENTENCES
from .plan import RESOURCE_FORK, Irregularity, LayoutSpec, Plan, Recording, Take

RATE, FPS = 48000, 30.0
_EMOTIONS = {label: (code, raw) for code, (raw, label) in LABELS.items()}
_STATEMENTS = {sentence: code for code, sentence in SENTENCES.items()}
_INTENSITIES = {intensity: code for code, intensity in INTENSITIES.items()}
_SILENT_ACTOR = "18"
"""Who sings nothing."""


def plan(takes: Sequence[Take], corpus: str, seed: int, clean: bool) -> Plan:
    """The takes as performances; a fifth and later neutral one of a speaker is sung, for speech has room for four."""
    recordings, rows, names = {}, {}, {}
    taken: set[str] = set()
    for take in takes:
        name = _name(take, taken)
        if name is None:
            continue
        actor = name[-2:]
        files = {
            "03": Recording(((take.number, 0.0),), rate=RATE),
            "01": Recording(((take.number, 0.0),), rate=RATE, picture=True, fps=FPS),
            "02": Recording(((take.number, 0.0),), sound=False, picture=True, fps=FPS),
        }
        if "audio" not in take.displays:
            del files["03"], files["01"]
        if "face" not in take.displays:
            files = {modality: each for modality, each in files.items() if modality == "03"}
        paths = {
            modality: f"Actor_{actor}/{modality}-{name}.{'wav' if modality == '03' else 'mp4'}"
            for modality in files
        }
        recordings |= {paths[modality]: recording for modality, recording in files.items()}
        names[take.number] = name
        taken.add(name)
        rows[take.number] = _row(take, corpus, name, paths)
    planned = Plan(
        recordings, {}, list(rows.values()), {number: f"{corpus}/{name}" for number, name in names.items()}
    )
    if not clean:
        _plant(planned, takes, names, seed)
    return planned


def _name(take: Take, taken: set[str]) -> str | None:
    """The six numbers after the modality's that this take may have; None where it has no room."""
    code, _ = _EMOTIONS[take.label]
    intensity = _INTENSITIES["normal" if take.label == "neutral" else take.intensity]
    actor = f"{take.speaker + 2 if take.gender == 'female' else take.speaker:02}"
    for channel, repetition in product(("01", "02"), ("01", "02")):
        name = "-".join((channel, code, intensity, _STATEMENTS[take.spoken], repetition, actor))
        sung = channel == "02"
        if name not in taken and not (sung and (code in ("07", "08") or actor == _SILENT_ACTOR)):
            return name
    return None


def _row(take: Take, corpus: str, name: str, paths: dict[str, str]) -> dict:
    _channel, _code, intensity, _statement, _repetition, actor = name.split("-")
    return {
        "utterance_id": f"{corpus}/{name}",
        "corpus": corpus,
        "speaker": f"{corpus}/{actor}",
        "speaker_gender": take.gender,
        "audio": paths.get("03"),
        "video": paths.get("01", paths.get("02")),
        "text": take.spoken,
        "language": "en",
        "label_raw": _EMOTIONS[take.label][1],
        "label": take.label,
        "intensity": INTENSITIES[intensity],
        "elicitation": "scripted",
    }


def _plant(planned: Plan, takes: Sequence[Take], names: dict[int, str], seed: int) -> None:
    """A Mac's resource file, a stereo clip, and two clips that are the same bytes, as Actor_07 has them."""
    sounds = {number: f"Actor_{name[-2:]}/03-{name}.wav" for number, name in names.items()}
    sounds = {number: path for number, path in sounds.items() if path in planned.recordings}
    first = next(iter(planned.recordings))
    folder, _, name = first.rpartition("/")
    planned.documents[f"{folder}/._{name}"] = RESOURCE_FORK
    planned.irregularities.append(Irregularity("._*", "resource file", "adapter"))
    if not sounds:
        return
    stereo = sorted(sounds)[seed % len(sounds)]
    planned.recordings[sounds[stereo]] = Recording(((stereo, 0.0),), rate=RATE, channels=2)
    planned.irregularities.append(Irregularity(sounds[stereo], "stereo", "validation"))
    alike: dict[tuple, int] = {}
    for take in takes:
        if take.number not in sounds or take.number == stereo:
            continue
        # Both display the same, so that the truth holds for the one that is replaced, too.
        shown = (take.speaker, names[take.number][:11], tuple(sorted(take.displays.items())))
        other = alike.setdefault(shown, take.number)
        if other != take.number:
            planned.recordings[sounds[take.number]] = Recording(((other, 0.0),), rate=RATE)
            planned.irregularities.append(Irregularity(sounds[take.number], "identical clips", "validation"))
            return


SPEC = LayoutSpec(
    labels=tuple(_EMOTIONS),
    modalities=("audio", "text", "face"),
    sentences={"en": tuple(_STATEMENTS)},
    speakers_at_most=24,
    clips_at_most=8,
    acted=True,
    languages=("en",),
    plan=plan,
)
