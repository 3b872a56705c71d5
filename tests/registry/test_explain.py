"""Why a model decides as it does: planted truth in a packed model whose answer depends on known parts of a clip."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from emoflow.encoders.face import Face
from emoflow.encoders.followed_faces import FollowedFaces
from emoflow.encoders.text import Hashing
from emoflow.errors import RegistryError
from emoflow.media import Box, FaceTrack, Frames
from emoflow.registry.explaining import figure, occlusion
from emoflow.registry.explaining.explain import explain_row
from emoflow.registry.explaining.explanation import ModalityValue, Seen, Window
from emoflow.registry.explaining.profile import profile, strongest, worse_than_nothing
from emoflow.registry.inference import Predictor
from emoflow.synthesis.media_writer import write_film
from hypothesis import given
from hypothesis import strategies as st
from standin_experiment import FACE, experiment

RATE = 16000
SENTENCE = "I really hate this  rainy day"


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return experiment(tmp_path_factory.mktemp("explained") / "project") / "data"


@pytest.fixture
def predictor(model) -> Predictor:
    return Predictor(model / "model")


@pytest.fixture(scope="module")
def noise(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "noise.wav"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 2 * RATE), RATE)
    return path


def explained(predictor, *, window_s=0.4, **row):
    table = pd.DataFrame({name: pd.Series([value], dtype=object) for name, value in row.items()})
    return explain_row(predictor, table, file="clip.wav", model="models:/m/1", window_s=window_s)


def planted(predictor, score):
    """Have the fusion give anger a probability that depends on what ``score`` (0 to 1) finds in the tokens alone."""

    def probabilities(rows):
        anger = np.array([0.4 + 0.5 * score(row) for row in rows])
        return np.stack([anger, *[(1 - anger) / 2] * 2], axis=1)

    predictor.probabilities = probabilities


def loud(row) -> float:
    """How much of 0.8 to 1.2 s is not silent, by log-mel's tokens, 25 a second, all of whose samples lie in it."""
    return float((row["audio"][20:29].mean(1) > -20).mean()) if "audio" in row else 0.0


def hateful(row) -> float:
    column = np.flatnonzero(Hashing(dimensions=64).encode("hate")[0, :32])[0]
    return float(row["text"][0, column] > 0) if "text" in row else 0.0


def test_the_strongest_window_is_where_the_answer_hangs(predictor, noise):
    planted(predictor, loud)
    found, seen = explained(predictor, audio=str(noise))
    assert found.label == "anger" and found.probability == pytest.approx(0.9)
    (best,) = strongest(found.audio, most=1)
    assert (best.start_s, best.end_s) == (0.8, 1.2) and best.drop == pytest.approx(0.5)
    for window in found.audio:
        beside = window.end_s <= 0.8 or window.start_s >= 1.2
        assert (window.drop == 0) == beside
        assert window.drop == found.probability - window.probability
    assert [window.start_s for window in found.audio] == pytest.approx(np.arange(0, 1.61, 0.2))
    assert len(seen.samples) == 2 * RATE and seen.images is None
    assert found.words == found.face == []


def test_the_word_with_the_largest_drop_is_that_on_which_the_answer_hangs(predictor, noise):
    planted(predictor, hateful)
    found, _ = explained(predictor, audio=str(noise), text=SENTENCE)
    assert [each.word for each in found.words] == SENTENCE.split()
    assert [each.drop for each in found.words] == pytest.approx([0, 0, 0.5, 0, 0, 0])
    assert all(window.drop == 0 for window in found.audio)
    assert found.modalities["audio"].shapley == pytest.approx((0.4 - 1 / 3) / 2)
    only, _ = explained(predictor, text="hate")
    assert [(each.word, each.probability) for each in only.words] == [("hate", pytest.approx(1 / 3))]


def test_shapley_values_sum_to_the_probability_above_that_of_nothing(predictor, model, noise):
    face = [0.5] * FACE
    row = {"audio": str(noise), "text": SENTENCE, "face": face}
    found, _ = explained(predictor, **row)
    answer = Predictor(model / "model").table(pd.DataFrame({name: [value] for name, value in row.items()}))
    assert found.label == answer["label"].iloc[0]
    assert found.probability == pytest.approx(answer[f"p_{found.label}"].iloc[0], abs=1e-6)
    assert list(found.modalities) == ["audio", "face", "text"]
    assert sum(each.shapley for each in found.modalities.values()) == pytest.approx(found.probability - 1 / 3)
    alone = Predictor(model / "model").table(pd.DataFrame({"face": [face]}))
    assert found.modalities["face"].alone == pytest.approx(alone[f"p_{found.label}"].iloc[0], abs=1e-6)
    without = Predictor(model / "model").table(pd.DataFrame({"audio": [str(noise)], "text": [SENTENCE]}))
    assert found.modalities["face"].without == pytest.approx(without[f"p_{found.label}"].iloc[0], abs=1e-6)
    assert found.face == [], "a table of features has no frames to leave out"


