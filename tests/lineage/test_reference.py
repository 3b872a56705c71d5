"""A model's name in every form that users write, read in one place."""

import pytest
from emoflow.errors import LineageError
from emoflow.lineage import ModelReference, parse


@pytest.mark.parametrize("scheme", ["", "models:/"])
@pytest.mark.parametrize(
    ("written", "meant", "uri"),
    [
        ("emotion-x", ModelReference("emotion-x"), "models:/emotion-x@champion"),
        ("emotion-x@champion", ModelReference("emotion-x", alias="champion"), "models:/emotion-x@champion"),
        (
            "emotion-x@challenger",
            ModelReference("emotion-x", alias="challenger"),
            "models:/emotion-x@challenger",
        ),
        ("emotion-x/3", ModelReference("emotion-x", version=3), "models:/emotion-x/3"),
        ("emotion-x/latest", ModelReference("emotion-x", alias="latest"), "models:/emotion-x/latest"),
    ],
)
def test_every_form_is_read(scheme, written, meant, uri):
    assert parse(scheme + written) == meant
    assert parse(scheme + written).uri == uri
    assert parse(uri).uri == uri


@pytest.mark.parametrize(
    "wrong", ["", "models:/", "a/b", "a/b/c", "a@", "a@b/3", "runs:/1/model", "a b", "a/-1"]
)
def test_anything_else_is_refused_with_the_forms(wrong):
    with pytest.raises(LineageError, match="write NAME, NAME@champion or NAME/VERSION"):
        parse(wrong)
