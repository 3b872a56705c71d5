"""Text models: what comes out, and that it is what transformers gives."""

import numpy as np
import pytest
import torch
import transformers
from emoflow.encoders import encode, layout_of, make
from emoflow.encoders.dialogue import Line, Turn
from emoflow.errors import MediaError
from tiny_models import DEPTH, LONGEST, SIZE, TEXT, one, save

SENTENCE = "I hate this, unhappy!"  # with the marks at its ends 9 tokens


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("text")
    return {name: save(name, root / name) for name in TEXT}


@pytest.mark.parametrize("name", TEXT)
def test_a_sentence_becomes_tokens_or_their_mean(name, folders):
    encoder = one(folders[name], modality="text")
    tokens = encoder.encode(SENTENCE)
    assert tokens.shape == (9, SIZE) and encoder.dimensions == SIZE
    assert tokens.dtype == np.float32 and np.isfinite(tokens).all() and tokens.std() > 0.01
    assert np.array_equal(tokens, one(folders[name]).encode(SENTENCE))
    np.testing.assert_allclose(
        one(folders[name], pooling="mean").encode(SENTENCE), tokens.mean(0)[None], atol=1e-6
    )


@pytest.mark.parametrize("name", TEXT)
def test_alone_equals_padded_in_a_batch(name, folders):
    model = transformers.AutoModel.from_pretrained(folders[name]).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folders[name])
    sentences = ["what a day", SENTENCE]
    inputs = tokenizer(sentences, padding=True, return_tensors="pt")
    inputs.pop("token_type_ids", None)
    with torch.inference_mode():
        states = model(**inputs, output_hidden_states=True).hidden_states
    for number in range(DEPTH + 1):
        encoder = one(folders[name], layers=number)
        for row, sentence in zip(states[number].numpy(), sentences, strict=True):
            alone = encoder.encode(sentence)
            np.testing.assert_allclose(alone, row[: len(alone)], atol=1e-5)
    assert np.array_equal(one(folders[name]).encode(SENTENCE), one(folders[name], layers=-1).encode(SENTENCE))


@pytest.mark.parametrize("name", TEXT)
def test_a_text_that_is_too_long_is_cut_and_this_is_said(name, folders):
    encoder = one(folders[name])
    long = "what a lovely day it is " * 4
    assert len(encoder.encode(long)) == LONGEST
    assert (
        encoder.notice(encoder.decode(long))
        == f"cut to the first {LONGEST} tokens, which are all that the model reads"
    )
    assert encoder.notice(encoder.decode(SENTENCE)) is None
    exactly = "what a lovely day it is what a lovely day"  # 10 words and two marks
    assert len(encoder.encode(exactly)) == LONGEST and encoder.notice(encoder.decode(exactly)) is None


@pytest.mark.parametrize("text", ["", "  \n", ".,-"])
def test_a_text_without_a_word_is_refused(text, folders):
    with pytest.raises(MediaError, match="no word"):
        one(folders["bert"]).encode(text)


def test_quotes_of_windows_and_broken_characters_do_not_matter(folders):
    encoder = one(folders["bert"])
    assert np.array_equal(encoder.encode("four o\x92clock"), encoder.encode("four o\u2019clock"))
    assert np.isfinite(encoder.encode("happy \ud83d day")).all()


def test_it_stands_beside_hashed_words(folders):
    both = make(
        ["hashing", {"hf": str(folders["bert"]), "pooling": "mean"}], {"dimensions": 64}, modality="text"
    )
    assert encode(both, SENTENCE).shape == (1, 64 + SIZE)


EARLIER = (Line("Ann", "what a lovely day"), Line("Bob", "I hate"))


@pytest.mark.parametrize("name", TEXT)
def test_of_a_context_the_turns_own_tokens_are_kept(name, folders):
    encoder = one(folders[name], context=1)
    tokens = encoder.encode(Turn("Bob", "unhappy!", EARLIER))
    tokenizer = transformers.AutoTokenizer.from_pretrained(folders[name])
    inputs = tokenizer("A: I hate A:", "unhappy!", return_tensors="pt")
    if name not in ("bert", "deberta", "deberta-v2"):  # which alone tell the segments apart by an embedding
        inputs.pop("token_type_ids", None)
    with torch.inference_mode():
        states = transformers.AutoModel.from_pretrained(folders[name]).eval()(**inputs).last_hidden_state[0]
    own = [segment == 1 for segment in inputs.sequence_ids()]
    assert tokens.shape == (3, SIZE)  # un ##happy !
    np.testing.assert_allclose(tokens, states[own].numpy(), atol=1e-5)
    pooled = one(folders[name], context=1, pooling="mean").encode(Turn("Bob", "unhappy!", EARLIER))
    np.testing.assert_allclose(pooled, tokens.mean(0)[None], atol=1e-6)


