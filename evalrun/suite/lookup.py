"""Which file a suite's or a target's name means, and which names there are. Reads no YAML.

A path is taken as it is. A target's bare name is looked up beside the suite, beside the suite's folder, in the working
directory, then among what evalrun ships: the repository's `configs/` and `suites/`, or their copies in a package.
"""

from pathlib import Path
from typing import Literal

from evalrun.errors import SuiteError, closest
from evalrun.escape import tty

_PACKAGE = Path(__file__).parents[1]
_SUFFIX = ".yaml"


def shipped(what: Literal["configs", "suites"]) -> Path:
    """Return the folder of shipped files: inside the package where it was installed, beside it in a repository."""
    installed = _PACKAGE / what
    return installed if installed.is_dir() else _PACKAGE.parent / what


def suite_path(path: Path) -> Path:
    """Return the file that `path` means: itself, or else, for `math` and `suites/math.yaml`, the shipped suite."""
    if not path.exists() and (path.name == str(path) or path.parent == Path("suites")):
        own = shipped("suites") / f"{path.name.removesuffix(_SUFFIX)}{_SUFFIX}"
        return own if own.is_file() else path
    return path


def target_path(name: str, *, suite_root: Path, working: Path) -> Path:
    """Return the file that a target's name or path means; `working` is the folder names are also looked up in."""
    if name.endswith((_SUFFIX, ".yml")):
        return Path(name)
    folders = (suite_root / "configs", suite_root.parent / "configs", working / "configs", shipped("configs"))
    known: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(folder.glob(f"*{_SUFFIX}")):
            known.setdefault(path.stem, path)
    if name in known:
        return known[name]
    hint = closest(name, known) or f"; there are {', '.join(sorted(known)) or 'none'}"
    raise SuiteError(tty(f"{name}: no such target in configs/{hint}"))
