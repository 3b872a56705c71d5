"""The room's map names every module, and nothing that is not there."""

import re
from pathlib import Path

from emoflow import corpora

NAMES_BEGIN = 28


def test_every_module_is_on_the_map():
    room = Path(corpora.__file__).parent
    there = {
        path.stem for path in (*room.glob("[a-z]*.py"), *(each.parent for each in room.glob("*/__init__.py")))
    }
    lines = corpora.__doc__.partition("::\n\n")[2].splitlines()
    assert sorted(there) == sorted(re.findall(r"\w+", " ".join(line[NAMES_BEGIN:] for line in lines)))
