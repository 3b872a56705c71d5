"""Speech models: what comes out, and that it is what transformers gives."""

import json
import shutil

import hypothesis
import numpy as np
import pytest
import torch
import transformers
from emoflow.encoders import encode, make
from emoflow.encoders.audio import overlapping_pieces
from emoflow.encoders.pretrained import speech
from emoflow.errors import MediaError, SettingsError
from hypothesis import strategies as st
from tiny_models import DEPTH, RATE, SIZE, SPEECH, one, save, voice, wav


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("speech")
    return {name: save(name, root / name) for name in (*SPEECH, "ge2e")}


@pytest.mark.parametrize("name", [*SPEECH, "ge2e"])
def test_sound_becomes_tokens_of_the_stated_size(name, folders):
    encoder = one(folders[name], modality="audio")
    tokens = encoder.encode(wav(voice(1.5)))
    rate = {"moonshine": RATE / 384, "ge2e": 100}.get(name, 50)
    assert tokens.dtype == np.float32 and np.isfinite(tokens).all()
    assert tokens.shape[1] == encoder.dimensions == len(encoder.feature_names()) == SIZE
    assert len(tokens) == pytest.approx(1.5 * rate, abs=2)
    assert tokens.std() > 0.01
    assert np.array_equal(tokens, one(folders[name]).encode(wav(voice(1.5))))
    assert not np.allclose(
        tokens[: len(tokens) // 2], encoder.encode(wav(voice(1.5, seed=1)))[: len(tokens) // 2]
    )


@pytest.mark.parametrize("name", [*SPEECH, "ge2e"])
def test_pooling_is_over_time(name, folders):
    sequence = one(folders[name]).encode(wav(voice(1)))
    mean = one(folders[name], pooling="mean")
    both = one(folders[name], pooling="mean-std")
    assert (mean.kind, both.dimensions) == ("pooled", 2 * SIZE)
    np.testing.assert_allclose(mean.encode(wav(voice(1))), sequence.mean(0)[None], atol=1e-6)
    expected = np.concatenate([sequence.mean(0), sequence.std(0)])[None]
    np.testing.assert_allclose(both.encode(wav(voice(1))), expected, atol=1e-6)


@pytest.mark.parametrize("name", ["xls-r", "wavlm", "moonshine"])
def test_alone_equals_padded_in_a_batch_where_the_model_takes_a_mask(name, folders):
    model = transformers.AutoModel.from_pretrained(folders[name]).eval()
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folders[name])
    clips = [voice(0.7), voice(1.2, seed=1)]
    inputs = extractor(clips, sampling_rate=RATE, padding=True, return_tensors="pt")
    if (
        name == "moonshine"
    ):  # its group norm goes over the padding too, so only clips of one length share a batch
        clips = [clips[0], voice(0.7, seed=1)]
        inputs = extractor(clips, sampling_rate=RATE, return_tensors="pt")
        model = model.get_encoder()
    with torch.inference_mode():
        batch = model(**inputs).last_hidden_state.numpy()
    encoder = one(folders[name], layers=-1)
    for row, clip in zip(batch, clips, strict=True):
        alone = encoder.encode_decoded([clip])
        np.testing.assert_allclose(alone, row[: len(alone)], atol=1e-5)


@pytest.mark.parametrize("name", ["wav2vec2", "hubert", "data2vec-audio", "unispeech-sat"])
def test_a_model_that_is_normalised_over_time_gets_no_mask(name, folders, monkeypatch):
    encoder, given = one(folders[name]), []
    forward = type(encoder.loaded).forward

    def spying(self, *args, **kwargs):
        given.append(set(kwargs))
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(type(encoder.loaded), "forward", spying)
    encoder.encode_decoded([voice(0.5)])
    assert given and "attention_mask" not in given[0]


@pytest.mark.parametrize("name", SPEECH)
def test_a_state_by_number_is_that_of_transformers(name, folders):
    samples = voice(2)
    model = transformers.AutoModel.from_pretrained(folders[name]).eval()
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folders[name])
    inputs = extractor(
        samples, sampling_rate=RATE, return_tensors="pt"
    )  # Whisper's: two seconds fill its table
    model = model.get_encoder() if model.config.is_encoder_decoder else model
    with torch.inference_mode():
        output = model(**inputs, output_hidden_states=True)
    states = [state[0].numpy() for state in (*output.hidden_states[:-1], output.last_hidden_state)]
    assert len(states) == DEPTH + 1
    taken = {
        number: one(folders[name], layers=number).encode_decoded([samples]) for number in range(DEPTH + 1)
    }
    for number, tokens in taken.items():
        np.testing.assert_allclose(tokens, states[number], atol=1e-5)
    beside = one(folders[name], layers=[-1, 1]).encode_decoded([samples])
    np.testing.assert_allclose(beside, np.concatenate([states[-1], states[1]], axis=1), atol=1e-5)
    mean = one(folders[name], layers={"last": 2}).encode_decoded([samples])
    np.testing.assert_allclose(mean, (states[-1] + states[-2]) / 2, atol=1e-5)
    assert np.array_equal(
        taken[2], one(folders[name]).encode_decoded([samples])
    )  # two thirds of three layers