def test_a_silenced_window_is_what_the_model_says_of_the_silenced_recording(
    predictor, model, noise, tmp_path
):
    found, _ = explained(predictor, audio=str(noise))
    samples, _ = soundfile.read(noise)
    window = found.audio[3]
    samples[round(window.start_s * RATE) : round(window.end_s * RATE)] = 0
    soundfile.write(tmp_path / "silenced.wav", samples, RATE)
    answer = Predictor(model / "model").table(pd.DataFrame({"audio": [str(tmp_path / "silenced.wav")]}))
    assert window.probability == pytest.approx(answer[f"p_{found.label}"].iloc[0], abs=1e-6)
    again = predictor.table(pd.DataFrame({"audio": [str(noise)]}))
    assert again[f"p_{found.label}"].iloc[0] == pytest.approx(found.probability, abs=1e-6), "left as it was"


def test_a_clip_of_one_modality_has_one_value(predictor, noise):
    found, _ = explained(predictor, audio=str(noise))
    (value,) = found.modalities.values()
    assert value.shapley == pytest.approx(found.probability - 1 / 3)
    assert value.alone == found.probability and value.without == pytest.approx(1 / 3)


def test_a_clip_shorter_than_the_window_is_silenced_whole(predictor, noise):
    planted(predictor, loud)
    found, _ = explained(predictor, audio=str(noise), window_s=5.0)
    assert [(each.start_s, each.end_s) for each in found.audio] == [(0.0, 2.0)]
    assert found.audio[0].drop == pytest.approx(0.5)


def test_silencing_what_is_silent_changes_nothing(predictor, tmp_path):
    samples = np.random.default_rng(1).normal(0, 0.1, RATE)
    samples[8000:] = 0
    soundfile.write(tmp_path / "half.wav", samples, RATE)
    found, _ = explained(predictor, audio=str(tmp_path / "half.wav"), window_s=0.2)
    assert all(window.drop == 0 for window in found.audio if window.start_s >= 0.5)
    assert any(window.drop != 0 for window in found.audio)


def test_a_clip_of_which_nothing_can_be_used_is_refused_with_the_reason(predictor, tmp_path):
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    with pytest.raises(RegistryError, match=r"nothing of the clip can be used: audio: .*silent"):
        explained(predictor, audio=str(tmp_path / "silent.wav"))
    found, seen = explained(predictor, audio=str(tmp_path / "silent.wav"), text=SENTENCE)
    assert list(found.modalities) == ["text"] and found.audio == [] and seen.samples is None
    assert "silent" in found.unused


def test_a_model_of_other_parts_is_refused():
    with pytest.raises(RegistryError, match=r"another version of emoflow.*publish it again"):
        explained(object(), text="well")


class Light(Face):
    """How bright each frame is, a token each."""

    name, dimensions, version = "light", 1, 1

    def encode_decoded(self, medium):
        return medium.images.mean((1, 2, 3), dtype=np.float32)[:, None]


def test_the_strongest_window_of_a_face_is_where_the_answer_hangs(predictor, noise, tmp_path):
    lit = [np.full((32, 32, 3), 220 if 8 <= number < 12 else 20, np.uint8) for number in range(20)]
    film = tmp_path / "film.mp4"
    samples, _ = soundfile.read(noise, dtype="float32")
    write_film(film, frames=lit, fps=10, sound=samples, rate=RATE)
    predictor._encoders["face"] = [Light(frames=20)]
    planted(predictor, lambda row: float(row["face"].max() > 120) if "face" in row else 0.0)
    found, seen = explained(predictor, video=str(film), text=SENTENCE)
    assert list(found.modalities) == ["audio", "face", "text"]
    assert found.modalities["face"].shapley == pytest.approx(0.5 + (0.4 - 1 / 3) / 3)
    (best,) = strongest(found.face, most=1)
    assert (best.start_s, best.end_s, best.frames) == (0.8, 1.2, 4) and best.drop == pytest.approx(0.5)
    assert [each.drop for each in found.face if each is not best] == pytest.approx(
        [0] * (len(found.face) - 1)
    )
    assert all(each.drop == 0 for each in found.audio)
    assert seen.images.shape == (20, 32, 32, 3) and len(seen.samples) == pytest.approx(2 * RATE, abs=2048)
    few = [Light(frames=2)]
    predictor._encoders["face"] = few
    found, seen = explained(predictor, video=str(film))
    assert seen.times_s.tolist() == pytest.approx([0.5, 1.5])
    spans = [(each.start_s, each.end_s) for each in found.face]
    assert spans == [(0.2, 0.6), (0.4, 0.8), (1.2, 1.6), (1.4, 1.8)], (
        "a window without a frame is not left out"
    )


