"""What a text says of each option that it mentions, and the one it settles on. The words are in `verdict`.

    announced   the answer is B; I choose B; B is the answer; B alone on a line
    concluded   so B; it is B
    right       B is correct; `B) ... Correct.` in a list of all options
    denied      not B; B is wrong
    named       B, and nothing said of it

The last option that is announced is the answer, else the last that is concluded or right, else the only one that is
named and not denied, else the only one that is left. Two joined by "and" or "or", or two that are right, are no answer.
Where somebody changes their mind ("wait, no"), what comes after it counts, if it settles anything.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from evalrun.score import verdict
from evalrun.score.labels import FOREIGN, Label

Stance = Literal["announced", "concluded", "right", "denied", "named"]

_WINDOW = 60  # characters before and after an option that are looked at
_MOST_LOOKED_AT, _MOST_MENTIONS = 3_000, 500  # the last ones of a text: single letters, and those that are options
_WORDS_TOO = frozenset("AEIOUYАБВКСИОУЯЕЭ")  # letters that are words in some language
_BLANKS = re.compile(r"\s{3,}")
_PRONOUN = re.compile(r"^\s+(?:is|and [A-J]|or [A-J]|because)(?!\w)")
_CJK = "\u0e00-\u0eff\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_ENDS = re.compile(r"[.!?;](?=\s|$)|\n")
_HEADING = re.compile(
    rf"([:=]|^[ \t#>]*(?:{verdict.ANNOUNCED.pattern})[ \t]*:?)[ \t]*\n\s*", re.IGNORECASE | re.MULTILINE
)
_NO_ANSWER = re.compile(r"(?<!\w)N/A(?!\w)", re.IGNORECASE)
_OTHER_THINGS = re.compile(
    r"(?:vitamine?|hepatitis|plan|typ[eo]?|grade|team|serie|league|appendix|figure|table|train|car|box|company|player"
    r"|person|point|class)\s$",
    re.IGNORECASE,
)
"""Words before a letter that is no label: vitamin B, plan B."""
_ONLY_LABELS = re.compile(r"[\s,;/&.()]*(?:[A-Z][\s,;/&.()]+)+[A-Z][\s,;/&.()]*")
_SAID = re.compile(r"[a-z0-9)\"'][.!?]\s+$")
_NUMBERED = re.compile(r"^\s*\d{1,2}[.)]\s+")
_NUMBER_ENDS = re.compile(r"\s*(?:[.):,]*\s*$|[.)]+\s|\n|,\s|[^\W\d_])")
_BEGINS = re.compile(r"\W*,\s\w{2}.*", re.DOTALL)
_CLOSES = re.compile(r"[)*\"'\]]*[.!]?\s*(?:\n|$)")
_CALLED_ONLY = re.compile(rf"\W*{verdict.CALLED.pattern}", re.IGNORECASE)
_LABEL_ENDS = re.compile(r"[)\]*\"'`]*\s?(?:[.):\-–—]|$)[)*\"'`]*(?=\s|$)", re.MULTILINE)


class Mention(NamedTuple):
    """One mention of an option: which, where, and what is said of it. `sentence`: its number in the text."""

    option: int
    start: int
    end: int
    stance: Stance
    sentence: int


class Settled(NamedTuple):
    """The options that a text may settle on, by position, and how: one is an answer, several are none."""

    options: tuple[int, ...]
    how: str
    denies_all: bool = False


def settle(text: str, options: Sequence[Label], *, cut: bool = False) -> Settled:
    """Return what a plain text settles on. cut: it was cut off, so that only what is announced counts."""
    names = [option.name for option in options]
    if _ONLY_LABELS.fullmatch(text) and len(several := {*re.findall("[A-Z]", text)} & {*names}) > 1:
        return Settled(tuple(sorted(names.index(name) for name in several)), "none")
    text = _HEADING.sub(r"\1 ", _NO_ANSWER.sub("none", text))
    turns = [match.end() for match in verdict.TURNED.finditer(text)]
    mentions = list(_mentions(text, options, by_words=False))
    if turns:
        later = _decided([one for one in mentions if one.start >= turns[-1]], len(options), loose=not cut)
        if len(later.options) == 1:
            return later
    found = _decided(mentions, len(options), loose=not cut)
    if found.options or cut or found.denies_all or not options[0].words:
        return found
    return _decided(list(_mentions(text, options, by_words=True)), len(options), loose=True)


def _decided(mentions: Sequence[Mention], count: int, *, loose: bool) -> Settled:
    """Return what mentions add up to. loose: the only one that is named is enough, or the only one left."""
    for stances, how in ((("announced",), "marked"), (("concluded", "right"), "stated")):
        firm = [one for one in mentions if one.stance in stances and (loose or how == "marked")]
        if not firm:
            continue
        last = {one.option for one in firm if one.sentence == firm[-1].sentence}
        if firm[-1].stance == "right":
            last = {one.option for one in firm if one.stance == "right"}
        elif len(last) > 1 and firm[-1].stance == "concluded":
            last = _joined_last(firm)
        return Settled(tuple(sorted(last)), how)
    denied = {one.option for one in mentions if one.stance == "denied"}
    named = {one.option for one in mentions if one.stance == "named"} - denied
    if loose and len(named) == 1 and (count > len(denied) + 1 or not denied):
        return Settled(tuple(named), "only")
    left = set(range(count)) - denied
    if loose and denied and len(left) == 1:
        return Settled(tuple(left), "eliminated")
    if denied and not left:
        return Settled((), "none", denies_all=True)
    return Settled(tuple(sorted(named)), "none") if len(named) > 1 or not loose else Settled((), "none")


def _joined_last(firm: Sequence[Mention]) -> set[int]:
    """Return the last option of a sentence with those that are joined to it: they share their stance's start."""
    last = firm[-1]
    group = {last.option}
    for one, after in zip(reversed(firm[:-1]), reversed(firm), strict=False):
        if one.sentence != last.sentence or after.start - one.end > _WINDOW // 4:
            break
        group.add(one.option)
    return group


