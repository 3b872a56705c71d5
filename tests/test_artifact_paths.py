"""Where stages' outputs lie is stated in components/artifacts alone."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from imports import ROOT

FOLDERS = {"data", "reports"}
WHOLE = re.compile(r"(data|reports)/\S+")
"""A path, and nothing but a path: what a message says of one stands among other words."""
QUOTED = re.compile(rf"""['"]({"|".join(sorted(FOLDERS))})\b""")
"""How every literal that begins a path looks in the source."""


def path_literals(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of each path below data/ or reports/ that code builds from a literal; docstrings do not count."""
    if not QUOTED.search(source):
        return  # to parse all files takes a second
    tree = ast.parse(source)
    docstrings = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and _is_text(node.value)
    }
    in_text = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in node.values
        if _is_text(part)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = "".join(part.value if _is_text(part) else "x" for part in node.values)
            if WHOLE.fullmatch(text):
                yield node.lineno, ast.unparse(node)
        elif _is_text(node) and id(node) not in docstrings | in_text and WHOLE.fullmatch(node.value):
            yield node.lineno, node.value
        else:
            yield from ((part.lineno, ast.unparse(node)) for part in _joined(node) if part.value in FOLDERS)


def _joined(node: ast.AST) -> list[ast.Constant]:
    """The literals that an expression joins to a path: by ``/``, in ``Path(…)`` or in ``joinpath(…)``."""
    operands: list[ast.expr] = []
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        operands = [node.left, node.right]
    elif isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        operands = node.args if name in {"Path", "joinpath"} else []
    return [operand for operand in operands if _is_text(operand)]


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


@pytest.mark.parametrize(
    "source",
    [
        "Path('data/raw')",
        "read(root, 'reports/metrics.json')",
        "root / 'data' / 'folds.parquet'",
        "Path('reports')",
        "root.joinpath('data', 'model')",
        "f'data/features/{corpus}'",
    ],
)
def test_a_path_literal_is_found(source):
    assert len(list(path_literals(source))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "'''Reads data/raw.'''",
        "'see reports/data-docs/<corpus>, then run `dvc repro`'",
        "f'{corpus} is not in data/raw: add it'",
        "chunk['data']",
        "root / 'database'",
    ],
)
def test_a_message_is_no_path_literal(source):
    assert not list(path_literals(source))


@pytest.mark.parametrize("folder", ["components", "flows"])
def test_paths_stand_in_artifacts_alone(folder):
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        if not path.is_relative_to(ROOT / "components" / "artifacts")
        for line, text in path_literals(Path(path).read_text(encoding="utf-8"))
    ]
    assert not found, "take these from emoflow.artifacts:\n" + "\n".join(found)
