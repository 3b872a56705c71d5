"""What a module of ours needs, read from the source: its modules, and the distributions that these import."""

import ast
import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import packages_distributions, version
from pathlib import Path

from ..errors import RegistryError

SOURCE = Path(__file__).resolve().parents[1]
"""The folder of our package."""
PACKAGE = "emoflow"
ENTRY = "registry/pyfunc.py"
"""What a published model is entered by; what it imports is packed with the model."""


@dataclass(frozen=True)
class Closure:
    """Modules by their path below ``SOURCE``, each with the top-level names of others that it imports."""

    modules: dict[str, frozenset[str]]

    def imported(self, *, outside: tuple[str, ...] = ()) -> set[str]:
        """Others' top-level names that the modules import; of those outside some folders or files where named."""
        chosen = [names for path, names in self.modules.items() if not path.startswith(outside)]
        return set().union(*chosen)


def closure(entry: str, *, source: Path = SOURCE) -> Closure:
    """Everything that importing and using ``entry`` (``registry/pyfunc.py``) may load, imports in functions too.

    The packages above ``entry`` count as empty: what they show to others is not needed here.

    Raises:
        RegistryError: for an import of ours that is not relative, and so would not survive another name.
    """
    above = {path.as_posix() for path in Path(entry).parents}
    waiting, modules = [entry], {}
    while waiting:
        path = waiting.pop()
        if path in modules or (Path(path).name == "__init__.py" and Path(path).parent.as_posix() in above):
            continue
        ours, others = _imports(source, path)
        modules[path] = frozenset(others)
        waiting += ours
        waiting += [
            (folder / "__init__.py").as_posix()
            for folder in Path(path).parents
            if (source / folder / "__init__.py").is_file()
        ]
    return Closure(dict(sorted(modules.items())))


def requirements(names: set[str]) -> list[str]:
    """The distributions that provide these top-level names, pinned as installed, without a local version label."""
    known = providers()
    found = set()
    for name in names - set(sys.stdlib_module_names):
        if name not in known:
            raise RegistryError(
                f"{name!r} is imported by what is packed, and no installed distribution provides it"
            )
        distribution = sorted(set(known[name]), key=lambda each: (len(each), each))[0]
        found.add(f"{distribution.lower().replace('_', '-')}=={version(distribution).split('+')[0]}")
    return sorted(found)


@cache
def providers() -> dict[str, list[str]]:
    """Top-level names and the installed distributions that provide each."""
    return dict(packages_distributions())


def _imports(source: Path, path: str) -> tuple[list[str], set[str]]:
    """A module's imports: files of ours below ``source``, and top-level names of others."""
    parsed = ast.parse((source / path).read_text(encoding="utf-8"), filename=path)
    package = Path(path).parent
    ours, others, lazy = [], set(), False
    for node in ast.walk(parsed):
        if isinstance(node, ast.Import):
            others |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            others.add(node.module.split(".")[0])
        elif isinstance(node, ast.ImportFrom):
            base = Path(*package.parts[: len(package.parts) - node.level + 1])
            base = base.joinpath(*node.module.split(".")) if node.module else base
            named = [found for alias in node.names if (found := _file(source, base / alias.name))]
            ours += [*named, *([found] if (found := _file(source, base)) else [])]
        elif isinstance(node, ast.Call):
            lazy |= "import_module" in (getattr(node.func, "id", ""), getattr(node.func, "attr", ""))
    if PACKAGE in others:
        raise RegistryError(
            f"{path} imports {PACKAGE!r} by its full name; imports within it must be relative"
        )
    if lazy:  # imports by a name that is held as text: every text that is a module beside it may be meant
        for node in ast.walk(parsed):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                name = node.value.split(":")[0].strip(".")
                found = (
                    _file(source, package.joinpath(*name.split(".")))
                    if name.replace(".", "").isidentifier()
                    else None
                )
                ours += [found] if found else []
    return ours, others


def _file(source: Path, module: Path) -> str | None:
    """The file of a module or package, below ``source``; None where it is neither."""
    if (source / module).with_suffix(".py").is_file() and module.name:
        return module.with_suffix(".py").as_posix()
    return (module / "__init__.py").as_posix() if (source / module / "__init__.py").is_file() else None
