r"""Finds the final answer in what a model wrote. Pure text work: nothing here judges.

The rules, first that fires:

    tag           the content of the last <answer>...</answer> or its kin (`container`), read by the rules below
    json          the answer that the last JSON object names, likewise
    boxed         the content of the last balanced \boxed{} (an unterminated one gives nothing)
    marked        after the last answer mark of any language: `####`, `Final answer:`, `the answer is`, `答案是`
    whole         the whole text, where it is one short line of mathematics or one word
    last_formula  the formula ($...$) with the last number
    last_number   the last number; where there is no digit, the last number in words
    none          no answer

Of a text that was cut off at its token limit only a box counts, and the last mark, where what follows it is surely
whole: the last number of half a thought is not an answer.
"""

import re
from typing import Literal, NamedTuple

from evalrun.score.container import contained, without_confidence
from evalrun.score.last import AND_OR, OUT_OF, SENTENCE, last_answer, percent
from evalrun.score.marks import answer_marks, plain, unstyled
from evalrun.score.prose import (
    decimal_comma,
    formulas,
    has_words,
    number_at_start,
    without_notes,
)
from evalrun.score.tidy import in_ascii
from evalrun.score.units import canonical
from evalrun.wire.reasoning import split

ExtractRule = Literal["tag", "json", "boxed", "marked", "whole", "last_formula", "last_number", "none"]

_MAX_ANSWER = 2_000  # characters; nothing longer is a final answer
_MAX_EXPECTED = 200  # a longer one is a worked solution
_MAX_SEARCHED = 20_000  # characters at the end; only a box is looked for in all of a text
_MAX_MARKS = 50
_MAX_LINE = 200  # characters of a line that may be mathematics as a whole
_STRAY_ENDS, _STRAY_STARTS = re.compile(r"</think(?:ing)?>", re.I), re.compile(r"<think(?:ing)?>", re.I)
_TOKEN = r"<\|(?:im_start|im_end|endoftext|eot_id|eom_id|end_of_text|begin_of_text|end|return)\|>"
_ENDING = re.compile(rf"(?:{_TOKEN}|</s>|<end_of_turn>|<eos>|\[END\])\s*\Z", re.IGNORECASE)
_STARTING = re.compile(rf"\s*(?:{_TOKEN}(?:assistant\b)?|<s>|<bos>|\[/INST\])", re.IGNORECASE)
_MOST_TOKENS, _MAX_TOKEN = 8, 60  # tokens on either side; characters, with white space
_BRACES = re.compile(r"\\{1,8}f?box(?:ed)?\s{0,20}\{|\\.|\{+|\}+", re.DOTALL)
_CLOSED = re.compile(r"\n|[.!?;](?:\s|\Z)|\*\*\s*\Z|</")  # a line, a sentence, bold print or a tag has ended
_BRACKETS = (("$$", "$$"), (r"\[", r"\]"), (r"\(", r"\)"), ("$", "$"))
_OPERATOR_NEXT = re.compile(r"\s*(?:[-+*/=×÷·^≈√]|\\(?:times|cdot|div|approx|pm|sqrt|frac)|±)")
_UNIT_NEXT = re.compile(r"\s*([^\W\d_]+(?:[ /][^\W\d_]+)?(?:\^?[23²³])?)\.?$")
_OPTION, _FACTORIAL = re.compile("[A-J]"), re.compile(r"[^\n!?]{0,40}(?:(?<![a-z])[a-z]|\))!(?!!)")
_WHOLE = re.compile(r"-?[0-9,]+")
_FRACTION = re.compile(r"-?[0-9]+/[0-9]+|-?\\[dtc]?frac\{-?[0-9]+\}\{-?[0-9]+\}")
_OPERATOR = re.compile(r"(?<=[\w)}\]])[-+*/^=]|\\[dtc]?frac|\\sqrt")  # between two things: not the sign of -3
_ARITHMETIC = re.compile(r"(?<=[0-9)}\]!])[-+*/^](?=[-0-9({\[\\.])|\\[dtc]?frac|\\sqrt")  # not the / of km/h
_SPELLINGS = (
    (re.compile(r"\^(?:\\circ(?![A-Za-z])|\{\s*\\circ\s*\})"), "°"),
    (re.compile(r"\*\*"), "^"),
    (re.compile(r"\\times(?![A-Za-z])|\\cdot(?![A-Za-z])"), "*"),
    (re.compile(r"\\div(?![A-Za-z])"), "/"),
    (re.compile(r"\^\{(-?\w)\}"), r"^\1"),
    (re.compile(r"\\(?:left|right)(?![A-Za-z])|[\s$()]"), ""),
)
_PICTURES = "\u2600-\u27bf\u2b50\ufe0f\U0001f000-\U0001faff"
_AROUND = re.compile(rf"^(?:=>?|[⇒→∴{_PICTURES}])[\s{_PICTURES}]*|\s*[{_PICTURES}][\s{_PICTURES}]*$")  # ✅ 12
_NUMBERED = re.compile(r"[0-9]{1,2}\. (?=\S)")
_UNBRACED = re.compile(r"(\\f?boxed)\s+([^\s{}$\\]{1,30})")


class Extracted(NamedTuple):
    """A final answer and the rule that found it; `answer` is None with rule `none`."""

    answer: str | None
    rule: ExtractRule


