r"""What announces an answer, in the common languages, and one plain spelling of its characters. Nothing here judges.

    plain         １８, ١٨, 𝟏𝟖 -> 18; U+2212 -> -; every space -> ' '; invisible characters go; 。 -> '. '
    unstyled      **18**, `18`, <b>18</b> -> 18
    answer_marks  where `Answer:`, `the answer is`, `答案是`, `Ответ:` and their kin end, in text that is plain

`LANGUAGES` is the table: to add a language, add a row. Everything here takes time linear in the text.
"""

import re
import unicodedata
from functools import cache
from typing import NamedTuple


class AnswerWords(NamedTuple):
    """How a language announces an answer.

    nouns: words for "answer", `|` between them. verbs: what links one to the answer, as in "the answer *is* 5".
    nots: what denies it, before the verb or right after it; where `late`, anywhere in the rest of the sentence.
    bare: the answer may follow the noun with nothing between them but a space.
    """

    nouns: str
    verbs: str = ""
    nots: str = ""
    bare: bool = False
    late: bool = False


LANGUAGES: dict[str, AnswerWords] = {
    "English": AnswerWords(
        "answer|answers|final answer", "is|are|equals|would be|will be|must be|should be|comes to", "not|n't|never"
    ),
    "Chinese": AnswerWords(
        "答案|最终答案|最終答案|答",
        "就是|应该是|应该为|应为|應為|應該是|等于|等於|是|(?<![因认以])为|(?<![因認以])為|选|選|应选|應選",
        "不|非|没|沒",
    ),
    "Japanese": AnswerWords("答え|答|解答|回答|正解|こたえ", "は|が", "ではな|じゃな|でな", late=True),
    "Korean": AnswerWords("정답|답변|답|해답", "은|는|이|가", "아니|아닙", bare=True, late=True),
    "Russian": AnswerWords("ответ|ответом|ответу", "равен|равно|равна|это|будет|составляет|является|—|–|-", "не"),
    "Ukrainian": AnswerWords("відповідь|відповіддю", "дорівнює|це|буде|становить|є|—|–|-", "не"),
    "Bulgarian": AnswerWords("отговор|отговорът|отговора", "е|са|—|-", "не"),
    "Serbian": AnswerWords("odgovor|одговор", "je|је|су|su|glasi|iznosi", "nije|није"),
    "Spanish": AnswerWords("respuesta|respuestas", "es|son|sería|será|seria|sera", "no"),
    "Catalan": AnswerWords("resposta|respostes", "és|són|serà|es", "no"),
    "Portuguese": AnswerWords("resposta|respostas", "é|são|seria|será", "não|nao"),
    "French": AnswerWords("réponse|réponses|reponse", "est|sont|serait|sera|vaut", "pas|n'est"),
    "Italian": AnswerWords("risposta|risposte", "è|sono|sarebbe|sarà|e'", "non"),
    "Romanian": AnswerWords("răspuns|răspunsul|raspuns|raspunsul", "este|e|sunt|va fi", "nu"),
    "German": AnswerWords("antwort|antworten|endantwort", "lautet|lauten|ist|sind|wäre|beträgt", "nicht"),
    "Dutch": AnswerWords("antwoord|eindantwoord|antwoorden", "is|zijn|luidt|bedraagt", "niet"),
    "Swedish": AnswerWords("svar|svaret|slutsvar", "är|blir|er|bliver", "inte|ikke"),
    "Finnish": AnswerWords("vastaus|vastaukseksi", "on|ovat", "ei"),
    "Hungarian": AnswerWords("válasz|válaszom|végeredmény", "az|a", "nem", bare=True),
    "Polish": AnswerWords("odpowiedź|odpowiedz|odpowiedzią", "to|jest|brzmi|wynosi", "nie"),
    "Czech": AnswerWords("odpověď|odpoveď|odpovědí", "je|zní|znie", "není|nie je"),
    "Turkish": AnswerWords("cevap|cevabı|yanıt|yanıtı|cevabımız", "olarak", "değil", bare=True, late=True),
    "Greek": AnswerWords("απάντηση|απαντηση", "είναι|ειναι", "δεν"),
    "Arabic": AnswerWords(
        "الجواب|والجواب|جواب|الإجابة|الاجابة|إجابة|اجابة|الاجابه", "هو|هي|يساوي|تساوي", "ليس|ليست", bare=True
    ),
    "Persian": AnswerWords("پاسخ|جواب", "برابر است با|برابر با|می‌شود|میشود|عبارت است از", "نیست", bare=True, late=True),
    "Urdu": AnswerWords("جواب|جوابات", "ہے", "نہیں", bare=True, late=True),
    "Hebrew": AnswerWords("תשובה|התשובה|תשובתי", "היא|הוא|הינה|הינו", "לא|אינה|אינו", bare=True),
    "Hindi": AnswerWords("उत्तर|जवाब|जबाब", "है|हैं|होगा", "नहीं", bare=True, late=True),
    "Bengali": AnswerWords("উত্তর|উত্তরটি|জবাব", "হল|হলো|হচ্ছে|হবে", "নয়|না", bare=True, late=True),
    "Punjabi": AnswerWords("ਉੱਤਰ|ਜਵਾਬ", "ਹੈ", "ਨਹੀਂ", bare=True, late=True),
    "Gujarati": AnswerWords("જવાબ|ઉત્તર", "છે", "નથી", bare=True, late=True),
    "Tamil": AnswerWords("பதில்|விடை", "ஆகும்", "இல்லை", bare=True, late=True),
    "Telugu": AnswerWords("సమాధానం|జవాబు", "అవుతుంది", "కాదు", bare=True, late=True),
    "Kannada": AnswerWords("ಉತ್ತರ|ಉತ್ತರವು", "ಆಗಿದೆ", "ಅಲ್ಲ", bare=True, late=True),
    "Malayalam": AnswerWords("ഉത്തരം", "ആണ്", "അല്ല", bare=True, late=True),
    "Thai": AnswerWords("คำตอบ|คำตอบสุดท้าย", "คือ|เป็น|เท่ากับ|ได้แก่", "ไม่", bare=True),
    "Vietnamese": AnswerWords("đáp án|đáp số|câu trả lời|trả lời", "là|bằng", "không"),
    "Indonesian": AnswerWords("jawaban|jawabannya|jawaban akhir", "adalah|ialah|yaitu|yakni", "bukan"),
    "Malay": AnswerWords("jawapan|jawapannya", "ialah|adalah|iaitu", "bukan"),
    "Filipino": AnswerWords("sagot|kasagutan", "ay", "hindi"),
    "Swahili": AnswerWords("jibu", "ni", "si"),
}
"""What a row does not say is the same everywhere: `:` or `=` after the noun announces the answer, and so does the noun
alone on a line, as a heading or in bold print."""

