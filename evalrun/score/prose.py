r"""What is mathematics and what is prose in a text of any language: its formulas, its numbers, its words.

All of it works on text that `marks.plain` has been over, in time linear in the text.
"""

import re
from typing import NamedTuple

from evalrun.score.number import GROUPED
from evalrun.score.numerals import MAGNITUDE_CHAIN, MAGNITUDES_AFTER, NEGATIVE, PARTS_AFTER
from evalrun.score.tidy import FUNCTIONS, VULGAR
from evalrun.score.units import MONEY

_RAISED = "⁻⁺⁰¹²³⁴⁵⁶⁷⁸⁹"
_FRACTION = r"\\[dtcxs]?frac ?(?:\{-?[0-9.]+\}|[0-9]) ?(?:\{[0-9.]+\}|[0-9])"
_POWER = rf"(?:(?:\^|\*\*)(?:\{{ ?[-+]?[0-9]{{1,5}} ?\}}|\([-+]?[0-9]{{1,5}}\)|[-+]?[0-9]{{1,5}})|[{_RAISED}]{{1,6}})"
_TIMES = r"(?:×|·|\*|[xX]|\\times|\\cdot)"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])|[0-9]{1,2}/[0-9]{1,2}/[0-9]{2,4}(?![0-9])"
_CLOCK = r"[0-9]{1,4}(?:(?::| : )[0-9]{1,4}){1,3}(?![0-9])(?:\s?[apAP]\.?[mM]\b\.?)?"  # a time or a ratio
_COMMA = r"[0-9]+(?:[. ][0-9]{3})*,[0-9]+(?![0-9])"
_ROOT = (
    r"(?:[0-9]+(?:\.[0-9]+)? ?[*·]? ?)?(?:[√∛] ?(?:[0-9]+|\([0-9]+\))|π|\\sqrt ?\{[0-9]+\}|\\pi(?![A-Za-z]))"
    r"(?: ?/ ?[0-9]+)?"  # 4√2, √3/2, 2π/3
)
_CORE = (
    rf"{_DATE}|{_CLOCK}|{_FRACTION}|(?:[0-9]+ ?)?[{VULGAR}]|[0-9]+[ ][0-9]+/[0-9]+(?![0-9])|{_ROOT}|{GROUPED}"
    rf"|[0-9]+,[0-9]{{1,2}}(?=(?i:{MAGNITUDES_AFTER}))"  # 1,5 Mio.
    "|[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,4}/[₀₁₂₃₄₅₆₇₈₉]{1,4}"
    r"|(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,4}(?![0-9A-Za-z]))?"
)
_AFTER = "|".join(
    rf"(?<={word} )" if len(word) < 2 else rf"(?<=\b{word} )"
    for word in ("is", "was", "are", "be", "to", "at", "als", "ist", "est", "es", ":", "=")
)
_SIGN = (
    rf"(?:(?<![0-9)}}\]])(?<![0-9)}}\]]\s)-(?=\S)|(?:{_AFTER}|(?<=[=:(]))-\s"  # not a bullet, nor 5 - 3
    rf"|(?:{_AFTER}|^)(?i:{NEGATIVE})\s(?=[0-9.$€£¥])|(?i:negative?)\s(?=[0-9.$€£¥])"
    rf"|[负負]|零下|氷点下|マイナス|(?:마이너스|영하) ?"
    rf"|(?<![0-9)\]%] )(?<!\b[A-Za-z] )(?<!\ba[lou] )(?<!\blo )(?<!\bou )(?<!\bpelo )"  # au moins 12: at least
    r"(?i:minus|moins|menos|meno|минус|мінус|eksi)\s(?=[0-9.$€£¥]))"
)
_TAIL = rf"(?:\s?{_TIMES}\s?10\s?{_POWER}|{_POWER})?(?:/[0-9]+(?:\.[0-9]+)?)?"


