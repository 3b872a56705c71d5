"""The adapters read ten thousand files a second or better, without decoding."""

import time

import pytest
from laid_out import lay_out, takes

from components.corpora import read
from components.corpora.layouts import grammar
from components.schema import LAYOUTS, Layout

FILES_A_SECOND = 10_000
UTTERANCES_A_SECOND = 2_000  # where each of the files is a table of several
SPEAKERS, CLIPS = 24, 8


def laid_out(layout, folder):
    rules = grammar(layout)
    drawn = takes(min(SPEAKERS, rules.speakers_at_most or SPEAKERS), CLIPS, rules)
    return lay_out(rules.plan(drawn, layout, 7, False), folder / layout)


def seconds(layout, root) -> float:
    """The best of three, of this process: others on the machine do not count."""
    read(layout, root, Layout(layout=layout))  # imports
    took = []
    for _ in range(3):
        began = time.process_time()
        read(layout, root, Layout(layout=layout))
        took.append(time.process_time() - began)
    return min(took)


@pytest.mark.slow
@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "muse"])
def test_files_a_second(layout, tmp_path):
    root = laid_out(layout, tmp_path)
    files = sum(path.is_file() for path in root.rglob("*"))
    assert files > 400
    assert files / seconds(layout, root) > FILES_A_SECOND


@pytest.mark.slow
def test_tables_of_utterances_a_second(tmp_path):
    root = laid_out("muse", tmp_path)
    utterances = len(read("muse", root, Layout(layout="muse")).table)
    assert utterances / seconds("muse", root) > UTTERANCES_A_SECOND