def test_without_earlier_turns_a_context_changes_only_which_tokens_are_kept(folders):
    alone = one(folders["bert"]).encode(SENTENCE)
    for source in (SENTENCE, Turn("Ann", SENTENCE)):
        assert np.array_equal(one(folders["bert"], context=3).encode(source), alone[1:-1])


def test_a_context_is_cut_at_its_beginning_and_this_is_said(folders):
    encoder = one(folders["bert"], context=2)
    turn = Turn("Bob", "unhappy!", EARLIER)  # of whose context 6 tokens fit: "B: I hate B:"
    tokenizer = transformers.AutoTokenizer.from_pretrained(folders["bert"])
    inputs = tokenizer("B: I hate B:", "unhappy!", return_tensors="pt")
    assert len(inputs["input_ids"][0]) == LONGEST
    model = transformers.AutoModel.from_pretrained(folders["bert"]).eval()
    with torch.inference_mode():
        states = model(**inputs).last_hidden_state[0].numpy()
    np.testing.assert_allclose(encoder.encode(turn), states[-4:-1], atol=1e-5)
    said = encoder.notice(turn)
    assert said == f"read after fewer words of the turns before: with its own they exceed {LONGEST} tokens"
    assert one(folders["bert"], context=1).notice(turn) is None
    assert encoder.notice(Turn("Bob", "unhappy!")) is None


@pytest.mark.parametrize("words", [8, 9, 10, 11])
def test_a_turn_that_leaves_no_room_is_read_alone(words, folders):
    encoder = one(folders["bert"], context=2)
    text = " ".join(["day"] * words)
    turn = Turn("Bob", text, EARLIER)
    room = LONGEST - words - 3
    assert len(encoder.encode(turn)) == min(words, LONGEST - 2)
    assert np.array_equal(encoder.encode(turn), encoder.encode(text)) == (room <= 0)
    assert encoder.notice(turn).startswith("read after fewer" if words <= LONGEST - 2 else "cut to the first")


def test_the_name_and_the_digest_tell_the_context(folders):
    without, with_one, with_two = (one(folders["bert"], pooling="mean", context=k) for k in (0, 1, 2))
    assert with_two.name == without.name.replace(".mean", ".context2.mean")
    assert len({each.digest() for each in (without, with_one, with_two)}) == 3
    turn = Turn("Bob", "unhappy!", EARLIER)
    renamed = Turn("Tom", "unhappy!", (Line("Eve", "what a lovely day"), Line("Tom", "I hate")))
    other = Turn("Bob", "unhappy!", (EARLIER[0], Line("Ann", "I hate")))
    digests = {name: with_two.source_digest(each, "d") for name, each in
               {"turn": turn, "renamed": renamed, "other": other}.items()}  # fmt: skip
    assert digests["turn"] == digests["renamed"] != digests["other"]
    assert with_two.source_digest("unhappy!", "d") == without.source_digest(turn, "d") == "d"
    older = Turn("Bob", "unhappy!", (Line("Ann", "it is"), EARLIER[1]))
    assert with_one.source_digest(turn, "d") == with_one.source_digest(older, "d")
    assert with_two.source_digest(turn, "d") != with_two.source_digest(older, "d")


def test_a_context_stands_beside_what_reads_none(folders):
    both = make(
        ["hashing", *({"hf": str(folders["bert"]), "pooling": "mean", "context": k} for k in (0, 2))],
        {"dimensions": 64},
        modality="text",
    )
    turn = Turn("Bob", SENTENCE, EARLIER)
    tokens, alone = encode(both, turn), encode(both, SENTENCE)
    at, differs = 0, {}
    for name, size in layout_of(both):
        differs[name] = bool((tokens[:, at : at + size] != alone[:, at : at + size]).any())
        at += size
    assert at == tokens.shape[1] == 64 + 2 * SIZE
    assert differs == {each.name: each.context > 0 for each in both}
