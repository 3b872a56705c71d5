"""CREMA-D's layout: ``AudioWAV/``, ``VideoFlash/``, demographics and votes."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence

from ...corpora.adapters.crema_d.adapter import (
    ACTORS,
    DEMOGRAPHICS,
    FILM,
    INTENSITIES,
    KNOWN_BAD,
    LABELS,
    SENTENCES,
    SOUND,
)
from ...corpora.adapters.crema_d.votes import (
    ANSWERS,
    CHANNELS,
    DISTRACTED_MS,
    FIRST_ANSWERS,
    LETTERS,
    TABULATED,
)
from .plan import RESOURCE_FORK, Irregularity, LayoutSpec, Plan, Recording, Take

RATE, FPS = 16000, 30.0
_CODES = {label: code for code, label in LABELS.items()}
_SENTENCES = {sentence: code for code, sentence in SENTENCES.items()}
_LETTERS = {label: letter for letter, label in LETTERS.items()}
_BAD = {path.rpartition("/")[2].partition(".")[0] for path in KNOWN_BAD}
_LEVELS = {"XX": (50, "XX"), "LO": (20, "LO"), "MD": (50, "MD"), "HI": (80, "HI")}
_QUERIES = list(CHANNELS)


def plan(takes: Sequence[Take], corpus: str, seed: int, clean: bool) -> Plan:
    """The takes as clips; what its raters say, each of them by ear, by eye or by both in turn."""
    recordings, rows, names = {}, [], {}
    taken: set[str] = set()
    for take in takes:
        name = names[take.number] = _name(take, taken)
        taken.add(name)
        paths = {}
        if "audio" in take.displays:
            paths["audio"] = f"{SOUND}/{name}.wav"
            recordings[paths["audio"]] = Recording(((take.number, 0.0),), rate=RATE)
        if "face" in take.displays:
            paths["video"] = f"{FILM}/{name}.flv"
            recordings[paths["video"]] = Recording(
                ((take.number, 0.0),), sound="audio" in take.displays, picture=True, rate=44100, fps=FPS
            )
        rows.append(_row(take, corpus, name, paths))
    documents = {DEMOGRAPHICS: _demographics(takes)}
    planned = Plan(
        recordings, documents, rows, {number: f"{corpus}/{name}" for number, name in names.items()}
    )
    answers = _answers(takes, names)
    if not clean:
        _plant(planned, takes, names, answers, seed)
    if answers:
        documents |= _tables(answers)
    return planned


def _name(take: Take, taken: set[str]) -> str:
    """Only "It's eleven o'clock" has levels, a second round of takes apart."""
    actor, sentence, code = ACTORS[take.speaker], _SENTENCES[take.spoken], _CODES[take.label]
    levels = ["HI"] if take.intensity == "strong" else ["MD"]
    if sentence != "IEO" or take.label == "neutral":
        levels.insert(0, "XX")
    names = [f"{actor}_{sentence}_{code}_{level}" for level in [*levels, "LO"]]
    return next(name for name in names if name not in taken and name not in _BAD)


def _row(take: Take, corpus: str, name: str, paths: dict[str, str]) -> dict:
    raters = {f"{CHANNELS[query]}-{participant}": labels for query, participant, labels in _raters(take)}
    return {
        "utterance_id": f"{corpus}/{name}",
        "corpus": corpus,
        "speaker": f"{corpus}/{name[:4]}",
        "speaker_gender": take.gender,
        "speaker_age": _age(int(name[:4])),
        **paths,
        "text": take.spoken,
        "language": "en",
        "label_raw": _CODES[take.label],
        "label": take.label,
        "intensity": INTENSITIES[name[-2:]],
        "elicitation": "scripted",
        "raters": json.dumps(raters, sort_keys=True) if raters else None,
    }


def _raters(take: Take) -> list[tuple[str, str, list[str]]]:
    """The query's type, the participant and the labels of each rater."""
    return [
        (_QUERIES[number % len(_QUERIES)], f"{take.speaker:02}{number:02}", labels)
        for number, labels in enumerate(take.raters.values())
    ]


def _demographics(takes: Sequence[Take]) -> bytes:
    genders = {ACTORS[take.speaker]: take.gender.capitalize() for take in takes}
    people = [[actor, _age(actor), sex, "Unknown", "Not Hispanic"] for actor, sex in sorted(genders.items())]
    return _csv(["ActorID", "Age", "Sex", "Race", "Ethnicity"], people)


def _age(actor: int) -> int:
    return 20 + actor * 7 % 55


