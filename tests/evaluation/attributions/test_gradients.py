"""Integrated gradients lie on the tokens that carry the class, and sum to what they have to."""

import pytest
import torch
from emoflow.evaluation.attributions import gradients
from emoflow.evaluation.attributions.gradients import TOLERANCE, integrated_gradients
from emoflow.fusion.model import EmotionModel
from emoflow.fusion.preparation import Preparation, plan
from emoflow.fusion.strategy import build
from simulated_rows import SHAPE
from torch import Tensor

CLASSES, FRAMES, PLANTED, CLIPS = 3, 16, 4, 240
SIZES = {"audio": 6, "face": 4}


def clips(seed: int) -> tuple[dict[str, Tensor], dict[str, Tensor], Tensor, Tensor]:
    """Noise, but for a few frames of the sound, in another place in each clip, which show the class.

    Returns:
        Tokens, masks, classes ``[N]`` and where the class is shown, bool ``[N, T]``.
    """
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(0, CLASSES, (CLIPS,), generator=generator)
    begin = torch.randint(0, FRAMES - PLANTED + 1, (CLIPS,), generator=generator)
    frames = torch.arange(FRAMES)
    shown = (frames >= begin[:, None]) & (frames < begin[:, None] + PLANTED)
    tokens = {
        name: 0.5 * torch.randn(CLIPS, FRAMES, size, generator=generator) for name, size in SIZES.items()
    }
    marks = torch.nn.functional.one_hot(target, SIZES["audio"]).float()
    tokens["audio"] += 3 * shown.unsqueeze(-1) * marks.unsqueeze(1)
    present = {name: torch.ones(CLIPS, FRAMES, dtype=torch.bool) for name in SIZES}
    return tokens, present, target, shown


def untrained(strategy: str, members: int = 2) -> EmotionModel:
    torch.manual_seed(0)
    tokens, present, *_ = clips(1)
    preparation = Preparation(plan({name: [("logmel", size)] for name, size in SIZES.items()}))
    preparation.fit(tokens, present)
    made = [build(strategy, dimensions=SIZES, classes=CLASSES, config=SHAPE) for _ in range(members)]
    model = EmotionModel(preparation, made, modalities=tuple(SIZES))
    return model.double().eval().requires_grad_(False)


