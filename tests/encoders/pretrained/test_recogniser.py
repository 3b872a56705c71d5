"""Words from speech by tiny Whispers, whose words are meaningless and depend on what they hear; and by a real one."""

import json

import numpy as np
import pytest
import transformers
from emoflow.encoders import ModelFiles
from emoflow.encoders.pretrained import recogniser as module
from emoflow.encoders.pretrained.recogniser import SpeechRecogniser
from emoflow.errors import MediaError, ParamsError, SettingsError
from tiny_models import RATE, save, save_recogniser, voice, wav


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_recogniser(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def tiny(folder):
    return SpeechRecogniser(hf=str(folder))


def changed(folder, name, **keys):
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text()) | keys))


def test_words_are_those_that_transformers_decodes_greedily(folder, tiny):
    model = transformers.WhisperForConditionalGeneration.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    found = []
    for seed in range(3):
        samples = voice(0.5 + 0.4 * seed, seed=seed)
        inputs = extractor(samples, sampling_rate=RATE, return_tensors="pt")
        tokens = model.generate(**inputs, do_sample=False, num_beams=1)
        expected = tokenizer.decode(tokens[0], skip_special_tokens=True)
        assert tiny.words([samples]) == expected and expected.startswith("word")
        assert tiny.encode(wav(samples)).tobytes().decode() == expected
        found.append(expected)
    assert len(set(found)) > 1


def test_a_longer_recording_is_recognised_in_equal_pieces(tiny):
    samples = np.concatenate(
        [voice(1.5, seed=1), voice(1.5, seed=2)]
    )  # the tiny one hears two seconds at once
    half = len(samples) // 2
    assert tiny.words([samples]) == f"{tiny.words([samples[:half]])} {tiny.words([samples[half:]])}"
    with_silence = np.concatenate([samples[:half], np.zeros(half, np.float32)])
    assert tiny.words([with_silence]) == tiny.words([samples[:half]])


@pytest.mark.parametrize(
    ("bound", "value", "why"),
    [
        ("NO_SPEECH", 0.0, "no speech recognised"),
        ("MOST_COMPRESSION", 0.5, "speech not understood: the recognised text repeats itself"),
    ],
)
def test_a_text_beyond_whispers_own_bounds_is_none(tiny, monkeypatch, bound, value, why):
    monkeypatch.setattr(module, bound, value)
    with pytest.raises(MediaError) as raised:
        tiny.words([voice(1.0)])
    assert str(raised.value) == why


def test_silence_is_no_speech(tiny):
    with pytest.raises(MediaError, match="no speech recognised: silent"):
        tiny.words([np.zeros(RATE, np.float32)])


def test_the_digest_covers_language_weights_and_how_words_are_written(folder, tmp_path):
    made = {
        "this": SpeechRecogniser(hf=str(folder)),
        "other weights": SpeechRecogniser(hf=str(save_recogniser(tmp_path / "weights", seed=1))),
    }
    save_recogniser(tmp_path / "longer")
    changed(tmp_path / "longer", "generation_config.json", max_length=9)
    made["longer"] = SpeechRecogniser(hf=str(tmp_path / "longer"))
    languages = save_recogniser(tmp_path / "languages", languages=("en", "fi"))
    for language in (None, "en", "fi"):
        made[str(language)] = SpeechRecogniser(hf=str(languages), language=language)
    # The name of an encoder from a folder is of the folder's path, and not what tells these apart.
    digests = {json.dumps([each.weights, each.parameters], sort_keys=True) for each in made.values()}
    assert len(digests) == len(made)


def test_a_multilingual_one_is_told_the_language_or_detects_it(tmp_path):
    folder = save_recogniser(tmp_path / "languages", languages=("en", "fi"))
    told = {name: SpeechRecogniser(hf=str(folder), language=name) for name in (None, "en", "fi")}
    texts = {name: each.words([voice(1.0)]) for name, each in told.items()}
    assert texts["en"] != texts["fi"] and texts[None] in (texts["en"], texts["fi"])
    with pytest.raises(ParamsError, match=r"features\.text\.language is 'sv'; .* recognises en, fi"):
        SpeechRecogniser(hf=str(folder), language="sv")


def test_an_english_one_hears_no_other_language(folder):
    assert (
        SpeechRecogniser(hf=str(folder), language="en").digest() == SpeechRecogniser(hf=str(folder)).digest()
    )
    with pytest.raises(ParamsError, match="recognises en"):
        SpeechRecogniser(hf=str(folder), language="fi")


def test_a_model_that_writes_no_words_is_refused(tmp_path):
    other = save("wav2vec2", tmp_path / "wav2vec2")
    with pytest.raises(SettingsError, match="'wav2vec2', which recognises no words here; take a Whisper"):
        SpeechRecogniser(hf=str(other))
    alone = save("whisper", tmp_path / "whisper")
    (alone / "generation_config.json").unlink(missing_ok=True)
    with pytest.raises(SettingsError, match=r"has no generation_config\.json"):
        SpeechRecogniser(hf=str(alone))
    old = save_recogniser(tmp_path / "old")
    changed(old, "generation_config.json", no_timestamps_token_id=None)
    with pytest.raises(SettingsError, match="does not name the token for no time stamps"):
        SpeechRecogniser(hf=str(old))


def test_weights_without_the_decoder_are_refused(folder, tmp_path):
    from safetensors.torch import load_file, save_file

    whole = save_recogniser(tmp_path / "half")
    kept = {
        name: each
        for name, each in load_file(whole / "model.safetensors").items()
        if name.startswith("model.encoder.")
    }
    save_file(kept, whole / "model.safetensors", {"format": "pt"})
    with pytest.raises(
        SettingsError, match=r"not those of a whole Whisper: .*take a model that has its decoder"
    ):
        SpeechRecogniser(hf=str(whole)).words([voice(0.5)])


def test_it_is_packed_whole_and_beside_an_encoder_of_the_same_model_once(folder):
    from tiny_models import one

    names = set(SpeechRecogniser(hf=str(folder)).files())
    encoder = set(one(folder, modality="audio").files())
    assert encoder < names
    assert {name.rpartition("/")[2] for name in names - encoder} == {"generation_config.json"}


@pytest.mark.slow
def test_real_speech_and_real_silence(corpora, fetched_encoders):
    models = ModelFiles(pretrained=fetched_encoders("whisper-tiny.en"))
    whisper = SpeechRecogniser(hf="whisper-tiny.en", models=models)
    for clip, said in (
        ("Actor_01/03-01-01-01-01-01-01", "kids are talking by the door"),
        ("Actor_02/03-01-05-01-02-01-02", "dogs are sitting by the door"),
    ):
        words = whisper.words(whisper.decode(corpora / "ravdess" / f"{clip}.flac"))
        assert words.lower().strip(".! ") == said
    noise = np.random.default_rng(0).normal(0, 0.01, 3 * RATE).astype(np.float32)
    hum = (0.05 * np.sin(2 * np.pi * 50 * np.arange(3 * RATE) / RATE)).astype(np.float32)
    for nothing in (noise, hum):
        with pytest.raises(MediaError, match="no speech recognised"):
            whisper.words([nothing])
