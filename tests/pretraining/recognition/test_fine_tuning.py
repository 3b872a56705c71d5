"""Fine-tuning: what it learns of what is said and how, from where, and at which rates."""

import numpy as np
import pytest
import torch
from emoflow.encoders.av_hubert.configuration import AvHubertConfig
from emoflow.encoders.av_hubert.network import AvHubert
from emoflow.errors import ParamsError, PretrainingError
from emoflow.pretraining.batches import batch_of
from emoflow.pretraining.recognition.fine_tune import Labelled, fine_tune
from emoflow.pretraining.recognition.network import AvHubertRecogniser
from emoflow.pretraining.recognition.objective import UNKNOWN, FineTuning, Targets
from emoflow.pretraining.recognition.over_seeds import over_seeds
from emoflow.pretraining.recognition.recognise import recognise
from emoflow.pretraining.recognition.vocabulary import Vocabulary
from emoflow.pretraining.stated import FineTuningStated
from emoflow.pretraining.store import Clip, InputStore, write
from pydantic import ValidationError
from torch.nn import functional

LETTERS = "abc"
CLASSES = ("anger", "joy")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """The tiny network, made smaller still, and without dropout."""
    tiny = AvHubertConfig.tiny
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    sizes |= {
        "video_widths": (2, 2, 2, 4),
        "hidden_dropout": 0.0,
        "attention_dropout": 0.0,
        "layer_dropout": 0.0,
    }
    monkeypatch.setattr(AvHubertConfig, "tiny", lambda **others: tiny(**sizes | others))


@pytest.fixture(scope="module")
def spelled(tmp_path_factory) -> tuple[InputStore, Labelled]:
    """Clips in which each letter sounds like itself, and joy is louder than anger in every tenth number."""
    draws = np.random.default_rng(0)
    sounds = draws.normal(size=(len(LETTERS) + 1, 104))
    clips, said, emotions = [], [], []
    for number in range(40):
        text = [int(each) for each in draws.integers(1, 4, size=draws.integers(2, 5))]
        units = np.concatenate([[0, each, each, each] for each in text] + [[0]]).astype(int)
        emotion = number % 2
        audio = sounds[units] + 0.1 * draws.normal(size=(len(units), 104))
        audio[:, ::10] += 2 * emotion
        clips.append(
            Clip(
                f"spelled/{number}",
                audio.astype(np.float16),
                np.zeros((len(units), 39), np.float32),
                None,
                None,
            )
        )
        said.append("".join(LETTERS[each - 1] for each in text))
        emotions.append(emotion)
    folder = tmp_path_factory.mktemp("spelled") / "spelled"
    write(folder, clips, pictures=False)
    return InputStore([folder]), Labelled(said, np.array(emotions), CLASSES, np.arange(40) >= 30)


def stated(**others) -> FineTuningStated:
    training = {"frames": 160, "longest": 40, "learning_rate": 0.01, "warmup": 0.1, "save_every": 50}
    told = {
        "corpora": ["spelled"],
        "model": "data/model",
        "streams": "a",
        "seeds": [0],
        "steps": 120,
        "training": training,
    }
    return FineTuningStated(**told | {"emotion": 1.0} | others)


def run(spelled, tmp_path, of: FineTuningStated, **others):
    torch.manual_seed(0)
    tmp_path.mkdir(exist_ok=True)
    told = {"encoder": AvHubert(AvHubertConfig.tiny()), "seed": 0, "device": "cpu", "what": "test"} | others
    return fine_tune(*spelled, of, state=tmp_path / "state.safetensors", **told)


@pytest.mark.slow
def test_letters_and_emotions_are_learned_and_read_in_clips_held_out(spelled, tmp_path):
    done = run(spelled, tmp_path, stated())
    assert done.scored.rates.characters < 0.2 and done.scored.rates.words < 0.5
    assert done.scored.ua == done.scored.wa == 1.0
    assert done.scored.curve[-1]["speech"] < 0.5 * done.scored.curve[0]["speech"]
    # the same file of the state: nothing is trained again, and the same is answered
    again = run(spelled, tmp_path, stated())
    assert again.answers.texts == done.answers.texts and again.scored.curve == done.scored.curve
    greedy = recognise(done.network, spelled[0], range(30, 40), streams="a", width=1, device="cpu", at_once=3)
    whole = recognise(done.network, spelled[0], range(30, 40), streams="a", width=1, device="cpu", at_once=10)
    assert greedy.texts == whole.texts
    np.testing.assert_allclose(greedy.emotions, whole.emotions, atol=1e-5)


def test_speech_that_is_faster_than_its_steps_is_left_out_and_counted(spelled, tmp_path):
    store, labelled = spelled
    said = ["abc" * 30 if clip < 5 else text for clip, text in enumerate(labelled.said)]
    told = Labelled(said, labelled.emotions, labelled.classes, labelled.tested)
    done = run((store, told), tmp_path, stated(steps=3, emotion=0.0))
    assert done.scored.too_fast == 5
    assert all(np.isfinite(point["speech"]) and point["speech"] > 0 for point in done.scored.curve)
    slower = run((store, told), tmp_path / "slower", stated(steps=3, emotion=0.0, steps_per_frame=16))
    assert slower.scored.too_fast == 0


