"""The control corpus's sounds and films are what they are said to be, and faces are found in them."""

from pathlib import Path

import numpy as np
import pytest
from emoflow.corpora import read
from emoflow.errors import SettingsError
from emoflow.schema import EMOTION7
from emoflow.synthesis import control_corpus, espeak, face_drawing, prosody, utterance_sampling
from emoflow.synthesis.layouts import layout_spec
from emoflow.synthesis.rendering import Studio


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("clip")
    wanted = layout_spec("control")
    made = utterance_sampling.make(wanted, utterance_sampling.planted(wanted), speakers=1, clips=1, seed=3)
    planned = wanted.plan(made[:1], "control", 3, True)
    Studio({0: made[0]}, 3).record(folder, planned.recordings)
    return next(folder.glob("audio/*.wav")), next(folder.glob("video/*.mp4"))


def test_sound_and_film_are_as_long_and_as_described(clip):
    import av
    import soundfile

    audio, video = clip
    facts = soundfile.info(audio)
    assert (facts.samplerate, facts.channels, facts.subtype) == (16000, 1, "PCM_16")
    assert 1.4 < facts.duration < 3.8
    with av.open(str(video)) as container:
        stream, sound = container.streams.video[0], container.streams.audio[0]
        assert (stream.codec_context.name, sound.codec_context.name) == ("h264", "aac")
        assert float(stream.average_rate) == 25
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert frames[0].shape == (192, 192, 3)
    assert len(frames) / 25 == pytest.approx(facts.duration, abs=0.05)
    assert max(audio.stat().st_size, video.stat().st_size) < 150_000
    assert np.abs(frames[0].astype(int) - frames[len(frames) // 2]).mean() > 0.2, "nothing moves"


def test_the_same_sentence_is_said_the_same_way_whatever_was_said_before():
    voice = espeak.Voice("en+f2", pitch=40, rate=160)
    first, rate = espeak.say("The baker called the office.", voice, seed=5)
    espeak.say("Something else, and longer, by another voice.", espeak.Voice("en+m3", pitch=80))
    again, _ = espeak.say("The baker called the office.", voice, seed=5)
    assert rate == 22050 and first.dtype == np.float32 and np.abs(first).max() <= 1
    assert np.array_equal(first, again)
    other, _ = espeak.say("The baker called the office.", espeak.Voice("en+m1", pitch=40, rate=160), seed=5)
    assert not np.array_equal(first, other[: len(first)])


def test_a_voice_that_is_not_there():
    with pytest.raises(SettingsError, match="no voice 'nowhere'"):
        espeak.say("Hello.", espeak.Voice("nowhere"))


def test_anger_is_louder_than_sadness_in_every_voice():
    def level(gender, number, emotion):
        voice = prosody.timbre(number, gender, np.random.default_rng(number))
        sound = prosody.speak("My brother read the letter.", emotion, voice, np.random.default_rng(1))
        assert sound.dtype == np.float32 and np.abs(sound).max() < 1
        return np.sqrt(np.mean(sound**2))

    for gender, variants in prosody.VARIANTS.items():
        for number in range(len(variants)):
            assert level(gender, number, "anger") > 2 * level(gender, number, "sadness")


def faces(emotion: str, seed: int, count: int = 3) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    who = face_drawing.look("female" if seed % 2 else "male", generator)
    shown = face_drawing.express(emotion, generator)
    opened = np.linspace(0, 1, count)
    return list(face_drawing.film(shown, who, face_drawing.setting(generator), opened, generator))


def test_faces_are_pictures_and_open_their_mouths():
    shut, half, wide = faces("neutral", 4)
    assert shut.shape == (192, 192, 3) and shut.dtype == np.uint8
    dark = [(picture[110:160, 70:122].max(axis=2) < 80).sum() for picture in (shut, half, wide)]
    assert dark[0] < dark[1] < dark[2], "an open mouth is dark"


@pytest.mark.slow
def test_the_bundled_cascade_finds_drawn_faces():
    import skimage.data
    from skimage.feature import Cascade

    cascade = Cascade(skimage.data.lbp_frontal_face_cascade_filename())
    found = missed = 0
    for number, emotion in enumerate(EMOTION7 * 2):
        seen = [
            cascade.detect_multi_scale(
                face, scale_factor=1.2, step_ratio=1, min_size=(60, 60), max_size=(192, 192)
            )
            for face in faces(emotion, number)
        ]
        found += sum(bool(boxes) for boxes in seen)
        missed += not any(seen)
    assert missed == 0
    assert found >= 0.9 * 3 * 14


@pytest.mark.slow
@pytest.mark.corpora
def test_mediapipe_finds_drawn_faces(landmark_model):
    import mediapipe

    options = mediapipe.tasks.vision.FaceLandmarkerOptions(
        base_options=mediapipe.tasks.BaseOptions(model_asset_path=str(landmark_model)),
        output_face_blendshapes=True,
    )
    smiles = {}
    with mediapipe.tasks.vision.FaceLandmarker.create_from_options(options) as landmarker:
        for number, emotion in enumerate(EMOTION7):
            for face in faces(emotion, number, count=2):
                image = mediapipe.Image(mediapipe.ImageFormat.SRGB, np.ascontiguousarray(face))
                seen = landmarker.detect(image)
                assert len(seen.face_landmarks) == 1, emotion
                shapes = {each.category_name: each.score for each in seen.face_blendshapes[0]}
                smiles.setdefault(emotion, []).append(shapes["mouthSmileLeft"])
    assert np.mean(smiles["happiness"]) > max(np.mean(smiles[e]) for e in ("anger", "sadness", "neutral"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_each_modality_displays_can_be_told_in_speakers_never_met(tmp_path):
    """Simple models on simple features, four groups of speakers left out in turn."""
    import opensmile
    import pandas as pd
    import skimage.data
    from emoflow.media import frames
    from skimage.feature import Cascade, hog
    from skimage.transform import resize
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    root = control_corpus.synthesise(tmp_path / "control", clips=2)
    table = read("control", root).table
    shown = pd.read_parquet(root / "truth" / "displays.parquet")
    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
    sounds = np.stack([smile.process_file(root / path).to_numpy()[0] for path in table["audio"]])
    cascade = Cascade(skimage.data.lbp_frontal_face_cascade_filename())
    looks = []
    for path in table["video"]:
        crops = []
        for image in frames(root / path, count=3).images:
            boxes = cascade.detect_multi_scale(
                image, scale_factor=1.2, step_ratio=1, min_size=(60, 60), max_size=(192, 192)
            )
            if boxes:
                box = max(boxes, key=lambda each: each["width"])
                crop = image[box["r"] : box["r"] + box["height"], box["c"] : box["c"] + box["width"]]
                crop = resize(crop.mean(axis=2) / 255, (48, 48), anti_aliasing=True)
                crops.append(hog(crop, 8, (8, 8), (2, 2)))
        assert crops, path
        looks.append(np.mean(crops, axis=0))
    words = HashingVectorizer(n_features=1024, alternate_sign=False).transform(table["text"])

    def told(features, labels, model):
        predicted = cross_val_predict(model, features, labels, groups=table["speaker"], cv=GroupKFold(4))
        return (predicted == labels).mean()

    scaled = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
    assert told(sounds, shown["audio"], scaled) >= 0.90
    assert told(np.stack(looks), shown["face"], scaled) >= 0.95
    assert told(words, shown["text"], LogisticRegression(C=30, max_iter=2000)) >= 0.90
