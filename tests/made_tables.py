"""Utterance tables in the manner of the field's corpora, without a file."""

import pandas as pd
from emoflow.schema import LABEL_SPACES, UTTERANCE_COLUMNS

RAVDESS8 = LABEL_SPACES["ravdess8"]
ALL_ACTORS = [f"{actor:02}" for actor in range(1, 25)]
LUNA_ONE_EACH = ("02", "03", "10", "08", "01")
"""An actor of each fold of the protocol luna5."""

IEMOCAP_LABELS = {
    "ang": "anger",
    "hap": "happiness",
    "exc": "excitement",
    "neu": "neutral",
    "sad": "sadness",
    "fru": "frustration",
    "xxx": None,
}


def table_of(rows: list[dict]) -> pd.DataFrame:
    """An utterance table of the given rows, all other columns null."""
    return pd.DataFrame(rows, columns=list(UTTERANCE_COLUMNS)).astype(UTTERANCE_COLUMNS)


def ravdess(actors, *, channels=("01",)) -> pd.DataFrame:
    """Every emotion of the actors' speech in both statements, once in each channel."""
    rows = [
        {
            "utterance_id": f"ravdess/{channel}-{emotion:02}-01-{statement:02}-01-{actor}",
            "corpus": "ravdess",
            "speaker": f"ravdess/{actor}",
            "speaker_gender": "male" if int(actor) % 2 else "female",
            "text": ("Kids are talking by the door", "Dogs are sitting by the door")[statement - 1],
            "label": label,
        }
        for channel in channels
        for actor in actors
        for emotion, label in enumerate(RAVDESS8.classes, 1)
        for statement in (1, 2)
    ]
    return table_of(rows)


def iemocap(*, turns: int = 2, sessions: int = 5, corpus: str = "iemocap") -> pd.DataFrame:
    """Per session four improvised and two scripted dialogues, in which both speakers show each label so often."""
    rows = []
    for session in range(1, sessions + 1):
        for kind, count in (("impro", 4), ("script", 2)):
            for number in range(1, count + 1):
                dialogue = f"Ses{session:02}F_{kind}{number:02}"
                for letter in "FM":
                    for turn, (raw, label) in enumerate(list(IEMOCAP_LABELS.items()) * turns):
                        rows.append(
                            {
                                "utterance_id": f"{corpus}/{dialogue}_{letter}{turn:03}",
                                "corpus": corpus,
                                "speaker": f"{corpus}/Ses{session:02}{letter}",
                                "speaker_gender": {"F": "female", "M": "male"}[letter],
                                "session": f"{corpus}/Ses{session:02}",
                                "dialogue": f"{corpus}/{dialogue}",
                                "label_raw": raw,
                                "label": label,
                                "valence": 0.5 if raw in ("hap", "exc") else 0.0,
                            }
                        )
    return table_of(rows)


def own(
    speakers: list[str | None],
    labels: list[str],
    *,
    corpus: str = "own",
    known: bool = True,
    **columns: list,
) -> pd.DataFrame:
    """Every speaker with every label once; ``columns`` hold a value for each speaker."""
    rows = [
        {
            "utterance_id": f"{corpus}/{place:03}-{label}",
            "corpus": corpus,
            "speaker": speaker and f"{corpus}/{speaker}",
            "label_raw": label,
            "label": label if known else None,
        }
        | {name: values[place] and f"{corpus}/{values[place]}" for name, values in columns.items()}
        for place, speaker in enumerate(speakers)
        for label in labels
    ]
    return table_of(rows)
