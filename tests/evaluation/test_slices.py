"""Figures by group: whose they are, and whether groups differ."""

import numpy as np
import pandas as pd
import pytest
from emoflow.evaluation import slices
from emoflow.evaluation.inputs import CorpusFacts
from emoflow.evaluation.predictions import Predictions
from fabricated_experiment import facts_of
from sklearn.metrics import accuracy_score, balanced_accuracy_score

CLASSES = ("anger", "neutral", "sadness")


def study(
    generator: np.random.Generator, *, speakers: int = 12, clips: int = 8, lost: float = 0.0, **columns
) -> tuple[Predictions, dict[str, CorpusFacts]]:
    """Predictions of 'audio', right in 70 % of all, of men in ``lost`` less.

    Args:
        columns: of the utterance table, other than the usual: the genders take turns.
    """
    speaker = np.repeat(np.arange(speakers), clips)
    truth = generator.integers(0, 3, len(speaker))
    gender = np.where(speaker % 2, "male", "female")
    ease = 0.7 + generator.normal(0, 0.05, speakers)[speaker] - lost * (gender == "male")
    right = generator.random(len(speaker)) < ease
    given = np.eye(3)[np.where(right, truth, (truth + generator.integers(1, 3, len(speaker))) % 3)]
    ids = np.array([f"lab/{number:04}" for number in range(len(speaker))])
    table = pd.DataFrame({"utterance_id": ids, "corpus": "lab", "speaker_gender": gender} | columns)
    names = tuple(f"lab/{number}" for number in range(speakers))
    fold = speaker % 3
    predictions = Predictions(
        CLASSES, (0,), ids, truth, speaker, names, fold, (0, 1, 2), {"audio": given[None]}
    )
    return predictions, {"lab": facts_of(table)}


def test_a_group_s_figures_are_those_of_its_utterances_alone():
    predictions, corpora = study(np.random.default_rng(0))
    (found,) = slices.by_attribute(predictions, "audio", corpora)
    assert (found.attribute, list(found.groups), found.unknown) == ("gender", ["female", "male"], 0)
    for group, odd in (("female", 0), ("male", 1)):
        mine = predictions.speaker % 2 == odd
        truth, predicted = predictions.truth[mine], predictions.predicted("audio")[mine]
        figures = found.groups[group]
        assert (figures.utterances, figures.speakers, figures.few) == (mine.sum(), 6, False)
        assert figures.ua.mean == pytest.approx(balanced_accuracy_score(truth, predicted))
        assert figures.wa.mean == pytest.approx(accuracy_score(truth, predicted))
        assert figures.ua.low < figures.ua.mean < figures.ua.high


def test_ages_are_grouped_the_youngest_first():
    age = pd.array(np.repeat([17, 29, 30, 44, 45, None], 16), dtype="Int64")
    predictions, corpora = study(np.random.default_rng(0), speaker_age=age)
    found = slices.by_attribute(predictions, "audio", corpora)[-1]
    assert (found.attribute, list(found.groups)) == ("age", ["under 30", "30 to 44", "45 to 59"])
    assert [group.utterances for group in found.groups.values()] == [32, 32, 16] and found.unknown == 16
    assert [group.speakers for group in found.groups.values()] == [4, 4, 2]


@pytest.mark.slow
@pytest.mark.parametrize(("lost", "told"), [(0.0, (0.02, 0.09)), (0.35, (0.9, 1.0))])
def test_a_difference_is_told_from_chance_as_often_as_it_should_be(lost, told):
    generator, found = np.random.default_rng(1), []
    for _ in range(300):
        predictions, corpora = study(generator, speakers=20, lost=lost)
        (held,) = slices.by_attribute(predictions, "audio", corpora)
        found.append(held.gap.difference.low > 0)
    assert told[0] <= np.mean(found) <= told[1]


def test_few_speakers_are_shown_and_not_compared():
    predictions, corpora = study(np.random.default_rng(2), speakers=6)
    (found,) = slices.by_attribute(predictions, "audio", corpora)
    assert [group.few for group in found.groups.values()] == [True, True] and found.gap is None
    alone, corpora = study(np.random.default_rng(2), speakers=2)
    (found,) = slices.by_attribute(alone, "audio", corpora)
    assert found.groups["male"].speakers == 1 and found.groups["male"].ua.low is None


def test_a_row_without_demographics_is_counted_and_stays_in_the_other_groups():
    predictions, corpora = study(np.random.default_rng(4), language=["en", "fi"] * 48)
    table, nobody = corpora["lab"].utterances, predictions.speaker < 3
    table.loc[table["utterance_id"].isin(predictions.utterance_ids[nobody]), "speaker_gender"] = None
    gender, language = slices.by_attribute(predictions, "audio", corpora)
    counted = {
        each.attribute: sum(group.utterances for group in each.groups.values()) for each in (gender, language)
    }
    assert (gender.unknown, language.unknown) == (nobody.sum(), 0)
    assert counted == {"gender": (~nobody).sum(), "language": len(nobody)}
    assert {group.speakers for group in language.groups.values()} == {len(predictions.speakers)}


def test_what_is_unknown_is_counted_and_what_is_one_is_no_slice():
    intensity = np.array(["normal", "strong", None, "strong"] * 24, dtype=object)
    predictions, corpora = study(np.random.default_rng(3), intensity=intensity, language="en")
    gender, found = slices.by_attribute(predictions, "audio", corpora)
    assert (gender.attribute, found.attribute) == ("gender", "intensity")
    assert found.unknown == 24 and found.groups["strong"].utterances == 48
    assert found.groups["strong"].speakers == found.groups["normal"].speakers == 12  # the same people
    assert found.gap.difference.low is not None
