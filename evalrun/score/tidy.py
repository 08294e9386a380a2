r"""One short spelling of written mathematics: Unicode and ASCII become LaTeX, and what only changes the looks goes.

    4√2 -> 4\sqrt{2}    10⁻⁶ -> 10^{-6}    2½ -> 2 \frac{1}{2}    \mathbf{16} -> 16    1.2 x 10**3 -> 1.2 \times 10^3

Values do not change here, with one exception that is only spelling too: `5 million` becomes its product (`words`).
"""

import re
import unicodedata
from functools import lru_cache

from evalrun.score.marks import plain
from evalrun.score.numerals import expanded
from evalrun.score.units import MONEY

_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱˣʸᵃᵇᵏᵐᵗ", "0123456789+-=()nixyabkmt", strict=True))
_SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₙᵢₓⱼₖₘₐ", "0123456789+-=()nixjkma", strict=True))
APPROXIMATELY = (
    r"approximately|approx\.?|about|roughly|around|nearly|ca\.|circa|environ|ungefähr|etwa|rund|aproximadamente|примерно"
    "|приблизительно|около|约等于|大约|约|約|およそ|약"
)
"""Words that say that a number is rounded."""

FUNCTIONS = "arc(?:sin|cos|tan)|(?:sin|cos|tan)h?|cot|sec|csc|log|ln"
VULGAR = "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞↉"
_GREEK = (
    "αalpha βbeta γgamma δdelta εepsilon ζzeta ηeta θtheta ιiota κkappa λlambda μmu νnu ξxi πpi ρrho σsigma τtau "
    "υupsilon φphi χchi ψpsi ωomega ΓGamma ΔDelta ΘTheta ΛLambda ΞXi ΠPi ΣSigma ΦPhi ΨPsi ΩOmega ϕphi ϵepsilon"
)
_SYMBOLS = {
    "×": r"\times ", "·": r"\cdot ", "÷": r"\div ", "°": r"^\circ", "˚": r"^\circ", "º": r"^\circ", "∞": r"\infty ",
    "≤": r"\leq ", "≦": r"\leq ", "⩽": r"\leq ", "≥": r"\geq ", "≧": r"\geq ", "⩾": r"\geq ", "≠": r"\neq ",
    "≈": r"\approx ", "≃": r"\approx ", "≅": r"\approx ", "≒": r"\approx ", "±": r"\pm ", "∓": r"\mp ", "∪": r"\cup ",
    "∩": r"\cap ", "∈": r"\in ", "∉": r"\notin ", "∅": r"\emptyset ", "⊂": r"\subset ", "∖": r"\setminus ",
    "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}", "ℕ": r"\mathbb{N}", "ℚ": r"\mathbb{Q}", "ℂ": r"\mathbb{C}",
    "∠": r"\angle ", "△": r"\triangle ", "⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ", "⌉": r"\rceil ",
    "→": r"\to ", "ℎ": "h", "ℓ": "l", "∣": "|", "℃": r"^\circ C", "℉": r"^\circ F", "…": "...",
}  # fmt: skip
_CHARACTERS = {ord(sign): new for sign, new in _SYMBOLS.items()}
_LETTERS = {ord(pair[0]): rf"\{pair[1:]} " for pair in _GREEK.split()}
_GREEK_RUN = re.compile("[\u0370-\u03ff\u1f00-\u1fff]+")
_MOST_VARIABLES = 4  # that are multiplied without a sign: what is longer is a word
for _sign in VULGAR:
    _over, _under = unicodedata.normalize("NFKC", _sign).split("\u2044")
    _CHARACTERS[ord(_sign)] = rf" \frac{{{_over}}}{{{_under}}}"

_RAISED, _LOWERED = "".join(_SUPERSCRIPTS), "".join(_SUBSCRIPTS)
_SMALL_FRACTION = re.compile(rf"([{_RAISED}]+)[/\u2044]([{_LOWERED}]+)")
_RAISED_RUN, _LOWERED_RUN = re.compile(rf"[{_RAISED}]+"), re.compile(rf"[{_LOWERED}]+")
_ROOT = re.compile(
    r"([√∛∜])[ \t]*(?:([0-9]+(?:\.[0-9]+)?|[A-Za-z]|\\[A-Za-z]+)|(?=[({]))|(?<![A-Za-z\\])(sqrt|cbrt)(?=[({])"
)
_DEGREES = {"√": "", "∛": "[3]", "∜": "[4]", "sqrt": "", "cbrt": "[3]"}
_CLOSED_BY = {"(": ")", "{": "}"}

