"""Encoders for untrusted text: model answers, names, server messages, data rows. One for each output format.

Any such text may be hostile in any format, so a report passes all text that it did not write itself through one of
these. Not here: redaction of keys (`secret`).

    tty       control, invisible and direction-changing characters become visible escapes
    name      the same, and letters of another script in a Latin word (а for a) become visible too
    markdown  the same, without links, images, HTML, mentions or column separators
    csv       the same, and not a formula for any spreadsheet
    xml       the same, without markup and characters that XML 1.0 forbids
    workflow  the same, for the message of a GitHub workflow command
    code      the same, for a Markdown code span in a table cell
    clip      shortened, with the number of bytes left out
"""

import html
import re
import unicodedata

# Printable according to Unicode, and yet invisible: fillers, joiners, variation selectors, a blank Braille cell.
_INVISIBLE = frozenset(
    map(chr, (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x2800, 0x3164, 0xFFA0))
) | frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
_NAMED = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
# CI runners execute `::name key=value::text`, `##[name]text`, `##vso[name]text` wherever a job prints them. The value
# of a key may hold single colons.
_CI_COMMAND = re.compile(r"::(?=[A-Za-z_-]+(?:\s.*?)?::)|##(?=[A-Za-z]*\[)")
_DISTINCT = ("LATIN SMALL", "LATIN CAPITAL", "CJK", "HIRAGANA", "KATAKANA", "HANGUL")  # scripts, by character name
_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")  # the full-width forms count in some spreadsheets
_PLAIN_MARKDOWN = re.compile(
    r"(?!\d+[.)](?: |$)|.*(?:www\.|gh-\d))[^\W_](?:[^\W_]|[ ,;()%'.=-]|:(?= |$))*", re.IGNORECASE
)


def tty(text: str) -> str:
    """Return `text` as one line that terminals and CI logs only display: O01, O02, O07, O08 of docs/faults.md.

    Everything Unicode calls unprintable (C0, C1, DEL, bidi controls, zero-width, odd spaces, lone surrogates,
    unassigned) is shown as the escape Python would use.
    """
    if not (text.isascii() and text.isprintable()):
        text = "".join(c if c.isprintable() and c not in _INVISIBLE else _escape(c) for c in text)
    return _CI_COMMAND.sub(lambda found: found[0][0] + _escape(found[0][1]), text)


def name(text: str) -> str:
    """Return a name as `tty` does, with letters that look like Latin ones as escapes.

    These are letters of another script in a word with ASCII letters. Chinese, Japanese and Korean letters are kept:
    they do not look like Latin ones.
    """
    return tty(re.sub(r"\w+", _unmask, text))


def markdown(text: str) -> str:
    """Return `text` as Markdown that only displays it, in a table cell as well: O03, O06.

    A plain phrase stays as it is. Anything else becomes an HTML code element with all punctuation as character
    references: backslashes do not keep GitHub from linking `@user`, `#1` and bare addresses.
    """
    shown = tty(text)
    if not shown or _PLAIN_MARKDOWN.fullmatch(shown):
        return shown
    encoded = re.sub(r"[^\w ,./()%=-]|_|(?<=www)\.", lambda found: f"&#{ord(found[0])};", shown, flags=re.IGNORECASE)
    return f"<code>{encoded}</code>"


def csv(text: str) -> str:
    """Return `text` for a CSV cell, with a leading `'` where a spreadsheet would take it for a formula: O04.

    The csv module does the quoting. Numbers are not passed through this function.
    """
    shown = tty(text)
    return "'" + shown if shown.lstrip().startswith(_FORMULA) or text[:1] in {"\t", "\r", "\n", "\0"} else shown


def xml(text: str) -> str:
    """Return `text` for an XML 1.0 attribute or element, on one line: O05. An XML parser returns `tty(text)`."""
    return html.escape(tty(text))


def workflow(text: str) -> str:
    """Return `text` for the message of `::error::`: O07. The runner shows `tty(text)`."""
    return tty(text).replace("%", "%25")  # `tty` has replaced the line ends


def code(text: str) -> str:
    """Return `text` for a Markdown code span in a table cell; characters that would end either become escapes."""
    return re.sub(r"[`|<>&]", lambda found: _escape(found[0]), tty(text))


def clip(text: str, limit: int) -> str:
    """Return at most `limit` characters of `text`, and the number of bytes left out: O10."""
    if len(text) <= limit:
        return text
    left_out = len(text[limit:].encode("utf-8", "surrogatepass"))
    return f"{text[:limit]}... (+{left_out:,} bytes)"


def _escape(char: str) -> str:
    if char in _NAMED:
        return _NAMED[char]
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _unmask(found: re.Match[str]) -> str:
    word = found[0]
    if word.isascii() or not any(c.isascii() and c.isalpha() for c in word):
        return word
    foreign = {c for c in word if not c.isascii() and c.isalpha()}
    masked = {c for c in foreign if not unicodedata.name(c, "").startswith(_DISTINCT)}
    return "".join(_escape(c) if c in masked else c for c in word)