# ---------------------------------------------------------------- mentions


def _mentions(text: str, options: Sequence[Label], *, by_words: bool) -> Iterator[Mention]:
    """Yield the mentions of options in order, by their labels or by their words.

    What is said before or after `A, B and C` is said of all of them.
    """
    spots = list(_spots_of_words(text, options) if by_words else _spots(text, options))[-_MOST_MENTIONS:]
    items = {} if by_words else _items(text, spots, options)
    group: list[Mention] = []
    for mention, joined in _one_by_one(text, spots, items):
        if group and not joined:
            yield from _alike(group)
            group = []
        group.append(mention)
    yield from _alike(group)


def _alike(group: Sequence[Mention]) -> Iterator[Mention]:
    """Yield joined mentions with one stance, that of the first or the last, and in one sentence."""
    stance: Stance = next((one.stance for one in (*group[:1], *group[-1:]) if one.stance != "named"), "named")
    for one in group:
        yield one._replace(stance=stance, sentence=group[0].sentence)


def _one_by_one(
    text: str, spots: Sequence[tuple[int, int, int]], items: Mapping[int, Stance]
) -> Iterator[tuple[Mention, bool]]:
    """Yield each mention with its own stance, and whether it is joined to the one before.

    items: the stances of those that start a line.
    """
    ends = [match.start() for match in _ENDS.finditer(text)] + [len(text)]
    sentence = previous = said = 0
    starts = [start for _, start, _ in spots] + [len(text)]
    for (option, start, end), following in zip(spots, starts[1:], strict=True):
        while ends[sentence] < start:
            sentence += 1
        begins = max(previous, said, ends[sentence - 1] + 1 if sentence else 0, start - _WINDOW)
        before, after = text[begins:start], text[end : min(end + _WINDOW, following)]
        joined = start not in items and verdict.JOINED.search(text[previous:start][-_WINDOW:]) is not None
        stance = items.get(start) or _stance(before, after, asks=text[ends[sentence] : ends[sentence] + 1] == "?")
        if stance in ("announced", "right"):
            match = verdict.IS_THE_ANSWER.search(after) or verdict.IS_RIGHT.search(after)
            said = end + match.end() if match else said  # `B is the best answer, although A`: the words are of B
        if stance == "named" and start not in items and _alone(text, start, end):
            stance = "announced"
        elif stance == "named" and not joined and before.rstrip().endswith(",") and _CLOSES.match(after):
            stance = "concluded"  # `as it is in Spain, D.`
        yield Mention(option, start, end, stance, sentence), joined and previous > 0
        previous = end


def _stance(before: str, after: str, *, asks: bool) -> Stance:
    before, after = (_BLANKS.sub(_blank, part) for part in (before, after))  # long runs can be cut in many ways
    if verdict.DENIED.search(before) or verdict.IS_WRONG.search(after):
        return "denied"
    if asks or verdict.SUPPOSED.search(before):
        return "named"
    if verdict.ANNOUNCED.search(before) or verdict.IS_THE_ANSWER.search(after):
        return "announced"
    if verdict.IS_RIGHT.search(after):
        return "right"
    return "concluded" if verdict.CONCLUDED.search(before) else "named"


def _blank(run: re.Match[str]) -> str:
    return "\n" if "\n" in run[0] else " "


def _alone(text: str, start: int, end: int) -> bool:
    """Return whether an option is all that its line holds, or the last sentence of the text."""
    if not re.search(r"\w", text[end:]) and _SAID.search(text[max(0, start - 9) : start]):
        return True
    line = text[text.rfind("\n", 0, start) + 1 : start] + text[end:].partition("\n")[0]
    return not re.search(r"\w", line)