def test_whispers_positions_are_the_first_of_its_table(folders):
    samples, model = voice(0.5), transformers.AutoModel.from_pretrained(folders["whisper"]).encoder.eval()
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folders["whisper"])
    mel = extractor(samples, sampling_rate=RATE, padding="do_not_pad", return_tensors="pt")["input_features"]
    with torch.inference_mode():
        state = torch.nn.functional.gelu(model.conv2(torch.nn.functional.gelu(model.conv1(mel)))).mT
        states = [state + model.embed_positions.weight[:25]]
        for layer in model.layers:
            states.append(layer(states[-1], None))
        states[-1] = model.layer_norm(states[-1])
    for number, expected in enumerate(states):
        found = one(folders["whisper"], layers=number).encode_decoded([samples])
        np.testing.assert_allclose(found, expected[0].numpy(), atol=1e-5)


def test_whisper_hears_a_clip_at_its_own_length(folders):
    encoder = one(folders["whisper"], layers=0)
    short, longer = encoder.encode_decoded([voice(0.5)]), encoder.encode_decoded([voice(1)])
    assert (len(short), len(longer)) == (25, 50)
    assert encoder.loaded.config.max_source_positions == encoder.loaded.embed_positions.num_embeddings == 100
    assert len(encoder.encode_decoded([voice(0.51)])) == 26  # the last token is heard to its end
    assert "positions" in encoder.parameters and "positions" not in one(folders["hubert"]).parameters


@pytest.mark.parametrize("name", SPEECH)
def test_a_long_recording_is_heard_in_pieces_that_overlap(name, folders, monkeypatch):
    samples, step = voice(5.5), 384 if name == "moonshine" else 320
    sequence, pooled = one(folders[name]), one(folders[name], pooling="mean-std")
    whole = None if name == "whisper" else sequence.encode_decoded([samples])
    monkeypatch.setattr(speech, "PIECE_S", 2)
    monkeypatch.setattr(speech, "CONTEXT_S", 0.4)
    context = -(-2 * RATE // 5 // step) * step
    own = (2 * RATE - 2 * context) // step * step
    expected, start = [], 0
    while start - context + 2 * RATE < len(samples):
        first = max(start - context, 0)
        end = first + own if start == 0 else start + own
        tokens = sequence.encode_decoded([samples[first : end + context]])
        expected.append(tokens[(start - first) // step : (end - first) // step])
        start = end
    expected.append(sequence.encode_decoded([samples[start - context :]])[context // step :])
    tokens = sequence.encode_decoded(np.split(samples, [2 * RATE]))
    np.testing.assert_allclose(tokens, np.concatenate(expected), atol=1e-6)
    assert len(tokens) == (275 if whole is None else len(whole))
    moments = np.concatenate([tokens.mean(0), tokens.std(0)])
    np.testing.assert_allclose(pooled.encode_decoded([samples])[0], moments, atol=1e-5)


def test_pieces_have_the_tokens_of_the_whole_where_only_near_sounds_count(folders, tmp_path, monkeypatch):
    """State 0 of a model without normalisation over time: convolutions, whose context the pieces share."""
    folder = shutil.copytree(folders["xls-r"], tmp_path / "unnormalised")
    settings = folder / "preprocessor_config.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"do_normalize": False}))
    samples = voice(9.3)
    encoder = one(folder, layers=0)
    whole = encoder.encode_decoded([samples])
    monkeypatch.setattr(speech, "PIECE_S", 7)
    np.testing.assert_allclose(encoder.encode_decoded([samples]), whole, atol=1e-5)


@hypothesis.given(
    count=st.integers(1, 400), most=st.integers(31, 90), step=st.integers(1, 5), block=st.integers(1, 150)
)
def test_pieces_share_their_context_and_no_token_is_lost(count, most, step, block):
    context = 10 // step * step
    samples = np.arange(count, dtype=np.float32)
    cut = overlapping_pieces(
        np.split(samples, range(block, count, block)), most=most, context=context, step=step
    )
    found = []
    for piece, own in cut:
        assert len(piece) <= most and np.all(np.diff(piece) == 1)
        found.append(piece[::step][own])
    assert np.array_equal(np.concatenate(found), samples[::step])


@pytest.mark.parametrize("name", [name for name in SPEECH if name != "whisper"])
def test_a_clip_below_the_receptive_field_is_refused(name, folders):
    with pytest.raises(MediaError, match=r"shorter than the receptive field of .*: 100 samples"):
        one(folders[name]).encode_decoded([voice(1)[:100]])


def test_it_stands_beside_opensmile(folders):
    stated = {"hf": str(folders["wavlm"]), "pooling": "mean-std"}
    both = make(["egemaps", stated], {}, modality="audio")
    assert encode(both, wav(voice(1))).shape == (1, 88 + 2 * SIZE)
    sequence = make(["egemaps", stated | {"pooling": "none"}], {}, modality="audio")
    assert encode(sequence, wav(voice(1))).shape[1] == 88 + SIZE


def test_another_sampling_rate_is_refused(tmp_path):
    folder = save("hubert", tmp_path / "model")
    transformers.Wav2Vec2FeatureExtractor(sampling_rate=8000).save_pretrained(folder)
    with pytest.raises(SettingsError, match="hears 8000 Hz"):
        one(folder).encode_decoded([voice(1)])


def test_a_whisper_with_few_positions_hears_all_of_a_recording(folders):
    """Pieces of 2 s, as 100 positions have it, are too short for 2 s of context on both sides."""
    assert len(one(folders["whisper"]).encode_decoded([voice(5)])) == 250
