"""The files behind a suite or a target: found by name, opened, decoded, merged over what they include.

A path is used as it is; a suite may include shipped ones, by name too. A target's bare name is looked up in `configs/`
beside the suite, beside the suite's folder, in the working directory, then among the shipped ones: the repository's
`configs/` and `suites/`, or a package's copies.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from evalrun.errors import SuiteError, closest
from evalrun.escape import tty
from evalrun.fingerprint import checked_path
from evalrun.suite.document import MAX_BYTES, Node, parse
from evalrun.suite.override import merge

MAX_INCLUDES = 100
_PACKAGE = Path(__file__).parents[1]
_SUFFIX = ".yaml"


class UnreadableError(SuiteError):
    """A file cannot be opened."""


def shipped(what: Literal["configs", "suites"]) -> Path:
    """Return the folder of shipped files: inside an installed package, beside the package in a repository."""
    installed = _PACKAGE / what
    return installed if installed.is_dir() else _PACKAGE.parent / what


def suite_path(path: Path) -> Path:
    """Return `path` if it exists, else the shipped suite of that name: `math`, `math.yaml` or `suites/math.yaml`."""
    if not path.exists() and (path.name == str(path) or path.parent == Path("suites")):
        own = shipped("suites") / f"{path.name.removesuffix(_SUFFIX)}{_SUFFIX}"
        return own if own.is_file() else path
    return path


def target_path(name: str, *, suite_root: Path, working: Path, beside: Path) -> Path:
    """Return the file of a target, by its path or its name.

    working: the working directory. beside: the folder that a path starts at.
    """
    try:
        checked_path(name)
    except ValueError as error:
        raise SuiteError(f"target: {tty(str(error))}") from None
    if name.endswith((_SUFFIX, ".yml")):
        return beside / name
    folders = (suite_root / "configs", suite_root.parent / "configs", working / "configs", shipped("configs"))
    known: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(folder.glob(f"*{_SUFFIX}")):
            known.setdefault(path.stem, path)
    if name in known:
        return known[name]
    if re.match(r"([\w.-]+|\[[0-9a-f:]+\]):\d+(/|$)|localhost(/|$)|[\w-]+(\.[\w-]+)+/", name):
        raise SuiteError(tty(f"{name}: is no target; for an endpoint write its URL, e.g. http://127.0.0.1:8000/v1"))
    hint = closest(name, known) or f"; there are {', '.join(sorted(known)) or 'none'}"
    raise SuiteError(tty(f"{name}: no such target in configs/{hint}"))


class Files:
    """Reads the files of one suite, each once, and counts every include."""

    def __init__(self, top: Path, *, environ: Mapping[str, str]) -> None:
        self._root, self._environ = _real(top.parent), environ
        self._trees: dict[Path, Node] = {}
        self._includes = 0

    def read(self, path: Path, *, inside: tuple[Path, ...] = ()) -> Node:
        """Return the tree of a file, merged over what it includes. `inside`: the files that include it."""
        real = _real(path)
        if real not in self._trees:
            tree = mapping(contents(path), path, environ=self._environ, example="tasks:")
            self._trees[real] = self._with_includes(tree, path, inside=(*inside, real))
        return self._trees[real]

    def _with_includes(self, tree: Node, path: Path, *, inside: tuple[Path, ...]) -> Node:
        assert isinstance(tree.value, dict)
        fields = dict(tree.value)
        include = fields.pop("include", None)
        own = replace(tree, value=fields)
        if include is None:
            return own
        names = include.value if isinstance(include.value, list) else [include]
        base = replace(own, value={})
        for name in names:
            base = merge(base, self._included(name, path, inside=inside))
        return merge(base, own)

    def _included(self, name: Node, path: Path, *, inside: tuple[Path, ...]) -> Node:
        where = f"{name.position}: include"
        if not isinstance(name.value, str):
            raise SuiteError(f"{where}: is not a file name; write include: [other.yaml]")
        try:
            checked_path(name.value)
        except ValueError as error:
            raise SuiteError(f"{where}: {tty(str(error))}") from None
        self._includes += 1
        if self._includes > MAX_INCLUDES:
            raise SuiteError(f"{where}: more than {MAX_INCLUDES} includes; combine some suites")
        wanted, shown = path.parent / name.value, tty(name.value)
        if not wanted.exists():
            wanted = next((own for own in [suite_path(Path(name.value))] if own.exists()), wanted)
        real = _real(wanted)
        if not any(real.is_relative_to(folder) for folder in (self._root, _real(shipped("suites")))):
            raise SuiteError(
                f"{where}: {shown} is outside the suite's folder; copy it to {tty(str(self._root))}, or name a shipped"
                " suite"
            )
        if real in inside:
            ring = " -> ".join(tty(each.name) for each in (*inside[inside.index(real) :], real))
            raise SuiteError(f"{where}: {shown} includes itself ({ring}); remove one of these includes")
        try:
            return self.read(wanted, inside=inside)
        except UnreadableError as error:
            raise SuiteError(f"{where}: {error}") from None


def _real(path: Path) -> Path:
    """Return the path with symbolic links resolved; unlike Path.resolve, do not raise where they form a loop."""
    return Path(os.path.realpath(path))


def contents(path: Path) -> bytes:
    """Return the bytes of a regular file of at most MAX_BYTES."""
    shown = tty(str(path))
    try:
        if path.is_dir():
            raise UnreadableError(f"{shown}: is a folder; name a file in it{_files_in(path)}")
        if not path.exists():
            raise UnreadableError(f"{shown}: no such file (looked for {tty(str(path.absolute()))}){_near(path)}")
        if not path.is_file():
            raise UnreadableError(f"{shown}: is not a regular file; copy it to one")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UnreadableError(f"{shown}: {error.strerror}; make {tty(str(path.absolute()))} readable") from None
    if len(data) > MAX_BYTES:
        raise SuiteError(f"{shown}: is larger than {MAX_BYTES:,} bytes; put long data in a separate file")
    return data


def _text(data: bytes, path: Path) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SuiteError(f"{tty(str(path))}: is UTF-16; save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SuiteError(f"{tty(str(path))}:{line}: byte {error.start} is not UTF-8; save the file as UTF-8") from None


def mapping(data: bytes, path: Path, *, environ: Mapping[str, str], example: str) -> Node:
    """Return the tree of a file's bytes, which must be a mapping; `example` is its first line in messages."""
    tree = parse(_text(data, path), str(path), environ=environ)
    if tree.value is None:
        raise SuiteError(f"{tree.position}: is empty; start with e.g. `{example}`")
    if not isinstance(tree.value, dict):
        kind = "a list" if isinstance(tree.value, list) else "a single value"
        raise SuiteError(f"{tree.position}: is {kind}; write a mapping, with e.g. `{example}`")
    return tree


def _near(path: Path) -> str:
    """Suggest a file in the same folder or, for a bare name, a shipped suite."""
    own = [each.stem for each in shipped("suites").glob("*.yaml")] if path.name == str(path) else []
    try:
        return closest(path.name, [*own, *(each.name for each in path.parent.iterdir())])
    except OSError:
        return ""


def _files_in(folder: Path) -> str:
    names = sorted(each.name for each in folder.iterdir() if each.suffix == ".yaml")
    return f": {tty(', '.join(names[:8]))}" if names else ""
