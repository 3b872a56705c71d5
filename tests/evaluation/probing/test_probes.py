"""Linear probes find what was planted in a block of features, and nothing in the control task."""

from dataclasses import replace

import numpy as np
import pytest
from emoflow.evaluation.metrics import ua
from emoflow.evaluation.probing.figures import figures_of
from emoflow.evaluation.probing.probe import COMPONENTS, Predictions, predict
from emoflow.evaluation.probing.run import probing
from emoflow.evaluation.probing.targets import Target, speaker_codes, targets_of
from planted_features import CLASSES, CLIPS, SPEAKERS, holding, lay_out, utterances
from sklearn.metrics import balanced_accuracy_score, r2_score

CHANCE = 1 / len(CLASSES)
NEAR = 0.1


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Blocks that hold the speaker, the emotion in the middle one of three layers, and nothing."""
    table = utterances()
    generator = np.random.default_rng(1)
    layers = generator.normal(size=(len(table), 3, 12))
    layers[:, 1] = holding(table["label"])
    encoders = {
        "layered": layers,
        "noise": generator.normal(size=(len(table), 8)),
        "voice": holding(table["speaker"], noise=0.5),
        "wide": np.hstack([holding(table["label"]), generator.normal(size=(len(table), COMPONENTS))]),
    }
    inputs = lay_out(tmp_path_factory.mktemp("planted"), table, encoders)
    return probing(inputs, seed=4)


def of(found, encoder: str, layer: int | None = None):
    (block,) = [each for each in found.blocks if (each.encoder, each.layer) == (encoder, layer)]
    return block.targets


def test_the_planted_voice_is_found_and_nothing_in_the_control_task(found):
    voice = of(found, "voice")
    assert voice["speaker"].figure.mean > 0.95
    assert voice["speaker"].control.mean == pytest.approx(1 / SPEAKERS, abs=NEAR)
    assert voice["speaker"].selectivity.mean == pytest.approx(
        voice["speaker"].figure.mean - voice["speaker"].control.mean
    )
    assert voice["emotion"].figure.mean == pytest.approx(CHANCE, abs=NEAR)
    assert voice["emotion"].control.mean == pytest.approx(CHANCE, abs=NEAR)


@pytest.mark.parametrize("block", [("layered", 1), ("wide", None)])
def test_the_planted_emotion_is_found_on_other_speakers(found, block):
    probed = of(found, *block)
    emotion = probed["emotion"]
    assert emotion.figure.low > CHANCE + 2 * NEAR and emotion.selectivity.low > NEAR
    assert emotion.control.mean == pytest.approx(CHANCE, abs=NEAR)
    assert probed["speaker"].figure.mean == pytest.approx(1 / SPEAKERS, abs=NEAR)
    assert (emotion.utterances, emotion.speakers) == (SPEAKERS * CLIPS * len(CLASSES), SPEAKERS)


@pytest.mark.parametrize("block", [("layered", 0), ("layered", 2), ("noise", None)])
def test_nothing_is_found_where_nothing_is(found, block):
    for name, chance in (("emotion", CHANCE), ("speaker", 1 / SPEAKERS), ("gender", 0.5)):
        probed = of(found, *block)[name]
        assert probed.figure.mean == pytest.approx(chance, abs=NEAR)
        assert probed.selectivity.mean == pytest.approx(0, abs=1.5 * NEAR)


def test_intervals_are_over_speakers_where_no_speaker_is_on_both_sides(found):
    disjoint = {target.name: target.speaker_disjoint for target in found.targets}
    assert disjoint == {"emotion": True, "speaker": False, "gender": True}
    assert {target.name: target.chance for target in found.targets} == pytest.approx(
        {"emotion": CHANCE, "speaker": 1 / SPEAKERS, "gender": 0.5}
    )
    for block in found.blocks:
        assert block.targets["speaker"].figure.low is None
        assert block.targets["emotion"].figure.low is not None


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    table = utterances()
    table = table.assign(text=["word " * (1 + number % 7) for number in range(len(table))])
    return lay_out(tmp_path_factory.mktemp("folds"), table, {"voice": holding(table["speaker"])})


@pytest.mark.parametrize("name", ["emotion", "gender", "words"])
@pytest.mark.parametrize("width", [12, COMPONENTS + 20])
def test_a_probe_never_sees_test_rows(planted, name, width):
    """Neither other values nor other features of test rows change what is predicted of the rest."""
    (target,), _ = targets_of(planted, [name], seed=0)
    labels = planted.utterances["utterance_id"].str.split("-").str[1]
    features = holding(labels, width=width).astype(np.float32)
    for train, test in target.splits:
        one = replace(target, splits=[(train, test)])
        before = predict(features, one, seed=0)
        shuffled = {}
        for field in ("values", "control"):
            shuffled[field] = getattr(target, field).copy()
            shuffled[field][test] = np.roll(shuffled[field][test], 1)
        after = predict(features, replace(one, **shuffled), seed=0)
        strange = features.copy()
        strange[test[0]] *= 50
        others = predict(strange, one, seed=0)
        for said in ("target", "control"):
            assert np.array_equal(getattr(after, said), getattr(before, said))
            assert np.array_equal(getattr(others, said)[1:], getattr(before, said)[1:])
    assert sorted(np.concatenate([test for _, test in target.splits])) == list(range(len(features)))


def test_one_strange_number_does_not_decide(planted):
    """A ratio with a near-zero denominator is thousands of standard deviations off in some recording."""
    (words,), _ = targets_of(planted, ["words"], seed=0)
    features = words.values[:, None] + holding(planted.utterances["speaker"], noise=0.1).astype(np.float32)
    features[3, 0] = 1e6
    probed = figures_of(words, predict(features, words, seed=0), speaker_codes(planted.utterances))
    assert probed.figure.mean > 0.5


def test_figures_are_those_of_scikit_learn(planted):
    generator = np.random.default_rng(5)
    targets, _ = targets_of(planted, ["emotion", "words"], seed=0)
    row = np.arange(len(planted.utterances))
    speakers = speaker_codes(planted.utterances)
    emotion, number = targets
    said = generator.integers(3, size=(2, len(row)))
    probed = figures_of(emotion, Predictions(row, *said, emotion.control[row]), speakers)
    assert probed.figure.mean == pytest.approx(balanced_accuracy_score(emotion.values, said[0]))
    assert probed.control.mean == pytest.approx(balanced_accuracy_score(emotion.control, said[1]))
    said = number.values + generator.normal(size=(2, len(row)))
    probed = figures_of(number, Predictions(row, *said, number.control[row]), speakers)
    assert probed.figure.mean == pytest.approx(r2_score(number.values, said[0]))
    assert probed.control.mean == pytest.approx(r2_score(number.control, said[1]))
    assert probed.figure.low < probed.figure.mean < probed.figure.high <= 1


def test_the_same_seed_gives_the_same_figures(planted):
    first, again, other = (probing(planted, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.blocks != other.blocks


def test_utterances_without_features_are_neither_learned_from_nor_tested(tmp_path):
    table = utterances()
    x = holding(table["label"])
    x[::3] = np.nan
    rare = np.full_like(x, np.nan)
    rare[:2] = 1.0
    for modality, encoders in (("audio", {"some": x}), ("face", {"rare": rare})):
        inputs = lay_out(tmp_path, table, encoders, modality=modality)
    some, none = probing(inputs, targets=["emotion"]).blocks
    assert some.utterances == some.targets["emotion"].utterances == np.isfinite(x).all(1).sum()
    assert (none.utterances, none.targets["emotion"]) == (2, None)


def test_a_target_of_one_class_in_training_is_not_probed(planted):
    values = np.zeros(len(planted.utterances), int)
    half = np.arange(len(values)) % 2 == 0
    split = (np.flatnonzero(half), np.flatnonzero(~half))
    target = Target("one", ("a", "b"), values, values, [split], "", True)
    assert predict(np.ones((len(values), 3), np.float32), target, seed=0) is None


def test_ua_counts_the_classes_that_occur(planted):
    """A block may lack all utterances of a class."""
    (emotion,), _ = targets_of(planted, ["emotion"], seed=0)
    row = np.flatnonzero(emotion.values < 2)
    probed = figures_of(
        emotion,
        Predictions(row, emotion.values[row], emotion.control[row], emotion.control[row]),
        speaker_codes(planted.utterances),
    )
    assert probed.figure.mean == ua(np.eye(2)) == 1
