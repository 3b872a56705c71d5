"""The digests of an utterance table's media and texts."""

from hashlib import sha256

import pandas as pd
import pytest
from emoflow.corpora.adapter_interface import utterance_table
from emoflow.corpora.media_digests import with_digests
from emoflow.schema import UTTERANCE_COLUMNS


@pytest.fixture
def table(tmp_path) -> pd.DataFrame:
    for name, content in {"a.wav": b"one", "b.wav": b"one", "empty.wav": b"", "film.mp4": b"two"}.items():
        (tmp_path / name).write_bytes(content)
    rows = [
        {"utterance_id": "c/1", "audio": "a.wav", "video": "film.mp4", "text": "grüß Gott"},
        {"utterance_id": "c/2", "audio": "b.wav", "text": "grüß Gott"},
        {"utterance_id": "c/3", "audio": "empty.wav", "video": "film.mp4"},
        {"utterance_id": "c/4", "audio": "gone.wav", "text": ""},
        {"utterance_id": "c/5"},
    ]
    return utterance_table(rows)


@pytest.mark.parametrize("workers", [1, 4])
def test_of_bytes_and_of_words(table, tmp_path, workers):
    done = with_digests(table, tmp_path, workers=workers)
    one, two, words, nothing = (
        sha256(each).hexdigest() for each in (b"one", b"two", "grüß Gott".encode(), b"")
    )
    assert list(done["audio_digest"].fillna("-")) == [one, one, "-", "-", "-"]
    assert list(done["video_digest"].fillna("-")) == [two, "-", two, "-", "-"]
    assert list(done["text_digest"].fillna("-")) == [words, words, "-", nothing, "-"]
    assert {name: str(kind) for name, kind in done.dtypes.items()} == UTTERANCE_COLUMNS
    assert table["audio_digest"].isna().all()  # the table given is left as it is


def test_without_media(tmp_path):
    done = with_digests(utterance_table([{"utterance_id": "c/1"}]), tmp_path, workers=2)
    assert done[["audio_digest", "video_digest", "text_digest"]].isna().all(axis=None)
    assert {name: str(kind) for name, kind in done.dtypes.items()} == UTTERANCE_COLUMNS


def test_a_part_of_a_recording_is_another_than_the_whole(tmp_path):
    (tmp_path / "film.mp4").write_bytes(b"two")
    names = ["film.mp4", "film.mp4#t=0,1.5", "film.mp4#t=1.5,3", "film.mp4#t=0,1.5"]
    rows = [{"utterance_id": f"c/{number}", "video": name} for number, name in enumerate(names)]
    whole, first, second, again = with_digests(utterance_table(rows), tmp_path, workers=1)["video_digest"]
    assert whole == sha256(b"two").hexdigest() and first == again and len({whole, first, second}) == 3
