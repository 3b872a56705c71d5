"""The published protocols on all of RAVDESS: the counts of the papers, the copies of Actor_07, the text alarm."""

import pandas as pd
import pytest
from emoflow import leakage
from emoflow.files import file_digest
from emoflow.protocols import assign, protocol
from emoflow.schema import LABEL_SPACES, UTTERANCE_COLUMNS

pytestmark = pytest.mark.corpora

SPACE = LABEL_SPACES["ravdess8"]
STATEMENTS = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}
COPIES = ["ravdess/01-03-01-02-01-07", "ravdess/01-03-01-02-02-07"]


@pytest.fixture(scope="module")
def table(corpora) -> pd.DataFrame:
    rows = []
    for path in sorted((corpora / "ravdess").glob("Actor_*/*.flac")):
        _, _, emotion, _, statement, _, actor = path.stem.split("-")
        rows.append(
            {
                "utterance_id": f"ravdess/{path.stem[3:]}",
                "corpus": "ravdess",
                "speaker": f"ravdess/{actor}",
                "audio": path.name,
                "audio_digest": file_digest(path),
                "text": STATEMENTS[statement],
                "label": SPACE.classes[int(emotion) - 1],
            }
        )
    return pd.DataFrame(rows, columns=list(UTTERANCE_COLUMNS)).astype(UTTERANCE_COLUMNS)


@pytest.mark.parametrize(
    ("name", "tested"),
    [("ravdess8.luna5", [300, 300, 300, 300, 240]), ("ravdess8.emobox6", [240] * 6), ("kfold4", [360] * 4)],
)
def test_all_clips_are_tested_once_and_the_gate_lets_them_through(table, name, tested):
    folds = assign(protocol(name, SPACE), table)
    assert folds[folds["role"] == "test"].groupby("fold").size().tolist() == tested
    assert len(folds) == 1440 * len(tested)
    findings = leakage.find(folds, table)
    leakage.guard(findings)
    copies, text = findings
    assert (copies.kind, copies.severity, copies.rows) == ("duplicate", "warning", COPIES)
    assert (text.kind, text.severity) == ("repeated-text", "info")
    assert leakage.text_is_no_evidence(findings)
