"""A test for want of recordings or a database is skipped on a user's machine, and fails where they are required."""

import pytest
from conftest import absent


@pytest.mark.parametrize(
    ("ci", "stated", "outcome"),
    [
        ("", "", pytest.skip.Exception),
        ("", "postgresql", pytest.skip.Exception),
        ("", "postgresql,corpora", pytest.fail.Exception),
        ("true", "", pytest.fail.Exception),
    ],
)
def test_absent(monkeypatch, ci, stated, outcome):
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("EMOFLOW_REQUIRE", stated)
    with pytest.raises(outcome, match="no recordings at /nowhere"):
        absent("corpora", "no recordings at /nowhere")
