"""The faces of a clip, read from a cache."""

import resource

import numpy as np
import pytest
from emoflow import media
from emoflow.errors import MediaError
from emoflow.media import clip_faces
from films import Squares, film_of

FILM = film_of(*([(30, 20 + n, 40)] for n in range(15)), *[[]] * 15)
"""A face that moves, and is gone in the second half."""
UNREADABLE = b"not a film"
DIGEST = "ab" * 32


def kept(root, source=FILM, *, digest=DIGEST, detector=None) -> media.CachedFaces:
    return media.CachedFaces(source, detector or Squares(), digest=digest, root=root)


def regions(track) -> list:
    return [media.FaceRegion(track, size=48), media.MouthRegion(track)]


def entries(root) -> list:
    return sorted(path for path in root.rglob("*") if path.is_file())


def same(one, other) -> bool:
    arrays = ("boxes", "found", "present", "landmarks", "blendshapes", "poses")
    return (one.fps, one.detector) == (other.fps, other.detector) and all(
        (mine is None and theirs is None)
        or (mine.dtype == theirs.dtype and mine.tobytes() == theirs.tobytes())
        for mine, theirs in ((getattr(one, name), getattr(other, name)) for name in arrays)
    )


def test_what_was_made_is_read_though_the_clip_is_gone(tmp_path):
    fresh = media.ClipFaces(FILM, Squares())
    images = fresh.cut(*regions(fresh.track), frames=[0, 7, 20])
    made = kept(tmp_path)
    assert same(made.track, fresh.track)
    assert all(map(np.array_equal, made.cut(*regions(made.track), frames=[0, 7, 20]), images))
    assert len(entries(tmp_path)) == 3 and images[0][:2].any() and not images[0][2].any()

    read = kept(tmp_path, UNREADABLE)
    assert same(read.track, fresh.track)
    again = read.cut(*regions(read.track), frames=np.array([0, 7, 20]))
    assert all(map(np.array_equal, again, images)) and {each.dtype for each in again} == {np.dtype("uint8")}


def test_all_arrays_of_a_track_are_kept(tmp_path, monkeypatch):
    generator = np.random.default_rng(0)
    track = media.FaceTrack(
        25.0,
        "squares",
        np.float32([[1, 2, 3], [np.nan] * 3]),
        np.array([True, False]),
        np.array([True, False]),
        generator.normal(size=(2, 478, 3)).astype(np.float32),
        generator.random((2, 52), np.float32),
        generator.random((2, 3), np.float32),
    )
    monkeypatch.setattr(clip_faces, "track_face", lambda *_: track)
    assert same(kept(tmp_path).track, track)
    monkeypatch.undo()
    assert same(kept(tmp_path, UNREADABLE).track, track)


def test_other_frames_and_regions_are_cut_by_the_track_that_is_there(tmp_path):
    detector = Squares()
    first = kept(tmp_path, detector=detector)
    first.cut(media.FaceRegion(first.track, size=48), frames=[3])
    looked_at = detector.looked_at
    assert looked_at > 0
    other = kept(tmp_path, detector=detector)
    wanted = [*regions(other.track), media.FaceRegion(other.track, size=24, margin=0.1)]
    images = other.cut(*wanted)
    assert detector.looked_at == looked_at
    fresh = media.ClipFaces(FILM, Squares())
    assert all(map(np.array_equal, images, fresh.cut(*wanted)))
    assert [each.shape for each in images] == [(30, 48, 48, 3), (30, 88, 88), (30, 24, 24, 3)]


def test_noise_and_no_frames_are_kept_without_loss(tmp_path, monkeypatch):
    noise = np.random.default_rng(1).integers(0, 256, (3, 88, 88), np.uint8)
    monkeypatch.setattr(clip_faces, "cut_regions", lambda *_, frames: [noise[: len(frames)]])
    for frames in ([0, 1, 2], []):
        made = kept(tmp_path)
        made.cut(media.MouthRegion(made.track), frames=frames)
        (read,) = kept(tmp_path, UNREADABLE).cut(media.MouthRegion(made.track), frames=frames)
        assert np.array_equal(read, noise[: len(frames)]) and read.shape == (len(frames), 88, 88)


@pytest.mark.parametrize("damage", ["half", "empty", "bit", "other"])
def test_an_entry_that_does_not_hold_is_made_again(tmp_path, damage):
    made = kept(tmp_path)
    images = made.cut(*regions(made.track))
    whole = {path: path.read_bytes() for path in entries(tmp_path)}
    for path, content in whole.items():
        path.write_bytes(
            {
                "half": content[: len(content) // 2],
                "empty": b"",
                "bit": content[:-1] + bytes([content[-1] ^ 1]),
                "other": b"not safetensors at all" * 10,
            }[damage]
        )
        with pytest.raises(MediaError):
            unread = kept(tmp_path, UNREADABLE)
            unread.cut(*regions(unread.track))
        path.write_bytes(content)
    for path in whole:
        path.write_bytes(b"")
    mended = kept(tmp_path)
    assert all(map(np.array_equal, mended.cut(*regions(mended.track)), images))
    assert {path: path.read_bytes() for path in entries(tmp_path)} == whole


def test_what_decides_the_faces_is_in_the_key(tmp_path, monkeypatch):
    class Newer(Squares):
        def facts(self):
            return {"version": 2}

    class Other(Squares):
        name = "other"

    def track_again(**others) -> None:
        with pytest.raises(MediaError):
            _ = kept(tmp_path, UNREADABLE, **others).track

    made = kept(tmp_path)
    made.cut(*regions(made.track))
    track_again(digest="cd" * 32)
    track_again(detector=Newer())
    track_again(detector=Other())
    for module, name in (
        (clip_faces.video, "VERSION"),
        (clip_faces.face_track, "VERSION"),
        (clip_faces, "LAYOUT"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, -1)
            track_again()
    with monkeypatch.context() as patch:
        patch.setattr(clip_faces, "_versions", lambda *packages: dict.fromkeys(packages, "0"))
        track_again()
    read = kept(tmp_path, UNREADABLE)
    older = media.MouthRegion(read.track)
    older.facts = older.facts | {"version": -1}
    for region in (
        older,
        media.FaceRegion(read.track, size=48, margin=0.3),
        media.FaceRegion(read.track, size=47),
    ):
        with pytest.raises(MediaError):
            read.cut(region)


def test_the_detectors_say_what_decides_their_faces(landmark_model, tmp_path):
    cascade, mediapipe = media.CascadeDetector(), media.LandmarkDetector(landmark_model)
    other = tmp_path / "other.task"
    other.write_bytes(b"another model")
    assert mediapipe.facts() != media.LandmarkDetector(other).facts()
    assert "mediapipe" in mediapipe.libraries and "scikit-image" in cascade.libraries


def test_a_clip_that_cannot_be_read_leaves_no_entry(tmp_path):
    with pytest.raises(MediaError):
        _ = kept(tmp_path, UNREADABLE).track
    assert not entries(tmp_path)


@pytest.mark.parametrize("at", [0, 1])
def test_a_disk_that_takes_no_more_is_an_error_that_names_the_file(tmp_path, at):
    made = kept(tmp_path)
    made.cut(media.FaceRegion(made.track, size=48))
    path = sorted(entries(tmp_path), key=lambda each: each.stat().st_mtime_ns)[at]
    path.unlink()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as raised:
            again = kept(tmp_path)
            again.cut(media.FaceRegion(again.track, size=48))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert raised.value.filename == str(path)
    assert len(entries(tmp_path)) == 1
