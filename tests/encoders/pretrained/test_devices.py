"""Where models run: the device reaches them, a full memory is answered, and a CPU's features are cached for both."""

import numpy as np
import pytest
import torch
from emoflow import media
from emoflow.encoders import ModelFiles, jobs, make
from emoflow.encoders.cache import Cache
from emoflow.encoders.jobs import Source, run_missing
from emoflow.encoders.pretrained.recogniser import SpeechRecogniser
from emoflow.errors import SettingsError
from emoflow.media import Box, Frames
from emoflow.ray_cluster import Site
from tiny_models import PICTURES, SPEECH, one, save, save_recogniser, voice


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return {name: save(name, root / name) for name in (SPEECH[0], PICTURES[0])}


@pytest.fixture
def clip(monkeypatch) -> Frames:
    """Seven frames with a face in each."""
    monkeypatch.setattr(media, "find_faces", lambda images: [Box(20, 30, 40)] * 7, raising=False)
    images = np.random.default_rng(0).integers(0, 256, (7, 120, 160, 3), np.uint8)
    return Frames(images, np.arange(7.0), 7.0)


def of_device(folder, device: str, **parameters):
    stated = {"hf": str(folder), "pooling": "mean"}
    return make([stated], parameters, models=ModelFiles(device=device))[0]


def test_models_run_where_they_are_told_and_their_features_do_not_depend_on_it(folders, tmp_path):
    here, there = (of_device(folders[SPEECH[0]], device) for device in ("cpu", "cuda"))
    assert (here.device, there.device) == ("cpu", "cuda")
    assert here.digest() == there.digest()
    folder = save_recogniser(tmp_path / "whisper")
    assert SpeechRecogniser(hf=str(folder), models=ModelFiles(device="cuda")).device == "cuda"
    assert make(["egemaps"], {}, models=ModelFiles(device="cuda"))[0].device == "cpu"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_an_error_that_says_what_to_set(folders):
    with pytest.raises(SettingsError, match="finds no GPU here: set EMOFLOW_DEVICE=cpu"):
        of_device(folders[SPEECH[0]], "cuda").encode_decoded([voice(0.5)])


def full_beyond(encoder, pictures: int, monkeypatch) -> list[int]:
    """Have the memory hold so many pictures; returns how many were tried, which grows."""
    tried, forward = [], type(encoder.loaded).forward

    def limited(self, pixel_values, **options):
        tried.append(len(pixel_values))
        if len(pixel_values) > pictures:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return forward(self, pixel_values, **options)

    monkeypatch.setattr(type(encoder.loaded), "forward", limited)
    return tried


def test_a_batch_that_fills_the_memory_is_halved_with_a_notice(folders, clip, monkeypatch, capsys):
    expected = one(folders[PICTURES[0]], frames=7).encode_decoded(clip)
    encoder = one(folders[PICTURES[0]], frames=7)
    tried = full_beyond(encoder, 3, monkeypatch)
    np.testing.assert_allclose(encoder.encode_decoded(clip), expected, atol=1e-5)
    assert tried == [7, 7, 4, 2, 2, 2, 1]
    assert "the memory of cpu is full; going on with 2 pictures at once" in capsys.readouterr().out


def test_a_picture_that_does_not_fit_stops_with_advice(folders, clip, monkeypatch):
    encoder = one(folders[PICTURES[0]], frames=7)
    full_beyond(encoder, 0, monkeypatch)
    with pytest.raises(SettingsError, match=r"memory of cpu is full \(CUDA out of memory.*EMOFLOW_WORKERS=1"):
        encoder.encode_decoded(clip)


def test_few_processes_share_a_gpu_and_encoders_without_a_model_keep_all_cores(
    folders, tmp_path, monkeypatch
):
    assert (Site(16, "cpu").processes, Site(16, "cuda").processes, Site(2, "cuda").processes) == (16, 4, 2)
    ran = []

    def run_jobs(asked, *, workers, **others):
        ran.append((workers, [sorted(job.keys) for job in asked]))
        return iter(asked)

    monkeypatch.setattr(jobs, "run_jobs", run_jobs)
    encoders = [make(["egemaps"], {})[0], of_device(folders[SPEECH[0]], "cuda")]
    cache = Cache(tmp_path)
    source = Source("control/1", tmp_path / "1.wav", "0" * 64)
    wanted = [(source, encoder, source.key(cache, encoder)) for encoder in encoders]
    run_missing(wanted, recipes={}, cache=cache, workers=16, cluster=None, what="features")
    assert ran == [(16, [["egemaps"]]), (4, [[encoders[1].name]])]
