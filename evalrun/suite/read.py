"""Suite and target files -> specs: finding, reading, including, overriding, validating. Sends nothing, opens no data.

    file --parse--> tree --include--> merged tree --set--> tree --validate--> Suite
          (variables, limits)        (later wins)                (every mistake with its line)

Paths inside a suite, to data and to targets, are relative to the folder of the suite file given, also in files that it
includes; paths on the command line to the working directory.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from evalrun.errors import SuiteError
from evalrun.escape import tty
from evalrun.fingerprint import slug
from evalrun.secret import Secret
from evalrun.suite.document import Node, Position
from evalrun.suite.files import Files, contents, mapping, suite_path, target_path
from evalrun.suite.override import Override, Step, apply, node_of, show_path
from evalrun.suite.scalar import looks_secret, without_variables
from evalrun.suite.schema import SUITE, TARGET, schema
from evalrun.suite.spec import Suite
from evalrun.suite.validate import refusal, validate
from evalrun.targets.kind import carries_key
from evalrun.targets.spec import TargetSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A suite as it will run. root: the folder that its paths are relative to."""

    suite: Suite
    path: Path
    root: Path
    tree: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A target.

    name: what tables and folders call it. path: its file; empty where `url` was named instead. tree: what is written
    there. key: what it is asked with; None where it needs none, or where nothing is sent.
    """

    name: str
    spec: TargetSpec
    path: Path
    tree: Node
    key: Secret | None = None
    url: str = ""

    @property
    def where(self) -> str:
        """Its file, or its URL."""
        return self.url or str(self.path)


def read_suite(
    source: Path | Mapping[str, Any],
    *,
    environ: Mapping[str, str],
    overrides: Sequence[Override] = (),
    allow_inline_secrets: bool = False,
) -> Loaded:
    """Read a suite's file with its includes, or a suite that is a mapping already, then apply the overrides.

    The paths of a mapping start at the working directory; it cannot `include`.
    """
    if isinstance(source, Path):
        path = suite_path(source)
        tree = Files(path, environ=environ).read(path)
    else:
        path, tree = Path("suite"), node_of(source, Position("suite"))
    tree = apply(tree, overrides)
    if not allow_inline_secrets:
        _refuse_secrets(tree)
    return Loaded(suite=validate(SUITE, tree, schema=schema("suite")), path=path, root=path.parent, tree=tree)


def read_target(
    name: str,
    *,
    suite_root: Path,
    environ: Mapping[str, str],
    working: Path = Path(),
    beside: Path = Path(),
    model: str | None = None,
    allow_inline_secrets: bool = False,
) -> Target:
    """Read a target by path (ending in .yaml) or by the name of a file in `configs/`.

    beside: the folder that its path starts at: the suite's, where the suite names it. model: in place of the file's.
    """
    path = target_path(name, suite_root=suite_root, working=working, beside=beside)
    tree = mapping(contents(path), path, environ=environ, example="kind: http")
    if model is not None:
        tree = apply(tree, [Override(path=("model",), value=model, flag="--model")])
    if not allow_inline_secrets:
        _refuse_secrets(tree)
        _refuse_typed_keys(tree)
    return Target(name=slug(path.stem), spec=validate(TARGET, tree, schema=schema("target")), path=path, tree=tree)


def url_target(url: str, *, model: str | None, apart: bool = False) -> Target:
    """Return the target of an endpoint that has no file: its URL and a model, which is its name too.

    apart: several are named, so that the host is part of the name.
    """
    if model is None:
        raise SuiteError(tty(f"--target {url}: names no model; add --model NAME"))
    tree = node_of({"kind": "http", "base_url": url, "model": model}, Position(f"--target {url}"))
    spec = validate(TARGET, tree, schema=schema("target"))
    name = model.rstrip("/").rpartition("/")[2] or model
    name += f"-{urlsplit(url).netloc.replace(':', '-')}" if apart else ""
    return Target(name=slug(name), spec=spec, path=Path(), tree=tree, url=url)


def _refuse_secrets(tree: Node) -> None:
    """Refuse values that look like secret keys, without showing them."""
    wrong = "looks like a secret key; keep it in the environment and name its variable in the target's key_env"
    found = [
        f"{node.position}: {show_path(path)}: {wrong} (not a key? --allow-inline-secrets)"
        for path, node in _texts(tree, ())
        if looks_secret(next((step for step in reversed(path) if isinstance(step, str)), ""), _shown(path, node))
    ]
    if found:
        raise refusal(found)


def _shown(path: tuple[Step, ...], node: Node) -> str:
    """Return what is judged of a text: its value, or as typed in the fields that may have a key from a variable."""
    may = path[:2] == ("quirks", "headers") or path[0] in ("query", "base_url")
    return str(node.value) if node.typed is None or not may else without_variables(node.typed)


def _refuse_typed_keys(tree: Node) -> None:
    """Refuse headers and query parameters that carry a key which is typed and not a variable's value."""
    for path in (("quirks", "headers"), ("query",)):
        node: Node | None = tree
        for step in path:
            node = node.value.get(step) if node is not None and isinstance(node.value, dict) else None
        if node is None or not isinstance(node.value, dict):
            continue
        for name, child in node.value.items():
            if carries_key(name) and child.typed is None:
                raise SuiteError(
                    f"{node.position}: {show_path(path)}: {tty(repr(name))} carries a key; name the key's variable in"
                    " key_env instead (`key_header` for a header of another name), or write ${VARIABLE}"
                )


def _texts(node: Node, path: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], Node]]:
    if isinstance(node.value, str):
        yield path, node
    for step, child in node.children():
        yield from _texts(child, (*path, step))
