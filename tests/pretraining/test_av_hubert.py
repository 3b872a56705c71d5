"""AV-HuBERT's pre-training: names of weights, the loss, what is masked, and training that can be resumed."""

from pathlib import Path

import numpy as np
import pytest
import torch
from emoflow.encoders.av_hubert.configuration import AvHubertConfig
from emoflow.encoders.av_hubert.network import AvHubert
from emoflow.errors import PretrainingError
from emoflow.pretraining.batches import Batch, Batches
from emoflow.pretraining.masked_clusters import AvHubertForPretraining
from emoflow.pretraining.objectives import av_hubert
from emoflow.pretraining.objectives.av_hubert import MaskedClusters, pretrain
from emoflow.pretraining.stated import AvHubertStated
from emoflow.pretraining.store import InputStore
from emoflow.pretraining.trainer import Schedule, Trainer
from made_inputs import PHONES, made_store

SMALL = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """The tiny network, made smaller still."""
    tiny = AvHubertConfig.tiny

    def smaller(**others):
        return tiny(**SMALL | {"video_widths": (2, 2, 2, 4)} | others)

    monkeypatch.setattr(AvHubertConfig, "tiny", smaller)


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> InputStore:
    return made_store(tmp_path_factory.mktemp("films") / "made", 4, frames=(20, 30))


@pytest.fixture(scope="module")
def sounds(tmp_path_factory) -> InputStore:
    return made_store(tmp_path_factory.mktemp("sounds") / "made", 12, film=False)


def stated(*iterations, **others) -> AvHubertStated:
    training = {"frames": 120, "longest": 60, "learning_rate": 0.003, "save_every": 4}
    return AvHubertStated(
        **{"size": "tiny", "seed": 1, "training": training, "iterations": list(iterations)} | others
    )


def iteration(steps: int, masking: str = "feature", of="mfcc", clusters: int = PHONES) -> dict:
    return {"of": of, "clusters": clusters, "masking": masking, "steps": steps}


def objective(store: InputStore, masking: str = "input", **others) -> MaskedClusters:
    torch.manual_seed(0)
    network = AvHubertForPretraining(AvHubertConfig.tiny(), PHONES, masking)
    return MaskedClusters(network, store.units.astype(np.int32), stated(iteration(1), **others))


def batch_of(store: InputStore) -> Batch:
    return Batches(store, frames=130, longest=60, seed=0).at(0)


def test_the_weights_of_pre_training_have_the_names_and_shapes_of_published_checkpoints():
    with torch.device("meta"):
        last = AvHubertForPretraining(AvHubertConfig.base(), 2000, "input").state_dict()
        earlier = AvHubertForPretraining(AvHubertConfig.base(), 100, "feature").state_dict()
        model = AvHubert(AvHubertConfig.base()).state_dict()
    own = {name: tuple(each.shape) for name, each in last.items() if name not in model}
    assert own == {
        "mask_emb": (104,),
        "label_embs_concat": (2000, 256),
        "final_proj.weight": (256, 768),
        "final_proj.bias": (256,),
    }
    assert set(model) <= set(last)
    assert earlier["mask_emb"].shape == (768,) and earlier["label_embs_concat"].shape == (100, 256)


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_the_loss_is_its_definition(films, weight):
    one = objective(films, unmasked_weight=weight)
    one.network.eval()
    given = one.inputs(batch_of(films), np.random.default_rng(5))
    losses = one.losses(given)
    network = one.network
    with torch.no_grad():
        audio = given["audio"].clone()
        audio[given["masked"]] = network.mask_emb
        heard, seen = network.features(audio, given["pictures"], given["heard"], given["seen"])
        states = network.encoder(network.joined(heard, seen), given["there"])[0]
    expected, count, squares = 0.0, 0, []
    for row, frame in zip(*np.nonzero(given["there"].numpy()), strict=True):
        squares.append(torch.cat([heard[row, frame], seen[row, frame]]).double().square().mean().item())
        target, counts = int(given["targets"][row, frame]), 1.0 if given["predicted"][row, frame] else weight
        assert target >= 0
        projected = network.final_proj(states[row, frame]).detach().double()
        cosines = [
            float(projected @ each / projected.norm() / each.norm())
            for each in network.label_embs_concat.detach().double()
        ]
        scores = np.array(cosines) / 0.1
        expected += counts * (np.log(np.exp(scores).sum()) - scores[target])
        count += counts > 0
    assert count == one.predictions(given)
    expected += 10 * np.mean(squares) * count
    assert losses.total.item() == pytest.approx(expected, rel=1e-4)


