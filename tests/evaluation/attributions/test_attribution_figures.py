"""The stage ``evaluate`` on clips whose sound tells the class in one known third of a second, and some wrong labels."""

import shutil
from pathlib import Path

import documents
import numpy as np
import pytest
from emoflow.artifacts.fold_models import FoldModels, weights
from emoflow.artifacts.reports import Attributions, Metrics
from emoflow.errors import EvaluationError
from emoflow.evaluation.run_links import identity
from emoflow.stages import evaluate, robustness, search, train
from heard_experiment import CLASSES, RATE, RAW, filtered, lay_out, recorded
from in_process import run_stages
from safetensors.numpy import load_file, save_file

pytestmark = pytest.mark.slow

SPEAKERS, CLIPS = 6, 10
SENTENCES = ["the door is open now", "we walk to the shop", "a dog sits by the tree", "it's late, isn't it?"]


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory) -> Path:
    """A workspace after all stages. Anger is heard below 1 kHz, sadness above; words tell nothing.

    Clip n shows it in the third n % 3 of its second; the label of one clip in five is wrong.
    """
    root = tmp_path_factory.mktemp("evaluated")
    lay_out(
        root,
        _recordings(root / RAW),
        search={"strategies": ["single-stream"], "configurations": 1, "epochs": 12, "halvings": 0},
        train={"seeds": [0, 1], "classifiers": []},
    )
    documents.nothing_planted(root, "lab")
    run_stages(root, search, train, robustness, evaluate)
    return root


def _recordings(folder: Path) -> list[dict[str, str]]:
    generator, rows = np.random.default_rng(0), []
    for speaker in range(SPEAKERS):
        for shown in CLASSES:
            for clip in range(CLIPS):
                wave = 0.001 * generator.normal(size=RATE)
                begin = clip % 3 * RATE // 3
                wave[begin : begin + RATE // 3] += 0.1 * filtered(generator.normal(size=RATE // 3), shown)
                said = SENTENCES[clip % len(SENTENCES)]
                label = shown if clip % 5 else CLASSES[1 - CLASSES.index(shown)]
                name = f"{speaker}-{shown}-{clip}"
                rows.append(recorded(folder, name, wave, speaker=speaker, label=label, said=said))
    return rows


def errors(root: Path) -> dict[str, Attributions]:
    found = {each.utterance_id: each.attributions for each in Metrics.read(root).misclassified}
    assert found and all(found.values())
    return found


def test_the_sound_s_values_lie_where_it_shows_the_class_and_words_say_little(evaluated):
    within, of_words, attended = [], [], []
    for name, held in errors(evaluated).items():
        third = int(name.rpartition("-")[2]) % 3
        sound, words = held.modalities["audio"], held.modalities["text"]
        parts = np.array(sound.over_time)
        at = slice(third * len(parts) // 3, (third + 1) * len(parts) // 3)
        within.append(np.abs(parts[at]).sum() / np.abs(parts).sum())
        of_words.append(abs(words.total) / (abs(words.total) + abs(sound.total)))
        attended.append(sum(sound.rollout) + sum(words.rollout))
    assert np.mean(within) > 0.6 and np.mean(of_words) < 0.35, (within, of_words)
    assert attended == pytest.approx([1] * len(attended), abs=0.02)


def test_the_values_sum_to_what_the_clip_changes(evaluated):
    for error in Metrics.read(evaluated).misclassified:
        held = error.attributions
        total = sum(each.total for each in held.modalities.values())
        assert total == pytest.approx(held.log_probability - held.neutral + held.gap, abs=1e-3)
        assert abs(held.gap) < 0.02
        assert np.exp(held.log_probability) == pytest.approx(error.confidence, abs=1e-3)
        for each in held.modalities.values():
            assert sum(each.over_time) == pytest.approx(each.total, abs=0.01)
        words = held.modalities["text"].words
        assert sum(value for _, value in words) == pytest.approx(held.modalities["text"].total, abs=1e-3)
        assert held.duration_s == 1 and max(held.waveform) == 1


def test_the_links_of_a_published_report_hold_where_there_are_no_recordings(evaluated):
    metrics = Metrics.read(evaluated)
    bare = [each.model_copy(update={"attributions": None}) for each in metrics.misclassified]
    assert identity(metrics.model_copy(update={"misclassified": bare})) == identity(metrics)
    assert identity(metrics.model_copy(update={"misclassified": bare[1:]})) != identity(metrics)


def test_the_page_shows_them_with_words_for_who_does_not_see_them(evaluated):
    metrics = Metrics.read(evaluated)
    assert metrics.not_attributed.gradients is None and metrics.not_attributed.rollout is None
    page = (evaluated / "reports/index.html").read_text(encoding="utf-8")
    count = len(metrics.misclassified)
    assert page.count('<svg class="bars-of"') == count and page.count('<svg class="flow"') == count
    assert page.count('aria-label="sound: ') == count
    assert page.count("speaks most for") == count
    assert "<span>0 s</span><span>1.00 s</span>" in page


def test_models_that_did_not_make_the_predictions_are_refused(evaluated, tmp_path):
    root = shutil.copytree(evaluated, tmp_path / "other")
    for fold in range(3):
        held = load_file(weights(fold, root))
        save_file(
            {name: 0 * x if "classifier" in name else x for name, x in held.items()}, weights(fold, root)
        )
    with pytest.raises(EvaluationError, match=r"and the predictions hold .* run the stage `train` again"):
        run_stages(root, evaluate)


def test_without_the_folds_models_the_page_says_so(evaluated, tmp_path):
    root = shutil.copytree(evaluated, tmp_path / "other")
    documents.changed(FoldModels, root, folds={})
    run_stages(root, evaluate)
    metrics = Metrics.read(root)
    assert {each.attributions for each in metrics.misclassified} == {None}
    assert metrics.not_attributed.gradients == "the models of the folds were not kept"
    assert "is not shown: the models of the folds were not kept" in (root / "reports/index.html").read_text()


def test_a_recording_that_is_gone_costs_the_seconds_alone(evaluated, tmp_path):
    root = shutil.copytree(evaluated, tmp_path / "other")
    shutil.rmtree(root / "data/raw")
    run_stages(root, evaluate)
    for name, held in errors(evaluated).items():
        gone = errors(root)[name]
        assert gone.modalities == held.modalities and (gone.duration_s, gone.waveform) == (None, None)
        assert gone.unreadable
    assert "Without seconds: " in (root / "reports/index.html").read_text()
