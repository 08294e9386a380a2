"""Names of files and folders, made of names that somebody else chose. It creates none."""

import hashlib
import re

_PLAIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}(?<!\.)")
# Windows opens a device for these, whatever follows the first dot.
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")


def slug(text: str) -> str:
    """Return `text` as a name that is one folder on every file system: O09 of docs/faults.md.

    A plain lower-case name stays as it is. Any other is cleaned, cut and given 8 hex digits of its SHA-256, so that
    different texts keep different names, also where upper and lower case are the same.
    """
    if _PLAIN.fullmatch(text) and not _DEVICE.fullmatch(text):
        return text
    cleaned = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:48].strip("-")
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{cleaned or 'name'}-{digest}"
