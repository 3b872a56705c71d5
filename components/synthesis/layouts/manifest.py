"""The layout of a manifest: a table with most columns of the utterance table, and its recordings."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence

from ...schema import EMOTION7, MODALITIES
from .folder import word_of
from .plan import RESOURCE_FORK, Irregularity, LayoutSpec, Plan, Recording, Take

PAUSE_S = 0.5
"""Between two turns of a dialogue."""


def plan(takes: Sequence[Take], corpus: str, seed: int, clean: bool) -> Plan:
    """The takes as turns of dialogues, each in recordings of its own, with times in the dialogue."""
    planned = Plan({}, {}, [], {})
    lines = []
    clock: Counter = Counter()
    for take in takes:
        local = f"d{take.dialogue + 1:03d}-t{take.turn + 1:02d}"
        heard, seen = "audio" in take.displays, "face" in take.displays
        media = {
            "audio": f"sound/{local}.wav" if heard else None,
            "video": f"film/{local}.mp4" if seen else None,
        }
        if heard:
            planned.recordings[media["audio"]] = Recording(((take.number, 0.0),))
        if seen:
            planned.recordings[media["video"]] = Recording(((take.number, 0.0),), sound=heard, picture=True)
        begin = clock[take.dialogue]
        clock[take.dialogue] = round(begin + take.seconds + PAUSE_S, 3)
        annotations = {
            "turn": take.turn,
            "start_s": begin,
            "end_s": round(begin + take.seconds, 3),
            **media,
            "text": take.text,
            "language": take.language,
            "valence": take.valence,
            "arousal": take.arousal,
            "dominance": take.dominance,
            "intensity": take.intensity,
            "raters": json.dumps(take.raters, ensure_ascii=False) if take.raters else None,
        }
        names = {
            "speaker": f"s{take.speaker + 1:02d}",
            "session": f"p{take.speaker // 2 + 1:02d}-{take.session + 1}",
            "dialogue": f"d{take.dialogue + 1:03d}",
        }
        word = word_of(take)
        lines.append(
            {"id": local, **names, "sex": take.gender[0].upper(), "emotion": word, **annotations, "mood": "?"}
        )
        planned.ids[take.number] = f"{corpus}/{local}"
        planned.rows.append(
            {
                "utterance_id": f"{corpus}/{local}",
                "corpus": corpus,
                **{column: f"{corpus}/{name}" for column, name in names.items()},
                "speaker_gender": take.gender,
                "label_raw": word,
                "label": take.label,
                **annotations,
            }
        )
    if not clean:
        _plant(planned)
    planned.documents["utterances.csv"] = _csv(lines, clean)
    return planned


def _csv(lines: list[dict], clean: bool) -> bytes:
    """Plain when clean; else as a spreadsheet saves it, with a column of its own."""
    columns = [name for name in lines[0] if not (clean and name == "mood")]
    written = io.StringIO(newline="")
    table = csv.DictWriter(
        written,
        columns,
        extrasaction="ignore",
        delimiter="," if clean else ";",
        lineterminator="\n" if clean else "\r\n",
    )
    table.writeheader()
    table.writerows(lines)
    return written.getvalue().encode("utf-8" if clean else "utf-16")


def _plant(planned: Plan) -> None:
    """What tables kept by hand have: a file that is gone, one that nobody named, a column that nobody knows."""
    first = next(iter(planned.recordings))
    del planned.recordings[first]
    planned.documents["sound/not_named.wav"] = b"?"
    planned.documents["sound/._not_named.wav"] = RESOURCE_FORK
    planned.irregularities.extend(
        [
            Irregularity("utterances.csv", "unknown column", "adapter"),
            Irregularity(first, "missing file", "adapter"),
            Irregularity(first, "missing file", "validation"),
            Irregularity("sound/not_named.wav", "recording of no utterance", "adapter"),
            Irregularity("._*", "resource file", "adapter"),
        ]
    )


SPEC = LayoutSpec(labels=EMOTION7, modalities=MODALITIES, plan=plan, dialogues=True)
