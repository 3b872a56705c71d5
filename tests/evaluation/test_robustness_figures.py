"""UA under each condition, the loss against the recordings as they are, and the section of the report."""

import numpy as np
import pandas as pd
import pytest
from emoflow.artifacts.robustness import PERTURBED, RobustnessNotes, WordErrors
from emoflow.errors import EvaluationError
from emoflow.evaluation.evaluate import measure
from emoflow.evaluation.report import page
from emoflow.evaluation.robustness.sample import drawn
from emoflow.stages.evaluate import read
from fabricated_experiment import CLASSES, experiment
from sklearn.metrics import balanced_accuracy_score

COLUMNS = [f"p_{label}" for label in CLASSES]
BEST = "cross-attention"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return experiment(tmp_path_factory.mktemp("experiment")).parent


def perturbed(
    root, *, spoiled: dict[float, float], condition: str = "noise", modality: str = "audio"
) -> pd.DataFrame:
    """The registered strategy's own answers on 150 utterances, of which a share is replaced by a guess.

    With fewer modalities, of which the one is among them, the same utterances are guesses.
    """
    rows = drawn(pd.read_parquet(root / "data/folds.parquet"), 150, seed=7)
    said = pd.read_parquet(root / "data/predictions.parquet")
    said = said[said["strategy"] == BEST].groupby(["fold", "utterance_id"])[COLUMNS].mean()
    places = list(zip(rows["fold"], rows["utterance_id"], strict=True))
    clean = {"audio+face+text": said.loc[places].to_numpy()}
    less = pd.read_parquet(root / "data/subsets.parquet")
    for name, of_subset in less[less["strategy"] == BEST].groupby("modalities"):
        if modality in name:
            clean[name] = of_subset.set_index(["fold", "utterance_id"])[COLUMNS].loc[places].to_numpy()
    generator, tables = np.random.default_rng(0), []
    for level, share in spoiled.items():
        guess = np.eye(len(CLASSES))[generator.integers(0, len(CLASSES), len(rows))]
        lost = generator.random(len(rows)) < share
        for name, answers in clean.items():
            known = rows[["utterance_id", "fold"]].assign(condition=condition, level=level, unusable=lost)
            known["changed"] = modality
            known[COLUMNS] = np.where(lost[:, None], guess, answers)
            tables.append(known.assign(modalities=name))
    return pd.concat(tables).sample(frac=1, random_state=0)


def measured(root, table: pd.DataFrame, left_out: dict[str, str] | None = None, word_errors=()):
    PERTURBED.write(table, root)
    RobustnessNotes(left_out=left_out or {}, word_errors=word_errors).write(root)
    inputs = read(["control"], root)
    metrics, _ = measure(inputs, seed=7)
    text = page(metrics, best=inputs.best, trials=inputs.trials)
    return metrics, text.partition("Worse recordings")[2].partition("</section>")[0]


@pytest.mark.slow
def test_losses_are_against_the_same_utterances(root):
    table = perturbed(root, spoiled={20.0: 0.0, 0.0: 0.5, -20.0: 1.0})
    metrics, section = measured(root, table)
    held = metrics.robustness
    assert (held.utterances, held.speakers, list(held.conditions)) == (150, 12, ["noise"])
    noise = held.conditions["noise"]
    assert [level.level for level in noise.levels] == [20, 0, -20]
    truth = pd.read_parquet(root / "data/utterances/control.parquet").set_index("utterance_id")["label"]
    for level in noise.levels:
        own = table[(table["level"] == level.level) & (table["modalities"] == "audio+face+text")]
        said = np.array(CLASSES)[own[COLUMNS].to_numpy().argmax(1)]
        ua = balanced_accuracy_score(truth[own["utterance_id"]], said)
        assert level.ua.mean == pytest.approx(ua)
        assert level.loss.mean == pytest.approx(held.clean.mean - ua)
        assert level.unusable == own["unusable"].sum()
    mild, middle, worst = noise.levels
    assert (mild.loss.mean, mild.loss.low, mild.loss.high) == (0, 0, 0)
    assert 0 < middle.loss.mean < worst.loss.mean and worst.loss.low > 0.3
    assert noise.mean_loss.mean == pytest.approx(np.mean([each.loss.mean for each in noise.levels]))
    assert noise.mean_loss.low < noise.mean_loss.mean < noise.mean_loss.high
    assert section.count("<circle") == 3 and "dB SNR" in section and "Not tested" not in section


def test_what_is_left_without_the_modality_stands_beside(root):
    metrics, section = measured(root, perturbed(root, spoiled={0.4: 0.4}, condition="blur", modality="face"))
    rows = drawn(pd.read_parquet(root / "data/folds.parquet"), 150, seed=7)
    given = pd.read_parquet(root / "data/subsets.parquet")
    given = given[(given["strategy"] == BEST) & (given["modalities"] == "audio+text")]
    given = given.set_index(["fold", "utterance_id"])[COLUMNS]
    said = given.loc[list(zip(rows["fold"], rows["utterance_id"], strict=True))].to_numpy().argmax(1)
    truth = pd.read_parquet(root / "data/utterances/control.parquet").set_index("utterance_id")["label"]
    expected = balanced_accuracy_score(truth[rows["utterance_id"]], np.array(CLASSES)[said])
    assert set(metrics.robustness.without) == {"face"}
    assert metrics.robustness.without["face"].mean == pytest.approx(expected)
    assert f"without face {100 * expected:.1f}" in section and 'class="without"' in section


