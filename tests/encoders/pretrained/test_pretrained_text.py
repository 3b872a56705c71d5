"""Text models: what comes out, and that it is what transformers gives."""

import numpy as np
import pytest
import torch
import transformers
from emoflow.encoders import encode, make
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
    assert encoder.notice(long) == f"cut to the first {LONGEST} tokens, which are all that the model reads"
    assert encoder.notice(SENTENCE) is None
    exactly = "what a lovely day it is what a lovely day"  # 10 words and two marks
    assert len(encoder.encode(exactly)) == LONGEST and encoder.notice(exactly) is None


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
