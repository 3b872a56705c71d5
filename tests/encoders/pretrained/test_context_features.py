"""The stage's extraction with a dialogue context: what is read, what is kept in the cache, what is said."""

import hashlib

import numpy as np
import pandas as pd
import pytest
from emoflow.encoders import FeatureStore, ModelFiles
from emoflow.encoders.cache import Cache
from emoflow.encoders.extract import extract
from emoflow.encoders.parallel import Recipe
from emoflow.schema import UTTERANCE_COLUMNS
from tiny_models import save

WORDS = ("what a day", "I hate it", "happy day", "what is it", "unhappy", "lovely day")
NAME = "tiny.context2.mean"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    save("bert", root / "tiny")
    return ModelFiles(pretrained=root)


def talk(words: tuple[str, ...] = WORDS, *, dialogues: bool = True) -> pd.DataFrame:
    """Two dialogues of the same words, of which two speakers say every other turn."""
    rows = [
        {
            "utterance_id": f"c/{name}{turn}",
            "dialogue": f"c/{name}" if dialogues else None,
            "turn": turn if dialogues else None,
            "speaker": f"c/{'AB'[turn % 2]}",
            "text": text,
            "text_digest": hashlib.sha256(text.encode()).hexdigest(),
        }
        for name, texts in (("d", words), ("e", WORDS[::-1]))
        for turn, text in enumerate(texts)
    ]
    return pd.DataFrame(rows).reindex(columns=list(UTTERANCE_COLUMNS)).astype({"turn": "Int64"})


def extracted(
    table: pd.DataFrame, folder, models, *, excluded=None
) -> tuple[dict[str, np.ndarray], list[str]]:
    stated = ({"hf": "tiny", "pooling": "mean", "context": 2},)
    out = folder / str(sum(1 for _ in folder.iterdir()))
    _, lines = extract(
        table,
        raw=folder,
        out=out,
        recipes={"text": Recipe("text", stated, {}, models)},
        attached={},
        excluded=excluded or {},
        cache=Cache(folder / "cache"),
        workers=1,
    )
    store = FeatureStore.open(out)
    store.check(table)
    ids = store.ids("text")
    return dict(zip(ids, store.tokens("text", ids)[0], strict=True)), lines


def changed(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> set[str]:
    return {name for name in after if not np.array_equal(before.get(name), after[name])}


def test_a_changed_turn_changes_the_turns_that_read_it_and_no_other(models, tmp_path):
    (tmp_path / "cache").mkdir()
    before, lines = extracted(talk(), tmp_path, models)
    assert f"text/{NAME}: 12 encoded, 0 of 12 from the cache" in lines
    assert f"text/{NAME}: 10 read after earlier turns" in lines
    after, lines = extracted(talk((*WORDS[:2], "lovely", *WORDS[3:])), tmp_path, models)
    assert changed(before, after) == {"c/d2", "c/d3", "c/d4"}  # never an earlier turn, nor another dialogue
    assert f"text/{NAME}: 12 encoded, 9 of 12 from the cache" in lines
    fresh = tmp_path / "fresh"
    (fresh / "cache").mkdir(parents=True)
    assert not changed(after, extracted(talk((*WORDS[:2], "lovely", *WORDS[3:])), fresh, models)[0])


def test_what_validation_set_aside_is_not_read(models, tmp_path):
    (tmp_path / "cache").mkdir()
    before, _ = extracted(talk(), tmp_path, models)
    after, _ = extracted(talk(), tmp_path, models, excluded={("c/d2", "text"): "said validation"})
    assert changed(before, after) == {"c/d3", "c/d4"} and "c/d2" not in after


def test_a_corpus_without_dialogues_is_read_alone_and_this_is_said(models, tmp_path):
    (tmp_path / "cache").mkdir()
    found, lines = extracted(talk(dialogues=False), tmp_path, models)
    assert np.array_equal(found["c/d1"], found["c/e4"])  # the same words
    why = "in no dialogue, or in one whose turns have neither numbers nor times"
    assert f"text/{NAME}: 0 read after earlier turns; 12 read alone: {why}" in lines
