"""MELD's layout: a table and a folder of clips per split, an episode's lines in order."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence

from ...corpora.adapters.meld.adapter import KNOWN_BAD, SPLITS
from ...corpora.adapters.meld.rows import COLUMNS, GENDERS, LABELS
from .plan import RESOURCE_FORK, Irregularity, LayoutSpec, Plan, Recording, Take

CYCLE = "train", "test", "dev", "train", "train"
"""The splits of dialogues one after another: as in MELD, all of them have the same speakers and episodes."""
RATE, CHANNELS, FPS = 48000, 2, 24.0
EPISODES = 24
"""In a season."""
_NAMES = {
    "female": [name for name, gender in GENDERS.items() if gender == "female"],
    "male": [name for name, gender in GENDERS.items() if gender == "male"],
}
_RAW = {label: raw for raw, label in LABELS.items()}


def plan(takes: Sequence[Take], corpus: str, seed: int, clean: bool) -> Plan:
    """The takes as lines of dialogues; dialogues whose number belongs to a clip that is known to be bad have none."""
    places, recordings, rows = _places(takes), {}, []
    lines: dict[str, list[list[str]]] = {split: [] for split in SPLITS}
    clock: Counter = Counter()
    episodes = sorted({(take.speaker // 2, take.session) for take in takes})
    ids = {}
    for take in takes:
        split, local = places[take.number]
        official, folder = SPLITS[split]
        episode = episodes.index((take.speaker // 2, take.session))
        start = 60_000 + clock[episode]
        end = start + round(take.seconds * 1000)
        clock[episode] = end - 60_000 + 400
        path = f"{folder}/{local.partition('_')[2]}.mp4"
        there = {"sound": "audio" in take.displays, "picture": "face" in take.displays}
        if any(there.values()):
            recordings[path] = Recording(
                ((take.number, 0.0),), rate=RATE, channels=CHANNELS, fps=FPS, **there
            )
        text = take.text if clean else _curled(take, seed)
        dialogue, turn = (number.strip("diautl") for number in local.split("_")[1:])
        sentiment = _sentiment(take.valence)
        ids[take.number] = f"{corpus}/{local}"
        rows.append(
            {
                "utterance_id": f"{corpus}/{local}",
                "corpus": corpus,
                "speaker": f"{corpus}/{_speaker(take)}",
                "speaker_gender": GENDERS.get(_speaker(take)),
                "session": f"{corpus}/s{episode // EPISODES + 1:02}e{episode % EPISODES + 1:02}",
                "dialogue": f"{corpus}/{split}_dia{dialogue}",
                "turn": int(turn),
                "start_s": start / 1000,
                "end_s": end / 1000,
                "video": path if path in recordings else None,
                "text": text,
                "language": "en",
                "label_raw": _RAW[take.label],
                "label": take.label,
                "valence": {"negative": -1.0, "neutral": 0.0, "positive": 1.0}[sentiment],
                "elicitation": "scripted",
                "split_official": official,
            }
        )
        cells = (
            text or "", _speaker(take), _RAW[take.label], sentiment, dialogue, turn, episode // EPISODES + 1,
            episode % EPISODES + 1, _time(start), _time(end),
        )  # fmt: skip
        lines[split].append([str(cell) for cell in cells])
    planned = Plan(recordings, {}, rows, ids)
    if not clean:
        _plant(planned, lines, seed)
    planned.documents.update({f"{split}_sent_emo.csv": _csv(lines[split]) for split in SPLITS})
    return planned


def _places(takes: Sequence[Take]) -> dict[int, tuple[str, str]]:
    """The take's number → its split and local id."""
    numbered: dict[int, tuple[str, int]] = {}
    so_far = Counter()
    for dialogue in sorted({take.dialogue for take in takes}):
        split = CYCLE[dialogue % len(CYCLE)]
        while any(bad.startswith(f"{split}_dia{so_far[split]}_") for bad in KNOWN_BAD):
            so_far[split] += 1
        numbered[dialogue] = split, so_far[split]
        so_far[split] += 1
    return {
        take.number: (split, f"{split}_dia{number}_utt{take.turn}")
        for take in takes
        for split, number in [numbered[take.dialogue]]
    }


def _speaker(take: Take) -> str:
    """The main six first, then guests, whose gender MELD does not say."""
    names = _NAMES[take.gender]
    number = take.speaker // 2
    return names[number] if number < len(names) else f"Guest #{take.speaker}"


def _curled(take: Take, seed: int) -> str | None:
    """Apostrophes and, here and there, quotes as MELD has them."""
    if take.text is None:
        return None
    text = take.text.replace("'", "’")
    return f"“{text}”" if (take.number + seed) % 7 == 0 else text


def _sentiment(valence: float) -> str:
    return "positive" if valence > 0 else "negative" if valence < 0 else "neutral"


def _time(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02},{rest:03}"


def _csv(lines: list[list[str]]) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["Sr No.", *COLUMNS])
    writer.writerows([number, *cells] for number, cells in enumerate(lines, 1))
    return file.getvalue().encode()


def _plant(planned: Plan, lines: dict[str, list[list[str]]], seed: int) -> None:
    """What users of MELD meet: a line without duration, a name in two spellings, bad clips and clips of no line."""
    by_id = {row["utterance_id"].rpartition("/")[2]: row for row in planned.rows}
    split = next(split for split in ("test", "train") if lines[split])
    number = seed % len(lines[split])
    cells = lines[split][number]
    cells[COLUMNS.index("EndTime")] = cells[COLUMNS.index("StartTime")]
    dialogue, turn = (cells[COLUMNS.index(name)] for name in ("Dialogue_ID", "Utterance_ID"))
    by_id[f"{split}_dia{dialogue}_utt{turn}"]["end_s"] = None
    found = [Irregularity(f"{split}_sent_emo.csv:{number + 2}", "no duration", "adapter")]

    speaker = COLUMNS.index("Speaker")
    (name, often), *_ = Counter(cells[speaker] for cells in lines["train"]).most_common(1)
    if often > 2:
        shouted = next(cells for cells in lines["train"] if cells[speaker] == name)
        shouted[speaker] = f" {name.upper()}"
        found.append(Irregularity("*_sent_emo.csv", "name in two spellings", "adapter"))

    folder = {split: SPLITS[split][1] for split in SPLITS}
    for path, kind in (
        (f"{folder['train']}/dia125_utt3.mp4", "corrupt clip"),
        (f"{folder['train']}/dia0_utt99.mp4", "clip of no utterance"),
        (f"{folder['test']}/final_videos_testdia0_utt0.mp4", "clip of no utterance"),
    ):
        planned.documents[path] = b"\0\0\0\x18ftypmp42"
        found.append(Irregularity(path, kind, "adapter"))
    planned.documents[f"{folder['test']}/._dia0_utt0.mp4"] = RESOURCE_FORK
    found.append(Irregularity("._*", "resource file", "adapter"))
    planned.irregularities.extend(found)


SPEC = LayoutSpec(
    labels=tuple(LABELS.values()),
    modalities=("audio", "text", "face"),
    languages=("en",),
    dialogues=True,
    plan=plan,
)
