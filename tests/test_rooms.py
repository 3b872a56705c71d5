"""A room imports only the rooms listed for it, and neither rooms nor files import one another in a circle."""

from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from imports import ROOT, imported, named_in

COMPONENTS = ROOT / "components"
GROUND = {
    "schema",
    "errors",
    "files",
    "content_cache",
    "progress",
    "process",
    "process_pool",
    "ray_cluster",
    "artifacts",
}
EDGE = {"params", "settings"}

ROOMS = {
    "corpora": {"media", "storage"},
    "synthesis": {"media", "corpora"},
    "validation": {"media"},
    "protocols": set(),
    "leakage": {"protocols", "media"},
    "media": set(),
    "encoders": {"media"},
    "fusion": set(),
    "training": {"fusion"},
    "pretraining": {"encoders", "training", "media"},
    "search": {"training", "fusion", "encoders"},
    "evaluation": {"training", "fusion", "protocols", "encoders", "media"},
    "lineage": set(),
    "registry": {"evaluation", "lineage", "media", "encoders", "fusion"},
    "storage": set(),
}
WORDS = COMPONENTS / "corpora" / "adapters"
"""All that synthesis may import of corpora: the names and labels that a corpus's files are written in."""


def room_of(path: Path) -> str:
    return path.relative_to(COMPONENTS).parts[0].removesuffix(".py")


def files() -> list[Path]:
    return sorted(COMPONENTS.rglob("*.py"))


def test_a_file_imports_only_the_rooms_listed():
    offenders = {}
    for path in files():
        room = room_of(path)
        if room not in ROOMS:
            continue  # the ground, and what stands above all rooms
        seen = {room_of(file) for file in imported(path) if file.is_relative_to(COMPONENTS)}
        if foreign := seen - ROOMS[room] - GROUND - {room, "__init__"}:
            offenders[path.relative_to(ROOT).as_posix()] = sorted(foreign)
    assert not offenders


def test_synthesis_reads_words_alone_of_corpora():
    foreign = {
        file.relative_to(ROOT).as_posix()
        for path in files()
        if room_of(path) == "synthesis"
        for file in named_in(path)
        if room_of(file) == "corpora" and not file.is_relative_to(WORDS)
    }
    assert not foreign


@pytest.mark.parametrize("name", sorted((GROUND | EDGE) - {"artifacts"}))
def test_the_ground_rests_on_nothing_else(name):
    seen = {room_of(file) for file in imported(COMPONENTS / f"{name}.py")}
    assert seen <= GROUND | {"__init__"}


def circle(graph: dict) -> list | None:
    """One circle of a graph, node → what it imports; None where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return None


def test_a_circle_is_found():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}})
    assert not circle({"a": {"b", "c"}, "b": {"c"}, "c": set()})


def test_no_circles_of_files():
    found = circle({path: named_in(path) for path in files()})
    assert not found, " → ".join(path.relative_to(ROOT).as_posix() for path in found)


def test_no_circles_of_rooms():
    graph: dict[str, set[str]] = {}
    for path in files():
        graph.setdefault(room_of(path), set()).update(room_of(file) for file in named_in(path))
    found = circle({room: others - {room} for room, others in graph.items()})
    assert not found, " → ".join(found)


def test_nothing_imports_the_flows():
    assert not [
        path for path in files() if any(file.is_relative_to(ROOT / "flows") for file in imported(path))
    ]


def test_imports_inside_components_are_relative():
    absolute = ("from components", "import components", "from emoflow", "import emoflow")
    assert not [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in files()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if line.strip().startswith(absolute)
    ]