def _number(core: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?<![A-Za-z0-9_.^√])(?<!\^\{{){_SIGN}?(?:\\?{MONEY}\s?-?)?(?:{core}){_TAIL}"
        rf"(?:[kKMBT](?![A-Za-z0-9])|(?i:{MAGNITUDE_CHAIN})|{PARTS_AFTER})?(?:\s?\\?%)?"
    )


_REMARKS = (
    r"round(?:ed|ing)|d\.p\.|s\.f\.|decimal|nearest|gerundet|arrondie?|redondead[oa]|arredondad[oa]|arrotondat[oa]"
    r"|округл\w*|zaokrągl\w*|保留|四舍五入|小数|see|cf\.|siehe|voir|véase|vedi|см\.|见|見|参照|from step|steps?|figure"
    r"|fig\.|table|кроки?|шаги?"
)
_NUMBERS = {False: _number(_CORE), True: _number(f"{_COMMA}|{_CORE}")}
_NOTES = tuple(
    (re.compile(pattern, re.MULTILINE | re.IGNORECASE), new)
    for pattern, new in (
        (r"^[ \t]*\[\^?[0-9]{1,3}\]:?[ \t].*$", ""),  # a reference below the text
        (rf"[ ]?\([^()\n]{{0,60}}(?<!\w)(?:{_REMARKS})[^()\n]{{0,60}}\)", " "),  # 7.25 (rounded to 2 places)
        (
            r"\n\W{0,4}(?:note|n\.?b\.?|hinweis|anmerkung|remarque|nota|примечание|注意?|备注|備考|참고|ملاحظة)\s?:.*",
            "",
        ),
        (r"^\W{0,5}confidence\b[^\n:]{0,30}:.*$", ""),
        (
            r"^[ \t]*\\?\*(?:round|approx|based on|assum|note|includ|exclud|gerundet|arrondi|redondead)[^*\n]*$",
            "",
        ),  # a footnote: `*rounded to 2 digits`
        (r"(?<=[0-9])'[a-zçğıöşü]{1,12}(?!\w)", ""),  # Turkish: 27'dir
        (r"(?<![\w.,/+*=^)}-])([0-9]{1,3})(?:-| and )([0-9])/([0-9]{1,2}) (?=[a-z]{3})", r"\1 \2/\3 "),  # 2-1/2 cups
        (r"(?<=[0-9])-(?:й|я|е|го|му|м|х|ти|ая|ый|ой|ом)(?!\w)|№\s?|\bn[°º]\s?(?=[0-9])", ""),  # 3-й, № 3
        (r"(?<![\w.,/])([0-9]{1,6}) and a half(?!\w)", r"\1 1/2"),
        (r"((?:€|£|₹|US\$)\s?[0-9.,]{0,20}[0-9]) ?m(?![A-Za-z0-9])", r"\1M"),
        (r"(\$[0-9.,]{0,20}[0-9])m(?=[.,;!?)]?(?:\s|$))(?![^\n]*\$)", r"\1M"),
        (r"\]\([^()\s]{0,300}\)", "]"),  # the target of a link
        (r"https?://\S+", ""),
        (r"<sup>([^<>]{0,20})</sup>", ""),
        (r"\[[0-9]{1,3}†[^\]\n]{0,60}\]", ""),
        (r"(?<=[0-9%)$€*.])[ ]?\^?(?:\[\^?[0-9]{1,3}(?:[,-] ?[0-9]{1,3}){0,4}\] ?){1,5}(?![\w(])", " "),
        (r"(?<=[0-9])( [^\W\d_]{2,20}(?<! and)(?<! or)(?<! is)) ?\[\^?[0-9]{1,3}\](?!\w)", r"\1"),
        (rf"(?<=[.,;!?])[{_RAISED}]{{1,3}}(?!\w)|[†‡§]", ""),  # behind punctuation it is a footnote, not an exponent
    )
)
_PROSE = re.compile(  # three letters may be a word, two are more often two variables
    r"(?<![\\A-Za-z])(?:[A-Za-z\u00c0-\u024f]{3,}|(?:is|it|so|we|he|to|of|in|at|by|on|as|an|be|if|my|no|do)(?![A-Za-z]))"
    "|[\u0400-\u052f]{2,}|[\u0370-\u03ff]{3,}"  # one Cyrillic or Greek letter may be a variable
    "|[\u0531-\u1cff\u1e00-\u1fff\u2c00-\u2dff\u2e80-\u2fff\u3005-\u3007\u3040-\ud7af\uf900-\ufdff\ufe70-\ufefc]",
    re.IGNORECASE,
)
_COMMANDS = re.compile(r"\\(?:text[a-z]*|mbox|mathrm|operatorname) ?\{[^{}]*\}|\\(?:begin|end)\{[a-z]*\}|\\[A-Za-z]+")
_FUNCTION = re.compile(rf"(?<![A-Za-z])(?:{FUNCTIONS})(?=[\^_(0-9\u00b2-\u209f]|\s[0-9a-z(√π]\b|\s[0-9(√π])")
_DELIMITERS = re.compile(r"\\\\|\\\$|\$\$|\\[()\[\]]|\$|\n")
_CLOSED_BY = {"$$": "$$", r"\[": r"\]", r"\(": r"\)", "$": "$"}
_NEVER_FIRST = (*" ,.;:)\n", "")
_BEFORE_PRICE = tuple(" =+-*/(")
_MAX_FORMULA = 1_000
_MAX_LETTERS = 20_000

_ENGLISH = "the is of and so a in are that this we for answer"
_COMMA_WORDS = (
    "der die das und ist sind nicht ein eine für beträgt also insgesamt antwort "
    "el los las es son por para que del una respuesta il gli è sono per che della risposta "
    "o os é são não um uma resposta portanto het een zijn van antwoord ve bir bu için cevap toplam "
    "wynik wynosi sonuç toplam kosten ergebnis resultado resultat risultato summa "
    "dan yang adalah dengan untuk jawaban là của và bằng le les des est une et pour donc réponse "
    "jest się odpowiedź więc je jsou odpověď og er det svar är och vastaus on ja este și răspuns válasz az"
)
_COMMON = tuple(frozenset(words.split()) for words in (_COMMA_WORDS, _ENGLISH))
_LETTERS = re.compile(r"[^\W\d_]+")
_COMMA_AMOUNT = re.compile(  # 29,99 € and 33,3 %
    r"(?<![0-9.,])[0-9]{1,3}(?:[. ]?[0-9]{3})*,[0-9]{1,2}\s?(?:[%€₽₫₺]|zł|kr|Kč|EUR)"
    r"|(?:R\$|€|Rp\.?)\s?[0-9.]+,[0-9]{2}(?!\w)"
    r"|\bRp\.? ?[0-9]|[0-9] ?đồng"
)
_ACCENTED = re.compile("[\u00c0-\u024f\u1ea0-\u1eff]")
_FRENCH_COLON = re.compile(r"[^\W\d_] : ")  # with a space before it
_COMMA_SCRIPTS = re.compile("[\u0400-\u052f]{2,}|[\u0370-\u03ff]{3,}")


class Span(NamedTuple):
    """A formula in a text: where it starts and ends with its signs, and what is between them."""

    start: int
    end: int
    inside: str


def numbers(text: str, *, comma: bool = False) -> list[re.Match[str]]:
    """Return the numbers of a text, each with its sign, currency, power of ten, magnitude and percent sign.

    Dates and times are among them, so that no part of one is taken for a number. comma: `3,14` is one number.
    """
    return list(_NUMBERS[comma].finditer(text))


def number_at_start(text: str, *, comma: bool = False) -> re.Match[str] | None:
    """Return the number that a text starts with."""
    return _NUMBERS[comma].match(text)


def without_notes(text: str) -> str:
    """Drop what is about the answer and not of it: citations `42 [1]`, footnote signs, links, a confidence."""
    for pattern, new in _NOTES:
        text = pattern.sub(new, text)
    return text


def has_words(text: str) -> bool:
    """Return whether a text has words of any language, apart from the commands and the words of LaTeX."""
    return _PROSE.search(_FUNCTION.sub("", _COMMANDS.sub("", text))) is not None


def decimal_comma(text: str) -> bool:
    """Return whether a text is in a language that writes a decimal comma, by its script and its commonest words."""
    if _COMMA_SCRIPTS.search(text[-_MAX_LETTERS:]):
        return True
    words = [word.casefold() for word in _LETTERS.findall(text[-_MAX_LETTERS:])]
    comma, english = (sum(word in known for word in words) for known in _COMMON)
    comma += 2 * (_FRENCH_COLON.search(text) is not None)
    hints = english == comma == 0 and (_ACCENTED.search(text) or _COMMA_AMOUNT.search(text))
    return comma > english or (comma == english > 0 and not text.isascii()) or bool(hints)


def formulas(text: str) -> list[Span]:
    """Return the formulas; prose between the dollars of two prices is none."""
    found: list[Span] = []
    opening: tuple[str, int, int] | None = None  # the sign, where it starts and ends
    for match in _DELIMITERS.finditer(text):
        sign, start, end = match[0], match.start(), match.end()
        if opening is not None and opening[0] == "$" and sign == "$$":  # $x$$y$
            sign, end = "$", start + 1
        if opening is not None and sign == _CLOSED_BY[opening[0]]:
            inside = text[opening[2] : start]
            follows = text[end : end + 1]
            is_price = inside[-1:] in _BEFORE_PRICE and follows.isdigit()  # $3 = $18
            is_formula = 0 < len(inside) < _MAX_FORMULA and not is_price and not has_words(inside)
            if is_formula:
                found.append(Span(opening[1], end, inside))
            reopens = sign == "$" and (end < match.end() or (not is_formula and follows not in _NEVER_FIRST))
            opening = (sign, match.end() - 1, match.end()) if reopens else None
        elif sign == "\n":
            opening = None if opening is not None and opening[0] == "$" else opening
        elif sign in _CLOSED_BY:
            opening = (sign, start, end)
    return found
