import resource

import numpy as np
import pytest
from emoflow.encoders import make
from emoflow.encoders.cache import Cache, Entry

TOKENS = np.arange(6, dtype=np.float32).reshape(2, 3)


def test_what_was_put_is_got(tmp_path):
    cache = Cache(tmp_path / "cache")
    assert cache.get("ab01") is None
    cache.put("ab01", Entry(TOKENS))
    assert np.array_equal(cache.get("ab01").tokens, TOKENS) and cache.get("ab01").reason is None
    cache.put("ab01", Entry(TOKENS[:0], "silent"))
    assert cache.get("ab01").reason == "silent" and cache.get("ab01").tokens.shape == (0, 3)
    assert [path.name for path in (tmp_path / "cache" / "ab").iterdir()] == ["ab01.safetensors"]


@pytest.mark.parametrize("damage", ["half", "empty", "bit", "tail", "other"])
def test_an_entry_that_does_not_hold_is_as_if_it_were_not_there(tmp_path, damage):
    cache = Cache(tmp_path)
    cache.put("ab01", Entry(TOKENS))
    path = cache.path("ab01")
    whole = path.read_bytes()
    path.write_bytes(
        {
            "half": whole[: len(whole) // 2],
            "empty": b"",
            "bit": whole[:-1] + bytes([whole[-1] ^ 1]),
            "tail": whole + b"\0",
            "other": b"not safetensors at all" * 10,
        }[damage]
    )
    assert cache.get("ab01") is None
    cache.put("ab01", Entry(TOKENS))
    assert np.array_equal(cache.get("ab01").tokens, TOKENS)


def test_the_key_is_of_the_medium_and_the_encoder():
    small, large = (make(["hashing"], {"dimensions": size})[0] for size in (64, 128))
    keys = {Cache.key(digest, encoder) for digest in ("a", "b") for encoder in (small, large)}
    assert len(keys) == 4
    assert Cache.key("a", small) == Cache.key("a", make(["hashing"], {"dimensions": 64})[0])


def test_a_disk_that_takes_no_more_is_an_error_that_names_the_file(tmp_path):
    cache, before = Cache(tmp_path), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as raised:
            cache.put("ab" * 32, Entry(np.ones((100, 100), np.float32)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert raised.value.filename == str(cache.path("ab" * 32))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