def _answers(takes: Sequence[Take], names: dict[int, str]) -> list[dict]:
    """One answer a participant and label: what the tables of answers are made of."""
    answers: list[dict] = []
    asked = Counter()
    for number, take in enumerate(takes, 1):
        for query, participant, labels in _raters(take):
            for label in labels:
                asked[participant] += 1
                answers.append(
                    {
                        "localid": participant,
                        "queryType": query,
                        "clipNum": number,
                        "questNum": asked[participant],
                        "clipName": names[take.number],
                        "sessionNums": int(participant) + 1,
                        "respEmo": _LETTERS[label],
                        "ttr": 1500 + asked[participant] * 37 % 4000,
                    }
                )
    return answers


def _tables(answers: list[dict]) -> dict[str, bytes]:
    first, final = [], []
    for number, each in enumerate(answers, 1):
        shown = each["clipName"].split("_")[2:]
        value, level = _LEVELS[shown[1]]
        question = each["sessionNums"], each["queryType"], each["questNum"]
        first.append(
            [number, each["localid"], *question, number, each["ttr"], 0, each["clipNum"], each["clipName"]]
        )
        final.append(
            [
                number, each["localid"], number, f"{each['respEmo']}_60", 800, each["queryType"], 0, each["clipNum"],
                each["questNum"], 4, each["clipName"], each["sessionNums"], each["respEmo"], "60", shown[0][0], value,
                level,
            ]
        )  # fmt: skip
    return {
        FIRST_ANSWERS: _csv(
            ["", "localid", "sessionNums", "queryType", "questNum", "pos", "ttr", "numTries", "clipNum", "clipName"],
            first,
        ),
        ANSWERS: _csv(
            [
                "", "localid", "pos", "ans", "ttr", "queryType", "numTries", "clipNum", "questNum", "subType",
                "clipName", "sessionNums", "respEmo", "respLevel", "dispEmo", "dispVal", "dispLevel",
            ],
            final,
        ),
        TABULATED: _tabulated(answers),
    }  # fmt: skip


def _tabulated(answers: list[dict]) -> bytes:
    counts: dict[tuple, Counter] = {}
    for each in answers:
        if each["ttr"] <= DISTRACTED_MS:
            key = int(each["queryType"]) * 100_000 + each["clipNum"], each["clipName"]
            counts.setdefault(key, Counter())[each["respEmo"]] += 1
    rows = []
    for (number, name), votes in sorted(counts.items()):
        most = max(votes.values())
        vote = ":".join(letter for letter in LETTERS if votes[letter] == most)
        total = votes.total()
        rows.append([number, *(votes[letter] for letter in LETTERS), name, total, most / total, vote])
    return _csv(["", *LETTERS, "fileName", "numResponses", "agreement", "emoVote"], rows)


def _csv(header: list[str], rows: list[list]) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return file.getvalue().encode()


def _plant(
    planned: Plan, takes: Sequence[Take], names: dict[int, str], answers: list[dict], seed: int
) -> None:
    """The README's faulty clip, a Git LFS pointer, a resource file, a name with a letter too few, a late answer."""
    pointer = f"{SOUND}/{ACTORS[takes[0].speaker]}_WSI_ANG_LO.wav"
    oid = f"{seed:064x}"
    planned.documents[pointer] = (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 86530\n".encode()
    )
    found = [Irregularity(pointer, "Git LFS pointer", "adapter")]
    for path in (f"{SOUND}/1076_MTI_SAD_XX.wav", f"{FILM}/1076_MTI_SAD_XX.flv"):
        planned.documents[path] = b"RIFF$\0\0\0WAVE" if path.endswith("wav") else b"FLV\1\5\0\0\0\t"
        found.append(Irregularity(path, "known bad clip", "adapter"))
    planned.documents[f"{SOUND}/._{names[takes[0].number]}.wav"] = RESOURCE_FORK
    found.append(Irregularity("._*", "resource file", "adapter"))
    _shorten(planned)
    if answers:
        late = answers[seed % len(answers)]
        answers.append(late | {"localid": "9999", "sessionNums": 10_000, "ttr": DISTRACTED_MS + 1})
        found.append(Irregularity(ANSWERS, "late answer", "adapter"))
    planned.irregularities.extend(found)


def _shorten(planned: Plan) -> None:
    """Have one clip's sound called ``…_X``, as 1040_ITH_SAD's is."""
    path = next((path for path in planned.recordings if path.endswith("_XX.wav")), None)
    if path:
        short = path.replace("_XX.wav", "_X.wav")
        planned.recordings[short] = planned.recordings.pop(path)
        row = next(row for row in planned.rows if row.get("audio") == path)
        row["audio"] = short


SPEC = LayoutSpec(
    labels=tuple(_CODES),
    modalities=("audio", "text", "face"),
    sentences={"en": tuple(_SENTENCES)},
    speakers_at_most=len(ACTORS),
    clips_at_most=2 * len(SENTENCES),
    acted=True,
    languages=("en",),
    plan=plan,
)
