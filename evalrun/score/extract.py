r"""Finds the final answer in what a model wrote. Pure text work: nothing here judges.

The rules, first that fires:

    boxed         the content of the last balanced \boxed{} (an unterminated one gives nothing)
    marked        after the last `####`, `Final answer:`, `Answer:`, `the answer is`, with or without bold
    whole         the whole text, where it is one short line of mathematics or one word
    last_formula  the formula ($...$) with the last number
    last_number   the last number
    none          no answer

Of a text that was cut off at its token limit only a box counts, and the last mark, where what follows it is surely
whole: the last number of half a thought is not an answer.
"""

import re
from typing import Literal, NamedTuple

ExtractRule = Literal["boxed", "marked", "whole", "last_formula", "last_number", "none"]

_MAX_ANSWER = 2_000  # characters; nothing longer is a final answer
_MAX_EXPECTED = 200  # a longer one is a worked solution
_MAX_SEARCHED = 20_000  # characters at the end; only a box is looked for in all of a text
_THINKING_ENDS = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
_THINKING_STARTS = re.compile(r"<think(?:ing)?>", re.IGNORECASE)
_BRACES = re.compile(r"\\+f?box(?:ed)?\s*\{|\\.|[{}]", re.DOTALL)
_MARK = re.compile(
    r"^[ \t]*\#{4}[ \t]*(?=[^A-Za-z\n]*$)"
    r"|\bfinal[ ]answer\b[*_]{0,3}(?:[ \t]*$|[ \t]?:|[ \t]is\b:?)[*_]{0,3}"
    r"|\banswer\b[^\n.:=$]{0,40}?\b(?:is|are)\b:?[*_]{0,3}"
    r"|\banswer\b[*_]{0,3}[ \t]?[:=][*_]{0,3}",
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)
_NUMBER = re.compile(
    r"(?<![A-Za-z0-9_.^])(?<!\^\{)"
    r"(?:(?<![0-9)}\]])-\s?)?(?:\\?[$€£¥])?"
    r"(?:\\[dtc]?frac\s*\{-?[0-9.]+\}\s*\{[0-9.]+\}|(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+)"
    r"(?:/[0-9]+(?:\.[0-9]+)?)?(?:\s?\\?%)?",
)
_FORMULA = re.compile(
    r"\$\$(.{1,999}?)\$\$|\\\[(.{1,999}?)\\\]|\\\((.{1,999}?)\\\)|(?<![\\$])\$((?:\\\$|[^$\n]){1,999})\$", re.DOTALL
)
_PROSE = re.compile(  # three letters may be a word, two are more often two variables
    r"(?<![\\A-Za-z])(?:[A-Za-z]{3,}|(?:is|it|so|we|he|to|of|in|at|by|on|as|an|be|if|my|no|do)(?![A-Za-z]))",
    re.IGNORECASE,
)
_AND_OR = re.compile(r"\b(?:and|or)\b")
_CLOSED = re.compile(r"\n|[.!?;](?:\s|\Z)|\*\*\s*\Z")  # a line, a sentence or bold print has ended
_BRACKETS = (("$$", "$$"), (r"\[", r"\]"), (r"\(", r"\)"), ("$", "$"))
_WHOLE = re.compile(r"-?[0-9,]+")
_FRACTION = re.compile(r"-?[0-9]+/[0-9]+|-?\\[dtc]?frac\{-?[0-9]+\}\{-?[0-9]+\}")
_OPERATOR = re.compile(r"(?<=[\w)}\]])[-+*/^=]|\\[dtc]?frac|\\sqrt")  # between two things: not the sign of -3
_ARITHMETIC = re.compile(r"(?<=[0-9)}\]!])[-+*/^](?=[-0-9({\[\\.])|\\[dtc]?frac|\\sqrt")  # not the / of km/h
_SPELLINGS = (
    (re.compile(r"\^(?:\\circ(?![A-Za-z])|\{\s*\\circ\s*\})"), "°"),
    (re.compile(r"×|·|\\times(?![A-Za-z])|\\cdot(?![A-Za-z])"), "*"),
    (re.compile(r"÷|\\div(?![A-Za-z])"), "/"),
    (re.compile("−"), "-"),
    (re.compile(r"\\(?:left|right)(?![A-Za-z])|[\s$()]"), ""),
)
_COMMANDS = re.compile(r"\\(?:text[a-z]*|mbox|mathrm|operatorname)\s*\{[^{}]*\}|\\(?:begin|end)\{[a-z]*\}|\\[A-Za-z]+")


class Extracted(NamedTuple):
    """A final answer and the rule that found it; `answer` is None with rule `none`."""

    answer: str | None
    rule: ExtractRule


def without_reasoning(text: str) -> str:
    """Drop a stray chain of thought: all up to the last `</think>`, or from a `<think>` that never ends."""
    if ends := list(_THINKING_ENDS.finditer(text)):
        return text[ends[-1].end() :]
    start = _THINKING_STARTS.search(text)
    return text[: start.start()] if start else text


