"""The layers of docs/design.md hold: a module imports only from its own row or rows above it, and in no circle."""

import ast
from collections.abc import Container, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROWS = [
    {"types", "ends"},
    {"errors", "units", "secret", "escape", "fingerprint"},
    {"spec", "load", "wire", "stats", "price", "retry", "explain", "rule", "slo", "estimate"},
    {"data", "targets"},
    {"score"},
    {"suite"},
    {"store", "run"},
    {"requests"},
    {"table", "ladder", "compare"},
    {"gate"},
    {"history"},
    {"report"},
    {"again", "api", "decide", "forecast"},
    {"view"},
    {"cli"},
]
ROW = {module: number for number, row in enumerate(ROWS) for module in row}
OFFLINE = {
    "requests",
    "table",
    "ladder",
    "compare",
    "gate",
    "history",
    "report",
}  # must work where no HTTP library is installed
NEVER_OFFLINE = {"run", "targets", "suite", "data", "score"}


def trees() -> dict[str, tuple[Path, ast.Module]]:
    """Return every file of evalrun by the name it is imported by, with its syntax tree."""
    found = {}
    for path in sorted((ROOT / "evalrun").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = path, ast.parse(path.read_text(encoding="utf-8"))
    return found


def running(node: ast.AST) -> Iterator[ast.AST]:
    """Walk over what may run: all but the blocks for type checkers. Functions are part of it."""
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING"):
            yield child
            yield from running(child)


def imported_files(tree: ast.Module, files: Container[str]) -> set[str]:
    """Return which of these files a module imports, at any level."""
    names: set[str] = set()
    for node in running(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {name if name in files else node.module for name in whole}
    return {name for name in names if name in files}


def test_no_import_circles() -> None:
    """No file imports itself by way of others, not even inside a function: what is left when every file that imports
    nothing else of the rest is taken away, again and again, is nothing."""
    files = trees()
    graph = {name: imported_files(tree, files) - {name} for name, (_, tree) in files.items()}
    while free := {name for name, needs in graph.items() if not needs & graph.keys()}:
        graph = {name: needs for name, needs in graph.items() if name not in free}
    assert graph == {}


def imports() -> list[tuple[str, str, str]]:
    """Return (file, top module of evalrun it belongs to, top module it imports) for every import inside evalrun."""
    found = []
    for path in sorted((ROOT / "evalrun").rglob("*.py")):
        parts = path.relative_to(ROOT / "evalrun").with_suffix("").parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module] if node.module != "evalrun" else [f"evalrun.{a.name}" for a in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            own = [name for name in names if name.startswith("evalrun.") and not name.startswith("evalrun.__")]
            found.extend((str(path.relative_to(ROOT)), parts[0], name.split(".")[1]) for name in own)
    return found


def test_every_module_has_a_row() -> None:
    """A new top-level module is put into a row before it can be imported."""
    modules = {p.stem if p.suffix else p.name for p in (ROOT / "evalrun").iterdir() if p.suffix in ("", ".py")}
    modules -= {"__init__", "__main__", "__pycache__", "py"}
    assert {m for m in modules if m not in ROW} == set()


@pytest.mark.parametrize(
    ("file", "importer", "imported"), [i for i in imports() if i[1] not in ("__main__", "__init__")]
)
def test_imports_point_upwards(file: str, importer: str, imported: str) -> None:
    """Nothing imports from a row below its own."""
    assert ROW[imported] <= ROW[importer], f"{file} imports {imported}, which is in a lower layer"


def test_results_are_readable_without_a_network_library() -> None:
    """Tables and reports never reach run, target, suite, data or score, not even through another module."""
    graph: dict[str, set[str]] = {}
    for _, importer, imported in imports():
        graph.setdefault(importer, set()).add(imported)
    reached, todo = set(), list(OFFLINE)
    while todo:
        module = todo.pop()
        for imported in graph.get(module, set()) - reached:
            reached.add(imported)
            todo.append(imported)
    assert reached & NEVER_OFFLINE == set()
