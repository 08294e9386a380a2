r"""The last number of a text, or what it is part of: a formula, a pair, a list, an expression. Nothing here judges.

    so $\frac{3}{4}$                    \frac{3}{4}, rule `last_formula`
    the vertex is at (3, 4)             (3, 4); `1, 2 and 3` and `3-5` are one thing too
    the derivative is 3x^2              3x^2
    she got 7 out of 10                 7 out of 10
    it is 6, not 5; it is 18 (9 × 2)    6; 18: what is denied and what is a reason is no answer
    **16** are left for 3 children      16: the only number in bold print of the last line

All of it works on text that `marks.plain` has been over, in time linear in the text.
"""

import re
from collections.abc import Sequence
from typing import Literal

from evalrun.score.marks import unstyled
from evalrun.score.numerals import last_in_words
from evalrun.score.prose import formulas, has_words, numbers, without_notes
from evalrun.score.tidy import APPROXIMATELY
from evalrun.score.units import canonical

LastRule = Literal["last_formula", "last_number"]

AND_OR = re.compile(r"\b(?:and|or|und|oder|et|ou|или|и)\b|[和或与及と]|또는|및")
"""What joins the parts of one answer."""
SENTENCE = re.compile(r"(?<!\bRs)(?<!\bca)(?<!approx)[.!?;](?:\s|$)")
"""The end of a sentence."""
OUT_OF = re.compile(r"([0-9]+) (?:out of|in|von|sur|de cada|из) (?:the )?([0-9]+)(?![0-9.,/])")
"""A share, `7 out of 10`."""