def test_masked_sound_is_replaced_and_masked_pictures_are_others_of_the_clip(films):
    one = objective(films, modality_dropout=0.0)
    batch = batch_of(films)
    given = one.inputs(batch, np.random.default_rng(1))
    there, masked = given["there"].numpy(), given["masked"].numpy()
    assert masked.any() and not (masked & ~there).any()
    plain = (batch.pictures / 255 - 0.421) / 0.165 * batch.there[..., None, None]
    changed = np.abs(given["pictures"].numpy() - plain).reshape(*there.shape, -1).max(-1) > 1e-3
    assert changed.any() and not (changed & ~there).any()
    assert not (changed & ~given["predicted"].numpy()).any()
    for row, frame in zip(*np.nonzero(changed), strict=True):
        distance = np.abs(plain[row] - given["pictures"][row, frame].numpy()).reshape(len(plain[row]), -1)
        assert distance.max(-1)[: batch.lengths[row]].min() < 1e-4
    np.testing.assert_array_equal(given["predicted"].numpy() | masked, given["predicted"].numpy())


def test_a_clip_alone_has_zeros_in_place_of_masked_frames(films):
    one = objective(films, modality_dropout=0.0)
    whole = batch_of(films)
    alone = Batch(*(getattr(whole, name)[:1] for name in ("audio", "pictures", "heard", "seen", "frames")))
    given = one.inputs(alone, np.random.default_rng(1))
    zero = (given["audio"] == 0).all(-1) & given["there"]
    assert not given["masked"].any() and zero.any() and not (zero & ~given["predicted"]).any()
    assert ((given["pictures"] == 0).flatten(2).all(-1) & given["there"]).any()


def test_modality_dropout_is_of_the_whole_batch_and_leaves_each_clip_a_stream(films):
    one = objective(films)
    batch = batch_of(films)
    silent = batch.heard.copy()
    silent[0] = False
    batch = Batch(**vars(batch) | {"heard": silent})
    counts = {"both": 0, "sound": 0, "pictures": 0}
    for seed in range(400):
        heard, seen = one._dropped(batch.heard, batch.seen, np.random.default_rng(seed))
        assert heard[0].any() | seen[0].any()
        kept = heard[1:].any(), seen[1:].any()
        counts[{(True, True): "both", (True, False): "sound", (False, True): "pictures"}[kept]] += 1
        assert heard[1:].any(1).all() == kept[0] and seen[1:].any(1).all() == kept[1]
    assert counts["both"] == pytest.approx(200, abs=40)
    assert counts["sound"] == pytest.approx(100, abs=35) and counts["pictures"] == pytest.approx(100, abs=35)


def test_the_front_ends_learn_a_tenth_of_their_gradient(sounds):
    one = objective(sounds, "feature", modality_dropout=0.0)
    one.network.eval()
    given = one.inputs(batch_of(sounds), np.random.default_rng(0))
    one.losses(given).total.backward()
    whole = one.network.feature_extractor_audio.proj.weight.grad.clone()
    one.network.zero_grad()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("emoflow.pretraining.masked_clusters.FEATURE_GRADIENT", 1.0)
        one.losses(given).total.backward()
    torch.testing.assert_close(one.network.feature_extractor_audio.proj.weight.grad * 0.1, whole)


@pytest.mark.slow
def test_the_masked_loss_falls_below_the_entropy_where_there_is_structure(sounds, tmp_path):
    model, (first, second) = pretrain(
        sounds,
        stated(iteration(120), iteration(40, of=2, masking="input")),
        roi=None,
        work=tmp_path,
        device="cpu",
    )
    assert first.purity > 0.9 and first.mutual_information > 0.9
    assert first.curve[-1]["loss"] < first.entropy - 0.1 < first.curve[0]["loss"]
    assert second.used <= PHONES and 0 < second.purity <= 1
    assert not model.training and set(model.state_dict()) == set(AvHubert(model.config).state_dict())


