"""data2vec: its targets, the teacher, what it learns, and training that can be resumed."""

import numpy as np
import pytest
import torch
from emoflow.encoders.av_hubert.configuration import AvHubertConfig
from emoflow.errors import PretrainingError
from emoflow.pretraining.batches import batch_of
from emoflow.pretraining.objectives.data2vec import Data2Vec, Data2VecNetwork, pretrain
from emoflow.pretraining.stated import Data2VecStated
from emoflow.pretraining.store import Clip, InputStore, write
from made_inputs import made_clips, made_store
from pydantic import ValidationError

SMALL = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
SMALL["video_widths"] = (2, 2, 2, 4)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """The tiny network, made smaller still."""
    tiny = AvHubertConfig.tiny
    monkeypatch.setattr(
        AvHubertConfig, "tiny", lambda **others: tiny(**SMALL | {"video_widths": (2, 2, 2, 4)} | others)
    )


@pytest.fixture(scope="module")
def sounds(tmp_path_factory) -> InputStore:
    return made_store(tmp_path_factory.mktemp("sounds") / "made", 12, film=False)


def stated(**others) -> Data2VecStated:
    training = {"frames": 120, "longest": 60, "learning_rate": 0.003, "save_every": 4}
    told = {"size": "tiny", "seed": 1, "top": 2, "decay": (0.9, 0.99), "steps": 80, "training": training}
    return Data2VecStated(**told | others)


def objective(store: InputStore) -> tuple[Data2Vec, dict]:
    torch.manual_seed(0)
    made = Data2Vec(Data2VecNetwork(AvHubertConfig.tiny(), 2), stated())
    return made, made.inputs(batch_of(store, range(3)), np.random.default_rng(0))


def test_targets_are_the_means_of_the_top_blocks_each_normalised_over_its_clip(sounds):
    made, inputs = objective(sounds)
    targets = made.network.targets(inputs["audio"], inputs["heard"], inputs["there"])
    teacher, length = made.network.teacher.eval(), int(inputs["there"][1].sum())
    with torch.no_grad():
        states = teacher(inputs["audio"][1:2, :length]).hidden_states[-2:]
    expected = sum((x[0] - x[0].mean(0)) / (x[0].var(0, unbiased=False) + 1e-5).sqrt() for x in states) / 2
    torch.testing.assert_close(targets[1, :length], expected, atol=1e-4, rtol=0)
    assert not targets[1, length:].any()


def test_the_teacher_follows_the_student_and_is_not_trained(sounds):
    made, inputs = objective(sounds)
    made.losses(inputs).total.backward()
    assert all(each.grad is None for each in made.network.teacher.parameters())
    with torch.no_grad():
        for each in made.network.student.parameters():
            each.add_(1.0)
    before = [each.clone() for each in made.network.teacher.parameters()]
    made.network.follow(0.75)
    for own, was, other in zip(
        made.network.teacher.parameters(), before, made.network.student.parameters(), strict=True
    ):
        torch.testing.assert_close(own, 0.75 * was + 0.25 * other)


def test_masked_frames_alone_count(sounds):
    made, inputs = objective(sounds)
    made.network.eval()
    whole = made.losses(inputs).logged["loss"]
    one = inputs | {"masked": inputs["masked"].clone()}
    there = one["masked"].nonzero()[0]
    found = made.network(inputs["audio"], inputs["heard"], inputs["there"], inputs["masked"])
    assert whole.item() == pytest.approx(found.errors[inputs["masked"]].sum().item(), rel=1e-5)
    assert made.predictions(inputs) == int(inputs["masked"].sum()) and there.numel() == 2


@pytest.mark.slow
def test_more_of_the_targets_is_explained_than_their_mean_where_there_is_structure(sounds, tmp_path):
    _, curve = pretrain(sounds, stated(steps=160), work=tmp_path, device="cpu")
    explained = [1 - point["loss"] / point["variance"] for point in curve]
    assert explained[-1] > 0.15 > explained[0]


def test_a_killed_run_goes_on_to_the_same_weights_and_curve_to_the_bit(sounds, tmp_path):
    whole, curve = pretrain(sounds, stated(steps=10), work=tmp_path / "whole", device="cpu")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Data2Vec, "updated", _killed_at(6, Data2Vec.updated))
        with pytest.raises(KeyboardInterrupt):
            pretrain(sounds, stated(steps=10), work=tmp_path / "killed", device="cpu")
    resumed, again = pretrain(sounds, stated(steps=10), work=tmp_path / "killed", device="cpu")
    assert again == curve
    assert all(
        torch.equal(one, other) for one, other in zip(whole.parameters(), resumed.parameters(), strict=True)
    )


def _killed_at(step: int, updated):
    def until(self, at: int) -> None:
        if at == step:
            raise KeyboardInterrupt
        updated(self, at)

    return until


def test_targets_that_are_all_but_constant_end_training(sounds, monkeypatch):
    made, inputs = objective(sounds)
    monkeypatch.setattr(Data2VecNetwork, "targets", lambda *_: torch.zeros(*inputs["there"].shape, 24))
    with pytest.raises(PretrainingError, match="says the same of all frames"):
        made.losses(inputs)


def test_films_without_sound_are_refused(tmp_path):
    silent = [Clip(each.utterance_id, None, None, each.pictures, each.present) for each in made_clips(2)]
    write(tmp_path / "films", silent, pictures=True)
    with pytest.raises(PretrainingError, match="no clip has any"):
        pretrain(InputStore([tmp_path / "films"]), stated(), work=tmp_path, device="cpu")


def test_more_blocks_than_there_are_and_rising_haste_are_refused(sounds, tmp_path):
    with pytest.raises(PretrainingError, match=r"top is 3.*2 blocks"):
        pretrain(sounds, stated(top=3), work=tmp_path, device="cpu")
    with pytest.raises(ValidationError, match="decay is"):
        stated(decay=(0.9, 0.8))
