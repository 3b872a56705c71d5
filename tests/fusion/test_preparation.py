"""Preparation: fitted on what it is given, harmless on odd columns, the same after a round trip."""

import pytest
import torch
from emoflow.fusion.correlation import correlated_order
from emoflow.fusion.preparation import CLIP, Preparation, plan
from emoflow.fusion.reduction import Reduction
from safetensors.torch import load, save


def fitted(x, layout, present=None, reduction=Reduction()):  # noqa: B008, frozen
    present = torch.ones(x.shape[:2], dtype=torch.bool) if present is None else present
    return Preparation(plan({"audio": layout}, reduction)).fit({"audio": x}, {"audio": present}), present


def test_scaled_columns_have_mean_0_and_deviation_1_and_a_constant_one_is_0():
    x = torch.randn(200, 1, 3) * torch.tensor([1.0, 50.0, 0.0]) + torch.tensor([0.0, 9.0, 7.0])
    preparation, present = fitted(x, [("egemaps", 3)])
    z = preparation({"audio": x}, {"audio": present})["audio"]
    torch.testing.assert_close(z.mean((0, 1))[:2], torch.zeros(2), atol=0.05, rtol=0)
    torch.testing.assert_close(z.std((0, 1))[:2], torch.ones(2), atol=0.05, rtol=0)
    assert (z[..., 2] == 0).all()


def test_absent_tokens_are_ignored_whatever_they_hold():
    x = torch.randn(50, 4, 2)
    present = torch.rand(50, 4, generator=torch.Generator().manual_seed(0)) < 0.5
    spoilt = torch.where(present[..., None], x, float("nan"))
    a, _ = fitted(x, [("egemaps", 2)], present)
    b, _ = fitted(spoilt, [("egemaps", 2)], present)
    za, zb = (p({"audio": y}, {"audio": present})["audio"] for p, y in ((a, x), (b, spoilt)))
    torch.testing.assert_close(za, zb)
    assert (zb[~present] == 0).all()


def test_an_outlier_is_clipped():
    x = torch.randn(50, 1, 2)
    preparation, present = fitted(x, [("egemaps", 2)])
    z = preparation({"audio": x * 1e9}, {"audio": present})["audio"]
    assert z.abs().max() == CLIP


def test_counts_become_unit_length_and_rare_terms_weigh_more():
    x = torch.zeros(10, 1, 4)
    x[:, 0, 0] = 1.0
    x[0, 0, 2] = 1.0
    preparation, present = fitted(x, [("hashing", 4)])
    z = preparation({"audio": x}, {"audio": present})["audio"][0, 0]
    assert z[1] > z[0] > 0
    assert preparation({"audio": x * 0}, {"audio": present})["audio"].abs().max() == 0


def test_terms_that_training_never_saw_are_left_out():
    x = torch.zeros(10, 1, 4)
    x[:, 0, 1] = 1.0
    x[0, 0, 3] = 2.0
    preparation, present = fitted(x, [("hashing", 4)])
    assert preparation.dimensions == {"audio": 2}
    strange = x + torch.tensor([9.0, 0.0, 9.0, 0.0])
    known, said = (preparation({"audio": each}, {"audio": present})["audio"] for each in (x, strange))
    assert torch.equal(known, said)
    other = Preparation.from_description(preparation.describe())
    other.load_state_dict(load(save(preparation.state_dict())))
    assert torch.equal(other({"audio": x}, {"audio": present})["audio"], known)
    sized = Preparation.sized(plan({"audio": [("hashing", 4)]}), preparation.state_dict())
    assert sized.describe() == preparation.describe()
    nothing, present = fitted(x * 0, [("hashing", 4)])
    assert nothing({"audio": x}, {"audio": present})["audio"].isfinite().all()


def test_every_term_counts_however_many_tokens_there_are(monkeypatch):
    monkeypatch.setattr("emoflow.fusion.preparation.FIT_TOKENS", 2)
    preparation, _ = fitted(torch.eye(6)[:, None], [("hashing", 6)])
    assert preparation.dimensions == {"audio": 6}


def test_counts_of_a_model_that_kept_every_term_are_read():
    described = {
        "audio": [
            {"encoder": "hashing", "dimensions": 3, "kind": "counts", "components": 0, "reduction": "none"}
        ]
    }
    preparation = Preparation.from_description(described)
    idf = torch.tensor([1.0, 2.0, 1.0])
    preparation.load_state_dict({"blocks.audio.0.mean": torch.zeros(3), "blocks.audio.0.scale": idf})
    x = torch.ones(1, 1, 3)
    z = preparation({"audio": x}, {"audio": torch.ones(1, 1, dtype=torch.bool)})["audio"]
    torch.testing.assert_close(z[0, 0], torch.tensor([1.0, 2.0, 1.0]) * 4 / 6**0.5)


@pytest.mark.parametrize("rows", [40, 1500])
def test_many_features_are_reduced(rows):
    generator = torch.Generator().manual_seed(3)
    x = (torch.randn(rows, 5, generator=generator) @ torch.randn(5, 600, generator=generator))[:, None]
    preparation, present = fitted(x, [("compare", 600), ("egemaps", 0)][:1])
    assert preparation.dimensions == {"audio": 128}
    z = preparation({"audio": x}, {"audio": present})["audio"][:, 0]
    assert torch.isfinite(z).all()
    assert (z.std(0) > 1e-3).sum() >= 5
    # five directions hold everything: distances between rows survive in their order
    assert torch.linalg.matrix_rank(z[:, :20], atol=1e-2) >= 5


