import io

import numpy as np
import pytest
import soundfile
from emoflow.corpora.adapter_interface import utterance_table
from emoflow.corpora.media_digests import with_digests
from emoflow.encoders import ENCODERS, ModelFiles, encode, layout_of, make, merge, open_all
from emoflow.encoders.audio import _averaged
from emoflow.encoders.cache import Cache
from emoflow.encoders.extract import extract, recipes_of
from emoflow.encoders.face import LANDMARK_MODEL_SHA256, upright
from emoflow.errors import MediaError, ParamsError, SettingsError
from emoflow.storage.assets import ASSETS
from hypothesis import given
from hypothesis import strategies as st

RATE = 16_000
PARAMETERS = {"audio": {}, "text": {"dimensions": 256}, "face": {"frames": 4}}
AUDIO = ["egemaps", "compare", "egemaps-lld", "logmel"]


def one(name: str, **extra):
    return make([name], PARAMETERS[ENCODERS[name].modality], **extra)[0]


def wav(samples: np.ndarray, rate: int = RATE, **options) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", **options)
    return file.getvalue()


def voice(seconds: float = 1.0, rate: int = RATE, level: float = 0.3) -> np.ndarray:
    """A buzz whose pitch glides from 100 to 200 Hz: voiced, as openSMILE sees it."""
    time = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * (100 * time + 50 * time**2 / seconds)
    return (level * sum(np.sin(n * phase) / n for n in range(1, 20)) / 2).astype(np.float32)


@pytest.mark.parametrize("name", AUDIO)
def test_sound_becomes_finite_tokens_of_the_stated_size(name):
    encoder = one(name)
    tokens = encoder.encode(wav(voice(2)))
    length = {"pooled": 1}.get(encoder.kind) or {"egemaps-lld": 40, "logmel": 50}[name]
    assert tokens.dtype == np.float32 and np.isfinite(tokens).all()
    assert (
        tokens.shape[1]
        == encoder.dimensions
        == len(encoder.feature_names())
        == len(set(encoder.feature_names()))
    )
    assert length - 2 <= len(tokens) <= length
    assert np.array_equal(tokens, one(name).encode(wav(voice(2))))


def test_the_features_are_those_of_the_named_sets():
    names = one("egemaps").feature_names()
    pitch = names.index("F0semitoneFrom27.5Hz_sma3nz_amean")
    low, high = one("egemaps").encode(wav(voice())), one("egemaps").encode(wav(voice()[::2]))
    assert high[0, pitch] - low[0, pitch] == pytest.approx(12, abs=1)  # an octave up is twelve semitones
    assert "mfcc_sma[1]_quartile1" in one("compare").feature_names()


def test_full_scale_does_not_wrap_round():
    square = np.sign(voice(1)).astype(np.float32)
    full, nearly = (one("egemaps").encode(wav(level * square, subtype="FLOAT")) for level in (1.0, 0.999))
    assert np.allclose(full, nearly, rtol=0.05, atol=0.1)


def test_logmel_hears_a_tone_in_its_band_and_its_level():
    samples = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE).astype(np.float32)
    loud, soft = one("logmel").encode(wav(samples)), one("logmel").encode(wav(samples / 10))
    band = int(loud.mean(0).argmax())
    mel = [2595 * np.log10(1 + hertz / 700) for hertz in (60, 1000, 7600)]
    assert band == pytest.approx((mel[1] - mel[0]) / (mel[2] - mel[0]) * 65 - 1, abs=1)
    assert loud[:, band].mean() - soft[:, band].mean() == pytest.approx(np.log(100), abs=0.01)


@pytest.mark.parametrize("name", AUDIO)
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (wav(voice() * 0), "silent"),
        (wav(voice(0.02)), "too short"),
        (b"text", "not a media file"),
        (b"", "0 bytes"),
    ],
)
def test_sound_that_cannot_be_used_is_refused_with_the_reason(name, content, reason):
    with pytest.raises(MediaError, match=reason):
        one(name).encode(content)


@pytest.mark.filterwarnings("ignore:Segment too short")
@pytest.mark.parametrize("name", AUDIO)
def test_too_short_for_a_feature_set_names_the_features_or_gives_tokens(name):
    try:
        tokens = one(name).encode(wav(voice(0.105)))
    except MediaError as error:
        assert "features are NaN or Inf: " in str(error) and one(name).feature_names()[0] in str(error)
    else:
        assert np.isfinite(tokens).all() and len(tokens)


