"""Several encoders of a modality as one sequence: at a common rate side by side, or each as it is, in order of time."""

import numpy as np
import pytest
from emoflow.encoders import FeatureStore, encode, make, merge, open_all
from emoflow.encoders.audio import Audio
from emoflow.encoders.store import Row, write
from emoflow.errors import FeatureError, MediaError
from emoflow.files import tree_digest
from hypothesis import given, settings
from hypothesis import strategies as st


def times(count: int) -> np.ndarray:
    return (np.arange(count, dtype=np.float32) + 0.5) / max(count, 1)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=4))
def test_sequences_are_interpolated_to_the_rate_of_the_longest(lengths):
    """Tokens that say when they are say it after the interpolation too, up to the first and the last token."""
    merged = merge([np.stack([times(n), np.full(n, n)], axis=1) for n in lengths])
    common = times(max(lengths))
    assert merged.dtype == np.float32 and merged.shape == (max(lengths), 2 * len(lengths))
    for place, n in enumerate(lengths):
        expected = common.clip(times(n)[0], times(n)[-1])
        np.testing.assert_allclose(merged[:, 2 * place], expected, atol=1e-6)
        np.testing.assert_allclose(merged[:, 2 * place + 1], n, rtol=1e-6)
        if n == max(lengths):
            assert np.array_equal(merged[:, 2 * place], times(n))


def test_half_precision_is_interpolated_in_single_precision():
    half = np.array([[0.0], [1.0]], np.float16)
    merged = merge([half, np.zeros((7, 1))])
    assert merged[:, 0].tolist() == np.float32((np.arange(7) + 0.5) * 2 / 7 - 0.5).clip(0, 1).tolist()


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 3)), min_size=2, max_size=4))
def test_streams_keep_their_tokens_in_order_of_time(shapes):
    parts = [
        np.arange(n * size, dtype=np.float32).reshape(n, size) + 100 * k for k, (n, size) in enumerate(shapes)
    ]
    merged = merge(parts, "streams")
    assert merged.shape == (sum(map(len, parts)), sum(size for _, size in shapes))
    when, column = np.full(len(merged), np.nan), 0
    for part in parts:
        own = merged[:, column : column + part.shape[1]]
        made = ~np.isnan(own).all(1)
        assert np.array_equal(own[made], part) and np.isnan(own[~made]).all()
        assert np.isnan(when[made]).all()  # a token is of one encoder
        when[made] = times(len(part))
        column += part.shape[1]
    assert (np.diff(when) >= 0).all()


@given(st.integers(1, 5))
def test_one_encoder_is_the_same_either_way(length):
    part = np.random.default_rng(length).normal(size=(length, 3)).astype(np.float32)
    assert np.array_equal(merge([part], "streams"), merge([part]))


# -- encoders ----------------------------------------------------------------------------------------------------


def test_faces_have_tokens_of_the_same_pictures_where_they_are_concatenated():
    stated, parameters = ["appearance", "landmarks"], {"frames": 4}
    assert all(each.aligned for each in make(stated, parameters))
    assert not any(each.aligned for each in make(stated, parameters, join="streams"))
    assert not any(each.aligned for each in make(stated[:1], parameters))


class Fake(Audio):
    """An encoder that finds a token for each number of the recording, or nothing."""

    kind, version = "sequence", 1

    def __init__(self, name: str, why: str | None = None):
        super().__init__()
        self.name, self.why, self.dimensions = name, why, 1

    def decode(self, source):
        return source

    def encode_decoded(self, medium):
        if self.why:
            raise MediaError(self.why)
        return np.array(medium, np.float32)[:, None]


def test_streams_may_lack_an_encoder_and_not_all():
    some = [Fake("a"), Fake("b", "no voice")]
    assert np.isnan(encode(some, [1, 2], join="streams")[:, 1]).all()
    assert encode(some, [1, 2], join="streams")[:, 0].tolist() == [1, 2]
    with pytest.raises(MediaError, match="no voice"):
        encode(some, [1, 2])
    with pytest.raises(MediaError, match="no sound; no voice"):
        encode([Fake("a", "no sound"), *some[1:]], [1, 2], join="streams")


# -- the store ---------------------------------------------------------------------------------------------------


def put(folder, encoder: str, tokens: dict, join="streams"):
    rows = [Row(id_, "0", np.asarray(each, np.float32)) for id_, each in tokens.items()]
    names = [f"{encoder}{n}" for n in range(rows[0].tokens.shape[1])]
    write(folder, rows, modality="audio", encoder=encoder, params_digest="0", feature_names=names, join=join)


@settings(max_examples=20, deadline=None)
@given(lengths=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=5))
def test_the_store_gives_what_any_stream_has(tmp_path_factory, lengths):
    folder, generator = tmp_path_factory.mktemp("store"), np.random.default_rng(0)
    made = [{"a/none": generator.normal(size=(1, size)).astype(np.float32)} for size in (2, 3)]
    for number, each in enumerate(lengths):
        for tokens, length, size in zip(made, each, (2, 3), strict=True):
            if length:
                tokens[f"a/{number}"] = generator.normal(size=(length, size)).astype(np.float32)
    put(folder, "x", made[0])
    put(folder, "y", made[1])
    store = FeatureStore.open(folder)
    assert store.join("audio") == "streams" and store.ids("audio") == sorted({*made[0], *made[1]})
    ids = [f"a/{number}" for number in range(len(lengths))]
    tokens, present = store.tokens("audio", ids)
    for row, id_ in enumerate(ids):
        parts = [held.get(id_, np.empty((0, size))) for held, size in zip(made, (2, 3), strict=True)]
        assert present[row].sum() == sum(map(len, parts))
        np.testing.assert_array_equal(tokens[row][present[row]], merge(parts, "streams"))


def test_what_a_store_says_of_its_join(tmp_path):
    for name, join in (("old", "concatenate"), ("new", "concatenate"), ("streams", "streams")):
        put(tmp_path / name, "x", {f"{name}/1": [[1.0], [2.0]]}, join)
        put(tmp_path / name, "y", {f"{name}/1": [[1.0], [2.0], [3.0]]}, join)
    assert tree_digest([tmp_path / "old" / "audio" / "x" / "tokens.safetensors"]) == tree_digest(
        [tmp_path / "new" / "audio" / "x" / "tokens.safetensors"]
    )
    assert open_all(tmp_path, ["old", "new"]).tokens("audio", ["new/1"])[0][0].T.tolist() == [
        [1, 1.5, 2],
        [1, 2, 3],
    ]
    with pytest.raises(FeatureError, match=r"not of one kind .*join: concatenate; .*join: streams"):
        open_all(tmp_path, ["old", "streams"])


def test_a_stream_that_is_not_finite_is_named(tmp_path):
    put(tmp_path, "x", {"a/1": [[1.0]], "a/2": [[np.nan]]})
    put(tmp_path, "y", {"a/1": [[1.0]]})
    with pytest.raises(FeatureError, match=r"audio: features that are not finite, of a/2; make"):
        FeatureStore.open(tmp_path).tokens("audio", ["a/1", "a/2"])
