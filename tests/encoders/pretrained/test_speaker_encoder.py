"""The speaker encoder GE2E: its mel frames, its LSTM, and that it tells real speakers apart."""

import json

import numpy as np
import pytest
import soundfile
import torch
from emoflow.api import encoders
from emoflow.encoders import ModelFiles, make
from emoflow.encoders.pretrained.architecture import load_anew
from emoflow.encoders.pretrained.speaker import HOP, WINDOW, mel_frames
from emoflow.errors import EncoderError, MediaError, ParamsError, SettingsError
from emoflow.files import file_digest
from safetensors.torch import load_file, save_file
from tiny_models import DEPTH, RATE, SIZE, one, save, voice

BANDS = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save("ge2e", tmp_path_factory.mktemp("speaker") / "tiny-ge2e")


def slaney(hertz):
    """Slaney's mel scale: linear to 1,000 Hz, then logarithmic."""
    linear = np.asarray(hertz) * 3 / 200
    return np.where(linear < 15, linear, 15 + np.log(np.maximum(hertz, 1000) / 1000) * 27 / np.log(6.4))


def expected_frames(samples):
    """Mel power by the definitions alone: the sum of the discrete Fourier transform, band after band."""
    padded = np.pad(samples.astype(np.float64), WINDOW // 2, mode="reflect")
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    waves = np.exp(-2j * np.pi * np.outer(np.arange(WINDOW), np.arange(WINDOW // 2 + 1)) / WINDOW)
    starts = range(0, len(padded) - WINDOW + 1, HOP)
    power = np.stack([np.abs((padded[at : at + WINDOW] * hann) @ waves) ** 2 for at in starts])
    places = np.linspace(0, slaney(RATE / 2), BANDS + 2)
    grid = np.linspace(0, RATE / 2, 200_001)
    edges = np.interp(places, slaney(grid), grid)
    hertz = np.arange(WINDOW // 2 + 1) * RATE / WINDOW
    bands = []
    for low, middle, high in zip(edges, edges[1:], edges[2:], strict=False):
        rise, fall = (hertz - low) / (middle - low), (high - hertz) / (high - middle)
        bands.append(power @ np.maximum(0, np.minimum(rise, fall)) * 2 / (high - low))
    return np.stack(bands, axis=1)


@pytest.mark.parametrize("cuts", [[], [1, 50, 399, 400, 401, 2000], [7997], [160 * n for n in range(1, 50)]])
@pytest.mark.parametrize("length", [8000, 8001, 7999, 400])
def test_mel_frames_are_those_of_the_definition_however_the_samples_come(length, cuts):
    samples = voice(0.5 + 1 / RATE)[:length]
    found = np.concatenate(list(mel_frames(np.split(samples, [cut for cut in cuts if cut < length]))))
    assert found.shape == (1 + length // HOP, BANDS)
    np.testing.assert_allclose(found, expected_frames(samples), rtol=1e-6, atol=1e-9)


def test_a_clip_below_one_frame_is_refused(folder):
    with pytest.raises(MediaError, match="shorter than one frame of 400 samples: 399"):
        one(folder).encode_decoded([voice(1)[:399]])


def own_lstm(folder, depth):
    """torch's LSTM of the first layers, with the weights under the names of the checkpoint."""
    lstm = torch.nn.LSTM(BANDS, SIZE, depth, batch_first=True)
    weights = load_file(folder / "model.safetensors")
    lstm.load_state_dict({name: weights[f"lstm.{name}"] for name in lstm.state_dict()})
    return lstm


@torch.inference_mode()
def states(folder, samples, gain=1.0):
    frames = torch.tensor(gain**2 * expected_frames(samples), dtype=torch.float32)[None]
    return [own_lstm(folder, depth)(frames)[0][0].numpy() for depth in range(1, DEPTH + 1)]


def test_a_state_is_that_of_torch_s_lstm_of_as_many_layers(folder):
    samples = voice(0.8)
    expected = states(folder, samples)
    for number in range(1, DEPTH + 1):
        found = one(folder, layers=number).encode_decoded([samples])
        np.testing.assert_allclose(found, expected[number - 1], atol=1e-5)
    assert np.array_equal(one(folder).encode_decoded([samples]), found)  # by default the last
    beside = one(folder, layers=[1, -1]).encode_decoded([samples])
    np.testing.assert_allclose(beside, np.concatenate([expected[0], expected[2]], axis=1), atol=1e-5)
    mean = one(folder, layers={"last": 2}).encode_decoded([samples])
    np.testing.assert_allclose(mean, (expected[1] + expected[2]) / 2, atol=1e-5)


@pytest.mark.parametrize("layers", [0, -4, [0, 1], "weighted"])
def test_the_mel_frames_are_no_state_that_can_be_taken(folder, layers):
    with pytest.raises(ParamsError, match=r"only the states 1 to 3 can be taken, from its end -1 to -3"):
        one(folder, layers=layers)


def test_quiet_sound_is_raised_and_loud_sound_left(folder):
    samples, encoder = voice(0.5), one(folder)
    loudness = 20 * np.log10(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))
    assert loudness > -30  # so that it is heard as it is
    np.testing.assert_allclose(encoder.encode_decoded([samples]), states(folder, samples)[-1], atol=1e-5)
    quiet = np.float32(0.01) * samples
    gain = 10 ** ((-30 - loudness) / 20) / 0.01
    np.testing.assert_allclose(encoder.encode_decoded([quiet]), states(folder, quiet, gain)[-1], atol=1e-5)


def test_blocks_of_a_recording_are_heard_as_one(folder):
    """The loudness is that of the whole, and each block begins with the states in which the last one ended."""
    samples = np.concatenate([voice(1) * np.float32(0.003), voice(1, seed=1) * np.float32(0.05)])
    whole, encoder = one(folder).encode_decoded([samples]), one(folder)
    for cuts in ([RATE], [100, 5000, 5001, 30_000]):
        np.testing.assert_allclose(encoder.encode_decoded(np.split(samples, cuts)), whole, atol=1e-6)


def test_alone_equals_padded_in_a_batch(folder):
    model = load_anew(folder, DEPTH)
    clips = [torch.rand(30, BANDS), torch.rand(50, BANDS)]
    batch = torch.nn.utils.rnn.pad_sequence(clips, batch_first=True)
    with torch.inference_mode():
        together = model(batch).last_hidden_state
        for row, clip in zip(together, clips, strict=True):
            torch.testing.assert_close(
                row[: len(clip)], model(clip[None]).last_hidden_state[0], atol=1e-5, rtol=0
            )


def test_the_digest_covers_weights_and_layers(folder, tmp_path):
    other = save("ge2e", tmp_path / "other", seed=1)
    for each in (folder, other):
        assert one(each).weights == file_digest(each / "model.safetensors")
    (other / "config.json").write_bytes((folder / "config.json").read_bytes())
    alike = [{"hf": str(each), "pooling": "none"} for each in (folder, other)]
    parameters = [make([each], {})[0].parameters for each in alike]
    assert parameters[0] == parameters[1] and one(folder).digest() != one(other).digest()
    assert one(folder, layers=1).digest() != one(folder).digest()


def test_weights_of_other_shapes_are_refused(tmp_path):
    folder = save("ge2e", tmp_path / "tiny-ge2e")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"hidden_size": 24}))
    with pytest.raises(SettingsError, match=r"not those of the architecture 'ge2e'.*: lstm\.bias_hh_l0, "):
        one(folder).encode_decoded([voice(0.5)])
    with pytest.raises(EncoderError, match=r"of another architecture than config\.json says \(ge2e\)"):
        encoders.add(folder, tmp_path / "encoders")
    (folder / "config.json").write_text(json.dumps(config))
    weights = load_file(folder / "model.safetensors")
    del weights["lstm.bias_hh_l1"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(SettingsError, match=r"are missing or of another shape: lstm\.bias_hh_l1"):
        one(folder).encode_decoded([voice(0.5)])
    assert not list((tmp_path / "encoders").glob("*"))


@pytest.mark.slow
@pytest.mark.corpora
def test_clips_of_one_speaker_are_closer_than_those_of_two(corpora, fetched_encoders):
    """By the embedding that the model was trained for, of four actors of RAVDESS, whatever they feel."""
    root = fetched_encoders("ge2e")
    (encoder,) = make([{"hf": "ge2e", "pooling": "none"}], {}, models=ModelFiles(pretrained=root))
    weights = load_file(root / "ge2e" / "model.safetensors")
    embeddings, actors = [], []
    for actor in (1, 2, 3, 4):
        for clip in sorted((corpora / f"ravdess/Actor_{actor:02}").glob("03-01-0[1357]-01-*-01-*.flac")):
            samples, _ = soundfile.read(clip, dtype="float32")
            last = torch.from_numpy(encoder.encode_decoded([samples])[-1])
            spoken = torch.relu(weights["linear.weight"] @ last + weights["linear.bias"])
            embeddings.append(torch.nn.functional.normalize(spoken, dim=0))
            actors.append(actor)
    likeness = (torch.stack(embeddings) @ torch.stack(embeddings).T).numpy()
    same = np.equal.outer(actors, actors)
    other_clip = ~np.eye(len(actors), dtype=bool)
    assert len(actors) == 32
    assert likeness[same & other_clip].mean() > likeness[~same].mean() + 0.1
    nearest = np.where(other_clip, likeness, -1).argmax(1)
    assert (np.array(actors)[nearest] == actors).mean() > 0.9
