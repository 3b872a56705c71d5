"""The names of the catalogue's pre-trained encoders, read without opening its files."""

import difflib
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).parent / "library"
"""One YAML file per model, named after the model. A published model carries none of them."""
_NEAR = 0.8
"""How alike two names are, as difflib measures it, where one is taken for a misspelling of the other."""


def names() -> list[str]:
    """The encoders of the catalogue."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def near_name(name: str, others: Iterable[str] = ()) -> str | None:
    """The encoder that was probably meant by a name that is nowhere found.

    Args:
        name: as the user wrote it.
        others: further names, such as those of the models on this machine.

    Returns:
        The nearest name; None where the name is known, or none is near. Of ``owner/model`` nothing is near, since a
        hub has many that differ in a letter.
    """
    known = [*names(), *others]
    if name in known or "/" in name:
        return None
    close = difflib.get_close_matches(name, known, n=1, cutoff=_NEAR)
    return close[0] if close else None
