"""A table that is no Parquet file is an error that says how to make it again."""

import pytest
from emoflow.artifacts.folds import FOLDS
from emoflow.errors import ArtifactError


def test_a_file_that_is_not_parquet_is_named(tmp_path):
    path = FOLDS.path(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_text("fold,utterance_id")
    with pytest.raises(ArtifactError, match=r"is not a Parquet table .*dvc repro -f folds"):
        FOLDS.read(tmp_path)