def _items(text: str, spots: Sequence[tuple[int, int, int]], options: Sequence[Label]) -> dict[int, Stance]:
    """Return the stances of the labels that start a line: in a list, what the line says; else it is the answer."""
    labels = [spot for spot in spots if _LABEL_ENDS.match(text, spot[2])]
    in_a_row = [option for option, *_ in labels] == list(range(len(options)))  # A) no B) no C) yes
    found: dict[int, tuple[int, str]] = {}
    for option, start, end in labels:
        head = text[text.rfind("\n", 0, start) + 1 : start][-_WINDOW:]
        if in_a_row or not re.search(r"\w", _NUMBERED.sub("", head)) or _CALLED_ONLY.fullmatch(_NUMBERED.sub("", head)):
            following = [after for _, after, _ in labels if after > start] if in_a_row else []
            found[start] = (option, text[end : min([(text + "\n").find("\n", end), *following])])
    if len({option for option, _ in found.values()}) > 1:
        return {start: _of_line(line, options[option].words) for start, (option, line) in found.items()}
    if not found and spots and _BEGINS.fullmatch(text[: spots[0][1]] + text[spots[0][2] :][:10]):
        return {spots[0][1]: "announced"}  # `B, because ...`
    return {start: "announced" for start, (_, line) in found.items() if re.search(r"\w", line)}


def _of_line(line: str, words: str) -> Stance:
    """Return what a line of a list says of its option: how it begins, else how it ends."""
    line = line.casefold()
    if words and words in line:
        line = line.replace(words, " ", 1)
    said = list(verdict.ITEM.finditer(line))
    if not said:
        return "named"
    leads = not re.search(r"\w", line[: said[0].start()])
    return "denied" if (said[0] if leads else said[-1])["wrong"] else "right"


def _spots(text: str, options: Sequence[Label]) -> Iterator[tuple[int, int, int]]:
    """Yield where the label of an option is, and nothing else: no pronoun, article, number or variable."""
    where = {label.name: number for number, label in enumerate(options)}
    latin = options[0].name == "A"
    for match in list(_label_pattern(tuple(where)).finditer(text))[-_MOST_LOOKED_AT:]:
        name = match[0]
        foreign = latin and name in FOREIGN
        option = where.get(FOREIGN[name] if foreign else name, where.get(name.upper()))
        if option is None:
            continue
        before, after = text[max(0, match.start() - 30) : match.start()], text[match.end() : match.end() + 30]
        if _is_meant(name, before, after, foreign=foreign):
            yield option, match.start(), match.end()


def _is_meant(name: str, before: str, after: str, *, foreign: bool) -> bool:
    """Return whether a letter or a number between these texts labels an option."""
    if re.search(r"[(\[]\s*$", before) and re.match(r"\s*[)\]]", after):
        return True
    called = verdict.CALLED.search(before) is not None
    if not called and _OTHER_THINGS.search(before):
        return False
    if name.isdigit() or name.islower():
        ends = _NUMBER_ENDS.match(after) if name.isdigit() else not re.match(r"\s*\w", after)
        begins = re.search(r"(?:^|\n)[-*•\s]*$", before) and re.match(r"[.):]\s", after)
        return bool((called or verdict.CONCLUDED.search(before)) and ends) or bool(begins)
    if called and not re.match(r"\s+[a-z]", after):
        return True
    if re.match(r"\s*=|\^|_|\s*[<>]\s*\d", after):
        return False
    if name == "I":
        return not re.match(r"[ \t]+\w", after) or _PRONOUN.match(after) is not None
    if (name in _WORDS_TOO or foreign) and re.match(rf"[ \t]+[^\W\d_{_CJK}]", after):
        within = re.search(r"[^\W_],?\s+$", before) is not None  # of a sentence: an article is in lower case there
        return (within and after.lstrip()[:1].islower()) or verdict.MAY_FOLLOW.match(after) is not None
    return True


@lru_cache(maxsize=64)
def _label_pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    """Return a pattern for these labels as words of their own, in lower case too where they are Latin."""
    every = {*names, *(name.lower() for name in names if name.isascii())}
    every |= set(FOREIGN) if names[0] == "A" else set()
    either = "|".join(sorted(map(re.escape, every), key=len, reverse=True))
    word = rf"[^\W{_CJK}]"  # in Chinese and its like there are no spaces
    before = rf"(?<!{word})(?<![.\\'’\-][^\W\d_])(?<!['’\\])"
    after = rf"(?!{word})(?!['’](?!d[iıuü]r|t[iıuü]r)\w)(?!-\w|\+)"  # Turkish: B'dir
    return re.compile(rf"{before}(?:{either}){after}")


def _spots_of_words(text: str, options: Sequence[Label]) -> Iterator[tuple[int, int, int]]:
    """Yield where the words of an option are; `red` in `red brick` is no second option."""
    where = {label.words: number for number, label in enumerate(options) if label.words}
    for match in _words_pattern(tuple(where)).finditer(text):
        words = " ".join(match[1].casefold().split())
        if words in where:
            yield where[words], match.start(), match.end()


@lru_cache(maxsize=256)
def _words_pattern(texts: tuple[str, ...]) -> re.Pattern[str]:
    longest = sorted(texts, key=len, reverse=True)
    either = "|".join(r"\s+".join(map(re.escape, text.split())) for text in longest)
    plural = r"(?<=[A-Za-z]{3})(?:e?s)?"
    return re.compile(rf"(?<![^\W{_CJK}])(?<!\d[.,])({either})(?:{plural})?(?![^\W{_CJK}])(?![.,]\d)", re.IGNORECASE)
