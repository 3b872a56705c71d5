"""LRS3's layout: talks cut into clips, with word timings and without emotion labels.

Which of a talk's clips are in which part: its first session is for pre-training, what follows for training; every
fourth talk is a test talk.
"""

from __future__ import annotations

import math
import re
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256

from ...schema import MODALITIES
from .plan import RESOURCE_FORK, Irregularity, LayoutSpec, Plan, Recording, Take

FPS = 25


def plan(takes: Sequence[Take], corpus: str, seed: int, clean: bool) -> Plan:
    """The takes as LRS3 lays clips out; without ``clean``, with what its releases have amiss."""
    recordings: dict[str, Recording] = {}
    documents: dict[str, bytes] = {}
    rows, ids, irregularities = [], {}, []
    reached: dict[str, int] = {}
    for take in takes:
        talk = _talk(seed, take.speaker)
        local = f"{_part(take)}/{talk}/{_number(take):05d}"
        begin = reached.get(talk, FPS)
        end = begin + math.ceil(take.seconds * FPS)
        reached[talk] = end + FPS // 2
        ids[take.number] = f"{corpus}/{local}"
        seen = "audio" in take.displays or "face" in take.displays
        if seen:
            recordings[f"{local}.mp4"] = Recording(
                ((take.number, 0.0),),
                seconds=(end - begin) / FPS,
                sound="audio" in take.displays,
                picture="face" in take.displays,
                fps=FPS,
            )
        if take.text:
            documents[f"{local}.txt"] = _document(
                take, talk, begin, end, words=_part(take) != "trainval" or clean
            )
        rows.append(
            {
                "utterance_id": f"{corpus}/{local}",
                "corpus": corpus,
                "speaker": f"{corpus}/{talk}",
                "session": f"{corpus}/{talk}",
                "start_s": begin / FPS if take.text else None,
                "end_s": end / FPS if take.text else None,
                "video": f"{local}.mp4" if seen else None,
                "text": take.text and _said(take.text),
                "language": take.language,
                "split_official": "test" if _part(take) == "test" else "train",
            }
        )
    if not clean:
        irregularities += _amiss(recordings, documents)
    return Plan(recordings, documents, rows, ids, irregularities)


def _part(take: Take) -> str:
    if take.speaker % 4 == 3:
        return "test"
    return "trainval" if take.session else "pretrain"


def _number(take: Take) -> int:
    return take.take + (50_001 if _part(take) == "trainval" else 1)


def _talk(seed: int, speaker: int) -> str:
    """Eleven letters, as YouTube names its films."""
    return urlsafe_b64encode(sha256(f"{seed} {speaker}".encode()).digest())[:11].decode()


def _said(text: str) -> str:
    return " ".join(re.sub(r"[^\w\s']", " ", text).upper().split())


def _document(take: Take, talk: str, begin: int, end: int, *, words: bool) -> bytes:
    transcript = _said(take.text)
    lines = [f"Text:  {transcript}", "Conf:  4", f"Ref: {talk}", "", "FRAME \tX \tY \tW \tH "]
    lines += [f"{frame:06d} \t0.310 \t0.178 \t0.210 \t0.373 " for frame in range(begin, end)]
    if words:
        each = (end - begin) / FPS / len(transcript.split())
        lines += ["", "WORD START END ASDSCORE"]
        lines += [
            f"{word} {place * each:.2f} {(place + 1) * each:.2f} 4.5"
            for place, word in enumerate(transcript.split())
        ]
    return ("\n".join(lines) + "\n").encode()


def _amiss(recordings: dict[str, Recording], documents: dict[str, bytes]) -> list[Irregularity]:
    """Plant what copies of the corpus have amiss besides the clips, which are as they were."""
    first = min(recordings)
    folder, _slash, name = first.rpartition("/")
    documents[f"{folder}/._{name}"] = RESOURCE_FORK
    documents["lrs3-valid.id"] = b"trainval/UGtFXtnWME4/50021\n"
    return [
        Irregularity("._*", "resource file", "adapter"),
        Irregularity("lrs3-valid.id", "a file of no clip", "adapter"),
    ]


SPEC = LayoutSpec(labels=(), modalities=MODALITIES, plan=plan)
