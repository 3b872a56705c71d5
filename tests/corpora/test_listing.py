"""What is known, what is one's own, and what is here; and by what a corpus is recognised."""

from io import StringIO

import pytest
from emoflow.corpora.adapters.detect_layout import nearby, recognise
from emoflow.corpora.describe.listing import gated, rows, table
from emoflow.schema import CORPORA
from rich.console import Console


@pytest.fixture
def root(tmp_path):
    for name in ("ravdess", "mylab", ".hidden.partial"):
        (tmp_path / name).mkdir()
    for name in ("iemocap", "theirs", "mylab"):
        (tmp_path / f"{name}.dvc").touch()
    return tmp_path


def test_known_ones_then_ones_own(root):
    found = {row.name: row.state for row in rows(root)}
    assert list(found) == [*sorted(CORPORA), "mylab", "theirs"]
    assert {name: state for name, state in found.items() if state != "absent"} == {
        "iemocap": "tracked",
        "mylab": "here",
        "ravdess": "here",
        "theirs": "tracked",
    }


def test_the_table_says_how_to_have_what_is_not_here(root):
    console = Console(width=80, record=True, file=StringIO())
    console.print(table(root))
    said = " ".join(console.export_text().split())
    for corpus in CORPORA.values():
        assert corpus.title.split(" (")[0] in said and corpus.licence in said
    for part in (
        "dvc pull",
        "emoflow corpora fetch crema-d",
        "emoflow corpora describe mylab",
        "--part media",
        "your own",
    ):
        assert part in said


@pytest.mark.parametrize("name", ["iemocap", "lrs3", "muse", "emodb"])
def test_a_gated_corpus_says_whom_to_ask_and_what_to_do_then(root, name):
    said = gated(name, root)
    assert (
        CORPORA[name].obtain in said
        and f"emoflow corpora add {name}" in said
        and CORPORA[name].licence in said
    )
    assert str(root / name) in said


def lay(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


@pytest.mark.parametrize(
    ("layout", "names"),
    [
        ("ravdess", ["Actor_01/03-01-01-01-01-01-01.wav"]),
        ("iemocap", ["Session1/dialog/EmoEvaluation/a.txt", "README.txt"]),
        ("crema-d", ["AudioWAV/1001_DFA_ANG_XX.wav"]),
        ("meld", ["train_sent_emo.csv"]),
        ("meld", ["output_repeated_splits_test/dia0_utt0.mp4"]),
        ("muse", ["c2_muse_humor/metadata/partition.csv"]),
        ("lrs3", ["trainval/0af00UcTOSc/50001.txt"]),
        ("emodb", ["wav/03a01Fa.wav"]),
        ("emodb", ["wav/03a01Fa.wav", *(f"wav/._03a01{letter}a.wav" for letter in "FNWT")]),
        ("manifest", ["utterances.parquet"]),
        (None, ["anger/1.wav"]),
        (None, ["wav/1.wav"]),
        (None, []),
    ],
)
def test_a_corpus_is_recognised_by_what_lies_in_it(tmp_path, layout, names):
    root = lay(tmp_path / "shelf" / "corpus", *names)
    root.mkdir(parents=True, exist_ok=True)
    assert recognise(root) == layout
    if layout:
        assert nearby(tmp_path, layout) == root  # two folders in
        (root / "deeper" / "still").mkdir(parents=True)
        assert nearby(root / "deeper" / "still", layout) == root  # two folders out


def test_nothing_like_it_is_near(tmp_path):
    lay(tmp_path, "anger/1.wav")
    assert nearby(tmp_path, "lrs3") is None
    assert recognise(tmp_path / "gone") is None
