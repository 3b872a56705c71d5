"""AV-HuBERT as an encoder of films and of speech."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from emoflow import media
from emoflow.artifacts.model import Modality
from emoflow.encoders import FeatureStore, encode, make
from emoflow.encoders.av_hubert import clip as clips
from emoflow.encoders.av_hubert.clip import AudioVisualClip, frames_of_sound
from emoflow.encoders.av_hubert.configuration import AvHubertConfig
from emoflow.encoders.av_hubert.filterbank import stacked_filterbank
from emoflow.encoders.av_hubert.network import AvHubert
from emoflow.encoders.cache import Cache
from emoflow.encoders.extract import extract
from emoflow.encoders.jobs import Source
from emoflow.encoders.parallel import Recipe
from emoflow.errors import MediaError, ParamsError, SettingsError
from emoflow.evaluation.robustness.changes import changed
from emoflow.evaluation.robustness.extraction import Wanted
from emoflow.evaluation.robustness.extraction import extract as extract_changed
from emoflow.evaluation.robustness.film_sound import WorseFilmSound
from emoflow.evaluation.robustness.limits import why_not
from emoflow.evaluation.robustness.perturbation import Perturbation
from emoflow.files import file_digest
from emoflow.params import features_section
from emoflow.registry.explaining import occlusion
from emoflow.schema import UTTERANCE_COLUMNS
from emoflow.synthesis.media_writer import write_film
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process import no_processes

RATE, SIZE, DEPTH = 16_000, 32, 2
FACES = {"frames": 4, "track": "cascade"}


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A random model, and the folder that holds it."""
    torch.manual_seed(0)
    sizes = {"hidden_size": SIZE, "num_hidden_layers": DEPTH, "intermediate_size": 64}
    made = AvHubert(AvHubertConfig.tiny(**sizes)).eval()
    folder = tmp_path_factory.mktemp("models") / "av-tiny"
    made.save_pretrained(folder)
    return made, folder


@pytest.fixture(scope="module")
def stated(network):
    """A function: as params.yaml states the encoder."""
    return lambda **others: {"av_hubert": str(network[1]), "pooling": "none"} | others


@pytest.fixture(scope="module")
def talker(corpora):
    return corpora / "video" / "lbax4n.mpg"


@pytest.fixture(scope="module")
def seen(talker, stated):
    """A talker's film as it is decoded, with the talker's face followed by the bundled cascade."""
    (encoder,) = make([stated()], FACES)
    return encoder.decode(talker)


def noise(seconds, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * RATE)).astype(np.float32)


def made_clip(frames=9, *, sound=True, shown=True):
    """Random pictures and sound; a face is present in most frames, or in none."""
    draws = np.random.default_rng(1)
    audio = draws.standard_normal((frames, 104), np.float32) if sound else None
    present = np.full(frames, shown)
    present[2:4] = False
    pictures = draws.integers(0, 256, (frames, 88, 88), np.uint8) * present[:, None, None]
    return AudioVisualClip(audio, pictures.astype(np.uint8), present, float(present.mean()))


@pytest.mark.corpora
def test_a_film_has_a_token_for_each_frame_by_the_network_itself(seen, talker, network, stated):
    assert seen.pictures.shape == (75, 88, 88) and seen.audio.shape == (75, 104)
    assert seen.present.all() and 40 < seen.pictures.mean() < 200
    direct = torch.from_numpy(seen.pictures).double() / 255
    audio = torch.from_numpy(stacked_filterbank(media.decode_audio(talker)))[None]
    with torch.inference_mode():
        states = network[0](audio[:, :75], ((direct - 0.421) / 0.165).float()[None])
    (both,) = make([stated()], FACES)
    assert np.allclose(both.encode_decoded(seen), states.last_hidden_state[0], atol=1e-5)
    assert both.notice(seen) is None and both.coverage(seen) == 1.0
    (first,) = make([stated(layers=1, streams="v", pooling="mean")], FACES)
    with torch.inference_mode():
        states = network[0](None, ((direct - 0.421) / 0.165).float()[None])
    tokens = first.encode_decoded(replace(seen, audio=None))
    assert np.allclose(tokens, states.hidden_states[1][0].mean(0, keepdim=True), atol=1e-5)


def test_frames_without_a_face_are_told_from_black_pictures(network, stated):
    clip = made_clip()
    (encoder,) = make([stated()], FACES)
    video = (torch.from_numpy(clip.pictures) / 255 - 0.421) / 0.165
    with torch.inference_mode():
        black = network[0](torch.from_numpy(clip.audio)[None], video[None]).last_hidden_state[0]
        video[2:4] = 0
        told = network[0](
            torch.from_numpy(clip.audio)[None],
            video[None],
            video_present=torch.from_numpy(clip.present)[None],
        ).last_hidden_state[0]
    tokens = encoder.encode_decoded(clip)
    assert np.allclose(tokens, told, atol=1e-5) and not np.allclose(tokens, black, atol=1e-3)


