import numpy as np
import pandas as pd
import pytest
from emoflow.encoders import FeatureStore, open_all
from emoflow.encoders.store import Row, write
from emoflow.errors import FeatureError
from emoflow.files import file_digest
from hypothesis import given, settings
from hypothesis import strategies as st


def put(folder, modality, encoder, tokens: dict, *, digest="p", names=None):
    rows = [Row(id_, f"media of {id_}", np.asarray(each, np.float32)) for id_, each in tokens.items()]
    size = rows[0].tokens.shape[1] if rows else 0
    names = names or [f"{encoder}{n}" for n in range(size)]
    return write(folder, rows, modality=modality, encoder=encoder, params_digest=digest, feature_names=names)


def table(**media: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "utterance_id": media.keys(),
            "audio_digest": media.values(),
            "video_digest": pd.NA,
            "text_digest": pd.NA,
        }
    )


def test_the_same_tokens_are_the_same_bytes_whatever_is_stated_of_them(tmp_path):
    stated = {"model": {"sha256": "0" * 64}, "join": "streams", "recogniser": {"name": "whisper — å"}}
    written = set()
    for n in range(8):
        rows = [Row("c/1", "m", np.ones((2, 3), np.float32))]
        names = ["a", "b", 'c "\\\n']
        write(
            tmp_path / str(n),
            rows,
            modality="text",
            encoder="e",
            params_digest="p",
            feature_names=names,
            **stated,
        )
        written.add((tmp_path / str(n) / "text" / "e" / "tokens.safetensors").read_bytes())
    assert len(written) == 1
    store = FeatureStore.open(tmp_path / "0")
    assert store.feature_names("text") == names
    assert np.array_equal(store.tokens("text", ["c/1"])[0][0], np.ones((2, 3)))


def test_whoever_may_read_the_index_may_read_the_tokens(tmp_path):
    put(tmp_path, "audio", "egemaps", {"c/1": [[1.0]]})
    folder = tmp_path / "audio" / "egemaps"
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    (tmp_path / "new").touch()
    assert modes == dict.fromkeys(modes, (tmp_path / "new").stat().st_mode & 0o777) and len(modes) == 2


@settings(max_examples=30, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 5), min_size=1, max_size=6), asked=st.lists(st.integers(0, 8), max_size=8)
)
def test_what_was_written_is_read_by_id(tmp_path_factory, lengths, asked):
    folder = tmp_path_factory.mktemp("store")
    generator = np.random.default_rng(0)
    sequence = {f"c/{n}": generator.normal(size=(length, 3)) for n, length in enumerate(lengths)}
    pooled = {f"c/{n}": generator.normal(size=(1, 2)) for n in range(len(lengths))}
    put(folder, "audio", "seq", sequence)
    put(folder, "audio", "a-pooled", pooled)
    ids = [f"c/{n}" for n in asked]
    tokens, present = FeatureStore.open(folder).tokens("audio", ids)
    assert tokens.dtype == np.float32 and tokens.shape[:2] == present.shape == (len(ids), tokens.shape[1])
    for row, id_ in enumerate(ids):
        length = len(sequence.get(id_, ()))
        assert present[row].tolist() == [True] * length + [False] * (tokens.shape[1] - length)
        assert (tokens[row, length:] == 0).all()
        if length:
            assert np.array_equal(tokens[row, :length, 2:], sequence[id_].astype(np.float32))
            assert (tokens[row, :length, :2] == pooled[id_].astype(np.float32)).all()


def test_the_store_tells_what_it_holds(tmp_path):
    put(tmp_path, "audio", "seq", {"c/b": [[1, 2]], "c/a": [[3, 4]]})
    put(tmp_path, "audio", "pooled", {"c/a": [[5]]})
    put(tmp_path, "face", "table", {"c/z": [[1, 1, 1]]}, names=["AU01", "AU02", "AU04"])
    assert put(tmp_path, "text", "hashing", {}) == 0
    store = FeatureStore.open(tmp_path)
    assert store.modalities == ["audio", "face"]
    assert store.layout("audio") == [("pooled", 1), ("seq", 2)]
    assert store.feature_names("face") == ["AU01", "AU02", "AU04"]
    assert store.ids("audio") == ["c/a"]  # one of its encoders has no b
    tokens, present = store.tokens("audio", ["c/b", "c/a"])
    assert present.tolist() == [[False], [True]] and tokens[1].tolist() == [[5, 3, 4]]
    with pytest.raises(FeatureError, match="no features of modality 'text'; there are: audio, face"):
        store.tokens("text", [])


def test_the_same_rows_are_the_same_bytes_whatever_their_order(tmp_path):
    tokens = {f"c/{n}": np.full((n + 1, 2), n) for n in range(5)}
    put(tmp_path / "one", "audio", "seq", tokens)
    put(tmp_path / "two", "audio", "seq", dict(reversed(tokens.items())))
    for name in ("tokens.safetensors", "index.parquet"):
        assert file_digest(tmp_path / "one/audio/seq" / name) == file_digest(
            tmp_path / "two/audio/seq" / name
        )


