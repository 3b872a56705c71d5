"""Progress where there is no terminal: lines with how much is done."""

import re
from types import SimpleNamespace

from emoflow import progress
from emoflow.progress import track, track_bytes


def test_items_are_passed_on_and_the_end_is_reported(capsys):
    assert list(track("abc", total=3, what="letters")) == ["a", "b", "c"]
    assert re.fullmatch(r"letters: 3/3, \S+/s, 0 s left\n", capsys.readouterr().err)


def test_lines_come_at_intervals(capsys, monkeypatch):
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    list(track("ab", total=2, what="letters"))
    assert [line.split(",")[0] for line in capsys.readouterr().err.splitlines()] == [
        "letters: 1/2",
        "letters: 2/2",
    ]


def test_bytes_are_reported_in_megabytes(capsys):
    track_bytes(iter([700_000, 2_400_000]), total=2_400_000, what="clips.zip")
    assert re.fullmatch(r"clips.zip, MB: 3/3, \S+/s, 0 s left\n", capsys.readouterr().err)


def test_the_rate_of_slow_items_is_a_minute_s(capsys, monkeypatch):
    times = iter([0.0, 30.0, 60.0])
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: next(times)))
    list(track("ab", total=2, what="letters"))
    assert capsys.readouterr().err.splitlines()[-1] == "letters: 2/2, 2/min, 0 s left"


def test_of_an_unknown_number_of_bytes_nothing_is_reported(capsys):
    steps = iter([10, 20_000_000])
    track_bytes(steps, total=None, what="clips.zip")
    assert list(steps) == [] and capsys.readouterr().err == ""