_SUBSTITUTIONS = tuple(
    (re.compile(pattern), new)
    for pattern, new in (
        (r"\s+", " "),
        (r"(?<!\\)\$\$?((?:[^$\\]|\\.)+?)\$\$?", r" \1 "),
        (r"(?<!\\)\\[()\[\]]", " "),
        (rf"\\text\{{ ?\( ?(?:or )?(?:{APPROXIMATELY}) ?\}}? ?[-0-9.,$]+ ?(?:\\text\{{)? ?\)? ?\}}?", " "),
        (r"(?<=[0-9}]) ~ (?=[-0-9.])", r" \\approx "),
        (r"\\(?:text)?color(?:box)? ?\{[^{}]*\}|\\(?:hspace|vspace|phantom|label|tag)\*? ?\{[^{}]*\}", " "),
        (
            r"\\(?:left|right|middle|[bB]igg?[lrm]?|displaystyle|textstyle|scriptstyle|limits|bf|rm|it|sf|tt|boldmath"
            r"|tiny|small|normalsize|large|Large|LARGE|huge|Huge)(?![A-Za-z])\.?",
            "",
        ),
        (r"\\! ?", ""),
        (r"\\(?:[,;:>]|(?:quad|qquad|thinspace|enspace|medspace|space|nobreakspace)(?![A-Za-z]))|(?<!\\)\\ |~", " "),
        (r"(?<=[0-9]) ?\{ ?, ?\} ?(?=[0-9]{3}(?![0-9]))", ","),
        (r"(?<=[0-9])\{ ?, ?\}(?=[0-9])", "."),  # 3{,}14: LaTeX's decimal comma
        (r" ?\{ ?, ?\} ?", ","),
        (r"\\(?:[dtcx]|nice|s)frac(?![A-Za-z])", r"\\frac"),
        (r"\{ ?([^{}\\]+?) ?\\over(?![A-Za-z]) ?([^{}\\]+?) ?\}", r"\\frac{\1}{\2}"),
        (r"\\frac ?([0-9A-Za-z]) ?([0-9A-Za-z])", r"\\frac{\1}{\2}"),
        (r"\\frac ?([0-9A-Za-z]) ?\{", r"\\frac{\1}{"),
        (r"(\\frac ?\{[^{}]*\}) ?([0-9A-Za-z])", r"\1{\2}"),
        (r"\\surd(?![A-Za-z])", r"\\sqrt"),
        (r"\\sqrt ?([0-9A-Za-z])", r"\\sqrt{\1}"),
        (
            r"\\(?:math(?:rm|bf|it|sf|tt|normal)|mbox|text[a-z]{2}|textnormal|operatorname\*?|boldsymbol|bm|pmb) ?\{",
            r"\\text{",
        ),
        (r"\\(?:underline|ensuremath|textstyle|underbrace|mathstrut)(?![A-Za-z]) ?(?=\{)", ""),
        (r"\\text\{ ?(-?[0-9][0-9.,/ ]*) ?\}", r" \1 "),
        (
            r",? ?(?<![A-Za-z\\])(?:\\text\{ ?)?(?:or |which is |i\.?e\.?,? )?"
            rf"(?:{APPROXIMATELY}) ?\}}? ?(?=[-0-9.\\$])",
            r"\\approx ",
        ),
        (r" ?(?:\\text\{ ?(?:,? ?and|,? ?or) ?\}|(?<![A-Za-z\\])(?:and|or|und|oder|et|ou)(?![A-Za-z])|;) ?", ", "),
        (r" ?(?:(?<!\w)(?:и|или)(?!\w)|[和或与及と]|또는|및) ?", ", "),
        (r",(?: ?,)+", ", "),
        (r"\\le(?:q|qslant)?(?![A-Za-z])|<=", r"\\leq "),
        (r"\\ge(?:q|qslant)?(?![A-Za-z])|>=", r"\\geq "),
        (r"\\ne(?:q)?(?![A-Za-z])|!=", r"\\neq "),
        (r"\\(?:simeq|cong|thickapprox|approxeq)(?![A-Za-z])|~=|(?<![<>=])=~", r"\\approx "),
        (r"\\lt(?![A-Za-z])", "<"),
        (r"\\gt(?![A-Za-z])", ">"),
        (r"\\varnothing|\\emptyset", r"\\emptyset "),
        (r"\\([%$€£¥])", r"\1"),
        (rf"\\text\{{ ?({MONEY}) ?\}}(?= ?[-0-9.])", r"\1"),
        (rf"(?<![A-Za-z\\])({FUNCTIONS})(?= ?(?:[\^_(0-9]|\\(?:left|frac|sqrt|pi|theta)|[a-z](?![a-z])))", r"\\\1 "),
        (r"^\\text\{ ?(?:[Tt]he )?(?:[Ff]inal )?[Aa]nswer(?: is)?:? ?\}:? ?(?=[-0-9\\({])", ""),
        (r"^([0-9]{1,2}) ?h ?([0-9]{2})$", r"\1:\2"),
        (r"^\(([-0-9./]+) ?\| ?([-0-9./]+)\)$", r"(\1, \2)"),
        (r"^\(([^()]*\\pm[^()]*)\) ?/ ?([0-9]+)$", r"\\frac{\1}{\2}"),
        (r"(?<![A-Za-z\\])pi(?![A-Za-z])", r"\\pi "),
        (r"(?<![A-Za-z\\])(?:infinity|inf)(?![A-Za-z])", r"\\infty "),
        (r"(?<=[0-9]) ?[xX] ?(?=10 ?(?:\^|\*\*))", r"\\times "),
        (r"(?<=[0-9A-Za-z)}]) ?\*\* ?(?=[-+0-9A-Za-z({\\])", "^"),
        (r"\s+", " "),
        (r"(?<![0-9.,/^{}])([0-9]+) ([0-9]+)/([0-9]+)(?![0-9.])", r"\1 \\frac{\2}{\3}"),
    )
)  # fmt: skip


