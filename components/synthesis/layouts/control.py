"""The control corpus's own layout: ``utterances.csv``, ``audio/<id>.wav``, ``video/<id>.mp4``."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

from ...schema import EMOTION7, MODALITIES
from .plan import LayoutSpec, Plan, Recording, Take


def plan(takes: Sequence[Take], corpus: str, seed: int, clean: bool) -> Plan:
    """Columns beyond the usual six are there only where they say something. It has no faults."""
    ids = {take.number: _id(take) for take in takes}
    lines, rows, recordings = [], [], {}
    some_missing = any({"audio", "face"} - take.displays.keys() for take in takes)
    for take in takes:
        local = ids[take.number]
        heard, seen = "audio" in take.displays, "face" in take.displays
        media = {
            "audio": f"audio/{local}.wav" if heard else None,
            "video": f"video/{local}.mp4" if seen else None,
        }
        if heard:
            recordings[media["audio"]] = Recording(((take.number, 0.0),))
        if seen:
            recordings[media["video"]] = Recording(((take.number, 0.0),), sound=heard, picture=True)
        speaker = f"s{take.speaker + 1:02d}"
        session = f"{speaker}-{take.session + 1}"
        raters = json.dumps(take.raters, ensure_ascii=False) if take.raters else None
        lines.append(
            {
                "id": local,
                "speaker": speaker,
                "gender": take.gender,
                "session": session,
                "text": take.text or "",
                "label": take.label,
            }
            | ({"language": take.language} if take.language != "en" else {})
            | ({name: path or "" for name, path in media.items()} if some_missing else {})
            | ({"raters": raters} if raters else {})
        )
        rows.append(
            {
                "utterance_id": f"{corpus}/{local}",
                "corpus": corpus,
                "speaker": f"{corpus}/{speaker}",
                "speaker_gender": take.gender,
                "session": f"{corpus}/{session}",
                **media,
                "text": take.text,
                "language": take.language,
                "label_raw": take.label,
                "label": take.label,
                "raters": raters,
            }
        )
    written = io.StringIO(newline="")
    table = csv.DictWriter(written, list(lines[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(lines)
    documents = {"utterances.csv": written.getvalue().encode()}
    return Plan(recordings, documents, rows, {number: f"{corpus}/{local}" for number, local in ids.items()})


def _id(take: Take) -> str:
    return f"s{take.speaker + 1:02d}-{take.take + 1:03d}"


SPEC = LayoutSpec(labels=EMOTION7, modalities=MODALITIES, plan=plan)
