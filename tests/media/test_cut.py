"""A part of a recording, named by a media fragment: its moments and its rectangle, and nothing around them."""

from fractions import Fraction

import av
import numpy as np
import pytest
import soundfile
from emoflow import media
from emoflow.errors import MediaError
from emoflow.media.segment import cut_of
from emoflow.schema import file_of
from hypothesis import given
from hypothesis import strategies as st

FPS = 30
SECONDS = 12


def shades(number: int) -> tuple[int, int]:
    """The two halves' grey of a film's n-th picture: no two pictures within eight seconds are alike."""
    return number % 240, 255 - number % 240


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """A function: container, codec, B-frames → a film of 12 s, side by side, each picture of a shade of its own."""
    folder = tmp_path_factory.mktemp("films")

    def make(suffix: str, codec: str, between: int):
        path = folder / f"{codec}{between}.{suffix}"
        if path.exists():
            return path
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=FPS)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            stream.codec_context.options = {"g": "250", "bf": str(between), "q": "2", "crf": "2"}
            audio = container.add_stream("mp3" if suffix == "avi" else "aac", rate=16_000, layout="mono")
            for number in range(SECONDS * FPS):
                image = np.empty((48, 64, 3), np.uint8)
                image[:, :32], image[:, 32:] = shades(number)
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, FPS)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
            moments = np.arange(SECONDS * 16_000) / 16_000
            loud = np.where((moments >= 6) & (moments < 8), 0.5, 0.01)  # one turn of two seconds
            samples = (loud * np.sin(2 * np.pi * 200 * moments)).astype(np.float32)
            size = audio.codec_context.frame_size or 1024
            for begin in range(0, len(samples), size):
                block = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(samples[None, begin : begin + size]), format="fltp", layout="mono"
                )
                block.sample_rate, block.pts, block.time_base = 16_000, begin, Fraction(1, 16_000)
                container.mux(audio.encode(block))
            container.mux(audio.encode(None))
        return path

    return make


KINDS = [("avi", "mpeg4", 0), ("avi", "mpeg4", 2), ("avi", "msmpeg4", 0), ("mp4", "libx264", 2)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("span", [(0, 1), (0.51, 2.27), (6.2901, 8.2357), (11.2, 12)])
def test_pictures_are_those_of_the_whole_film_at_these_moments(films, kind, span):
    path, (begin, end) = films(*kind), span
    whole = media.frames(path, count=SECONDS * FPS)
    assert len(whole.images) == SECONDS * FPS
    moments = begin + (np.arange(5) + 0.5) / 5 * (end - begin)
    shown = np.searchsorted(whole.times_s, moments + 1e-9, side="right") - 1
    for left in (0, 50):
        cut = media.frames(f"{path}#t={begin},{end}&xywh=percent:{left},0,50,100", count=5)
        half = slice(0, 32) if left == 0 else slice(32, 64)
        assert np.array_equal(cut.images, whole.images[shown][:, :, half])
        assert cut.times_s == pytest.approx(whole.times_s[shown] - begin)
        assert cut.duration_s == pytest.approx(end - begin)


def test_the_halves_are_not_the_same_picture(films):
    path = films(*KINDS[0])
    left, right = (media.frames(f"{path}#t=1,2&xywh=percent:{at},0,50,100", count=1).images for at in (0, 50))
    expected = shades(45)
    assert left.mean() == pytest.approx(expected[0], abs=6)
    assert right.mean() == pytest.approx(expected[1], abs=6)


def test_a_part_of_a_picture_may_be_any_rectangle(films):
    path = films(*KINDS[3])
    whole = media.frames(f"{path}#t=1,2", count=1).images
    assert whole.shape == (1, 48, 64, 3)
    part = media.frames(f"{path}#t=1,2&xywh=percent:25,50,50,25", count=1).images
    assert np.array_equal(part, whole[:, 24:36, 16:48])


@pytest.mark.parametrize("kind", KINDS)
def test_sound_is_that_of_the_part(films, kind):
    path = films(*kind)
    inside = media.decode_audio(f"{path}#t=6.2,7.8")
    before = media.decode_audio(f"{path}#t=4,5.6")
    assert abs(len(inside) / 16_000 - 1.6) < 0.01 and len(before) == len(inside)
    assert np.abs(inside).max() > 0.4 and np.abs(before).max() < 0.05


@pytest.mark.parametrize("format", ["WAV", "FLAC"])
def test_a_part_of_a_sound_file_to_the_sample(tmp_path, format):
    samples = np.random.default_rng(1).uniform(-0.5, 0.5, 48_000).astype(np.float32)
    path = tmp_path / f"long.{format.lower()}"
    soundfile.write(path, samples, 16_000, format=format, subtype="PCM_16")
    whole = media.decode_audio(path)
    assert np.array_equal(media.decode_audio(f"{path}#t=0.5,1.25"), whole[8_000:20_000])
    assert np.array_equal(media.decode_audio(f"{path}#t=2.5,3.05"), whole[40_000:])  # times are rounded up
    assert media.audio_facts(f"{path}#t=0.5,1.25").duration_s == pytest.approx(0.75)


def test_facts_are_of_the_part(films):
    path = films(*KINDS[0])
    assert media.video_facts(f"{path}#t=1,2.5").duration_s == pytest.approx(1.5)
    assert media.audio_facts(f"{path}#t=1,2.5").duration_s == pytest.approx(1.5)


@pytest.mark.parametrize("span", ["11.5,14", "12.5,13", "100,101"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_recording_that_ends_before_its_last_turn(films, kind, span):
    path = films(*kind)
    with pytest.raises(MediaError, match=r"truncated: the recording ends at 1[12]\.\d\d s"):
        media.frames(f"{path}#t={span}", count=2)
    with pytest.raises(MediaError, match=r"truncated: the recording ends at 1[12]\.\d\d s"):
        media.decode_audio(f"{path}#t={span}")


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("#t=2,2", "nothing is left of it: from 2.0 to 2.0 s"),
        ("#t=3,2", "nothing is left"),
        ("#t=1,2&xywh=percent:60,0,50,100", "no part of a picture"),
        ("#t=1,2&xywh=percent:0,0,0,100", "no part of a picture"),
        ("#t=1", "no such file"),
        ("#t=1,2&xywh=pixel:0,0,10,10", "no such file"),
    ],
)
def test_what_names_no_part_is_refused(films, part, said):
    with pytest.raises(MediaError, match=said):
        media.frames(f"{films(*KINDS[0])}{part}", count=1)


numbers = st.decimals(0, 5000, places=4).map(str)


@given(numbers, numbers, st.tuples(*[st.integers(0, 100)] * 4) | st.none())
def test_a_path_and_its_part_come_apart(begin, end, box):
    part = f"#t={begin},{end}" + (f"&xywh=percent:{','.join(map(str, box))}" if box else "")
    assert file_of(f"Session1/a film#1.avi{part}") == "Session1/a film#1.avi"
    try:
        cut = cut_of(f"Session1/a film#1.avi{part}")
    except MediaError:
        assert float(begin) >= float(end) or box
    else:
        assert (cut.begin_s, cut.end_s) == (float(begin), float(end))


@given(st.text(max_size=40))
def test_a_name_of_no_part_is_the_file_itself(name):
    if "#t=" not in name:
        assert file_of(name) == name