def test_the_state_goes_through_safetensors():
    x = torch.randn(60, 2, 600)
    preparation, present = fitted(x, [("compare", 600)])
    other = Preparation.from_description(preparation.describe())
    other.load_state_dict(load(save(preparation.state_dict())))
    given = {"audio": x}, {"audio": present}
    assert torch.equal(preparation(*given)["audio"], other(*given)["audio"])


AUTOENCODER = Reduction("autoencoder", components=6, above=20)


def planes(rows: int, seed: int) -> torch.Tensor:
    """Tokens of 40 features that lie, but for noise, in four dimensions: ``[rows, 1, 40]``."""
    generator = torch.Generator().manual_seed(seed)
    held = torch.randn(rows, 4, generator=generator)
    mixing = torch.randn(4, 40, generator=torch.Generator().manual_seed(0))
    return (held @ mixing + 0.1 * torch.randn(rows, 40, generator=generator))[:, None]


def test_an_autoencoder_keeps_what_varies_and_is_the_same_every_time():
    x, fresh = planes(400, 1), planes(200, 2)
    preparation, present = fitted(x, [("compare", 40)], reduction=AUTOENCODER)
    again, _ = fitted(x, [("compare", 40)], reduction=AUTOENCODER)
    assert preparation.dimensions == {"audio": 6}
    assert all(torch.equal(a, b) for a, b in zip(preparation.buffers(), again.buffers(), strict=True))
    hidden, seen = (
        preparation({"audio": y}, {"audio": present[: len(y)]})["audio"][:, 0] for y in (x, fresh)
    )
    assert hidden.std(0, correction=0).tolist() == pytest.approx([1.0] * 6, abs=1e-3)
    known = torch.cat((hidden, torch.ones(len(hidden), 1)), dim=1)
    back = torch.linalg.lstsq(known, x[:, 0]).solution
    off = torch.cat((seen, torch.ones(len(seen), 1)), dim=1) @ back - fresh[:, 0]
    assert off.square().sum() < 0.05 * fresh.square().sum()


def test_training_an_autoencoder_is_better_than_where_it_began(monkeypatch):
    x = planes(400, 1).pow(3)
    off = []
    for steps in (0, 500):
        monkeypatch.setattr("emoflow.fusion.reduction.STEPS", steps)
        preparation, present = fitted(x, [("compare", 40)], reduction=AUTOENCODER)
        z = preparation({"audio": x}, {"audio": present})["audio"][:, 0]
        y = torch.cat((z, torch.ones(len(z), 1)), dim=1)
        scaled = Preparation(plan({"audio": [("compare", 40)]})).fit({"audio": x}, {"audio": present})
        whole = scaled({"audio": x}, {"audio": present})["audio"][:, 0]
        off.append((y @ torch.linalg.lstsq(y, whole).solution - whole).square().mean())
    assert off[1] < 0.98 * off[0]


@pytest.mark.parametrize("rows", [1, 5])
def test_an_autoencoder_of_few_or_constant_tokens_is_finite(rows):
    x = torch.ones(rows, 1, 40)
    x[:, 0, :3] = torch.randn(rows, 3)
    preparation, present = fitted(x, [("compare", 40)], reduction=AUTOENCODER)
    assert torch.isfinite(preparation({"audio": x}, {"audio": present})["audio"]).all()


@pytest.mark.parametrize("kind", ["pca", "autoencoder"])
def test_only_what_is_above_is_reduced_and_counts_never(kind):
    held = plan(
        {"audio": [("compare", 40), ("egemaps", 12)], "text": [("hashing", 1024)]}, Reduction(kind, 6, 20)
    )
    assert [each.outputs for each in held["audio"]] == [6, 12] and held["text"][0].outputs == 1024
    none = plan({"audio": [("compare", 9000)]}, Reduction("none"))
    assert none["audio"][0].outputs == 9000


def test_an_autoencoder_goes_through_safetensors():
    x = planes(60, 1)
    preparation, present = fitted(x, [("compare", 40)], reduction=AUTOENCODER)
    other = Preparation.from_description(preparation.describe())
    other.load_state_dict(load(save(preparation.state_dict())))
    given = {"audio": x}, {"audio": present}
    assert torch.equal(preparation(*given)["audio"], other(*given)["audio"])


def test_a_fit_of_many_tokens_sees_every_frame_of_equally_long_clips():
    """20 000 clips of 8 frames: every eighth token is always the first frame."""
    x = torch.arange(8.0).view(1, 8, 1).expand(20_000, 8, 1)
    preparation, _ = fitted(x, [("egemaps", 1)])
    (block,) = preparation.blocks["audio"]
    assert block.mean.item() == pytest.approx(3.5, abs=0.1)
    assert 1 / block.scale.item() == pytest.approx(2.29, abs=0.05)


def test_the_order_of_joining_is_measured_on_rows_of_every_kind():
    """In even rows face repeats half of audio, in odd rows text repeats all of it."""
    generator = torch.Generator().manual_seed(0)
    audio, face, text = torch.randn(3, 2000, 4, generator=generator)
    face[::2, :2] = audio[::2, :2]
    text[1::2] = audio[1::2]
    there = dict.fromkeys(("audio", "face", "text"), torch.ones(2000, dtype=torch.bool))
    assert correlated_order({"audio": audio, "face": face, "text": text}, there) == [0, 2, 1]
