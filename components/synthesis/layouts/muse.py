"""MuSe-Humor's layout: windows of two seconds with or without humour, as features; no recordings.

Who is happy is taken for humorous. Of each modality a feature set tells what it displays: each emotion has a point
of its own in the set's space, and the rows of a window scatter around it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ...schema import EMOTION7
from .plan import RESOURCE_FORK, Irregularity, LayoutSpec, Plan, Take

SETS = {"audio": "egemaps", "text": "bert-multilingual", "face": "faus"}
"""Modality → the feature set that displays it."""
DIMENSIONS = 8
HOP_MS, WINDOW_MS, PAUSE_MS = 500, 2000, 1000
SPLITS = "train", "devel", "test", "train"
"""Of coaches one after another."""
FEATURES, LABELS, PARTITION = "feature_segments", "label_segments", "metadata/partition.csv"
HUMOROUS = "happiness"
_SCATTER = 0.15


def plan(takes: Sequence[Take], corpus: str, seed: int, clean: bool) -> Plan:
    """A take is a window; a session of a speaker is a segment of a coach's press conference."""
    planned = Plan({}, {}, [], {})
    coaches = sorted({take.speaker for take in takes})
    labels: dict[str, list[str]] = {}
    features: dict[str, list[str]] = {}
    so_far: Counter = Counter()
    for take in takes:
        coach, segment = f"coach{take.speaker + 1:02d}", take.session + 1
        start = so_far[coach]
        so_far[coach] += WINDOW_MS + PAUSE_MS
        label = str(int(take.label == HUMOROUS))
        local = f"{coach}_{segment}_{start}"
        file = f"{coach}/{segment}.csv"
        labels.setdefault(f"{LABELS}/{file}", []).append(f"{start},{start + WINDOW_MS},{segment},{label}.0")
        for modality, display in take.displays.items():
            path = f"{FEATURES}/{SETS[modality]}/{file}"
            features.setdefault(path, []).extend(_rows(take, modality, display, seed, start, segment))
        planned.ids[take.number] = f"{corpus}/{local}"
        planned.rows.append(
            {
                "utterance_id": f"{corpus}/{local}",
                "corpus": corpus,
                "speaker": f"{corpus}/{coach}",
                "session": f"{corpus}/{coach}",
                "start_s": start / 1000,
                "end_s": (start + WINDOW_MS) / 1000,
                "language": None if take.language == "en" else take.language,
                "label_raw": label,
                "split_official": {"devel": "validation"}.get(
                    split := SPLITS[take.speaker % len(SPLITS)], split
                ),
            }
        )
    for path, lines in labels.items():
        planned.documents[path] = _csv(["timestamp_start,timestamp_end,segment_id,label", *lines])
    for path, lines in features.items():
        names = [f"{path.split('/')[1]}_{number}" for number in range(DIMENSIONS)]
        planned.documents[path] = _csv([",".join(["timestamp", "segment_id", *names]), *lines])
    parts = [f"coach{coach + 1:02d},{SPLITS[coach % len(SPLITS)]}" for coach in coaches]
    if not clean:
        parts.append("coach99,train")
        _plant(planned, next(iter(labels)))
    planned.documents[PARTITION] = _csv(["Id,Partition", *parts])
    return planned


def _rows(take: Take, modality: str, display: str, seed: int, start: int, segment: int) -> list[str]:
    """The window's rows of one feature set."""
    place = list(SETS).index(modality)
    centre = np.random.default_rng([seed, place]).normal(size=(len(EMOTION7), DIMENSIONS))[
        EMOTION7.index(display)
    ]
    noise = np.random.default_rng([seed, place, take.number, 1]).normal(
        size=(WINDOW_MS // HOP_MS, DIMENSIONS)
    )
    return [
        ",".join([str(start + at * HOP_MS), str(segment), *(f"{value:.4f}" for value in row)])
        for at, row in enumerate(centre + _SCATTER * noise)
    ]


def _csv(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _plant(planned: Plan, path: str) -> None:
    """A coach of whom nothing is there, labels of one whom the partition does not name, notes, resource files."""
    folder = path.rsplit("/", 1)[0]
    planned.documents[f"{LABELS}/coach98/1.csv"] = planned.documents[path]
    planned.documents["README.md"] = b"# MuSe\n"
    planned.documents[f"{folder}/._1.csv"] = RESOURCE_FORK
    planned.irregularities.extend(
        [
            Irregularity("coach99", "nothing of a part", "adapter"),
            Irregularity(f"{LABELS}/coach98/1.csv", "labels of no part", "adapter"),
            Irregularity("README.md", "no part of the package", "adapter"),
            Irregularity("._*", "resource file", "adapter"),
        ]
    )


SPEC = LayoutSpec(labels=EMOTION7, modalities=tuple(SETS), plan=plan)
