import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from emoflow import media
from emoflow.errors import MediaError
from recordings import muxed


def clip(*, seconds=2, fps=10, size=(64, 48), sound=False, pictures=True, suffix="mp4", **options) -> bytes:
    """A clip whose n-th picture is all of grey level 8 n."""
    with (
        tempfile.NamedTemporaryFile(suffix=f".{suffix}") as file,
        av.open(file.name, "w", options=options or {"movflags": "+faststart"}) as container,
    ):
        audio = container.add_stream("aac", rate=16_000, layout="mono") if sound else None
        if pictures:
            video = container.add_stream("libx264", rate=fps)
            video.width, video.height, video.pix_fmt = *size, "yuv420p"
            video.options = {"crf": "5", "g": "5"}
            for number in range(round(seconds * fps)):
                image = np.full((size[1], size[0], 3), 8 * number, np.uint8)
                for packet in video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
                    container.mux(packet)
            container.mux(video.encode())
        if audio:
            samples = (0.3 * np.sin(np.arange(seconds * 16_000) / 10)).astype(np.float32)[None]
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 16_000, 0, Fraction(1, 16_000)
            container.mux(audio.encode(frame))
            container.mux(audio.encode())
        container.close()
        return Path(file.name).read_bytes()


def levels(frames) -> list[int]:
    return [round(float(image.mean()) / 8) for image in frames.images]


def test_pictures_are_from_the_middles_of_equal_parts():
    frames = media.frames(clip(), count=4)
    assert frames.images.shape == (4, 48, 64, 3) and frames.images.dtype == np.uint8
    assert levels(frames) == [2, 7, 12, 17]  # 2 s at 10 a second: on show at 0.25, 0.75, 1.25 and 1.75 s
    assert frames.times_s == pytest.approx([0.2, 0.7, 1.2, 1.7])
    assert frames.duration_s == pytest.approx(2)


def test_a_clip_of_fewer_pictures_gives_each_once():
    assert levels(media.frames(clip(seconds=0.3), count=8)) == [0, 1, 2]
    assert levels(media.frames(clip(seconds=0.1), count=8)) == [0]


@pytest.mark.parametrize("count", [1, 3, 8, 20, 50])
def test_no_picture_comes_twice_and_none_out_of_order(count):
    found = levels(media.frames(clip(), count=count))
    assert found == sorted(set(found)) and len(found) == min(count, 20)


def test_a_path_and_its_bytes_are_the_same(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(clip())
    assert np.array_equal(media.frames(path, count=3).images, media.frames(clip(), count=3).images)


def test_a_live_recording_states_no_length():
    assert levels(media.frames(clip(suffix="mkv", live="1"), count=4)) == [2, 7, 12, 17]


@pytest.mark.parametrize("codec", ["mpeg1video", "mpeg2video"])
def test_bare_pictures_have_only_the_length_that_they_have(codec):
    """FFmpeg guesses the length of a stream without a header from its bit rate."""
    bare = muxed(codec, pictures=50, picture_codec=codec, fps=25)
    shown = media.frames(bare, count=5)
    assert shown.duration_s == media.video_facts(bare).duration_s == pytest.approx(2, abs=0.1)
    assert levels(shown) == pytest.approx([5, 15, 25, 3, 13], abs=2)


def test_a_picture_stored_lying_is_turned_upright():
    content = clip(size=(64, 48))
    at = content.index(b"tkhd") + 4
    matrix = at + 40  # version and flags, times, id, reserved, duration, reserved, layer, group, volume
    upright = b"".join(number.to_bytes(4, "big") for number in (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30))
    assert content[matrix : matrix + 36] == upright
    quarter = b"".join(
        number.to_bytes(4, "big", signed=True)
        for number in (0, 1 << 16, 0, -(1 << 16), 0, 0, 48 << 16, 0, 1 << 30)
    )
    turned = content[:matrix] + quarter + content[matrix + 36 :]
    assert media.frames(turned, count=1).images.shape == (1, 64, 48, 3)


def test_facts_come_from_the_header():
    facts = media.video_facts(clip(sound=True))
    assert (facts.width, facts.height, facts.fps, facts.sound, facts.codec) == (64, 48, 10, True, "h264")
    assert facts.duration_s == pytest.approx(2)
    assert not media.video_facts(clip()).sound


def test_what_cannot_be_used_is_refused_with_the_reason(tmp_path):
    content = clip()
    assert content.index(b"moov") < content.index(b"mdat")
    cases = {
        b"": "0 bytes",
        b"not a clip at all" * 100: "not a media file",
        clip(sound=True, pictures=False): "no pictures: it holds sound alone",
        content[
            : content.index(b"mdat") + 900
        ]: r"truncated: it cannot be decoded beyond \d\.\d\d s of 2\.00 s",
        content[:40] + b"\0" * 4000: "not a media file|truncated",
    }
    for source, reason in cases.items():
        with pytest.raises(MediaError, match=reason):
            media.frames(source, count=4)
    with pytest.raises(MediaError, match="no such file"):
        media.video_facts(tmp_path / "nothing.mp4")
    with pytest.raises(MediaError, match="no sound track"):
        media.decode_audio(content)


def test_a_picture_file_is_no_clip(tmp_path):
    import matplotlib.image

    matplotlib.image.imsave(tmp_path / "face.mp4", np.zeros((8, 8, 3), np.uint8), format="png")
    with pytest.raises(MediaError, match="not a media file"):
        media.frames(tmp_path / "face.mp4", count=1)


@pytest.mark.corpora
def test_real_clips(corpora):
    for name, shape in (("bbaf2n.mpg", (288, 360)), ("face_noface.mov", (540, 960))):
        frames = media.frames(corpora / "video" / name, count=8)
        assert frames.images.shape == (8, *shape, 3)
        gaps = np.diff(frames.times_s)
        assert gaps.min() > 0.8 * gaps.mean()


@pytest.mark.parametrize(("fps", "expected"), [(10, 1), (25, 2.5), (5, 0.5)])
def test_pictures_come_at_the_rate_asked_for(fps, expected):
    found = [round(float(image.mean()) / 8) for image in media.pictures(clip(), fps=fps)]
    assert found == [int((n + 0.5) / expected) for n in range(2 * fps)]


def test_a_picture_that_stays_on_show_is_the_same_array():
    shown = list(media.pictures(clip(), fps=20))
    assert shown[0] is shown[1] and shown[1] is not shown[2]


def test_an_edit_list_moves_no_picture():
    """The pictures begin half a second after the sound, which mp4 keeps in an edit list."""
    sound = np.zeros(32_000, np.float32)
    late, early = (muxed("mp4", sound, pictures=10, pictures_start_s=start) for start in (0.5, 0))
    levels = [
        [round(float(image.mean()) / 8) for image in media.pictures(content, fps=20)]
        for content in (late, early)
    ]
    assert levels[0] == levels[1] and len(levels[0]) == 20


def test_pictures_end_with_the_reason_where_a_recording_is_truncated():
    content = clip()
    with pytest.raises(MediaError, match="truncated"):
        list(media.pictures(content[: content.index(b"mdat") + 900], fps=25))