def final_answer(text: str, *, cut: bool = False) -> Extracted:
    """Find the final answer of a maths problem. The text is without its reasoning, its end as it came.

    cut: it was cut off at its token limit.
    """
    contents, unterminated = boxes(text)
    if contents:
        return _found(contents[-1], "boxed")
    if unterminated:
        return Extracted(None, "none")
    text = text[-_MAX_SEARCHED:]
    marks = list(_MARK.finditer(text))
    if cut:  # an abandoned earlier mark is no answer; `The answer is 25` may have been `The answer is 256`
        marks = [mark for mark in marks[-1:] if _is_closed(text[mark.end() :].lstrip(" \t*_:\n"))]
    for mark in reversed(marks):
        if answer := _after_mark(text[mark.end() : mark.end() + _MAX_ANSWER]):
            return _found(answer, "marked")
    if cut:
        return Extracted(None, "none")
    line = text.strip().strip("*_").strip()
    if line and "\n" not in line and len(line) <= 200 and (" " not in line or not _has_words(_AND_OR.sub("", line))):
        return _found(line, "whole")
    return _last(text)


def _is_closed(rest: str) -> bool:
    """Return whether what follows a mark is surely whole: a formula that ends, else a line or a sentence."""
    for opening, closing in _BRACKETS:
        if rest.startswith(opening):
            return closing in rest[len(opening) + 1 :]
    return _CLOSED.search(rest) is not None


def copies(question: str, answer: str, *, expected: str) -> bool:
    """Return whether an answer only repeats an expression of the question: `2 + 5 * 4` of `What is 2 + 5 * 4?`.

    Spelling and brackets do not count. Where a number is expected, anything that is not worked out is a copy, and so is
    a fraction where a whole number is expected. Where an expression is expected and the question names it, as in "which
    of these", nothing is a copy.
    """
    asked, given, right = _spelt(question), _spelt(answer).rstrip("=").rpartition("=")[2], _spelt(expected)
    if given not in asked:
        return False
    if _FRACTION.fullmatch(right) or not _OPERATOR.search(right):
        is_number = _FRACTION.fullmatch(given) and not _WHOLE.fullmatch(right)
        return not is_number and _ARITHMETIC.search(given) is not None
    return len(_OPERATOR.findall(given)) > 1 and right not in asked


def _spelt(text: str) -> str:
    for pattern, spelling in _SPELLINGS:
        text = pattern.sub(spelling, text)
    return text


def expected_answer(text: str) -> str:
    r"""Find the answer in a reference solution: its last box, else after its last `####`, else (if short) all of it."""
    if contents := boxes(text)[0]:
        return contents[-1]
    text = text.rpartition("####")[2].strip()
    return text if len(text) <= _MAX_EXPECTED else final_answer(text).answer or text


def _found(answer: str, rule: ExtractRule) -> Extracted:
    answer = answer.strip()
    return Extracted(answer, rule) if answer and len(answer) <= _MAX_ANSWER else Extracted(None, "none")


def boxes(text: str) -> tuple[list[str], bool]:
    r"""Return the contents of the balanced boxes, in order, and whether any never closes. One pass over the text."""
    open_braces: list[tuple[int, bool]] = []
    closed: list[tuple[int, int]] = []
    for match in _BRACES.finditer(text):
        if match[0].endswith("{") and match[0] != r"\{":
            open_braces.append((match.end(), match[0] != "{"))
        elif match[0] == "}" and open_braces:
            start, is_box = open_braces.pop()
            if is_box:
                closed.append((start, match.start()))
    return [text[start:end] for start, end in sorted(closed)], any(is_box for _, is_box in open_braces)


def _after_mark(rest: str) -> str:
    """Cut the answer out of what follows a mark: the rest of the line, or the next line where that is empty."""
    line = next((line for line in rest.split("\n") if line.strip(" \t*_:#")), "")
    if rest.lstrip(" \t*_:\n").startswith((r"\[", "$$")):  # a displayed formula may have several lines
        line = rest
    line = line.strip(" \t*_:")
    formulas = _formulas(line)
    if formulas and not _has_words(line[: formulas[0].start()]):
        first, last = formulas[0], formulas[-1]
        if _has_words(_AND_OR.sub("", line[first.end() : last.start()])):  # `$1$, $2$ and $3$` is one answer
            last = first
        return line[first.start() : last.end()] + _percent(line[last.end() :])
    sentence = re.split(r"[.!?;](?:\s|$)", line, maxsplit=1)[0].strip(" \t*_")
    if not _has_words(sentence) or " " not in sentence:
        return sentence
    number = _NUMBER.match(sentence)
    if number and not re.match(r"\s*[-+*/=×^]", sentence[number.end() :]):
        unit = re.match(r"\s*[A-Za-z]+\.?$", sentence[number.end() :])
        return number[0] + (unit[0] if unit else "")
    return _last(sentence).answer or sentence


def _percent(rest: str) -> str:
    return "%" if re.match(r"\s*(?:\\?%|percent\b|pct\b)", rest) else ""


def _has_words(text: str) -> bool:
    return _PROSE.search(_COMMANDS.sub("", text)) is not None


def _formulas(text: str) -> list[re.Match[str]]:
    """Return the formulas; prose between the dollars of two prices is none."""
    return [match for match in _FORMULA.finditer(text) if not _has_words(match[match.lastindex or 0])]


def _last(text: str) -> Extracted:
    """Find the last number, or the formula it is part of: in `so $\\frac{3}{4}$` the last number is not 4."""
    numbers = list(_NUMBER.finditer(text))
    if not numbers:
        return Extracted(None, "none")
    last = numbers[-1]
    for match in _formulas(text):
        inside = match[match.lastindex or 0].strip()
        if match.start() <= last.start() < match.end() and inside != last[0].strip():
            return _found(inside + _percent(text[match.end() :]), "last_formula")
    return _found(last[0] + _percent(text[last.end() :]), "last_number")
