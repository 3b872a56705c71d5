"""Encoders of faces that take the frames of a face track."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from emoflow.encoders import ModelFiles, make
from emoflow.encoders.cache import Cache, Entry
from emoflow.encoders.face import upright
from emoflow.encoders.followed_faces import SIDE
from emoflow.encoders.parallel import Job, Recipe, run_jobs
from emoflow.encoders.store import Row, write
from emoflow.errors import MediaError, ParamsError, SettingsError
from emoflow.files import digest_of

pytestmark = [pytest.mark.corpora, pytest.mark.slow]

ALL = ["appearance", "blendshapes", "landmarks"]


def encoders(names, model=None, *, frames=8, track="mediapipe"):
    return make(names, {"frames": frames, "track": track}, models=ModelFiles(model))


@pytest.fixture(scope="module")
def talker(corpora, landmark_model):
    """A clip of one face in all frames, followed by MediaPipe."""
    return encoders(["blendshapes"], landmark_model)[0].decode(corpora / "video" / "single_face.mp4")


def test_a_track_gives_every_encoder_a_token_for_the_same_frames(talker, landmark_model):
    assert talker.images.shape == (8, SIDE, SIDE, 3) and len(talker.track) == 60
    assert list(talker.frames) == [3, 11, 18, 26, 33, 41, 48, 56]
    for encoder in encoders(ALL, landmark_model):
        tokens = encoder.encode_decoded(talker)
        assert tokens.shape == (8, encoder.dimensions) and len(encoder.feature_names()) == encoder.dimensions
        assert tokens.dtype == np.float32 and encoder.notice(talker) is None


def test_blendshapes_are_the_tracks_and_say_what_the_face_does(talker, landmark_model):
    encoder = encoders(["blendshapes"], landmark_model)[0]
    tokens = encoder.encode_decoded(talker)
    assert np.array_equal(tokens[:, :52], talker.track.blendshapes[talker.frames])
    assert tokens[:, 52:] == pytest.approx(np.radians(talker.track.poses[talker.frames]), abs=1e-6)
    smile = tokens[:, 44]  # mouthSmileLeft: he smiles in the middle of the clip
    assert smile[3:6].min() > 0.5 > 0.2 > smile[0]


def test_landmarks_of_a_track_are_the_tracks(talker, landmark_model):
    tokens = encoders(["landmarks"], landmark_model)[0].encode_decoded(talker)
    expected = upright(talker.track.landmarks[talker.frames[2]].astype(np.float64)).ravel()
    assert tokens[2, : 478 * 3] == pytest.approx(expected, abs=1e-5)


def test_appearance_of_a_track_is_about_that_of_its_frames(talker, corpora):
    """Of the same clip, searched frame by frame; and not that of another talker."""
    followed = encoders(["appearance"], track="cascade")[0]
    alone = encoders(["appearance"], track=None)[0]
    film, other = (corpora / "video" / name for name in ("single_face.mp4", "lbax4n.mpg"))
    tokens = followed.encode(film)
    same = np.corrcoef(tokens.mean(0), alone.encode(film).mean(0))[0, 1]
    assert same > 0.9 > np.corrcoef(tokens.mean(0), alone.encode(other).mean(0))[0, 1]


def test_frames_without_a_face_have_no_token_and_are_reported(corpora):
    encoder = encoders(["appearance"], track="cascade")[0]
    medium = encoder.decode(corpora / "video" / "face_noface.mov")
    assert len(encoder.encode_decoded(medium)) == 3  # a face in 60 of 161 frames
    assert encoder.notice(medium) == "with a face in less than 50% of the frames"
    with pytest.raises(MediaError, match="no face found in 8 frames"):
        encoder.encode(corpora / "video" / "no_face.mp4")


def test_notice_and_coverage_are_cached_with_the_tokens(corpora, tmp_path):
    recipe = Recipe("face", ("appearance",), {"frames": 4, "track": "cascade"})
    cache = Cache(tmp_path)
    job = Job("a", "face", corpora / "video" / "face_noface.mov", "1" * 64, {"appearance": "0" * 64})
    assert list(run_jobs([job], recipes={"face": recipe}, cache=cache, workers=1)) == [job]
    entry = cache.get("0" * 64)
    assert entry.notice == "with a face in less than 50% of the frames" and len(entry.tokens) == 1
    assert entry.coverage == pytest.approx(60 / 161, abs=3 / 161)
    write(
        tmp_path / "store",
        [Row("a", "1" * 64, entry.tokens, entry.coverage), Row("b", "2" * 64, entry.tokens)],
        modality="face",
        encoder="appearance",
        params_digest="0" * 64,
        feature_names=[str(n) for n in range(entry.tokens.shape[1])],
    )
    index = pd.read_parquet(tmp_path / "store/face/appearance/index.parquet").set_index("utterance_id")
    assert index.coverage["a"] == pytest.approx(entry.coverage) and np.isnan(index.coverage["b"])


@pytest.mark.parametrize(
    ("track", "names"),
    [("cascade", ["appearance", "landmarks"]), ("mediapipe", ALL)],
    ids=["cascade", "mediapipe"],
)
def test_a_later_encoder_reads_the_faces_that_an_earlier_one_followed(
    corpora, landmark_model, tmp_path, track, names
):
    """The clip is gone by then; the tokens are the bytes of those that are made from the clip."""
    clip, cache = tmp_path / "clip.mpg", Cache(tmp_path / "cache")
    whole = (corpora / "video" / "lbax4n.mpg").read_bytes()
    recipe = Recipe(
        "face", tuple(names), {"frames": 8, "track": track}, ModelFiles(landmark_model), join="streams"
    )

    def encoded(digest: str, *chosen: str) -> dict[str, Entry]:
        """What these encoders make of a recording of this digest."""
        keys = {name: digest_of([digest, name]) for name in chosen}
        job = Job("a", "face", clip, digest, keys)
        assert list(run_jobs([job], recipes={"face": recipe}, cache=cache, workers=1)) == [job]
        return {name: cache.get(key) for name, key in keys.items()}

    clip.write_bytes(whole)
    first, *later = names
    entries = encoded("1" * 64, first)
    clip.write_bytes(b"no film")
    entries |= encoded("1" * 64, *later)
    unread = encoded("2" * 64, first)[first]
    assert unread.reason is not None and "media file" in unread.reason
    clip.write_bytes(whole)
    assert (
        encoded("2" * 64, "appearance")["appearance"].reason is None
    )  # no failure was kept of that recording
    for encoder in recipe.encoders():
        entry, fresh = entries[encoder.name], encoder.decode(clip)
        assert entry.reason is None and entry.coverage == encoder.coverage(fresh)
        tokens = encoder.encode_decoded(fresh)
        assert entry.tokens.dtype == tokens.dtype and entry.tokens.tobytes() == tokens.tobytes()


def test_processes_that_follow_the_same_face_at_once_share_its_entries(corpora, tmp_path):
    cache = Cache(tmp_path / "cache")
    recipe = Recipe("face", ("appearance",), {"frames": 4, "track": "cascade"})
    film = corpora / "video" / "single_face.mp4"
    jobs = [Job(str(n), "face", film, "1" * 64, {"appearance": f"{n}" * 64}) for n in range(4)]
    assert len(list(run_jobs(jobs, recipes={"face": recipe}, cache=cache, workers=2))) == 4
    tokens = {cache.get(f"{n}" * 64).tokens.tobytes() for n in range(4)}
    assert tokens == {recipe.encoders()[0].encode(film).tobytes()}
    files = [path for path in cache.root.rglob("*") if path.is_file()]
    assert len(files) == 4 + 2 and {path.suffix for path in files} == {".safetensors"}


def test_frames_that_are_searched_one_by_one_are_not_kept(corpora, tmp_path):
    (encoder,) = make(["appearance"], {"frames": 2})
    film = corpora / "video" / "single_face.mp4"
    frames = encoder.decode_cached(film, digest="1" * 64, root=tmp_path)
    assert np.array_equal(frames.images, encoder.decode(film).images) and not list(tmp_path.iterdir())


def test_the_track_is_part_of_the_digest_and_its_model_is_packed(landmark_model):
    digests = {
        track: encoders(["appearance"], landmark_model, track=track)[0].digest()
        for track in (None, "cascade", "mediapipe")
    }
    assert len(set(digests.values())) == 3
    assert digests[None] == make(["appearance"], {"frames": 8})[0].digest()
    followed = encoders(["appearance"], landmark_model)[0]
    assert followed.files() == {"face_landmarker.task": landmark_model} and "mediapipe" in followed.libraries
    bundled = encoders(["appearance"], track="cascade")[0]
    assert bundled.files() == {} and "mediapipe" not in bundled.libraries


def test_the_library_of_the_cascade_is_part_of_the_digest_of_what_it_finds(landmark_model):
    for track, named in (("cascade", True), ("mediapipe", False)):
        (followed,) = encoders(["landmarks"], landmark_model, track=track)
        assert ("scikit-image" in followed.libraries) == named, track


def test_what_a_track_needs_is_said(corpora, tmp_path):
    with pytest.raises(
        ParamsError, match=r"'blendshapes' needs features\.face\.track: mediapipe, and it is null"
    ):
        make(["blendshapes"], {"frames": 8})
    encoder = encoders(["appearance"], tmp_path / "none.task")[0]
    with pytest.raises(SettingsError, match=r"features\.face\.track: mediapipe needs .*emoflow assets add"):
        encoder.decode(corpora / "video" / "single_face.mp4")


@pytest.mark.parametrize("track", [None, "cascade"])
def test_the_active_speaker_needs_mediapipes_track(track):
    with pytest.raises(ParamsError, match=r"features\.face\.follow: active-speaker needs .*track: mediapipe"):
        make(["appearance"], {"frames": 8, "track": track, "follow": "active-speaker"})


def test_which_face_is_followed_is_in_the_digest_where_it_is_stated():
    def digest(**stated) -> str:
        return make(["appearance"], {"frames": 8, "track": "mediapipe", **stated})[0].digest()

    assert digest() == digest(follow="largest") != digest(follow="active-speaker")


def test_a_clip_that_mouth_and_sound_decided_is_reported(talker, landmark_model):
    encoder = encoders(["blendshapes"], landmark_model)[0]
    found = replace(talker, track=replace(talker.track, speaker_found=True))
    assert encoder.notice(found) == "with the face whose mouth moves with the sound"
