"""Folds as parts: what may be learned from once everything is chosen, also where validation is the test."""

from dataclasses import replace

import pandas as pd
import pytest
import torch
from emoflow.errors import ProtocolError
from emoflow.fusion.reduction import Reduction
from emoflow.training.data import UNLABELLED, Rows
from emoflow.training.rows import Part, fit_preparation, folds_of, lacking, out_of_fold, unlabelled

CLASSES = ["anger", "neutral"]


def table(*roles: tuple[str, str]) -> pd.DataFrame:
    rows = [
        {"fold": 0, "utterance_id": name, "label": CLASSES[place % 2], "role": role}
        for place, (name, role) in enumerate(roles)
    ]
    return pd.DataFrame(rows)


def of_fold(number: int, part: Part) -> Part:
    """The part with features of this fold, where they differ by fold."""
    return replace(part, folds=(number,) * len(part.ids))


def test_training_and_validation_are_seen():
    (fold,) = folds_of(table(("a", "train"), ("b", "train"), ("c", "validation"), ("d", "test")), CLASSES)
    assert fold.seen == of_fold(0, Part(("a", "b", "c"), (0, 1, 0)))


def test_a_test_row_is_never_seen_though_it_validates():
    roles = [("a", "train"), ("b", "train"), ("c", "validation"), ("d", "validation"), ("c", "test")]
    (fold,) = folds_of(table(*roles), CLASSES)
    assert fold.seen == of_fold(0, Part(("a", "b", "d"), (0, 1, 1)))
    assert set((fold.seen + fold.test).ids) == {"a", "b", "c", "d"}


def test_a_declared_class_need_not_train_and_must_not():
    rows = pd.concat([table(("a", "train"), ("b", "train"), ("c", "validation"), ("d", "test")),
                      pd.DataFrame([{"fold": 0, "utterance_id": "e", "label": "fear", "role": "test"}])])  # fmt: skip
    classes = [*CLASSES, "fear"]
    (fold,) = folds_of(rows, classes, unseen=["fear"])
    assert fold.test == of_fold(0, Part(("d", "e"), (1, 2)))
    with pytest.raises(ProtocolError, match="no training row is of class fear"):
        folds_of(rows, classes)
    with pytest.raises(ProtocolError, match="anger is to be unseen, and is in training or validation"):
        folds_of(rows, classes, unseen=["anger", "fear"])


def with_bare(number: int, *names: str) -> pd.DataFrame:
    labelled = [("a", "train"), ("b", "train"), ("c", "validation"), ("d", "test")]
    bare = [{"utterance_id": name, "label": None, "role": "unlabelled"} for name in names]
    return pd.concat([table(*labelled), pd.DataFrame(bare)]).assign(fold=number)


def test_rows_without_a_label_come_after_those_that_train():
    folds = folds_of(pd.concat([with_bare(0, "0", "z"), with_bare(1, "z", "y")]), CLASSES)
    assert folds[0].train == of_fold(0, Part(("a", "b", "0", "z"), (0, 1, UNLABELLED, UNLABELLED)))
    assert folds[0].train.labelled == of_fold(0, Part(("a", "b"), (0, 1)))
    assert folds[0].seen == of_fold(0, Part(("a", "b", "0", "z", "c"), (0, 1, UNLABELLED, UNLABELLED, 0)))
    assert UNLABELLED not in folds[0].validation.target + folds[0].test.target
    assert unlabelled(folds) == Part(("0", "y", "z"), (UNLABELLED,) * 3)


def test_rows_without_a_label_do_not_move_what_is_fitted():
    x = torch.randn(40, 1, 5, generator=torch.Generator().manual_seed(1))
    there = torch.ones(40, 1, dtype=torch.bool)
    target = torch.tensor([0, 1] * 20)
    bare = Rows({"audio": torch.cat([x, x + 100])}, {"audio": torch.cat([there, there])},
                torch.cat([target, torch.full((40,), UNLABELLED)]))  # fmt: skip
    fitted = [
        fit_preparation(rows, {"audio": [("table", 5)]}, Reduction()).state_dict()
        for rows in (Rows({"audio": x}, {"audio": there}, target), bare)
    ]
    assert all(torch.equal(fitted[0][name], fitted[1][name]) for name in fitted[0])


def test_a_modality_that_only_rows_without_a_label_have_cannot_be_trained_on():
    folds = folds_of(pd.concat([with_bare(0, "z"), with_bare(1, "y")]), CLASSES)
    assert lacking(lambda fold: ["z", "y", "c", "d"], folds) == [0, 1]
    assert lacking(lambda fold: ["b"], folds) == []
    assert lacking(lambda fold: ["b"] if fold == 1 else [], folds) == [0]


def test_posteriors_are_needed_where_a_temperature_is_fitted():
    folds = folds_of(pd.concat([with_bare(0, "z"), with_bare(1, "y")]), CLASSES)
    assert lacking(lambda fold: ["a", "b", "d"], folds, posteriors=True) == [0, 1]
    assert lacking(lambda fold: ["c"], folds, posteriors=True) == []


def test_the_registered_model_reads_features_of_models_that_were_not_trained_on_the_row():
    """A row is read in the fold that tests it, else in one that validates on it, else not at all."""
    roles = {
        0: {"a": "test", "b": "validation", "c": "train", "d": "train", "e": "train", "f": "train"},
        1: {"b": "test", "c": "validation", "a": "train", "d": "train", "e": "train", "f": "train"},
        2: {"d": "test", "c": "validation", "a": "train", "b": "train", "e": "train", "f": "train"},
    }
    rows = [
        {"fold": fold, "utterance_id": name, "label": CLASSES["abcdef".index(name) % 2], "role": role}
        for fold, each in roles.items()
        for name, role in each.items()
    ]
    folds = folds_of(pd.DataFrame(rows), CLASSES)
    every = folds[0].seen + folds[0].test
    read = out_of_fold(every, folds)
    assert (read.ids, read.target) == (every.ids, every.target)
    assert dict(zip(read.ids, read.folds, strict=True)) == {
        "a": 0,
        "b": 1,
        "c": 1,
        "d": 2,
        "e": None,
        "f": None,
    }