def test_several_corpora_are_one_store(tmp_path):
    put(tmp_path / "a", "audio", "seq", {"a/1": [[1, 2]]})
    put(tmp_path / "b", "audio", "seq", {"b/1": [[3, 4], [5, 6]]})
    put(tmp_path / "b", "face", "look", {"b/1": [[7]]})
    store = open_all(tmp_path, ["a", "b"])
    tokens, present = store.tokens("audio", ["b/1", "a/1"])
    assert tokens.tolist() == [[[3, 4], [5, 6]], [[1, 2], [0, 0]]] and present.sum() == 3
    assert store.ids("face") == ["b/1"]


def test_corpora_encoded_differently_are_refused(tmp_path):
    put(tmp_path / "a", "audio", "seq", {"a/1": [[1, 2]]})
    put(tmp_path / "b", "audio", "seq", {"b/1": [[3, 4]]}, digest="other params")
    put(tmp_path / "c", "audio", "table", {"c/1": [[3, 4]]})
    put(tmp_path / "d", "audio", "table", {"d/1": [[3, 4]]}, names=["other", "columns"])
    for pair in ("ab", "ac", "cd"):
        with pytest.raises(FeatureError, match="audio features are not of one kind"):
            open_all(tmp_path, list(pair))


def test_features_of_other_media_are_refused(tmp_path):
    put(tmp_path, "audio", "seq", {"c/1": [[1]], "c/2": [[1]]})
    store = FeatureStore.open(tmp_path)
    store.check(table(**{"c/1": "media of c/1", "c/2": "media of c/2", "c/3": "new"}))
    with pytest.raises(FeatureError, match="1 utterances were made from other media: c/2"):
        store.check(table(**{"c/1": "media of c/1", "c/2": "another recording"}))
    with pytest.raises(FeatureError, match="are not in the utterance table: c/2"):
        store.check(table(**{"c/1": "media of c/1"}))


def test_a_broken_store_is_refused(tmp_path):
    with pytest.raises(FeatureError, match="does not exist; make it with: dvc repro features"):
        FeatureStore.open(tmp_path / "nothing")
    put(tmp_path, "audio", "seq", {"c/1": [[1, 2]], "c/2": [[3, 4]]})
    folder = tmp_path / "audio" / "seq"
    whole, index = (folder / "tokens.safetensors").read_bytes(), pd.read_parquet(folder / "index.parquet")
    (folder / "tokens.safetensors").write_bytes(whole[:-4])
    with pytest.raises(FeatureError, match="not part of a feature store"):
        FeatureStore.open(tmp_path)
    (folder / "tokens.safetensors").write_bytes(whole)
    index.iloc[:1].to_parquet(folder / "index.parquet", index=False)
    with pytest.raises(FeatureError, match="1 in the index, 2 there"):
        FeatureStore.open(tmp_path)
    (folder / "index.parquet").unlink()
    with pytest.raises(FeatureError, match="not part of a feature store"):
        FeatureStore.open(tmp_path)


def test_features_that_differ_by_fold_are_read_fold_by_fold(tmp_path):
    rows = [
        Row(f"c/{name}", "0", np.full((1, 2), 10 * fold + place, np.float32), fold=fold)
        for fold in (0, 1)
        for place, name in enumerate("abc")
        if (fold, name) != (1, "c")
    ]
    about = {"modality": "text", "encoder": "posteriors", "params_digest": "p", "feature_names": ["x", "y"]}
    assert write(tmp_path / "c", rows, **about) == 5
    put(tmp_path / "c", "audio", "egemaps", {"c/a": [[1.0]]})
    store = open_all(tmp_path, ["c"])
    assert store.folds("text") == [0, 1] and store.folds("audio") == []
    assert store.holds_posteriors("text") and not store.holds_posteriors("audio")
    assert store.ids("text") == store.ids("text", 0) == ["c/a", "c/b", "c/c"] and store.ids("text", 1) == [
        "c/a",
        "c/b",
    ]
    assert store.ids("audio", 1) == ["c/a"]
    tokens, present = store.tokens("text", ["c/b", "c/b", "c/c", "c/a"], [1, 0, 1, None])
    assert tokens[:, 0, 0].tolist() == [11, 1, 0, 0] and present[:, 0].tolist() == [True, True, False, False]
    assert store.tokens("audio", ["c/a"], [1])[0].tolist() == [[[1.0]]]  # the same in every fold
    with pytest.raises(FeatureError, match="text features differ by test fold"):
        store.tokens("text", ["c/a"])


def test_two_corpora_of_other_classes_are_not_one_modality(tmp_path):
    for corpus, names in (("a", ["anger", "neutral"]), ("b", ["neutral", "anger"])):
        row = Row(f"{corpus}/1", "0", np.ones((1, 2), np.float32) / 2, fold=0)
        about = {"modality": "text", "encoder": "posteriors", "params_digest": "p"}
        write(tmp_path / corpus, [row], feature_names=names, **about)
    with pytest.raises(FeatureError, match="not of one kind"):
        open_all(tmp_path, ["a", "b"])
