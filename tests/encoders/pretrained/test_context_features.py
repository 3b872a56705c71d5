"""The stage's extraction with a dialogue context: what is read, what is kept in the cache, what is said."""

import hashlib
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from emoflow.encoders import FeatureStore, ModelFiles
from emoflow.encoders.cache import Cache
from emoflow.encoders.extract import extract
from emoflow.encoders.parallel import Recipe
from emoflow.encoders.recognition import Recognised
from emoflow.evaluation.robustness.extraction import Wanted
from emoflow.evaluation.robustness.extraction import extract as extract_changed
from emoflow.evaluation.robustness.transcripts import Transcripts
from emoflow.schema import UTTERANCE_COLUMNS
from in_process import no_processes
from tiny_models import save

WORDS = ("day", "hate", "happy", "what", "lovely", "it")  # of which the model reads three with their marks
NAME = "tiny.context2.mean"


@pytest.fixture(scope="module", autouse=True)
def _in_this_process():
    with no_processes():
        yield


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
    table: pd.DataFrame, folder: Path, models: ModelFiles, *, excluded=None, recognised=None
) -> tuple[dict[str, np.ndarray], list[str]]:
    """The tokens of each utterance, and what was said; the cache is in ``folder``."""
    out = Path(tempfile.mkdtemp(dir=folder)) / "out"
    _, lines = extract(
        table,
        raw=folder,
        out=out,
        recipes={"text": Recipe("text", ({"hf": "tiny", "pooling": "mean", "context": 2},), {}, models)},
        attached={},
        excluded=excluded or {},
        cache=Cache(folder / "cache"),
        workers=1,
        recognised=recognised,
    )
    store = FeatureStore.open(out)
    store.check(table)
    ids = store.ids("text")
    return dict(zip(ids, store.tokens("text", ids)[0], strict=True)), lines


@pytest.fixture(scope="module")
def base(models, tmp_path_factory):
    """A folder with a cache, and what was made there."""
    folder = tmp_path_factory.mktemp("base")
    return folder, *extracted(talk(), folder, models)


def changed(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> set[str]:
    return {name for name in after if not np.array_equal(before.get(name), after[name])}


def test_a_changed_turn_changes_the_turns_that_read_it_and_no_other(base, models):
    folder, before, lines = base
    assert f"text/{NAME}: 12 encoded, 0 of 12 from the cache" in lines
    assert f"text/{NAME}: 10 read after earlier turns" in lines
    after, lines = extracted(talk((*WORDS[:2], "four", *WORDS[3:])), folder, models)
    assert changed(before, after) == {"c/d2", "c/d3", "c/d4"}  # never an earlier turn, nor another dialogue
    assert f"text/{NAME}: 12 encoded, 9 of 12 from the cache" in lines


def test_what_validation_set_aside_is_not_read(base, models):
    folder, before, _ = base
    after, _ = extracted(talk(), folder, models, excluded={("c/d2", "text"): "said validation"})
    assert changed(before, after) == {"c/d3", "c/d4"} and "c/d2" not in after


def test_recognised_words_are_read_as_context_in_place_of_the_transcripts(base, models, tmp_path):
    table = talk(("four", *WORDS[1:]))
    names, texts = table["utterance_id"], dict(zip(table["utterance_id"], talk()["text"], strict=True))
    del texts["c/e5"]
    table["audio_digest"] = recording = "f" * 64
    recognised = Recognised(
        recogniser="whisper.asr",
        digest="0" * 64,
        model={"sha256": "1" * 64},
        texts=texts,
        reasons={"c/e5": "no speech recognised"},
        recordings=dict.fromkeys(names, recording),
        cached=0,
    )
    _, before, _ = base
    after, lines = extracted(
        table, tmp_path, models, recognised=recognised, excluded={("c/d2", "text"): "bad"}
    )
    del before["c/e5"]
    assert not changed(before, after) and set(before) == set(after)
    assert f"text/{NAME}: 1 left out: no speech recognised" in lines


def test_under_a_condition_a_turn_is_read_after_the_turns_before_with_their_own_errors(models, tmp_path):
    """What is encoded is what the stage ``features`` makes of a corpus with these texts."""
    table = talk()
    held = Transcripts.of(table, context=2)
    levels = {0.0: dict(held.texts), 0.5: dict(held.texts) | {"c/d0": "hate", "c/e5": "what"}}
    # At both levels the turn itself is the same, and what is read before it is not.
    turns = {"c/d1": held.texts["c/d1"], "c/d2": held.texts["c/d2"], "c/d3": held.texts["c/d3"]}
    wanted = [
        Wanted("text", "dropped_words", level, held.source(name, said))
        for level, said in levels.items()
        for name in turns
    ]
    recipe = Recipe("text", ({"hf": "tiny", "pooling": "mean", "context": 2},), {}, models)
    found = extract_changed(wanted, recipes={"text": recipe}, cache=Cache(tmp_path / "other"), workers=1)
    for level, said in levels.items():
        made, _ = extracted(table.assign(text=table["utterance_id"].map(said)), tmp_path, models)
        for name in turns:
            tokens = found.tokens("text", "dropped_words", level, name)
            np.testing.assert_allclose(tokens, made[name], atol=1e-6)
    clean, changed = (found.tokens("text", "dropped_words", level, "c/d1") for level in levels)
    assert not np.allclose(clean, changed, atol=1e-3)
    assert np.array_equal(*(found.tokens("text", "dropped_words", level, "c/d3") for level in levels))


def test_a_corpus_without_dialogues_is_read_alone_and_this_is_said(models, tmp_path):
    found, lines = extracted(talk(dialogues=False), tmp_path, models)
    assert np.array_equal(found["c/d1"], found["c/e4"])  # the same words
    why = "in no dialogue, or in one whose turns have neither numbers nor times"
    assert f"text/{NAME}: 0 read after earlier turns; 12 read alone: {why}" in lines