@pytest.mark.slow
def test_a_modality_contributes_less_where_it_is_worse(root):
    table = perturbed(root, spoiled={20.0: 0.0, -20.0: 1.0})
    metrics, section = measured(root, table)
    held = metrics.robustness
    mild, worst = held.conditions["noise"].levels
    assert mild.shapley == held.shapley and set(held.shapley) == {"audio", "face", "text"}
    # What noise leaves is a guess wherever sound is given: sound takes all the others add.
    assert worst.shapley["audio"].mean < 0 < held.shapley["audio"].mean
    for level in (mild, worst):
        total = sum(each.mean for each in level.shapley.values())
        assert total == pytest.approx(level.ua.mean - 1 / len(CLASSES))
    # By hand: the mean over the six orders of what face adds.
    truth = pd.read_parquet(root / "data/utterances/control.parquet").set_index("utterance_id")["label"]
    less = pd.read_parquet(root / "data/subsets.parquet")
    drawn_ids = set(table["utterance_id"])
    less = less[(less["strategy"] == BEST) & less["utterance_id"].isin(drawn_ids)]
    noisy = table[table["level"] == -20]
    given = {"": 1 / len(CLASSES)}
    for name in ("audio", "face", "text", "audio+face", "audio+text", "face+text", "audio+face+text"):
        rows = (noisy if "audio" in name else less).query("modalities == @name")
        said = np.array(CLASSES)[rows[COLUMNS].to_numpy().argmax(1)]
        given[name] = balanced_accuracy_score(truth[rows["utterance_id"]], said)
    alone, last = given["face"] - given[""], given["audio+face+text"] - given["audio+text"]
    second = (given["audio+face"] - given["audio"]) + (given["face+text"] - given["text"])
    assert worst.shapley["face"].mean == pytest.approx(alone / 3 + second / 6 + last / 3)
    assert section.count("Shapley value of") == 3


def test_a_condition_of_sound_may_change_words_too(root):
    """What is lost is lost with both, and the word error rate stands beside the level."""
    table = perturbed(root, spoiled={20.0: 0.2, 0.0: 1.0})
    table["changed"] = "audio+text"
    said = [
        WordErrors(condition="noise", level=level, rate=rate, words=9, utterances=3, reference="transcripts")
        for level, rate in ((20.0, 0.25), (0.0, 1.125))
    ]
    metrics, section = measured(root, table, word_errors=said)
    held = metrics.robustness
    noise = held.conditions["noise"]
    assert (noise.modality, noise.changes, held.word_reference) == ("audio", ["audio", "text"], "transcripts")
    assert [level.word_error_rate for level in noise.levels] == [0.25, 1.125]
    assert set(held.without) == {"audio+text"}
    rows = drawn(pd.read_parquet(root / "data/folds.parquet"), 150, seed=7)
    given = pd.read_parquet(root / "data/subsets.parquet")
    given = given[(given["strategy"] == BEST) & (given["modalities"] == "face")]
    given = given.set_index(["fold", "utterance_id"])[COLUMNS]
    places = list(zip(rows["fold"], rows["utterance_id"], strict=True))
    truth = pd.read_parquet(root / "data/utterances/control.parquet").set_index("utterance_id")["label"]
    answers = np.array(CLASSES)[given.loc[places].to_numpy().argmax(1)]
    ua = balanced_accuracy_score(truth[rows["utterance_id"]], answers)
    assert held.without["audio+text"].mean == pytest.approx(ua)
    assert "audio and text, dB SNR" in section and "against the transcripts" in section
    assert "112.5" in section and "without audio+text" in section
    _, plain = measured(root, perturbed(root, spoiled={20.0: 0.2}))
    assert "ord errors" not in plain


def test_the_interval_of_one_level_is_that_of_the_mean_over_it(root):
    metrics, _ = measured(root, perturbed(root, spoiled={0.4: 0.4}, condition="frame_loss", modality="face"))
    only = metrics.robustness.conditions["frame_loss"]
    assert only.mean_loss.model_dump() == pytest.approx(only.levels[0].loss.model_dump())


def test_without_conditions_there_is_no_section(root):
    metrics, section = measured(root, pd.DataFrame(columns=list(PERTURBED.columns)))
    assert metrics.robustness is None and section == ""


def test_what_was_left_out_is_shown_with_the_reason(root):
    reason = {"frame_loss": "face came as a table of features, not as recordings"}
    metrics, section = measured(root, pd.DataFrame(columns=list(PERTURBED.columns)), reason)
    assert metrics.robustness.left_out == reason and metrics.robustness.conditions == {}
    assert "frame loss: face came as a table" in section and "<svg" not in section


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows: rows.assign(fold=(rows["fold"] + 1) % 4), "are of no test utterance"),
        (lambda rows: rows.drop(rows.index[rows["level"] == 0][:1]), "not of the utterances that were drawn"),
    ],
)
def test_rows_that_do_not_fit_are_refused(root, spoil, message):
    table = perturbed(root, spoiled={10.0: 0.1, 0.0: 0.2}).reset_index(drop=True)
    with pytest.raises(EvaluationError, match=message):
        measured(root, spoil(table))
