"""A clip's waveform is that of its sound, and its length that of what the report plays."""

import numpy as np
import soundfile
from emoflow.evaluation.attributions.recording import read
from emoflow.synthesis.media_writer import write_film

RATE = 16_000


def test_of_sound_and_film_the_film_is_played(tmp_path):
    sound, film = tmp_path / "a.wav", tmp_path / "a.mp4"
    noise = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    soundfile.write(sound, noise[: RATE // 2], RATE)
    pictures = np.zeros((25, 64, 64, 3), np.uint8)
    write_film(film, frames=pictures, fps=25, sound=noise, rate=RATE)
    assert read(sound, None).duration_s == 0.5
    both = read(sound, film)
    assert abs(both.duration_s - 1) < 0.1 and both.waveform == read(sound, None).waveform
    assert max(read(None, film).waveform) == 1


def test_without_anything_to_read_it_says_why(tmp_path):
    assert read(None, None).unreadable == "it has no recording"
    gone = read(tmp_path / "gone.wav", None)
    assert gone.duration_s is None and gone.waveform is None and "no such file" in gone.unreadable