def test_windows_of_a_face_leave_out_their_frames_alone():
    times = np.array([0.1, 0.3, 0.9])
    film = Frames(np.arange(3 * 4 * 4 * 3, dtype=np.uint8).reshape(3, 4, 4, 3), times, 1.0)
    left = occlusion.without_frames(film, times < 0.2)
    assert left.times_s.tolist() == [0.3, 0.9] and np.array_equal(left.images, film.images[1:])
    assert occlusion.without_frames(film, np.ones(3, bool)) is None


def test_frames_of_a_face_track_are_left_out_by_the_tracks_time():
    track = FaceTrack(25.0, "cascade", np.zeros((50, 3)), np.ones(50, bool), np.ones(50, bool))
    images = np.arange(3 * 4 * 4 * 3, dtype=np.uint8).reshape(3, 4, 4, 3)
    faces = FollowedFaces(images, [None, Box(0, 0, 2), None], track, np.array([5, 25, 45]))
    assert occlusion.seconds_of_frames(faces).tolist() == [0.2, 1.0, 1.8]
    assert occlusion.length_of_film(faces) == 2.0
    left = occlusion.without_frames(faces, np.array([True, False, False]))
    assert left.frames.tolist() == [25, 45] and left.boxes == [Box(0, 0, 2), None]
    assert np.array_equal(left.images, images[1:]) and left.track is track


@given(duration=st.floats(0.05, 30), length=st.floats(0.02, 5))
def test_windows_cover_the_clip_each_half_a_length_after_another(duration, length):
    spans = np.array(occlusion.windows(duration, length))
    assert spans[0, 0] == 0 and spans[-1, 1] == pytest.approx(duration, abs=2e-6)
    assert (spans[:, 1] - spans[:, 0] <= length + 2e-6).all()
    assert (np.diff(spans[:, 0]) <= length / 2 + 2e-6).all() and (np.diff(spans[:, 0]) > -1e-6).all()


@given(cut=st.integers(0, 1600), begin=st.integers(0, 1599), length=st.integers(1, 800))
def test_what_is_silenced_does_not_depend_on_the_blocks(cut, begin, length):
    samples = np.arange(1, 1601, dtype=np.float32)
    blocks = [samples[:cut], samples[cut:]]
    found = np.concatenate(occlusion.silenced(blocks, begin / RATE, (begin + length) / RATE))
    expected = samples.copy()
    expected[begin : begin + length] = 0
    assert np.array_equal(found, expected) and samples.all(), "and the recording stays as it is"


@given(st.text(alphabet="ab .,\n\t", max_size=30))
def test_leaving_a_word_out_leaves_the_others(text):
    words = text.split()
    found = list(occlusion.without_each_word(text))
    assert [word for word, _ in found] == words
    assert [rest.split() for _, rest in found] == [words[:at] + words[at + 1 :] for at in range(len(words))]


def test_the_drop_of_a_moment_is_the_mean_of_the_windows_that_cover_it():
    windows = [Window(0.0, 0.4, 0.5, 0.2), Window(0.2, 0.6, 0.3, 0.4), Window(0.8, 1.0, 0.7, 0.0)]
    edges, drops = profile(windows)
    assert edges.tolist() == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert drops == pytest.approx([0.2, 0.3, 0.4, np.nan, 0.0], nan_ok=True)
    assert strongest(windows, most=3) == [windows[1]], "no overlap, and none without a change"


def test_a_window_that_is_worse_than_no_sound_at_all_is_named():
    windows = [Window(0.0, 0.4, 0.5, 0.2), Window(0.2, 0.6, 0.3, 0.4)]
    assert worse_than_nothing(windows, ModalityValue(0.1, 0.4, without=0.35)) == windows[1]
    assert worse_than_nothing(windows, ModalityValue(0.1, 0.4, without=0.3)) is None
    assert worse_than_nothing([], ModalityValue(0.1, 0.4, without=0.3)) is None


@pytest.mark.slow
def test_a_picture_is_drawn_of_whatever_was_found(predictor, noise, tmp_path):
    from PIL import Image

    found, seen = explained(predictor, audio=str(noise), text=f"{SENTENCE} for 5$ or $6")
    figure.write(tmp_path / "all.png", found, seen)
    only, of_text = explained(predictor, text=SENTENCE)
    figure.write(tmp_path / "text.png", only, of_text)
    images = np.zeros((3, 40, 60, 3), np.uint8)
    film = {**asdict(only), "words": [], "modalities": only.modalities}
    shown = type(only)(**{**film, "face": found.audio})
    figure.write(tmp_path / "face.png", shown, Seen(None, images, np.array([0.2, 0.8, 1.4])))
    heights = {}
    for name in ("all", "text", "face"):
        with Image.open(tmp_path / f"{name}.png") as picture:
            heights[name] = picture.size[1]
    assert heights["all"] > heights["text"] > 100 and heights["face"] > heights["text"]