_MAX_SENTENCE, _MAX_GROUP, _MAX_NAME = 2_000, 200, 5  # characters: of a sentence, of a list, of a name and its sign
_PERCENT = re.compile(
    r"\s*(?:\\?%|(?:percent|pct|per cent|prozent|procent|pour cent|por ciento|por cento|per cento|процент\w*)\b"
    "|パーセント|퍼센트|प्रतिशत)",
    re.IGNORECASE,
)
_KNOWN_UNIT = re.compile(
    r"\s?([€£¥₹₩₽]|[^\W\d_]{3,20}(?!\w)|(?:[cmk]?m|k?g)(?=\.?\s*$))"
    r"(?! ?(?:/|\^|[²³]|(?:per|an?|each|squared|cubed)\b))"
)
_ROUNDED = re.compile(rf"[\s$,(]*(?:\\[()]\s*)?(?:or |which is )?(?:≈|\\approx|{APPROXIMATELY})[\s$]*", re.IGNORECASE)
_DENIED = re.compile(
    r"(?:\b(?:not|isn't|rather than|instead of|nicht|(?:an)?statt|pas|et non|au lieu de|en vez de|en lugar de"
    r"|não|em vez de|non|invece di|anziché|не|вместо|замість|nie|zamiast|niet|bukan|không phải)|,\s*no"
    r"|不是|而非|并非)\s*[$€£¥]?$",
    re.IGNORECASE,
)
_REFERS = re.compile(  # by equation (2)
    r"\b(?:by|from|using|via|see|nach|aus|selon|según|из|по)\s(?:the\s)?(?:equations?|eq\.|steps?|figure|table|theorem"
    r"|gleichung|schritt|étape|équation|paso|ecuación|шага?|уравнени\w)\s?\(?$",
    re.IGNORECASE,
)
_REASON = re.compile(
    r"(?:\(|\b(?:because|since|weil|da|car|parce que|porque|perché|poiché|потому что|так как|çünkü|ponieważ|vì"
    r"|karena)\b|因为)[^()\n=]{0,60}[0-9a-z] ?[-+*/×·÷x] ?[$€£]?$",
    re.IGNORECASE,
)
_IS_THE_ANSWER = re.compile(  # 12 is the answer, as 3 * 4 is
    r"(?<=[\w)$*%]) (?:is|ist|est|es|è|é|jest) (?:the |my |our |die |la |a |il )?(?:final |correct |right )?"
    r"(?:answer|antwort|réponse|respuesta|risposta|resposta|odpowied)",
    re.IGNORECASE,
)
_ITEM = r"[-+]?(?:[^\W\d_] ?= ?)?[-+]?[^\s,;()\[\]{}=]{1,30}"
_GROUP = re.compile(rf"(?<![\w)\]])\\?[(\[{{] ?{_ITEM}(?: ?[,;|] ?{_ITEM}){{1,9}} ?\\?[)\]}}]")
_JOINED = re.compile(
    rf"\s*(?:(?:,|,?\s*(?:{AND_OR.pattern}|y|e|o|i|lub|va|ve|dan|và|और|و))\s+(?:([A-Za-z])\s?=\s?)?|[和与及と或]\s*|-)",
    re.IGNORECASE,
)
_OPERATORS = "-+*/·×=^()√<>≤≥"
_MATHS = re.compile(r"(?:[-+*/·×=^()<>≤≥√π0-9.⁰¹²³⁴-⁹]|[A-Za-z]{1,2}(?![A-Za-z]))+")
_VARIABLE = re.compile(
    r"[a-z] ?[<>≤≥]|\^[a-z]|[0-9)][a-df-z](?![a-z0-9])|[a-z](?:\^|[²³⁴])|[0-9a-z)] ?[-+*/] ?[a-z](?![a-z])"
    r"|[a-z)] ?[-+*/] ?[0-9]"
)
_UNIT_ONLY = re.compile(r"-?[0-9.]+ ?[mgslhdwkVANJCFKWMBT](?:[²³]|\^[23])?(?:/[a-z](?:\^2|²)?)?")
_BOLD = re.compile(r"\*\*([^*\n]{1,100})\*\*")
_ADDITION = re.compile(  # words before a number that is no result
    r"(?<!\w)(?:of|in|for|from|per|with|over|within|by|among|on|across|between|each of|von|für|mit|pro|auf|aus|nach"
    r"|de|des|du|en|pour|par|dans|sur|avec|por|para|con|com|em|di|su|из|в|на|за|для)\s(?:the\s|these\s|all\s)?$",
    re.IGNORECASE,
)
_EXPLAINED = re.compile(
    r"\s*\*{0,2}([-+$€£]{0,2}[0-9][0-9.,/ %]{0,30})\*{0,2}\.?[ \t]*\n\s*[*#_]{0,4}(?:explanation|reasoning|because"
    r"|working|erklärung|begründung|rechnung|explication|explicación|explicação|spiegazione|объяснение|пояснение"
    r"|решение|解释|解析|説明|설명|풀이|açıklama|giải thích|penjelasan|wyjaśnienie|شرح|الشرح|व्याख्या)(?!\w)",
    re.IGNORECASE,
)


def last_answer(text: str, *, comma: bool) -> tuple[str, LastRule]:
    """Return the last number of a text, or what it is part of, and the rule; empty where there is none.

    comma: `3,14` is one number.
    """
    text = without_notes(text)
    if (said := _IS_THE_ANSWER.search(text)) and numbers(text[: said.start()].rpartition("\n")[2]):
        text = text[: said.start()]
    text = unstyled(_emphasised(text, comma=comma) or text)
    found = numbers(text, comma=comma)
    found = found[: _affirmed(text, found)]
    if not found:
        sentences = [part for part in SENTENCE.split(text[-_MAX_SENTENCE:]) if part.strip()]
        return last_in_words(sentences[-1]) if sentences else "", "last_number"
    last = found[-1]
    for formula in formulas(text):
        inside = formula.inside.strip()
        if formula.start < last.end() <= formula.end and inside != last[0].strip():
            return inside + percent(text[formula.end :]), "last_formula"
    if whole := _grouped(text, found) or _expression(text, last):
        return whole, "last_number"
    if len(found) > 1 and OUT_OF.fullmatch(text, found[-2].start(), last.end()):
        return text[found[-2].start() : last.end()], "last_number"
    if len(found) > 1 and _ROUNDED.fullmatch(text, found[-2].end(), last.start()):  # 1/3 (about 0.333)
        return f"{found[-2][0]} ≈ {last[0]}", "last_number"
    return last[0] + (percent(text[last.end() :]) or _unit(text[last.end() :])), "last_number"


