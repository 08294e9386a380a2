"""The spellings in which servers, proxies and libraries may send a key back."""

import base64
import html
import urllib.parse


def spellings(key: str) -> dict[str, str]:
    """Return a key in every encoding that is to be found, by name."""

    def escaped(template: str) -> str:
        return "".join(template.format(ord(character)) for character in key)

    def encoded(before: str) -> str:
        """Return it in base64 behind a text, as a header's value or a JSON body would have it."""
        return base64.b64encode(f"{before}{key} and on".encode()).decode()

    percent = urllib.parse.quote(key, safe="")
    return {
        "itself": key,
        "lower case": key.lower(),
        "upper case": key.upper(),
        "swapped case": key.swapcase(),
        "percent": percent,
        "percent, lower case": percent.replace("%2F", "%2f").replace("%2B", "%2b"),
        "percent, slashes kept": urllib.parse.quote(key),
        "form": urllib.parse.quote_plus(key),
        "all percent": escaped("%{:02X}"),
        "percent twice": urllib.parse.quote(percent),
        "percent three times": urllib.parse.quote(urllib.parse.quote(percent)),
        "JSON slash": key.replace("/", "\\/"),
        "JSON in JSON": key.replace("/", "\\\\/"),
        "JSON, all characters": escaped("\\u{:04x}"),
        "JSON, upper case": escaped("\\u{:04X}"),
        "JSON in JSON, all characters": escaped("\\\\u{:04x}"),
        "braces": escaped("\\u{{{:x}}}"),
        "backslash x": escaped("\\x{:02x}"),
        "octal": escaped("\\{:03o}"),
        "HTML": html.escape(key).replace("/", "&#x2F;").replace("+", "&plus;"),
        "HTML, decimal": escaped("&#{};"),
        "HTML, hexadecimal": escaped("&#x{:X};"),
        "HTML twice": escaped("&amp;#{};"),
        "quoted-printable": escaped("={:02X}"),
        "hexadecimal": key.encode().hex(),
        "hexadecimal, upper case": key.encode().hex().upper(),
        "hexadecimal, colons": key.encode().hex(":"),
        "hexadecimal, spaces": key.encode().hex(" "),
        "base64": base64.b64encode(key.encode()).decode(),
        "base64, no padding": base64.b64encode(key.encode()).decode().rstrip("="),
        "base64, URL": base64.urlsafe_b64encode(key.encode()).decode(),
        "base64 behind one": encoded("?"),
        "base64 behind two": encoded("=="),
        "base64 of a header": encoded("Bearer "),
        "base64 of basic": base64.b64encode(f"user:{key}".encode()).decode(),
        "Markdown": key.replace("_", "\\_").replace("-", "\\-"),
    }
