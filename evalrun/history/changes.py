"""Two points of a series -> what differs between what they rest on. It knows no numbers and judges nothing."""

from collections.abc import Iterator, Mapping
from typing import get_args

from evalrun.history.values import Change, Part

PARTS: tuple[Part, ...] = get_args(Part)[:-1]  # what a point has a fingerprint of; versions are apart


def changes(
    before: tuple[Mapping[str, str], Mapping[str, str]], after: tuple[Mapping[str, str], Mapping[str, str]]
) -> tuple[Change, ...]:
    """Compare (prints, versions) of two points. What either side does not know has not changed."""
    return (*_parts(before[0], after[0]), *_versions(before[1], after[1]))


def _parts(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    for part in PARTS:
        if part in before and part in after and before[part] != after[part]:
            yield Change(part=part, old=before[part], new=after[part])


def _versions(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    for package in sorted(before.keys() & after.keys()):
        if before[package] != after[package]:
            yield Change(part="version", of=package, old=before[package], new=after[package])