_HASHES = re.compile(
    r"^[ \t]*\#{4}[ \t]*(?=[^A-Za-z\n]*$)|<(?:final_?)?answer>"
    r"|(?<!\w)(?:correction|corrected|korrektur|corrección|correção|correzione|исправление|поправка|更正|修正|訂正|정정)"
    r":[ \t]*(?=[-$€£\\0-9])",
    re.MULTILINE | re.IGNORECASE,
)
_UNSPACED = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")  # no spaces, or endings on the noun
_SENTENCE_ENDS = re.compile(r"[.!?;\n]")
_MAX_GAP, _MAX_UNSPACED_GAP = 40, 12  # characters between the noun and its verb
_MAX_LATE = 30


class AnswerMark(NamedTuple):
    """An announcement of an answer: where it starts, and where what it announces starts."""

    start: int
    end: int


def answer_marks(text: str) -> list[AnswerMark]:
    """Return the marks of a plain text in order, without those that deny: `the answer is not 5`.

    Two that overlap (`final answer: the answer is`) are one.
    """
    folded = text.casefold()
    found = [AnswerMark(*match.span()) for match in _HASHES.finditer(text)]
    for row in LANGUAGES.values():
        if any(noun in folded for noun in row.nouns.split("|")):
            pattern, denial = _patterns(row)
            found += [
                AnswerMark(*match.span()) for match in pattern.finditer(text) if not _denied(text, match, row, denial)
            ]
    joined: list[AnswerMark] = []
    for mark in sorted(found):
        if joined and mark.start < joined[-1].end:
            mark = AnswerMark(joined[-1].start, max(mark.end, joined.pop().end))
        joined.append(mark)
    return joined