def test_a_stream_that_a_film_lacks_is_absent_and_told(network, stated):
    (both,), (pictures,) = make([stated()], FACES), make([stated(streams="v")], FACES)
    mute, faceless = made_clip(sound=False), made_clip(shown=False)
    assert np.array_equal(both.encode_decoded(mute), pictures.encode_decoded(mute))
    assert both.notice(mute) == "without sound that can be used, encoded by pictures alone"
    assert pictures.notice(mute) is None, "it was not to be heard"
    with torch.inference_mode():
        heard = network[0](torch.from_numpy(faceless.audio)[None]).last_hidden_state[0]
    assert np.allclose(both.encode_decoded(faceless), heard, atol=1e-6)
    assert both.notice(faceless) == "without a face, encoded by sound alone"
    with pytest.raises(MediaError, match=r"^no face found in 9 frames$"):
        pictures.encode_decoded(replace(faceless, audio=None))
    with pytest.raises(MediaError, match=r"^no face found in 9 frames and no sound that can be used$"):
        both.encode_decoded(replace(faceless, audio=None))
    few = replace(made_clip(), coverage=0.4)
    assert both.notice(few) == "with a face in less than 50% of the frames"


def test_films_without_sound_or_without_a_face_are_read_as_such(tmp_path, stated):
    (both,) = make([stated()], FACES)
    grey = [np.full((64, 64, 3), 90, np.uint8)] * 10
    write_film(tmp_path / "sound.mp4", frames=grey, fps=25, sound=noise(0.3), rate=RATE)
    write_film(tmp_path / "mute.mp4", frames=grey, fps=25, sound=None, rate=RATE)
    clip = both.decode(tmp_path / "sound.mp4")
    assert len(clip) == 10 and not clip.present.any() and not clip.pictures.any()
    assert clip.audio[:7].any(1).all() and not clip.audio[8:].any(), (
        "sound that ends early is filled with zeros"
    )
    assert both.encode(tmp_path / "sound.mp4").shape == (10, SIZE)
    with pytest.raises(MediaError, match="no face found in 10 frames and no sound"):
        both.encode(tmp_path / "mute.mp4")


def test_speech_is_heard_without_pictures(network, stated, tmp_path):
    samples = noise(1.3)
    soundfile.write(tmp_path / "speech.wav", samples, RATE, subtype="FLOAT")
    (encoder,) = make([stated(streams="a")], {}, modality="audio")
    with torch.inference_mode():
        states = network[0](torch.from_numpy(stacked_filterbank(samples))[None])
    assert np.allclose(encoder.encode(tmp_path / "speech.wav"), states.last_hidden_state[0], atol=1e-5)
    (all_states,) = make([stated(streams="a", layers="weighted", pooling="mean-std")], {}, modality="audio")
    assert all_states.encode(tmp_path / "speech.wav").shape == (1, 2 * SIZE * (DEPTH + 1))
    assert all_states.layers_apart == DEPTH + 1 and encoder.name.endswith(".a.none")


@settings(max_examples=25)
@given(length=st.integers(1, 5 * RATE), cuts=st.lists(st.floats(0, 1), max_size=4))
def test_sound_in_blocks_gives_the_frames_of_the_whole(length, cuts):
    samples = noise(5)[:length]
    blocks = np.split(samples, sorted(int(cut * length) for cut in cuts))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clips, "BLOCK_S", 1)
        found = frames_of_sound(blocks)
    assert np.array_equal(found, stacked_filterbank(samples))


def test_a_long_recording_is_read_in_pieces_without_a_seam(stated, monkeypatch):
    """Before attention nothing tells the pieces; with it, tokens lack what they made of sound farther away."""
    (below,), (encoder,) = (make([stated(streams="a", layers=each)], {}) for each in (0, None))
    blocks = [noise(20, seed) for seed in range(4)]
    before, pieces = below.encode_decoded(blocks), encoder.encode_decoded(blocks)
    monkeypatch.setattr("emoflow.encoders.av_hubert.encoder.PIECE_S", 100)
    assert before.shape == pieces.shape == (2000, SIZE)
    assert np.allclose(before, below.encode_decoded(blocks), atol=1e-5)
    difference = np.abs(pieces - encoder.encode_decoded(blocks))
    assert 0 < difference.max() < 1e-2 and difference.mean() < 1e-3


