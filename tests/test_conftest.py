"""How tests are distributed, and what becomes of them where recordings or a database are absent."""

import pytest
from conftest import ROOT, STARTS_RAY, absent


def test_the_files_that_start_ray_are_there():
    assert not [file for file in STARTS_RAY if not (ROOT / file).is_file()]


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