def test_words_are_counted_whatever_their_dress():
    encoder = one("hashing")
    tokens = encoder.encode("I’m SO happy!")
    assert tokens.shape == (1, 256) and tokens.dtype == np.float32
    assert np.array_equal(tokens, encoder.encode("i'm so   happy !"))
    words, pieces = tokens[0, :128], tokens[0, 128:]
    assert words.sum() == 4
    assert pieces.sum() == pytest.approx(4)  # a word's pieces weigh one together
    assert np.allclose(2 * encoder.encode("happy"), encoder.encode("happy happy"))


def test_a_word_shares_pieces_with_its_kin():
    encoder = one("hashing")
    happy, happily, table = (encoder.encode(word)[0, 128:] > 0 for word in ("happy", "happily", "table"))
    assert (happy & happily).sum() > (happy & table).sum()


def test_hashing_is_the_same_in_every_process():
    assert np.flatnonzero(one("hashing").encode("happy")[0, :128]).tolist() == [124]


@pytest.mark.parametrize("text", ["", "  \n", ".,-"])
def test_a_text_without_a_word_is_refused(text):
    with pytest.raises(MediaError, match="no word"):
        one("hashing").encode(text)


@given(st.text(), st.integers(64, 300))
def test_any_text_is_counts_or_a_reason(text, dimensions):
    (encoder,) = make(["hashing"], {"dimensions": dimensions})
    try:
        tokens = encoder.encode(text)
    except MediaError:
        return
    words = tokens[0, : dimensions // 2]
    assert tokens.shape == (1, dimensions) and tokens.min() >= 0 and (words == np.round(words)).all()
    assert tokens[0, dimensions // 2 :].sum() == pytest.approx(words.sum(), rel=1e-4)


def test_averages_keep_the_rest():
    tokens = np.arange(7, dtype=np.float32)[:, None]
    assert _averaged(tokens, 3).ravel().tolist() == [1, 4, 6]


@given(st.integers(1, 4), st.integers(0, 6), st.integers(1, 5))
def test_a_pooled_part_is_repeated_along_the_sequence(pooled, length, dimensions):
    parts = [np.full((1, dimensions), n, np.float32) for n in range(pooled)]
    if length:
        parts.insert(1, np.arange(length, dtype=np.float32)[:, None])
    merged = merge(parts)
    assert merged.shape == (max(1, length), pooled * dimensions + bool(length))
    assert (merged[:, :dimensions] == 0).all()
    if length:
        assert merged[:, dimensions].tolist() == list(range(length))


def test_encoders_are_asked_for_by_name():
    with pytest.raises(ParamsError, match=r"no encoder is called 'egemap'.*egemaps"):
        make(["egemap"], {})
    with pytest.raises(ParamsError, match="named twice"):
        make(["egemaps", "egemaps"], {})
    with pytest.raises(ParamsError, match="several modalities: audio, text"):
        make(["egemaps", "hashing"], {})


def test_the_order_of_params_does_not_change_the_layout():
    one_way, other = make(["egemaps", "compare"], {}), make(["compare", "egemaps"], {})
    assert layout_of(one_way) == layout_of(other) == [("compare", 6373), ("egemaps", 88)]
    assert encode(one_way, wav(voice())).shape == (1, 6461)


def test_what_decides_the_tokens_decides_the_digest(monkeypatch):
    digests = {name: one(name).digest() for name in ENCODERS if name not in ("landmarks", "blendshapes")}
    digests["blendshapes"] = make(["blendshapes"], {"frames": 4, "track": "mediapipe"})[0].digest()
    assert len(set(digests.values())) == len(digests)
    assert make(["hashing"], {"dimensions": 512})[0].digest() != digests["hashing"]
    monkeypatch.setattr(ENCODERS["egemaps"], "version", 2)
    assert one("egemaps").digest() != digests["egemaps"]
    monkeypatch.setattr("emoflow.media.audio.VERSION", 99)
    assert one("logmel").digest() != digests["logmel"]
    assert one("appearance").digest() == digests["appearance"]


def test_the_landmark_model_is_the_pinned_one(tmp_path):
    assert ASSETS["face-landmarker"].sha256 == LANDMARK_MODEL_SHA256
    other = tmp_path / "face_landmarker.task"
    other.write_bytes(b"another model")
    from emoflow.media import Frames

    frames = Frames(np.zeros((1, 8, 8, 3), np.uint8), np.zeros(1), 1.0)
    for model, reason in ((None, "emoflow assets add face-landmarker"), (other, "expected 64184e22")):
        with pytest.raises(SettingsError, match=reason):
            one("landmarks", models=ModelFiles(model)).encode_decoded(frames)


def test_landmarks_lose_position_scale_and_rotation():
    generator = np.random.default_rng(0)
    points = generator.normal(size=(478, 3))
    turn = np.linalg.qr(generator.normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    moved = 40 * points @ turn.T + [300, 200, -10]
    assert np.allclose(upright(points), upright(moved))
    eyes = upright(points)[[33, 263]]
    assert np.allclose(eyes, [[-0.5, 0, 0], [0.5, 0, 0]])


@pytest.mark.slow
@pytest.mark.corpora
@pytest.mark.parametrize("name", ["appearance", "landmarks"])
def test_real_faces_become_a_token_for_each_picture_with_a_face(name, corpora, landmark_model):
    encoder = one(name, models=ModelFiles(landmark_model))
    tokens = {}
    for clip, count in (("bbaf2n.mpg", 4), ("brbk7n.mpg", 4)):
        tokens[clip] = encoder.encode(corpora / "video" / clip)
        assert tokens[clip].shape == (count, encoder.dimensions) and tokens[clip].dtype == np.float32
        assert np.isfinite(tokens[clip]).all()
    assert len(encoder.feature_names()) == encoder.dimensions
    one_face, other = tokens.values()
    within = np.linalg.norm(one_face[1:] - one_face[:-1], axis=1).mean()
    assert np.linalg.norm(one_face - other, axis=1).mean() > 1.5 * within
    assert 1 <= len(encoder.encode(corpora / "video" / "face_noface.mov")) < 4
    with pytest.raises(MediaError, match="no face found in 4 frames"):
        encoder.encode(corpora / "video" / "no_face.mp4")


@pytest.mark.slow
@pytest.mark.corpora
def test_several_face_encoders_have_a_token_for_each_picture(corpora, landmark_model):
    names, clip = ["landmarks", "appearance"], corpora / "video" / "face_noface.mov"
    both = make(names, PARAMETERS["face"], models=ModelFiles(landmark_model))
    tokens = encode(both, clip)
    assert tokens.shape == (4, sum(size for _, size in layout_of(both)))
    assert [name for name, _ in layout_of(both)] == ["appearance", "landmarks"]
    at = 0
    for encoder in both:
        own = tokens[:, at : at + encoder.dimensions]
        alone = one(encoder.name, models=ModelFiles(landmark_model))
        seen = alone.encode(clip)
        assert 1 <= len(seen) < 4
        assert {row.tobytes() for row in own} == {
            row.tobytes() for row in seen
        }  # without a face: the nearest one
        assert encoder.digest() != alone.digest()
        at += encoder.dimensions
    with pytest.raises(MediaError, match="no face found in 4 frames"):
        encode(both, corpora / "video" / "no_face.mp4")


@pytest.mark.slow
@pytest.mark.corpora
def test_the_store_holds_several_face_encoders(corpora, landmark_model, tmp_path):
    table = utterance_table(
        {"utterance_id": f"mine/{name}", "corpus": "mine", "video": f"{name}.mpg"}
        for name in ("bbaf2n", "brbk7n")
    )
    stated = {"face": {"encoders": ["appearance", "landmarks"], "frames": 3}}
    extract(
        with_digests(table, corpora / "video", workers=1),
        raw=corpora / "video",
        out=tmp_path / "mine",
        recipes=recipes_of(stated, ModelFiles(landmark_model)),
        attached={},
        excluded={},
        cache=Cache(tmp_path / "cache"),
        workers=1,
    )
    store = open_all(tmp_path, ["mine"])
    tokens, present = store.tokens("face", store.ids("face"))
    assert tokens.shape == (2, 3, sum(size for _, size in store.layout("face"))) and present.all()
    both = make(["appearance", "landmarks"], {"frames": 3}, models=ModelFiles(landmark_model))
    assert np.allclose(tokens[0], encode(both, corpora / "video" / "bbaf2n.mpg"), rtol=1e-2, atol=1e-2)


@pytest.mark.slow
@pytest.mark.corpora
def test_16_and_48_khz_copies_give_comparable_features(corpora):
    encoder = one("egemaps")
    originals = sorted((corpora / "ravdess" / "original_48k").glob("*.flac"))
    high = np.concatenate([encoder.encode(path) for path in originals])
    low = np.concatenate(
        [encoder.encode(corpora / "ravdess" / f"Actor_{path.stem[-2:]}" / path.name) for path in originals]
    )
    spread = high.std(0) + 1e-9
    assert np.median(np.abs(high - low) / spread) < 0.05