class Killed(Exception):
    pass


@pytest.mark.slow
@pytest.mark.parametrize("at", [2, 9])
def test_a_killed_run_goes_on_to_the_same_weights_and_curve_to_the_bit(films, tmp_path, monkeypatch, at):
    """Killed in the first iteration before anything is saved, or in the second after its first save."""
    wanted = stated(iteration(4), iteration(6, of=1, masking="input"))
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    whole, told = pretrain(films, wanted, roi="mouth", work=tmp_path / "whole", device="cpu")

    updates = 0

    def killed_after(self, step):
        nonlocal updates
        updates += 1
        if updates == at:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(MaskedClusters, "updated", killed_after)
        with pytest.raises(Killed):
            pretrain(films, wanted, roi="mouth", work=tmp_path / "killed", device="cpu")
    resumed, retold = pretrain(films, wanted, roi="mouth", work=tmp_path / "killed", device="cpu")
    assert retold == told
    for name, each in whole.state_dict().items():
        assert torch.equal(each, resumed.state_dict()[name]), name


def trainer(one: MaskedClusters, store: InputStore, state: Path, steps: int = 4) -> Trainer:
    return Trainer(
        one,
        Batches(store, frames=200, longest=60, seed=1),
        Schedule(steps=steps, warmup=1, learning_rate=1e-3, log_every=1),
        seed=1,
        device="cpu",
        state=state,
        what="test",
    )


def test_batches_that_do_not_fit_the_memory_are_halved(sounds, tmp_path, monkeypatch, capsys):
    one, whole = objective(sounds, "feature"), objective(sounds, "feature")
    for each in (one, whole):
        each.network.eval()
        monkeypatch.setattr(
            each.network, "train", lambda mode=True: None
        )  # no dropout: halves draw otherwise
    plain, largest = one.losses, 2

    def short_of_memory(inputs):
        if len(inputs["audio"]) > largest:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return plain(inputs)

    monkeypatch.setattr(one, "losses", short_of_memory)
    halved = trainer(one, sounds, tmp_path / "a")
    curve = halved.run()
    assert "batches are halved" in capsys.readouterr().err
    expected = trainer(whole, sounds, tmp_path / "b").run()
    for point, other in zip(curve, expected, strict=True):
        assert point["loss"] == pytest.approx(other["loss"], rel=1e-3)
    largest = 0
    with pytest.raises(PretrainingError, match="one clip alone does not fit"):
        trainer(one, sounds, tmp_path / "c").run()


def test_a_loss_that_is_not_finite_ends_the_run_with_its_place(sounds, tmp_path):
    one = objective(sounds, "feature")
    with torch.no_grad():
        one.network.post_extract_proj.weight[0, 0] = float("nan")
    with pytest.raises(PretrainingError, match=r"update 1 .* not finite .* lower `learning_rate`"):
        trainer(one, sounds, tmp_path / "a").run()


def test_the_learning_rate_rises_and_falls():
    schedule = Schedule(steps=100, warmup=10, learning_rate=2.0)
    rates = [schedule.rate(step) for step in range(100)]
    assert (
        rates[0] == pytest.approx(0.2) and rates[9] == rates[10] == 2.0 and rates[99] == pytest.approx(2 / 90)
    )
    assert sorted(rates[10:], reverse=True) == rates[10:]


def test_a_block_that_the_network_does_not_have_is_refused(sounds, tmp_path):
    with pytest.raises(PretrainingError, match="blocks 1 to 2"):
        pretrain(sounds, stated(iteration(1), iteration(1, of=3)), roi=None, work=tmp_path, device="cpu")


def test_the_first_iteration_has_no_model_before_it():
    with pytest.raises(ValueError, match="it clusters mfcc"):
        stated(iteration(1, of=2))


def test_published_weights_of_masks():
    assert (av_hubert.SHARE, av_hubert.SPAN) == (0.8, 10)
    assert (av_hubert.PICTURES_SHARE, av_hubert.PICTURES_SPAN) == (0.3, 5)