def without_reasoning(text: str) -> str:
    """Drop a chain of thought at the start, in any shape of `wire.reasoning`, then what is stray.

    Stray is all up to the last `</think>`, or from a `<think>` that never ends.
    """
    apart = split(text, reasoned=False)
    text = text[apart.answer_at : apart.answer_end]
    if ends := list(_STRAY_ENDS.finditer(text)):
        text = text[ends[-1].end() :]
    elif start := _STRAY_STARTS.search(text):
        text = text[: start.start()]
    return _without_tokens(text)


def _without_tokens(text: str) -> str:
    """Drop a template's tokens around a text, such as `<|im_end|>` and `</s>`."""
    for _ in range(_MOST_TOKENS):
        tail = text[-_MAX_TOKEN:]
        if ends := _ENDING.search(tail):
            text = text[: len(text) - len(tail) + ends.start()]
        elif starts := _STARTING.match(text):
            text = text[starts.end() :]
        else:
            break
    return text


def final_answer(text: str, *, cut: bool = False) -> Extracted:
    """Find the final answer of a maths problem. The text is without its reasoning, its end as it came.

    cut: it was cut off at its token limit.
    """
    text = _UNBRACED.sub(r"\1{\2}", plain(text))
    inside = contained(text, cut=cut)
    if inside is not None and not boxes(text[inside.end :])[0]:
        return _found(final_answer(inside.content).answer or inside.content, inside.rule)
    text = without_confidence(text)
    contents, unterminated = boxes(text)
    if contents:
        return _found(contents[-1], "boxed")
    if unterminated:
        return Extracted(None, "none")
    text = text[-_MAX_SEARCHED:]
    comma = decimal_comma(text)
    marks = answer_marks(text)[-_MAX_MARKS:]
    if cut:  # an abandoned earlier mark is no answer; `The answer is 25` may have been `The answer is 256`
        marks = [mark for mark in marks[-1:] if _is_closed(text[mark.end :].lstrip(" \t*_:\n"))]
    for mark in reversed(marks):
        if answer := _after_mark(text[mark.end : mark.end + _MAX_ANSWER], comma=comma):
            return _found(answer, "marked")
    if cut:
        return Extracted(None, "none")
    line = unstyled(without_notes(text).strip()).strip("*_#<>· \t")
    if "\n" not in line and len(line) <= _MAX_LINE:
        line = _AROUND.sub("", line).strip(' "')
        if (numbered := _NUMBERED.match(line)) and "=" in line:
            line = line[numbered.end() :]
        if line and _is_whole(line):
            return _found(line, "whole")
    return _found(*last_answer(text, comma=comma))


def _is_whole(line: str) -> bool:
    """Return whether a line is mathematics, or one word: a sentence of a script without spaces is neither."""
    if not has_words(AND_OR.sub("", line)):
        return True
    return " " not in line and (line.isascii() or (len(line) <= 20 and not any(sign.isdigit() for sign in line)))


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
    text = plain(in_ascii(text))
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
    if "box" not in text:
        return [], False
    opened: list[tuple[int, int]] = []  # (where a box starts, 0) or (-1, so many other braces)
    closed: list[tuple[int, int]] = []
    for match in _BRACES.finditer(text):
        if match[0][0] == "{":
            opened.append((-1, len(match[0])))
        elif match[0][0] == "}":
            _close(match, opened, closed)
        elif match[0][-1] == "{" and match[0] != r"\{":
            opened.append((match.end(), 0))
    return [text[start:end] for start, end in sorted(closed)], any(start >= 0 for start, _ in opened)


def _close(braces: re.Match[str], opened: list[tuple[int, int]], closed: list[tuple[int, int]]) -> None:
    """Close what a run of closing braces closes, the last opened first."""
    at, end = braces.span()
    while at < end and opened:
        start, count = opened.pop()
        if start >= 0:
            closed.append((start, at))
            at += 1
        elif count > end - at:
            opened.append((-1, count - (end - at)))
            at = end
        else:
            at += count


def _after_mark(rest: str, *, comma: bool) -> str:
    """Cut the answer out of what follows a mark: the rest of the line, or the next line where that is empty."""
    rest = rest.partition("</")[0]
    line = next((line for line in rest.split("\n") if line.strip(" \t*_:#")), "")
    if rest.lstrip(" \t*_:\n").startswith((r"\[", "$$")):  # a displayed formula may have several lines
        line = rest
    line = unstyled(without_notes(line)).strip(" \t*_:")
    found = formulas(line)
    if found and not has_words(line[: found[0].start]):
        first, last = found[0], found[-1]
        if has_words(AND_OR.sub("", line[first.end : last.start])):  # `$1$, $2$ and $3$` is one answer
            last = first
        return line[first.start : last.end] + percent(line[last.end :])
    if line.count("{") < line.count("}"):  # the rest of {"answer": 42}
        line = line.rstrip("} \t")
    sentence, *others = (part.strip(' \t*_"') for part in SENTENCE.split(line, maxsplit=1))
    if _OPTION.fullmatch(sentence) and others and not has_words(others[0]):  # C. 12
        sentence = f"{sentence}. {others[0]}"
    elif _FACTORIAL.match(line) and not has_words(sentence):
        sentence += "!"
    if of_all := OUT_OF.match(sentence):
        return of_all[0]
    if not has_words(AND_OR.sub("", sentence)) or (" " not in sentence and sentence.isascii()):
        return sentence
    number = number_at_start(sentence, comma=comma)
    if number and not _OPERATOR_NEXT.match(sentence, number.end()):
        unit = _UNIT_NEXT.match(sentence, number.end())
        known = unit is not None and (unit[1].isascii() or canonical(unit[1]))
        return number[0] + (unit[0] if unit and known else percent(sentence[number.end() :]))
    return last_answer(sentence, comma=comma)[0] or sentence
