"""Blocks: the columns of each encoder and layer, and the mean over an utterance's tokens."""

import numpy as np
from emoflow.encoders import FeatureStore
from emoflow.encoders.store import Row, write
from emoflow.evaluation.probing.blocks import blocks_of, features_of


def stored(folder, join: str = "concatenate") -> FeatureStore:
    about = {"modality": "audio", "params_digest": "0", "join": join}
    fast = {"a": np.array([[1, 2], [3, 4], [5, 9]], np.float32), "b": np.array([[7, 7]], np.float32)}
    write(
        folder,
        [Row(name, "0", x) for name, x in fast.items()],
        encoder="fast",
        feature_names=["f0", "f1"],
        **about,
    )
    slow = np.array([[10, 20, 30, 40]], np.float16)
    layered = {"layers": 2} if join == "concatenate" else {}
    names = ["s0", "s1", "s2", "s3"]
    write(folder, [Row("a", "0", slow)], encoder="slow", feature_names=names, **layered, **about)
    return FeatureStore.open(folder)


def test_a_layer_is_a_block_and_a_vector_the_mean_of_the_tokens(tmp_path):
    store = stored(tmp_path)
    made = [(block.name, block.dimensions, x.tolist()) for block, x in features_of(store, ["a"])]
    assert made == [
        ("fast", 2, [[3, 5]]),
        ("slow, layer 0", 2, [[10, 20]]),
        ("slow, layer 1", 2, [[30, 40]]),
    ]
    assert [(block.start, block.stop) for block in blocks_of(store, "audio")] == [(0, 2), (2, 4), (4, 6)]


def test_of_streams_each_encoder_has_its_own_tokens(tmp_path):
    made = {block.encoder: x for block, x in features_of(stored(tmp_path, "streams"), ["a", "b", "c"])}
    assert np.array_equal(made["fast"], [[3, 5], [7, 7], [np.nan] * 2], equal_nan=True)
    assert np.array_equal(made["slow"], [[10, 20, 30, 40], [np.nan] * 4, [np.nan] * 4], equal_nan=True)