def percent(rest: str) -> str:
    """Return a percent sign where what follows a number says so."""
    return "%" if _PERCENT.match(rest) else ""


def _unit(rest: str) -> str:
    """Return a known unit of measurement that follows; a word of two letters (in, am) may be another one."""
    unit = _KNOWN_UNIT.match(rest)
    if unit is None or not canonical(unit[1]):
        return ""
    return rf"\text{{ {unit[1]}}}" if unit[1] in ("m", "g") else f" {unit[1]}"  # a bare letter is a variable


def _emphasised(text: str, *, comma: bool) -> str:
    """Return the only number in bold print of the last line, where an addition follows it: `of 3 children`.

    Empty where there is none. A number that begins the text, before its explanation, is the answer too.
    """
    if explained := _EXPLAINED.match(text):
        return explained[1]
    line = next((line for line in reversed(text.split("\n")) if numbers(line)), "")
    bold = list(_BOLD.finditer(line))
    last = numbers(line, comma=comma)[-1:]
    if len(bold) == 1 and last and last[0].start() > bold[0].end() and _ADDITION.search(line[: last[0].start()]):
        return bold[0][1] if numbers(bold[0][1]) else ""
    return ""


def _affirmed(text: str, found: Sequence[re.Match[str]]) -> int:
    """Return how many numbers are left without those at the end that are denied, or are the reason of another."""
    count = len(found)
    while count > 1 and any(
        pattern.search(text, found[count - 2].end(), found[count - 1].start()) for pattern in (_DENIED, _REFERS)
    ):
        count -= 1
    if count > 1:
        begins = max(0, found[count - 1].start() - _MAX_GROUP)
        if reason := _REASON.search(text[begins : found[count - 1].start()]):
            return sum(one.end() <= begins + reason.start() for one in found[:count]) or count
    return count


def _grouped(text: str, found: Sequence[re.Match[str]]) -> str:
    """Return the pair, set, interval or list that ends with the last number: `(3, 4)`, `x = 1 and x = 2`, `3-5`."""
    last = found[-1]
    for group in _GROUP.finditer(text, max(0, last.start() - _MAX_GROUP)):
        several = len(numbers(group[0])) + ("∞" in group[0]) > 1
        if several and group.start() < last.start() and last.end() <= group.end():
            return group[0]
    first, span = len(found) - 1, False
    while first and (join := _JOINED.fullmatch(text, found[first - 1].end(), found[first].start())):
        before = text[: found[first - 1].start()][-_MAX_NAME:].rstrip("= ")
        if join[1] and (before[-1:] != join[1] or before[-2:-1].isalnum()):  # 2x = 38 and x = 19
            break
        first, span = first - 1, join[0] == "-"
    if first == len(found) - 1:
        return ""
    if span:
        return text[found[first].start() : last.end()]
    return ", ".join(one[0] for one in found[first:]) + percent(text[last.end() :])


def _expression(text: str, last: re.Match[str]) -> str:
    """Return the expression with a variable that ends a text with its last number: `y = 2x + 1`, `3x^2`, `x > 3`."""
    end = text.rstrip(" .\n*")
    kept: list[str] = []
    for piece in reversed(end[-_MAX_GROUP:].rpartition("\n")[2].split(" ")):
        apart = kept and piece[-1:] not in _OPERATORS and kept[-1][:1] not in _OPERATORS
        if apart or not _MATHS.fullmatch(piece) or has_words(piece):
            break
        kept.append(piece)
    found = " ".join(reversed(kept)).lstrip("= ")
    if last.start() < len(end) - len(found) or not _VARIABLE.search(found) or _UNIT_ONLY.fullmatch(found):
        return ""
    return found
