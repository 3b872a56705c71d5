"""The stage ``search`` on input that is not as it should be, and gone on with in batches; without Ray."""

import shutil
from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
import yaml
from emoflow.encoders.store import Row, write
from emoflow.errors import FeatureError, SearchError
from emoflow.files import read_json, tree_digest
from emoflow.fusion.strategy import uses
from emoflow.search.cohort import run_cohort
from emoflow.stages import search
from planted_experiment import lay_out

RAN: list[tuple[str, int, int]] = []


def one_after_another(cohorts, folds, *, modalities, classes, site, on_outcome, what) -> dict[int, str]:
    for cohort in cohorts:
        rows, taken = folds[cohort.fold].open(), uses(cohort.strategy, modalities)
        parts = {"training": rows.training.of(taken), "validation": rows.validation.of(taken)}
        RAN.append((cohort.strategy, cohort.fold, cohort.batch))
        on_outcome(cohort, run_cohort(cohort, classes=classes, **parts))
    return {}


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    def laid_out(strategies: list[str], modalities=("audio", "text", "face"), **stated):
        lay_out(tmp_path, strategies=strategies, modalities=modalities)
        path = tmp_path / "params.yaml"
        held = yaml.safe_load(path.read_text(encoding="utf-8"))
        held["search"] |= {"epochs": 2, "configurations": 2} | stated
        path.write_text(yaml.safe_dump(held), encoding="utf-8")
        return tmp_path

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMOFLOW_DEVICE", "cpu")
    monkeypatch.setattr("emoflow.search.run.run_cohorts", one_after_another)
    monkeypatch.setattr("emoflow.search.run.ray_of", lambda site: nullcontext())
    RAN.clear()
    return laid_out


def rewrite(root, modality: str, encoder: str, change) -> None:
    """The stored features of a modality, ``change(ids, tokens [N, D]) → (ids, tokens)``."""
    ids = sorted(pd.read_parquet(root / "data/folds.parquet")["utterance_id"].unique())
    shutil.rmtree(root / f"data/features/control/{modality}")
    ids, tokens = change(ids, np.random.default_rng(0).normal(size=(len(ids), 6)).astype(np.float32))
    write(
        root / "data/features/control",
        [Row(id_, "0", x[None]) for id_, x in zip(ids, tokens, strict=True)],
        modality=modality,
        encoder=encoder,
        params_digest="0",
        feature_names=[f"{encoder}_{i}" for i in range(tokens.shape[1])],
    )


def test_features_of_other_utterances_leave_their_strategies_out(experiment):
    root = experiment(["audio", "face", "late-average"])
    rewrite(root, "face", "appearance", lambda ids, x: ([f"{id_}-old" for id_ in ids], x))
    search.main()
    best = read_json("data/search/best.json")
    assert set(best["strategies"]) == {"audio", "late-average"}
    assert best["left_out"] == {"face": "the features of 'face' are of none of control's labelled utterances"}
    assert best["modalities"] == ["audio", "text"]


def test_features_that_are_not_finite_are_named(experiment):
    root = experiment(["face"])

    def spoilt(ids, x):
        x[ids.index("control/2-anger-0"), 3] = np.nan
        return ids, x

    rewrite(root, "face", "appearance", spoilt)
    with pytest.raises(FeatureError, match=r"face: features that are not finite, of control/2-anger-0; make"):
        search.main()


def test_a_constant_column_harms_nobody(experiment):
    root = experiment(["face"])
    rewrite(root, "face", "appearance", lambda ids, x: (ids, x * [1, 1, 0, 1, 1, 0] + [0, 0, 1e6, 0, 0, 0]))
    search.main()
    assert set(pd.read_parquet("data/search/trials.parquet")["status"]) <= {"finished", "stopped"}


def test_where_nobody_has_any_modality_there_is_nothing_to_choose_from(experiment):
    root = experiment(["face"], modalities=("face",))
    rewrite(root, "face", "appearance", lambda ids, x: (["control/nobody"], x[:1]))
    with pytest.raises(SearchError, match="nothing to choose from: face: the features of 'face' are of none"):
        search.main()


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        (
            {"strategies": ["audio", "gatd"]},
            r"search\.strategies: strategy 'gatd' is not known; did you mean 'gated'",
        ),
        ({"space": {"drop_out": 0.1}}, r"'drop_out' is no hyper-parameter.*did you mean 'dropout'"),
        ({"space": {"audio": {"heads": [2]}}}, r"search\.space\.audio: audio has no 'heads'"),
    ],
)
def test_an_unknown_name_ends_the_stage_before_anything_is_read(experiment, stated, said):
    experiment(**{"strategies": ["audio"]} | stated)
    with pytest.raises(SearchError, match=said):
        search.main()
    assert not RAN


def test_batches_go_on_where_they_were_and_give_the_same(experiment):
    root = experiment(["audio"], proposals="tpe", batches=2, configurations=4, seeds=2)
    search.main()
    assert len(RAN) == 3 * 2
    before = tree_digest([root / "data/search"])
    trials = pd.read_parquet("data/search/trials.parquet")
    assert trials.groupby(["fold", "trial"])["seed"].apply(list).map(tuple).unique().tolist() == [(0, 1)]
    assert trials.groupby("trial")["batch"].first().tolist() == [0, 0, 1, 1]

    (kept,) = root.glob(".emoflow/work/search-*/audio.1.0.json")
    kept.unlink()
    RAN.clear()
    search.main()
    assert RAN == [("audio", 1, 0)]
    assert tree_digest([root / "data/search"]) == before
