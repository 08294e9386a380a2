"""One word per thing and one thing per word: class names, the glossary of docs/design.md, the maps of the packages."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "evalrun"


def names() -> Iterator[tuple[str, str, ast.stmt]]:
    """Yield (file, name, node) of every public class and type alias."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            targets: list[ast.expr] = []
            if isinstance(node, ast.Assign) and not ast.unparse(node.value).startswith("TypeVar("):
                targets = node.targets
            elif isinstance(node, ast.AnnAssign):
                targets = [node.target]
            found = [target.id for target in targets if isinstance(target, ast.Name)]
            found += [node.name] if isinstance(node, ast.ClassDef) else []
            for name in found:
                if re.match("[A-Z]", name) and not name.isupper():
                    yield str(path.relative_to(PACKAGE)), name, node


def glossary() -> set[str]:
    """Return the words of the glossary, and the code names in backticks there."""
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8").partition("## Words\n")[2].partition("\n## ")[0]
    words = {word.lower() for word in re.findall(r"\*\*(.+?)\*\*", text)}
    return words | {word.removesuffix("s") for word in words} | set(re.findall("`([A-Z][A-Za-z]+)`", text))


def is_kind(node: ast.stmt) -> bool:
    """Return whether a class is one `kind` of something: users type its name, and the schema describes it."""
    fields = [field for field in getattr(node, "body", ()) if isinstance(field, ast.AnnAssign)]
    return any(ast.unparse(field.target) == "kind" and "Literal" in ast.unparse(field.annotation) for field in fields)


def is_known(name: str, words: set[str]) -> bool:
    """Return whether the name, or the noun it ends in, is a word of the glossary; a plural counts as its singular."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*", name)
    ends = [" ".join(parts[start:]).lower() for start in range(len(parts))]
    return name in words or any(end in words or end.removesuffix("s") in words for end in ends)


def test_a_name_means_one_thing() -> None:
    """No public class or alias name is defined in two files."""
    files = defaultdict(set)
    for file, name, _ in names():
        files[name].add(file)
    twice = {name: sorted(where) for name, where in files.items() if len(where) > 1}
    assert twice == {}


def test_names_are_words_of_the_glossary() -> None:
    """A reader finds in docs/design.md what a class is."""
    words = glossary()
    unknown = [
        f"{file}: {name}"
        for file, name, node in names()
        if not is_kind(node) and not is_known(name, words)
    ]  # fmt: skip
    assert unknown == []


@pytest.mark.parametrize("folder", sorted({p.parent.relative_to(PACKAGE) for p in PACKAGE.rglob("*/__init__.py")}))
def test_a_package_lists_its_files(folder: Path) -> None:
    """The docstring of a package names each of its modules once, and nothing else: `    name  what it is`."""
    module = ast.parse((PACKAGE / folder / "__init__.py").read_text(encoding="utf-8"))
    text = ast.get_docstring(module, clean=False) or ""
    listed = re.findall(r"^    ([a-z_0-9]+)  +\S", text, re.MULTILINE)
    there = {path.stem for path in (PACKAGE / folder).glob("*.py")} | {
        path.parent.name for path in (PACKAGE / folder).glob("*/__init__.py")
    }
    assert sorted(listed) == sorted(there - {"__init__", "__main__"})
