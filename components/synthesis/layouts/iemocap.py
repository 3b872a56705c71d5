"""IEMOCAP's layout: each pair of speakers is a session, and their turns are its dialogues."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from ...schema import MODALITIES
from .plan import RESOURCE_FORK, Irregularity, LayoutSpec, Plan, Recording, Take

CODES = {
    "anger": ("ang", "Anger"),
    "happiness": ("hap", "Happiness"),
    "excitement": ("exc", "Excited"),
    "sadness": ("sad", "Sadness"),
    "neutral": ("neu", "Neutral"),
    "frustration": ("fru", "Frustration"),
    "fear": ("fea", "Fear"),
    "surprise": ("sur", "Surprise"),
    "disgust": ("dis", "Disgust"),
}
"""The label's code, and what the raters write."""
FPS = 29.97
_PAUSE = 0.4


@dataclass(frozen=True)
class _Turn:
    """A take in its dialogue; the times as its documents write them."""

    take: Take
    name: str
    start: str
    end: str
    code: str
    raters: dict[str, list[str]]


def plan(takes: Sequence[Take], corpus: str, seed: int, clean: bool) -> Plan:
    """The takes as IEMOCAP lays dialogues out; without ``clean``, with what its release has amiss."""
    recordings: dict[str, Recording] = {}
    documents: dict[str, bytes] = {}
    rows, ids, irregularities = [], {}, []
    so_far: Counter[int] = Counter()
    last = ""
    for (pair, _dialogue), of_dialogue in groupby(takes, lambda take: (take.speaker // 2, take.dialogue)):
        dialogue = _name(pair, so_far[pair])
        so_far[pair] += 1
        turns = _turns(dialogue, list(of_dialogue), clean)
        within = f"Session{pair + 1}"
        last = film = f"{within}/dialog/avi/DivX/{dialogue}.avi"
        recordings[film] = Recording(
            tuple((turn.take.number, float(turn.start)) for turn in turns),
            seconds=float(turns[-1].end) + 1,
            picture=True,
            fps=FPS,
            split={turn.take.number: _half(turn.name) for turn in turns},
        )
        for turn in turns:
            wav = f"{within}/sentences/wav/{dialogue}/{turn.name}.wav"
            if "audio" in turn.take.displays:
                seconds = float(turn.end) - float(turn.start)
                recordings[wav] = Recording(((turn.take.number, 0.0),), seconds=round(seconds, 4))
            ids[turn.take.number] = f"{corpus}/{turn.name}"
            rows.append(_row(corpus, turn, film, wav if wav in recordings else None))
        documents[f"{within}/dialog/EmoEvaluation/{dialogue}.txt"] = _evaluation(turns)
        documents[f"{within}/dialog/transcriptions/{dialogue}.txt"] = _transcript(turns)
        if not clean:
            irregularities += _amiss(within, dialogue, turns, documents)
    if not clean:
        irregularities.append(_cut_short(last, recordings))
    return Plan(recordings, documents, rows, ids, irregularities)


def _name(pair: int, number: int) -> str:
    """The markers are on the woman and on the man in turn; every third pair of dialogues is scripted."""
    scene = number // 2
    kind = f"script{scene // 3 + 1:02d}_1" if scene % 3 == 2 else f"impro{scene - scene // 3 + 1:02d}"
    return f"Ses{pair + 1:02d}{'FM'[number % 2]}_{kind}"


def _half(name: str) -> str:
    wearer, talker = name[5], name.rpartition("_")[2][0]
    return "left" if wearer == talker else "right"


def _turns(dialogue: str, takes: list[Take], clean: bool) -> list[_Turn]:
    turns, count, moment = [], Counter(), 1.0
    for take in takes:
        letter = take.gender[0].upper()
        end = moment + take.seconds
        code, raters = _rated(take, letter, clean)
        name = f"{dialogue}_{letter}{count[letter]:03d}"
        turns.append(_Turn(take, name, f"{moment:.4f}", f"{end:.4f}", code, raters))
        count[letter] += 1
        moment = float(f"{end:.4f}") + _PAUSE
    return turns


def _rated(take: Take, letter: str, clean: bool) -> tuple[str, dict[str, list[str]]]:
    """The label's code, and what each rater said; ``xxx`` where no majority of them agrees."""
    code = CODES[take.label][0]
    if not take.raters:
        raters = {f"C-E{number}": [take.label] for number in (2, 3, 4)}
    else:
        raters = {f"C-E{number}": list(labels) for number, labels in enumerate(take.raters.values(), 1)}
        agreeing = sum(take.label in labels for labels in raters.values())
        if 2 * agreeing <= len(raters):
            code = "xxx"
    if not clean and take.turn == 0:  # actors who rate themselves may name two
        raters[f"C-{letter}1"] = list(dict.fromkeys((take.emotion, "neutral")))
    return code, raters


def _evaluation(turns: list[_Turn]) -> bytes:
    lines = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""]
    for turn in turns:
        scales = [3 + 2 * value for value in _dimensions(turn.take)]
        written = ", ".join(f"{scale:.4f}" for scale in scales)
        lines.append(f"[{turn.start} - {turn.end}]\t{turn.name}\t{turn.code}\t[{written}]")
        lines += [
            f"{rater}:\t{' '.join(f'{CODES[word][1]};' for word in labels)}\t()"
            for rater, labels in turn.raters.items()
        ]
        valence, arousal, dominance = (round(scale) for scale in scales)
        lines.append(f"A-E3:\tval {valence}; act {arousal}; dom  {dominance};\t()")
        lines.append("")
    return "\n".join(lines).encode()


def _transcript(turns: list[_Turn]) -> bytes:
    lines = [f"{turn.name} {_span(turn)}: {turn.take.text}" for turn in turns if turn.take.text]
    return "".join(f"{line}\n" for line in lines).encode()


def _span(turn: _Turn) -> str:
    return f"[{float(turn.start):08.4f}-{float(turn.end):08.4f}]"


def _dimensions(take: Take) -> tuple[float, float, float]:
    return take.valence, take.arousal, take.dominance


def _row(corpus: str, turn: _Turn, film: str, wav: str | None) -> dict:
    session = turn.name[:5]
    letter = turn.name.rpartition("_")[2][0]
    start, end = float(turn.start), float(turn.end)
    left = 0 if _half(turn.name) == "left" else 50
    valence, arousal, dominance = _dimensions(turn.take)
    return {
        "utterance_id": f"{corpus}/{turn.name}",
        "corpus": corpus,
        "speaker": f"{corpus}/{session}{letter}",
        "speaker_gender": turn.take.gender,
        "session": f"{corpus}/{session}",
        "dialogue": f"{corpus}/{turn.name.rpartition('_')[0]}",
        "elicitation": "scripted" if "_script" in turn.name else "improvised",
        "turn": turn.take.turn,
        "start_s": start,
        "end_s": end,
        "audio": wav,
        "video": f"{film}#t={start},{end}&xywh=percent:{left},0,50,100",
        "text": turn.take.text,
        "language": turn.take.language,
        "label_raw": turn.code,
        "label": None if turn.code == "xxx" else turn.take.label,
        "valence": valence,
        "arousal": arousal,
        "dominance": dominance,
        "raters": json.dumps(turn.raters, sort_keys=True),
    }


def _amiss(within: str, dialogue: str, turns: list[_Turn], documents: dict[str, bytes]) -> list[Irregularity]:
    """Plant in one dialogue what the release has beside the utterances, and the lines that are not as they should."""
    evaluations, transcripts = f"{within}/dialog/EmoEvaluation", f"{within}/dialog/transcriptions"
    beside = {
        f"{evaluations}/Categorical/{dialogue}_e2_cat.txt": f"{turns[0].name} :Neutral state; ()\n".encode(),
        f"{evaluations}/Attribute/{dialogue}_e3_atr.txt": f"{turns[0].name} :act 2; :val 3; :dom  2; ()\n".encode(),
        f"{evaluations}/Self-evaluation/{dialogue}_f1_cat.txt": b"",
        f"{within}/dialog/lab/{turns[0].name[:5]}_{turns[0].name[5]}/{dialogue}.lab": b"#\n",
        f"{within}/sentences/ForcedAlignment/{dialogue}/{turns[0].name}.wdseg": b"",
    }
    resource = {
        f"{evaluations}/._{dialogue}.txt": RESOURCE_FORK,
        f"{within}/sentences/wav/{dialogue}/._{turns[0].name}.wav": RESOURCE_FORK,
    }
    path = f"{transcripts}/{dialogue}.txt"
    end = float(turns[-1].end)
    stray = f"{dialogue}_FXX0 [{end:08.4f}-{end + 0.5:08.4f}]: [LAUGHTER]\n"  # heard, and never cut out
    mended = documents[path].decode().replace("]:", ":", 1)
    documents |= beside | resource | {path: (mended + "M: [BREATHING]\n" + stray).encode()}
    unused = {"/".join(each.split("/")[1:-1]) for each in beside if "/EmoEvaluation/" in each}
    unused |= {"dialog/lab", "sentences/ForcedAlignment"}
    return [
        Irregularity(path, "malformed transcript line", "adapter"),
        Irregularity("._*", "resource file", "adapter"),
        *(
            Irregularity(f"Session*/{folder}", "folder that is not used", "adapter")
            for folder in sorted(unused)
        ),
    ]


def _cut_short(film: str, recordings: dict[str, Recording]) -> Irregularity:
    """A film that ends before its dialogue's last turn."""
    whole = recordings[film]
    recordings[film] = Recording(
        whole.takes,
        whole.seconds,
        picture=True,
        fps=FPS,
        split=whole.split,
        cut_s=whole.takes[-1][1] - _PAUSE,
    )
    return Irregularity(film, "film ends before its last turn", "validation")


SPEC = LayoutSpec(
    labels=tuple(CODES), modalities=MODALITIES, plan=plan, speakers_at_most=10, dialogues=True, majority=True
)
