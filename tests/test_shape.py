"""The code keeps its shape: short functions, shallow nesting, few broad excepts, no more modules than promised."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "evalrun"
MOST_LINES = 50  # of a function
MOST_LEVELS = 4  # of blocks within a function
MOST_BROAD = 5  # `except Exception` in the whole package, each with its reason
BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.Match)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions() -> Iterator[tuple[str, Function]]:
    """Yield every function with its place, as file:line name."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, Function):
                yield f"{path.relative_to(PACKAGE.parent)}:{node.lineno} {node.name}", node


def levels(node: ast.AST, depth: int = 0) -> int:
    """Return how deep blocks are nested in a function; `elif` is the level of its `if`, an inner function its own."""
    deepest = depth
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.Lambda | ast.ClassDef):
            continue
        is_elif = isinstance(node, ast.If) and isinstance(child, ast.If) and child in node.orelse
        deeper = isinstance(child, BLOCKS) and not (is_elif and len(node.orelse) == 1)
        deepest = max(deepest, levels(child, depth + deeper))
    return deepest


def test_functions_are_short() -> None:
    """No function is longer than 50 lines, docstring and signature included."""
    assert [place for place, node in functions() if (node.end_lineno or 0) - node.lineno + 1 > MOST_LINES] == []


def test_nesting_is_shallow() -> None:
    """No function nests blocks deeper than four levels."""
    assert [place for place, node in functions() if levels(node) > MOST_LEVELS] == []


@pytest.mark.parametrize(
    ("source", "deep"),
    [
        ("if a:\n  pass\nelif b:\n  pass\nelse:\n  pass", 1),
        ("for a in b:\n  if c:\n    with d:\n      pass", 3),
        ("try:\n  pass\nexcept E:\n  if a:\n    pass", 2),
    ],
)
def test_levels_are_counted_as_read(source: str, deep: int) -> None:
    """A chain of `elif` is one level; a handler is inside its `try`."""
    assert levels(ast.parse(source)) == deep


def is_broad(caught: ast.expr | None) -> bool:
    """Whether a handler catches everything, alone or among others."""
    if isinstance(caught, ast.Tuple):
        return any(map(is_broad, caught.elts))
    return caught is None or (isinstance(caught, ast.Name) and caught.id in ("Exception", "BaseException"))


def test_broad_excepts_are_few() -> None:
    """At most five places catch everything: the command's last resort, and the sources and scorers of strangers."""
    found = [
        f"{path.relative_to(PACKAGE.parent)}:{node.lineno}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler)
        and is_broad(node.type)
        and not (isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None)  # cleans up and passes it on
    ]
    assert len(found) <= MOST_BROAD, found