def test_what_has_no_weight_is_not_learned_and_not_scored(spelled, tmp_path):
    done = run(spelled, tmp_path, stated(speech=0.0, steps=3))
    assert done.scored.rates is None and done.scored.ua is not None
    assert set(done.scored.curve[0]) == {"step", "emotion"}


def test_a_model_is_left_as_it_is_and_gives_the_first_weights(spelled, tmp_path):
    torch.manual_seed(3)
    encoder = AvHubert(AvHubertConfig.tiny()).eval()
    before = {name: each.clone() for name, each in encoder.state_dict().items()}
    # of two updates one is of the heads alone
    frozen = run(spelled, tmp_path, stated(frozen=0.9, steps=2), encoder=encoder)
    assert all(torch.equal(each, before[name]) for name, each in encoder.state_dict().items())
    learned = frozen.network.state_dict()
    assert any(not torch.equal(learned[name], before[name]) for name in before)


def test_the_heads_alone_are_trained_at_first_and_lower_blocks_more_slowly():
    network = AvHubertRecogniser.from_encoder(AvHubert(AvHubertConfig.tiny()), Vocabulary.of(["ab"]), CLASSES)
    targets = Targets([], [], np.array([0]))
    told = {"streams": "a", "speech": 1.0, "emotion": 0.0, "contrast": 0.0}
    objective = FineTuning(network, targets, layer_decay=0.5, frozen=10, **told)
    groups = objective.groups()
    assert sum(map(len, groups.values())) == len(list(network.parameters()))
    assert [objective.scale(name, 9) for name in ("heads", "1", "0", "-1")] == [1.0, 0.0, 0.0, 0.0]
    assert [objective.scale(name, 10) for name in ("heads", "1", "0", "-1")] == [1.0, 1.0, 0.5, 0.25]


def test_losses_are_those_of_the_clips_one_by_one(spelled):
    store, labelled = spelled
    torch.manual_seed(0)
    vocabulary = Vocabulary.of(labelled.said)
    network = AvHubertRecogniser.from_encoder(AvHubert(AvHubertConfig.tiny()), vocabulary, CLASSES).eval()
    numbers = [vocabulary.numbers(each) for each in labelled.said]
    emotions = labelled.emotions.tolist()
    emotions[1] = UNKNOWN
    numbers[2] = []
    told = {"streams": "a", "layer_decay": 1.0, "frozen": 0, "speech": 0.7, "emotion": 0.3, "contrast": 0.0}
    objective = FineTuning(network, Targets(numbers, emotions, store.begins), **told)
    losses = objective.losses(objective.inputs(batch_of(store, range(4)), np.random.default_rng(0)))
    expected = 0.0
    for clip in range(4):
        batch = batch_of(store, [clip])
        found = network(torch.from_numpy(batch.audio), None, None, None, torch.from_numpy(batch.there))
        if numbers[clip]:
            target, length = torch.tensor([numbers[clip]]), len(numbers[clip])
            own = functional.ctc_loss(
                found.characters[0], target[0], torch.tensor(batch.lengths[0]), torch.tensor(length)
            )
            expected += 0.7 * own.item()  # the mean divides by the text's length
        if emotions[clip] != UNKNOWN:
            expected += 0.3 * functional.cross_entropy(found.emotions, torch.tensor([emotions[clip]])).item()
    assert losses.total.item() == pytest.approx(expected, rel=1e-4)


def test_contrast_draws_clips_of_one_emotion_together(spelled, tmp_path):
    done = run(spelled, tmp_path, stated(speech=0.0, emotion=0.0, contrast=1.0, steps=40))
    assert done.scored.curve[-1]["contrast"] < done.scored.curve[0]["contrast"]
    assert done.scored.ua is None


def test_a_clip_that_would_be_cut_is_refused(spelled, tmp_path):
    training = stated().training.model_copy(update={"longest": 12})
    with pytest.raises(PretrainingError, match=r"has \d+ frames.*longest of"):
        run(spelled, tmp_path, stated().model_copy(update={"training": training}))


def test_nothing_to_learn_is_refused():
    with pytest.raises((ValidationError, ParamsError), match="nothing is learned"):
        stated(speech=0.0, emotion=0.0)


def test_the_interval_over_seeds_is_students():
    from scipy.stats import t

    values = [0.2, 0.3, 0.1]
    mean, low, high = over_seeds(values)
    expected = t.interval(0.95, 2, loc=np.mean(values), scale=np.std(values, ddof=1) / 3**0.5)
    assert (low, high) == pytest.approx(expected) and mean == pytest.approx(0.2)
    assert over_seeds([0.4]) == (0.4, None, None)
