"""Reconstruction of masked frames: what is hidden, what counts, and that it is learned."""

import numpy as np
import pytest
import torch
from emoflow.encoders.av_hubert.configuration import AvHubertConfig
from emoflow.errors import PretrainingError
from emoflow.pretraining.batches import batch_of
from emoflow.pretraining.joint_features import blocks
from emoflow.pretraining.objectives.reconstruction import AvHubertForReconstruction, Reconstruction, pretrain
from emoflow.pretraining.stated import ReconstructionStated
from emoflow.pretraining.store import InputStore
from made_inputs import made_store

SMALL = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
SMALL["video_widths"] = (2, 2, 2, 4)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """The tiny network, made smaller still."""
    tiny = AvHubertConfig.tiny
    monkeypatch.setattr(AvHubertConfig, "tiny", lambda **others: tiny(**SMALL | others))


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> InputStore:
    return made_store(tmp_path_factory.mktemp("films") / "made", 4, frames=(20, 30))


@pytest.fixture(scope="module")
def sounds(tmp_path_factory) -> InputStore:
    return made_store(tmp_path_factory.mktemp("sounds") / "made", 12, film=False)


def stated(**others) -> ReconstructionStated:
    training = {"frames": 120, "longest": 60, "learning_rate": 0.003, "save_every": 4}
    return ReconstructionStated(**{"size": "tiny", "seed": 1, "steps": 4, "training": training} | others)


def objective(store: InputStore, streams: str = "av") -> tuple[Reconstruction, dict]:
    torch.manual_seed(0)
    made = Reconstruction(AvHubertForReconstruction(AvHubertConfig.tiny()).eval(), streams=streams)
    return made, made.inputs(batch_of(store, range(3)), np.random.default_rng(0))


def test_what_is_masked_is_not_seen(films):
    made, inputs = objective(films)
    given = {n: x for n, x in inputs.items() if n not in ("blocks", "masked_audio", "masked_video")}
    masks = inputs["masked_audio"], inputs["masked_video"]
    hidden = given | {
        "audio": torch.where(masks[0].unsqueeze(-1), 9.0, given["audio"]),
        "video": torch.where(masks[1][..., None, None], 9.0, given["video"]),
    }
    with torch.no_grad():
        one, other = made.network(*masks, **given), made.network(*masks, **hidden)
        free = made.network(*(torch.zeros_like(each) for each in masks), **given)
    torch.testing.assert_close(one.audio, other.audio)
    torch.testing.assert_close(one.video, other.video)
    assert not torch.allclose(one.audio, free.audio)


@pytest.mark.parametrize("streams", ["av", "a", "v"])
def test_the_loss_is_of_masked_frames_of_the_streams_that_are_given(films, streams):
    made, inputs = objective(films, streams)
    losses = made.losses(inputs)
    given = {n: x for n, x in inputs.items() if n not in ("blocks", "masked_audio", "masked_video")}
    found = made.network(inputs["masked_audio"], inputs["masked_video"], **given)
    expected = count = 0
    batch = batch_of(films, range(3))
    for row, length in enumerate(batch.lengths):
        for frame in range(length):
            if "a" in streams and inputs["masked_audio"][row, frame]:
                expected += (
                    (found.audio[row, frame] - torch.from_numpy(batch.audio[row, frame])).abs().mean().item()
                )
                count += 1
            if "v" in streams and inputs["masked_video"][row, frame]:
                target = blocks(batch.pictures[row, frame][None])[0]
                target = torch.from_numpy(target / max(target.std(), 1.0))
                expected += (found.video[row, frame] - target).abs().mean().item()
                count += 1
    assert losses.total.item() == pytest.approx(expected, rel=1e-4)
    assert made.predictions(inputs) == count


@pytest.mark.slow
def test_more_is_learned_than_the_mean_frame_where_there_is_structure(sounds, tmp_path):
    _, curve = pretrain(sounds, stated(steps=200, streams="a"), roi=None, work=tmp_path, device="cpu")
    assert curve[-1]["loss"] < 0.9 * curve[-1]["deviation"] < curve[0]["loss"]


def test_the_model_has_no_heads(films, tmp_path):
    model, _ = pretrain(films, stated(), roi="face", work=tmp_path, device="cpu")
    assert model.config.roi == "face"
    assert not any("head" in name or "mask_emb" in name for name in model.state_dict())


def test_pictures_that_are_not_there_are_refused(sounds, tmp_path):
    with pytest.raises(PretrainingError, match="no pictures"):
        pretrain(sounds, stated(), roi=None, work=tmp_path, device="cpu")
