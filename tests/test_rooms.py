"""A room knows only the rooms that the design lists for it: held against the imports."""

from pathlib import Path

import pytest
from imports import ROOT, imported

GROUND = {"schema", "errors", "files", "progress", "process", "artifacts"}
EDGE = {"params", "settings"}

ROOMS = {
    "corpora": set(),
    "validation": {"protocols", "media"},
    "protocols": set(),
    "media": set(),
    "encoders": {"media"},
    "fusion": set(),
    "training": {"fusion"},
    "search": {"training", "fusion", "encoders"},
    "evaluation": {"training", "fusion", "protocols"},
    "lineage": set(),
    "registry": {"evaluation", "lineage", "media", "encoders", "fusion"},
    "storage": {"settings"},
}


def room_of(path: Path) -> str:
    return path.relative_to(ROOT / "components").parts[0].removesuffix(".py")


def files() -> list[Path]:
    return sorted((ROOT / "components").rglob("*.py"))


@pytest.mark.parametrize("path", files(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_imports_only_the_rooms_listed(path):
    room = room_of(path)
    if room not in ROOMS:
        return  # the ground, and what stands above all rooms
    allowed = ROOMS[room] | GROUND | {room, "__init__"}
    seen = {room_of(file) for file in imported(path) if file.is_relative_to(ROOT / "components")}
    assert seen <= allowed, f"{path.relative_to(ROOT)} imports {sorted(seen - allowed)}"


@pytest.mark.parametrize("name", sorted((GROUND | EDGE) - {"artifacts"}))
def test_the_ground_rests_on_nothing_else(name):
    seen = {room_of(file) for file in imported(ROOT / "components" / f"{name}.py")}
    assert seen <= GROUND | {"__init__"}


def test_nothing_imports_the_flows():
    assert not [
        path for path in files() if any(file.is_relative_to(ROOT / "flows") for file in imported(path))
    ]


@pytest.mark.parametrize("path", files(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_inside_components_are_relative(path):
    absolute = [
        line.strip()
        for line in path.read_text().splitlines()
        if line.strip().startswith(("from components", "import components"))
    ]
    assert not absolute