@pytest.mark.slow
@pytest.mark.corpora
def test_it_stands_beside_encoders_that_decode_a_film_otherwise(talker, stated, tmp_path, monkeypatch):
    encoders = [stated(), stated(streams="v", pooling="mean"), "appearance"]
    recipe = Recipe("face", tuple(encoders), FACES)
    made = recipe.encoders()
    assert made[0].name == "appearance" and len({each.decoded_as for each in made}) == 3
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / talker.name).symlink_to(talker)
    grey = [np.full((64, 64, 3), 90, np.uint8)] * 10
    write_film(tmp_path / "raw" / "grey.mp4", frames=grey, fps=25, sound=noise(0.4), rate=RATE)
    films = {"grid/talker": talker.name, "grid/grey": "grey.mp4"}
    table = pd.DataFrame(
        {"utterance_id": list(films), "video": list(films.values()), "video_digest": ["a" * 64, "b" * 64]}
    ).reindex(columns=list(UTTERANCE_COLUMNS))
    how = {"raw": tmp_path / "raw", "recipes": {"face": recipe}, "attached": {}, "excluded": {}, "workers": 1}
    with no_processes():
        exclusions, lines = extract(table, out=tmp_path / "store", cache=Cache(tmp_path / "cache"), **how)
    assert f"face/{made[1].name}: 1 without a face, encoded by sound alone" in lines
    assert {each["encoder"]: each["reason"] for each in exclusions} == {
        "appearance": "no face found in 4 frames",
        made[2].name: "no face found in 10 frames",
    }
    (kept,), present = FeatureStore.open(tmp_path / "store").tokens("face", ["grid/talker"])
    fresh = encode(made, talker)
    assert np.array_equal(kept, fresh) and present.all() and len(fresh) == 75, "at the rate of the longest"

    monkeypatch.setattr(media.ClipFaces, "track", None)  # what is in the cache is not read of the film again
    monkeypatch.setattr(media.ClipFaces, "cut", None)
    clip = made[1].decode_cached(talker, digest="a" * 64, root=tmp_path / "cache")
    assert np.array_equal(made[1].encode_decoded(clip), fresh[:, -2 * SIZE : -SIZE])


def test_streams_of_which_one_finds_nothing_keep_the_others(stated, tmp_path):
    grey = [np.full((64, 64, 3), 90, np.uint8)] * 10
    write_film(tmp_path / "film.mp4", frames=grey, fps=25, sound=noise(0.4), rate=RATE)
    encoders = make([stated(), "appearance"], FACES, join="streams")
    tokens = encode(encoders, tmp_path / "film.mp4", join="streams")
    assert tokens.shape == (10, encoders[0].dimensions + SIZE)
    assert np.isnan(tokens[:, : encoders[0].dimensions]).all() and np.isfinite(tokens[:, -SIZE:]).all()
    with pytest.raises(MediaError, match="no face found in 4 frames"):
        encode(encoders, tmp_path / "film.mp4")


def test_a_token_of_sampled_pictures_beside_those_of_all_is_of_its_own_time(stated):
    appearance, films = make([stated(), "appearance"], FACES)
    assert appearance.aligned and films.digest() == make([stated()], FACES)[0].digest()
    assert not make([stated(pooling="mean"), "appearance"], FACES)[0].aligned


def test_what_cannot_be_says_what_to_write(stated, network, tmp_path):
    folder = network[1]

    def refused(one, parameters=FACES, *, modality="face", error=ParamsError, said):
        with pytest.raises(error, match=said):
            make([one], parameters, modality=modality)

    refused({"hf": str(folder), "pooling": "none"}, said=r"is an AV-HuBERT.*write it as \{av_hubert: ")
    refused(stated(roi="face"), said=r"roi is 'face', and .* \(roi is 'mouth' in its config\.json\)")
    refused(stated(), {"frames": 4}, said=r"features\.face\.track to mediapipe or cascade")
    refused(stated(layers=9), said="the model has the states 0 to 2")
    refused(stated(streams="a"), said="cannot encode face")
    lacking = {"av_hubert": "av-hubert-base", "pooling": "none"}
    refused(lacking, error=SettingsError, said="emoflow encoders add FILE.pt --name av-hubert-base")
    config = json.loads((folder / "config.json").read_text())
    for name, changes in (("other", {"model_type": "hubert"}), ("large", {"image_size": 96})):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps(config | changes))
        (tmp_path / name / "model.safetensors").symlink_to(folder / "model.safetensors")
    other = {"av_hubert": str(tmp_path / "other"), "pooling": "none"}
    refused(other, said=r"of the architecture 'hubert' and no AV-HuBERT: write it as \{hf: ")
    large = {"av_hubert": str(tmp_path / "large"), "pooling": "none"}
    refused(large, error=SettingsError, said="image_size is 96, and pictures are cut out with 88")


