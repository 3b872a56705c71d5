"""The store and its stream of batches: every clip once an epoch, the same again, clips as they were written."""

import numpy as np
import pytest
from emoflow.errors import FeatureError
from emoflow.pretraining import store as inputs
from emoflow.pretraining.batches import Batches
from emoflow.pretraining.store import Clip, InputStore, write
from made_inputs import made_clips, made_store


def test_clips_are_read_as_they_were_written_across_shards(tmp_path, monkeypatch):
    monkeypatch.setattr(inputs, "SHARD", 100)
    clips = made_clips(5)
    silent = Clip("made/silent", None, None, clips[0].pictures, clips[0].present)
    write(tmp_path / "a", clips, pictures=True)
    write(tmp_path / "b", [silent], pictures=True)
    store = InputStore([tmp_path / "a", tmp_path / "b"])
    assert len(list((tmp_path / "a").glob("*.safetensors"))) > 1
    assert store.ids == [clip.utterance_id for clip in (*clips, silent)]
    assert store.frames == sum(map(len, (*clips, silent)))
    for number, clip in enumerate(clips):
        for name in ("audio", "mfcc", "pictures", "present", "units"):
            np.testing.assert_array_equal(store.read(name, number), getattr(clip, name))
    np.testing.assert_array_equal(store.read("audio", 1, 3, 9), clips[1].audio[3:9])
    assert store.heard.tolist() == [True] * 5 + [False]
    assert not store.read("audio", 5).any() and (store.read("units", 5) == -1).all()


def test_the_same_clips_are_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write(tmp_path / name, made_clips(3), pictures=True)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_broken_and_unlike_inputs_are_refused(tmp_path):
    with pytest.raises(FeatureError, match=r"pretrain/dvc\.yaml:inputs@nothing"):
        InputStore([tmp_path / "nothing"])
    made_store(tmp_path / "films", 2)
    made_store(tmp_path / "sounds", 2, film=False)
    with pytest.raises(FeatureError, match="some corpora's inputs have pictures"):
        InputStore([tmp_path / "films", tmp_path / "sounds"])


def test_an_epoch_has_every_clip_once_within_the_budget(tmp_path):
    store = made_store(tmp_path / "s", 20, film=False)
    batches = Batches(store, frames=200, longest=50, seed=1)
    clip_of = np.repeat(np.arange(len(store)), store.lengths)
    number = 0
    for _epoch in range(2):
        seen: list[int] = []
        while len(seen) < len(store):
            batch = batches.at(number)
            number += 1
            assert batch.frames.size <= 200 and batch.frames.shape[1] <= 50
            for row, length in zip(batch.frames, batch.lengths, strict=True):
                seen.append(int(clip_of[row[0]]))
                assert length == min(50, store.lengths[seen[-1]])
                assert (np.diff(row[:length]) == 1).all() and (row[length:] == -1).all()
        assert sorted(seen) == list(range(len(store)))


def test_batches_depend_on_seed_and_number_alone(tmp_path):
    store = made_store(tmp_path / "s", 6)
    made = Batches(store, frames=150, longest=40, seed=1)
    for number in (7, 2):
        one = made.at(number)
        other = Batches(store, frames=150, longest=40, seed=1).at(number)
        for name in ("audio", "pictures", "heard", "seen", "frames"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert not np.array_equal(made.at(2).frames, Batches(store, frames=150, longest=40, seed=2).at(2).frames)


def test_pictures_are_those_of_the_frames_or_their_mirror_image(tmp_path):
    store = made_store(tmp_path / "s", 8, frames=(12, 16))
    mirrored = []
    whole = np.concatenate([store.read("pictures", clip) for clip in range(len(store))])
    batches = Batches(store, frames=60, longest=10, seed=0)
    for number in range(4):
        batch = batches.at(number)
        for pictures, frames in zip(batch.pictures, batch.frames, strict=True):
            as_written = np.array_equal(pictures, whole[frames])
            assert as_written or np.array_equal(pictures, whole[frames][..., ::-1])
            mirrored.append(not as_written)
    assert 0 < sum(mirrored) < len(mirrored)
