"""The room's map names every module, and nothing that is not there."""

import re
from pathlib import Path

from emoflow import corpora


def test_every_module_is_on_the_map():
    room = Path(corpora.__file__).parent
    there = {
        path.stem for path in (*room.glob("[a-z]*.py"), *(each.parent for each in room.glob("*/__init__.py")))
    }
    assert sorted(there) == sorted(re.findall(r"^    (\w+)   ", corpora.__doc__, re.MULTILINE))
