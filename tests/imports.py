"""What each of our modules imports of ours, read from the source: imports inside functions count too."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OURS = ("components", "flows", "infra", "benchmarks")
"""Folders at the top level; `components` is imported as `emoflow`, `flows` as `emoflow.flows`."""


@cache
def module_file(name: str) -> Path | None:
    """The file of a dotted module name of ours; None for anybody else's."""
    parts = name.split(".")
    if parts[0] == "emoflow":
        parts = parts[1:] if parts[1:2] == ["flows"] else ["components", *parts[1:]]
    elif parts[0] not in OURS:
        return None
    path = ROOT.joinpath(*parts)
    if path.with_suffix(".py").is_file():
        return path.with_suffix(".py")
    return path / "__init__.py" if (path / "__init__.py").is_file() else None


@cache
def imported(path: Path) -> frozenset[Path]:
    """The files of ours that a file names in an import, packages' own ``__init__.py`` on the way included."""
    # The package's own names are imported on first use; what it says of them to type checkers loads nothing.
    tree, top = _tree(path), ROOT / "components" / "__init__.py"
    files = set()
    for source, name in _imports(path, _running(tree) if path == top else ast.walk(tree)):
        parts = f"{source}.{name}".split(".") if name else source.split(".")
        files |= {module_file(".".join(parts[: n + 1])) for n in range(len(parts))}
    return frozenset(file for file in files if file and file != path)


@cache
def named_in(path: Path) -> frozenset[Path]:
    """The files of ours whose names a file uses: no packages on the way, nothing under ``if TYPE_CHECKING:``.

    ``from .. import read`` names the module ``read``, or the package's ``__init__.py`` where there is no such module.
    """
    files = {
        (name and module_file(f"{source}.{name}")) or module_file(source)
        for source, name in _imports(path, _running(_tree(path)))
    }
    return frozenset(file for file in files if file and file != path)


def _imports(path: Path, nodes: Iterable[ast.AST]) -> Iterator[tuple[str, str | None]]:
    """Each import as a module's dotted name, and the name that is asked of it, if one is."""
    package = list(path.relative_to(ROOT).parent.parts)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *(node.module.split(".") if node.module else [])])
            yield from ((source, alias.name) for alias in node.names)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _running(tree: ast.Module) -> Iterator[ast.AST]:
    """Every node but those in ``if TYPE_CHECKING:``."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)


@cache
def closure(module: str) -> frozenset[Path]:
    """The files of ours that running ``python -m module`` may load."""
    entry = module_file(module)
    assert entry, f"no module {module}"
    waiting, seen = [entry], set()
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting += imported(path)
    parents = {folder / "__init__.py" for path in seen for folder in path.parents if folder != ROOT}
    return frozenset(seen | {path for path in parents if path.is_file() and path.is_relative_to(ROOT)})
