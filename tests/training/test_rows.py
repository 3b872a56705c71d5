"""Folds as parts: what may be learned from once everything is chosen, also where validation is the test."""

import pandas as pd
import pytest

from components.errors import ProtocolError
from components.training.rows import Part, folds_of

CLASSES = ["anger", "neutral"]


def table(*roles: tuple[str, str]) -> pd.DataFrame:
    rows = [
        {"fold": 0, "utterance_id": name, "label": CLASSES[place % 2], "role": role}
        for place, (name, role) in enumerate(roles)
    ]
    return pd.DataFrame(rows)


def test_training_and_validation_are_seen():
    (fold,) = folds_of(table(("a", "train"), ("b", "train"), ("c", "validation"), ("d", "test")), CLASSES)
    assert fold.seen == Part(("a", "b", "c"), (0, 1, 0))


def test_a_test_row_is_never_seen_though_it_validates():
    roles = [("a", "train"), ("b", "train"), ("c", "validation"), ("d", "validation"), ("c", "test")]
    (fold,) = folds_of(table(*roles), CLASSES)
    assert fold.seen == Part(("a", "b", "d"), (0, 1, 1))
    assert set((fold.seen + fold.test).ids) == {"a", "b", "c", "d"}


def test_a_declared_class_need_not_train_and_must_not():
    rows = pd.concat([table(("a", "train"), ("b", "train"), ("c", "validation"), ("d", "test")),
                      pd.DataFrame([{"fold": 0, "utterance_id": "e", "label": "fear", "role": "test"}])])  # fmt: skip
    classes = [*CLASSES, "fear"]
    (fold,) = folds_of(rows, classes, unseen=["fear"])
    assert fold.test == Part(("d", "e"), (1, 2))
    with pytest.raises(ProtocolError, match="no training row is of class fear"):
        folds_of(rows, classes)
    with pytest.raises(ProtocolError, match="anger is to be unseen, and is in training or validation"):
        folds_of(rows, classes, unseen=["anger", "fear"])