@lru_cache(maxsize=1_024)
def tidy(text: str) -> str:
    """Return a written answer in LaTeX, in one short spelling."""
    text = plain(in_ascii(text))
    if r"\begin" not in text:
        text = re.sub(r"\\\\(?=[A-Za-z])", r"\\", text)  # escaped once too often; in a matrix it ends a row
    for pattern, new in _SUBSTITUTIONS:
        text = pattern.sub(new, text)
    return expanded(text.strip(" *").rstrip(".,").strip())


def in_ascii(text: str) -> str:
    """Return a text without the signs of Unicode's mathematics."""
    if not text.isascii():
        text = _SMALL_FRACTION.sub(lambda pair: rf"\frac{{{_down(pair[1])}}}{{{_down(pair[2])}}}", text)
        text = _RAISED_RUN.sub(lambda run: f"^{{{_down(run[0])}}}", text)
        text = _LOWERED_RUN.sub(lambda run: f"_{{{_down(run[0])}}}", text)
        text = _GREEK_RUN.sub(_greek, text.translate(_CHARACTERS))
    return _rooted(text) if _ROOT.search(text) else text


def _greek(run: re.Match[str]) -> str:
    """Write Greek variables as commands; a word, which has accents or is longer, stays."""
    known = len(run[0]) <= _MOST_VARIABLES and all(ord(sign) in _LETTERS for sign in run[0])
    return run[0].translate(_LETTERS) if known else run[0]


def _down(run: str) -> str:
    return "".join(_SUPERSCRIPTS.get(sign) or _SUBSCRIPTS[sign] for sign in run)


def _rooted(text: str) -> str:
    r"""Write `√2`, `√(x+1)`, `∛8` and `sqrt(2)` with `\sqrt{}`."""
    signs, opened = list(text), {root.end() for root in _ROOT.finditer(text) if not root[2]}
    stack: list[int] = []
    for at, sign in enumerate(text):
        if sign in "({":
            stack.append(at)
        elif sign in ")}" and stack and (start := stack.pop()) in opened:
            signs[start], signs[at] = "{", "}"
    return _ROOT.sub(_root, "".join(signs))


def _root(root: re.Match[str]) -> str:
    return rf"\sqrt{_DEGREES[root[1] or root[3]]}" + (f"{{{root[2]}}}" if root[2] else "")