@pytest.mark.parametrize(
    ("modality", "changes", "section", "said"),
    [
        ("audio", {"streams": "av"}, {}, r"audio\.encoders\.0\.streams: .*under features\.face\.encoders"),
        ("face", {"streams": "a"}, {}, r"face\.encoders\.0\.streams: .*under features\.audio\.encoders"),
        ("face", {"streams": "lips"}, {}, r"streams is 'lips': input should be 'av' or 'v'"),
        ("face", {"roi": "eyes"}, {}, r"roi is 'eyes'"),
        ("face", {"stream": "v"}, {}, r"did you mean 'features\.face\.encoders\.0\.streams'"),
        ("face", {"layers": "all"}, {}, r"layers is 'all'; give a number"),
        ("face", {}, {"track": None}, r"features\.face: the encoder av looks at every frame.*set track to"),
        ("text", {}, {"dimensions": 64}, r"text\.encoders\.0"),
    ],
)
def test_params_say_which_key_is_wrong(modality, changes, section, said):
    sections = {"audio": {}, "text": {}, "face": FACES}
    stated = {"encoders": [{"av_hubert": "av"} | changes]}
    with pytest.raises(ParamsError, match=said):
        features_section(modality, sections[modality] | section | stated)


def test_params_read_both_streams_of_films_and_the_sound_of_recordings():
    of = {"face": FACES, "audio": {}}
    found = {name: features_section(name, {"encoders": [{"av_hubert": "av"}], **of[name]}) for name in of}
    (face,), (audio,) = (found[name]["encoders"] for name in ("face", "audio"))
    assert (face["streams"], face["pooling"], face["roi"]) == ("av", "none", None)
    assert (audio["streams"], audio["pooling"]) == ("a", "mean-std")


def test_worse_pictures_are_not_tested_where_the_face_is_followed():
    films = Modality(
        encoders=["av"], parameters=FACES, layout=[("av", 8)], pretrained={"av": {"streams": "av"}}
    )
    sound = Modality(encoders=["logmel"], parameters={}, layout=[("logmel", 64)])
    assert why_not("noise", {"face": films, "audio": sound}) is None
    assert changed("noise", {"face": films, "audio": sound}) == ("audio", "face")
    assert "followed" in why_not("blur", {"face": films})


@pytest.mark.slow
@pytest.mark.corpora
def test_worse_sound_of_a_film_is_heard_by_the_encoder_that_hears_it(talker, seen, stated, tmp_path):
    """One that looks at the pictures alone gives what it gave, and the face is followed once."""
    encoders = (stated(pooling="mean"), stated(pooling="mean", streams="v"))
    recipe = Recipe("face", encoders, FACES)
    film = Source("lab/1", talker, file_digest(talker))
    hows = [Perturbation("noise", level, 7, "lab/1") for level in (0, -10)]
    wanted = [
        Wanted(
            "face", how.condition, how.level,
            replace(film, digest=how.digest(film.digest), change=WorseFilmSound(talker, how), unchanged=film.digest),
            unheard=film,
        )
        for how in hows
    ]  # fmt: skip
    cache = Cache(tmp_path)
    with no_processes():
        found = extract_changed(wanted, recipes={"face": recipe}, cache=cache, workers=1)
    both, pictures = recipe.encoders()
    assert (both.hears_films, pictures.hears_films) == (True, False)
    for how in hows:
        tokens = found.tokens("face", "noise", how.level, "lab/1")
        (noisy,) = how([media.decode_audio(talker)])
        clip = replace(seen, audio=frames_of_sound([noisy])[:75])
        assert np.allclose(tokens[:, :SIZE], both.encode_decoded(clip), atol=1e-5)
        assert not np.allclose(tokens[:, :SIZE], both.encode_decoded(seen), atol=1e-3)
        assert np.allclose(tokens[:, SIZE:], pictures.encode_decoded(replace(seen, audio=None)), atol=1e-5)
    features = {key for keys in found.keys.values() for key in keys}
    kept = [path for path in tmp_path.rglob("*.safetensors") if path.stem not in features]
    assert len(features) == 3 and len(kept) == 2, "a track and the pictures, once for all levels"
    mute = replace(seen, audio=None)
    assert WorseFilmSound(talker, hows[0])(mute) is mute


def test_frames_that_are_left_out_of_a_clip_show_no_face():
    clip = made_clip()
    assert occlusion.seconds_of_frames(clip).tolist() == pytest.approx(np.arange(9) / 25)
    assert occlusion.length_of_film(clip) == 9 / 25 and occlusion.images_of(clip).shape == (9, 88, 88, 3)
    left = occlusion.without_frames(clip, np.arange(9) < 2)
    assert left.present.tolist() == [False] * 4 + [True] * 5 and not left.pictures[:4].any()
    assert np.array_equal(left.pictures[4:], clip.pictures[4:]) and left.audio is clip.audio