def trained(strategy: str, members: int = 2) -> EmotionModel:
    model = untrained(strategy, members).float()
    for parameter in model.parameters():
        parameter.requires_grad_()
    tokens, present, target, _ = clips(1)
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(60):
        loss = torch.nn.functional.nll_loss(model(tokens, present).log(), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.double().eval().requires_grad_(False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strategy", "noise"),
    [("intermediate-concatenation", 0.15), ("single-stream", 0.15), ("late-average", 0.3)],
)
def test_the_values_lie_where_the_class_is_shown(strategy, noise):
    """``noise``: the most that a face which shows nothing may have; late fusion hears its guess all the same."""
    model = trained(strategy)
    tokens, present, target, shown = clips(2)
    tokens = {name: x.double() for name, x in tokens.items()}
    answers = model(tokens, present).argmax(1)
    assert (answers == target).float().mean() > 0.9
    on_planted, of_noise = [], []
    for row in range(20):
        own = {name: x[row : row + 1] for name, x in tokens.items()}
        there = {name: mask[row : row + 1] for name, mask in present.items()}
        found = integrated_gradients(model, own, there, int(answers[row]))
        assert abs(found.gap) <= TOLERANCE
        assert found.answer == pytest.approx(float(model(own, there).log()[0, answers[row]]), abs=1e-5)
        sound, face = found.values["audio"].sum(-1), found.values["face"].sum(-1)
        on_planted.append(float(sound[shown[row]].abs().sum() / sound.abs().sum()))
        of_noise.append(abs(float(face.sum())) / (abs(float(face.sum())) + abs(float(sound.sum()))))
    # A quarter of the frames carries the class; the face carries nothing.
    assert sum(on_planted) / len(on_planted) > 0.6
    assert sum(of_noise) / len(of_noise) < noise


def test_a_missing_modality_has_no_values_and_the_others_sum_to_the_difference():
    model = untrained("late-average")
    tokens, present, *_ = clips(2)
    own = {name: x[:1].double() for name, x in tokens.items()}
    there = {"audio": present["audio"][:1], "face": torch.zeros(1, FRAMES, dtype=torch.bool)}
    found = integrated_gradients(model, own, there, 0)
    assert set(found.values) == {"audio"} and abs(found.gap) <= TOLERANCE
    assert found.answer == pytest.approx(float(model(own, there).log()[0, 0]), abs=1e-6)


def test_more_steps_are_taken_where_few_miss_the_sum(monkeypatch):
    model = trained("single-stream", members=1)
    tokens, present, *_ = clips(2)
    own = {name: x[:1].double() for name, x in tokens.items()}
    there = {name: mask[:1] for name, mask in present.items()}
    monkeypatch.setattr(gradients, "FIRST_STEPS", 2)
    target = int(model(own, there).argmin())  # whose probability changes most on the way
    rough = integrated_gradients(model, own, there, target, most_steps=2)
    found = integrated_gradients(model, own, there, target)
    assert abs(rough.gap) > TOLERANCE and rough.steps == 2
    assert abs(found.gap) <= TOLERANCE and found.steps > 2


def test_streams_values_are_of_the_encoder_that_made_the_token():
    """Tokens of two encoders in turn; what preparation fills in for the other is not attributed twice."""
    torch.manual_seed(0)
    tokens = {"audio": torch.randn(60, 6, 5)}
    tokens["audio"][:, ::2, 3:] = torch.nan
    tokens["audio"][:, 1::2, :3] = torch.nan
    present = {"audio": torch.ones(60, 6, dtype=torch.bool)}
    preparation = Preparation(plan({"audio": [("logmel", 3), ("egemaps-lld", 2)]})).fit(tokens, present)
    member = build("audio", dimensions={"audio": 5}, classes=CLASSES, config=SHAPE)
    model = EmotionModel(preparation, [member], modalities=("audio",)).double().eval().requires_grad_(False)
    own, there = {"audio": tokens["audio"][:1].double()}, {"audio": present["audio"][:1]}
    found = integrated_gradients(model, own, there, 1)
    values = found.values["audio"]
    assert not values[::2, 3:].any() and not values[1::2, :3].any() and values.any()
    assert abs(found.gap) <= TOLERANCE
    assert found.answer == pytest.approx(float(model(own, there).log()[0, 1]), abs=1e-6)


def test_nothing_is_told_by_the_mean_no_word_and_even_posteriors():
    sizes = {"audio": [("logmel", 3)], "face": [("posteriors", 4)], "text": [("hashing", 8)]}
    preparation = Preparation(plan(sizes))
    tokens = {
        "audio": 5 + torch.randn(50, 2, 3),
        "face": torch.rand(50, 1, 4),
        "text": torch.rand(50, 1, 8).round(),
    }
    preparation.fit(tokens, {name: torch.ones(x.shape[:2], dtype=torch.bool) for name, x in tokens.items()})
    neutral = preparation.neutral()
    torch.testing.assert_close(neutral["audio"], torch.zeros(3), atol=1e-6, rtol=0)
    torch.testing.assert_close(neutral["face"].exp(), torch.full((4,), 0.25))
    assert not neutral["text"].any() and len(neutral["text"]) == preparation.dimensions["text"]


def test_a_clip_that_has_none_of_the_modalities_has_no_values():
    model = untrained("late-average")
    tokens, present, *_ = clips(2)
    own = {name: x[:1].double() for name, x in tokens.items()}
    found = integrated_gradients(model, own, {name: 0 * mask[:1] > 0 for name, mask in present.items()}, 0)
    assert found.values == {} and found.gap == 0