@cache
def _patterns(row: AnswerWords) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return what finds the marks of a language, and what denies one."""
    unspaced = _UNSPACED.search(row.nouns) is not None
    before, after = ("", "") if unspaced else (r"(?<!\w)", r"(?!\w)")
    gap = rf"[^\n.:=$]{{0,{_MAX_UNSPACED_GAP if unspaced else _MAX_GAP}}}?"
    noun = f"(?:{'|'.join(sorted(row.nouns.split('|'), key=len, reverse=True))})"
    style = r"[*_`\"']{0,4}"
    forms = [
        rf"{style}(?:[ \t]?\([^()\n]{{1,30}}\))?(?:[ \t]?[:=]|[ \t][-—][ \t]){style}",  # Answer: 5; Answer (in cm): 5
        rf"{gap}{before}(?:{row.verbs}){after}:?{style}",  # the answer is 5
        r"(?:\*\*|__)[ \t]*(?=\S)",  # **Answer** 5
    ]
    if row.bare:
        forms.insert(1, r"[ \t]{0,3}(?=[-+$€£¥(\[\\*]{0,3}(?:[0-9]|[A-Z](?![A-Za-z])))")
    inside = rf"{before}{noun}{after}(?:{'|'.join(forms)})"
    heading = rf"^[ \t]*(?:[#>*_]{{1,6}}[ \t]*(?:\w{{1,20}}[ \t]?){{0,2}})?{noun}[*_]{{0,3}}:?[*_]{{0,3}}[ \t]*$"
    denial = rf"{before}(?:{row.nots}){after}" if row.nots else r"(?!)"
    return re.compile(f"{heading}|{inside}", re.IGNORECASE | re.MULTILINE), re.compile(denial, re.IGNORECASE)


def _denied(text: str, match: re.Match[str], row: AnswerWords, denial: re.Pattern[str]) -> bool:
    rest = text[match.end() : match.end() + _MAX_LATE].lstrip(" \t*_")
    if denial.match(rest) or denial.search(match[0]):
        return True
    return row.late and denial.search(_SENTENCE_ENDS.split(rest, maxsplit=1)[0]) is not None


# ---------------------------------------------------------------- characters

_ALIKE = {
    "-": "\u2010\u2011\u2012\u2013\u2212\u02d7\ufe63\uff0d\u2796\u2043",
    "+": "\u2795\ufb29\uff0b",
    "/": "\u2044\u2215\u29f8\uff0f",
    "*": "\u2217\uff0a",
    "·": "\u2219\u22c5\u2022\u30fb\uff65",
    "×": "\u2715\u2716\u2a09\u2a2f",
    ":": "\u2236\uff1a\ufe55\ufe13",
    "'": "\u2018\u2019\u02bc\u201b\uff07",
    '"': "\u201c\u201d\u201e\u201f\u300c\u300d\u300e\u300f\uff02",
    "[": "\u3010\u3014\uff3b",
    "]": "\u3011\u3015\uff3d",
    ".": "\u066b\uff0e",  # between two digits
    ",": "\u066c\ufe50",
    "%": "\u066a\uff05\ufe6a",
    "¥": "\uffe5",
    "£": "\uffe1",
    "¢": "\uffe0",
    "|": "\uff5c",
    "~": "\uff5e\u301c",
    ", ": "\u060c\u3001\uff64\uff0c",
    ". ": "\u3002\uff61\u0964\u0965\u0589\u1362\u06d4",  # full stops: what follows is another sentence
    "! ": "\uff01",
    "? ": "\uff1f\u061f",
    "; ": "\uff1b\u061b",
    "\n": "\u2028\u2029\x85\x0b\x0c",
}
_PLAIN = {ord(sign): plain for plain, signs in _ALIKE.items() for sign in signs}
_INVISIBLE = frozenset(("Cf", "Cc")), frozenset("\t\n\r")
_FOLDED = ((0x1D400, 0x1D7FF), (0xFF01, 0xFF5E), (0x24B6, 0x24E9), (0x1F130, 0x1F149))  # 𝐁, Ｂ, Ⓑ, 🄱: as NFKC has them
_DARK = (0x1F150, 0x1F170)  # 🅑, 🅱: NFKC has nothing for them


class _Characters(dict[int, str]):
    """Character -> its plain spelling, worked out when it is first seen."""

    def __missing__(self, code: int) -> str:
        sign = chr(code)
        plain = self[code] = _PLAIN.get(code) or _spelt(sign, code)
        return plain


def _spelt(sign: str, code: int) -> str:
    category = unicodedata.category(sign)
    if category == "Nd":
        return str(unicodedata.decimal(sign))
    if category == "Zs":
        return " "
    if category in _INVISIBLE[0] and sign not in _INVISIBLE[1]:
        return ""
    if any(first <= code <= last for first, last in _FOLDED):
        return unicodedata.normalize("NFKC", sign)
    dark = next((code - first for first in _DARK if 0 <= code - first < 26), None)
    return sign if dark is None else chr(ord("A") + dark)


_CHARACTERS = _Characters()
_WIDE_COMMA = re.compile("(?<=[\uff10-\uff19])\uff0c(?=[\uff10-\uff19]{3}(?![\uff10-\uff19]))")  # １，２３４


def plain(text: str) -> str:
    """Return a text with its digits, signs, spaces and brackets in ASCII. Superscripts and vulgar fractions stay."""
    return text if text.isascii() else _WIDE_COMMA.sub(",", text).translate(_CHARACTERS)


_STYLES = (
    (re.compile(r"(?<![A-Za-z0-9)\]}*\\])(\*\*\*|\*\*|\*)(?=[^\s*])([^*\n]{1,500})(?<=\S)\1(?!\*)"), r"\2"),
    (re.compile(r"(?<![\w\\])(___|__|_)(?=[^\s_])([^_\n]{1,500})(?<=\S)\1(?!\w)"), r"\2"),
    (re.compile(r"~~[^~\n]{1,500}~~"), ""),  # struck out
    (re.compile(r"`+"), ""),
    (re.compile(r"<br ?/?>", re.IGNORECASE), "\n"),
    (re.compile(r"</?(?:b|strong|i|em|u|mark|code|span|font|p|div|center|big|small)(?:\s[^<>]{0,100})?>", re.I), ""),
)


def unstyled(text: str) -> str:
    """Return a text without Markdown's and HTML's emphasis; `2**3` and `x_1` keep their signs."""
    for pattern, new in _STYLES:
        text = pattern.sub(new, text)
    return text
