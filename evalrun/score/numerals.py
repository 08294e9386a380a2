r"""Numbers that are written with words: `5 million`, `2.5万`, `3 lakh`, `2 dozen`, `eighteen`, `十八`.

A word of magnitude after digits is a factor, never a unit that may be left out: 5 million is not 5. `MAGNITUDES` is the
table of the common languages. A letter (`3k`, `2M`, `1.5B`) is a factor only where the caller says that money or counts
are meant; elsewhere it is a variable or a unit.
"""

import re
from collections.abc import Iterable
from fractions import Fraction
from math import prod

MAGNITUDES: dict[int, str] = {
    12: "dozen dozens docena docenas douzaine douzaines Dutzend dozzina dozzine dúzia dúzias дюжина дюжины дюжин lusin",
    100: "hundred hundreds honderd cien hundert सौ শত 百 백",
    10
    ** 3: "thousand thousands thous mil mille mila Tausend Tsd duizend tusen tuhat tisíc tisíce tysiąc tysiące tysięcy "
    "tys тысяча тысячи тысяч тыс тисяча тисячі тисяч хиляди хиляда bin ribu nghìn ngàn ألف آلاف الف هزار אלף אלפים "
    "χιλιάδες हजार हज़ार হাজার พัน 千 천 ezer mii elfu libo",
    10**4: "万 萬 만 หมื่น",
    10**5: "lakh lakhs lac lacs लाख লাখ লক্ষ แสน లక్ష இலட்சம் லட்சம்",
    10
    ** 6: "million millions mn mln mio millón millones milhão milhões Million Millionen milione milioni miljoen miljon "
    "miljoner miljoona miljoonaa milion miliony milionů milionów millió milioane milyon juta triệu миллион миллиона "
    "миллионов млн мільйон мільйона мільйонів милион милиона مليون ملايين میلیون מיליון εκατομμύρια εκατομμύριο "
    "milyun milioni ล้าน 百万 百萬 백만",
    10**7: "crore crores करोड़ करोड কোটি कोटि కోట్లు கோடி",
    10**8: "億 亿 억",
    10**9: "billion billions bn bln milliard milliards Milliarde Milliarden Mrd miliardo miliardi miljard miljarder "
    "miliard miliardy miliardów mld milliárd miliarde milyar miliar tỷ tỉ миллиард миллиарда миллиардов млрд мільярд "
    "мільярда мільярдів bilhão bilhões مليار میلیارد מיליארד δισεκατομμύρια अरब 十亿 十億 십억",
    10**12: "trillion trillions tn Billionen billón billones bilión biliony triliun trilyun триллион триллиона "
    "триллионов трлн trilhão trilhões تريليون تریلیون τρισεκατομμύρια खरब 万亿 兆 조",
    10**15: "quadrillion quadrillions",
    10**18: "quintillion quintillions",
}
PARTS: dict[int, str] = {
    2: "half",
    3: "third thirds",
    4: "quarter quarters fourth fourths",
    5: "fifth fifths",
    6: "sixth sixths",
    7: "seventh sevenths",
    8: "eighth eighths",
    9: "ninth ninths",
    10: "tenth tenths",
    100: "hundredth hundredths",
    1000: "thousandth thousandths",
    10**6: "millionth millionths",
}
LETTERS = {"k": 10**3, "K": 10**3, "M": 10**6, "MM": 10**6, "B": 10**9, "T": 10**12}
NEGATIVE = (
    "minus|negative|negativ|moins|menos|meno|минус|мінус|负|負|零下|氷点下|マイナス|마이너스|영하|eksi|ลบ|ऋण|âm|سالب"
    "|ناقص"
)

_SMALL = {
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty": range(21),
    "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn "
    "achtzehn neunzehn zwanzig": range(21),
    "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept dix-huit "
    "dix-neuf vingt": range(21),
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete "
    "dieciocho diecinueve veinte": range(21),
    "zero uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici "
    "diciassette diciotto diciannove venti": range(21),
    "zero um dois três quatro cinco seis sete oito nove dez onze doze treze catorze quinze dezesseis dezessete dezoito "
    "dezenove vinte": range(21),
    "ноль один два три четыре пять шесть семь восемь девять десять одиннадцать двенадцать тринадцать четырнадцать "
    "пятнадцать шестнадцать семнадцать восемнадцать девятнадцать двадцать": range(21),
    "thirty forty fifty sixty seventy eighty ninety": range(30, 100, 10),
    "dreißig vierzig fünfzig sechzig siebzig achtzig neunzig": range(30, 100, 10),
    "treinta cuarenta cincuenta sesenta setenta ochenta noventa": range(30, 100, 10),
    "trente quarante cinquante soixante": range(30, 70, 10),
    "trenta quaranta cinquanta sessanta settanta ottanta novanta": range(30, 100, 10),
    "trinta quarenta cinquenta sessenta setenta oitenta noventa": range(30, 100, 10),
    "тридцать сорок пятьдесят шестьдесят семьдесят восемьдесят девяносто сто": range(30, 110, 10),
}
_FACTORS = {word.casefold(): factor for factor, words in MAGNITUDES.items() for word in words.split()}
_PARTS = {word: part for part, words in PARTS.items() for word in words.split()}
_UNITS = {word: value for words, values in _SMALL.items() for word, value in zip(words.split(), values, strict=True)}
_UNITS |= {  # fünfundzwanzig, venticinque, veinticinco
    one + joint + ten if joint == "und" else ten + one: _UNITS[ten] + value
    for joint, ones, tens in (
        (
            "und",
            "ein zwei drei vier fünf sechs sieben acht neun",
            "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig",
        ),
        (
            "",
            "uno due tré quattro cinque sei sette otto nove",
            "venti trenta quaranta cinquanta sessanta settanta ottanta novanta",
        ),
    )
    for ten in tens.split()
    for value, one in enumerate(ones.split(), 1)
}
_UNITS |= {
    f"veinti{one}": 20 + n
    for n, one in enumerate(["uno", "dós", "trés", "cuatro", "cinco", "séis", "siete", "ocho", "nueve"], 1)
}
_DIGITS = dict(zip("〇零一二两兩三四五六七八九", (0, 0, 1, 2, 2, 2, 3, 4, 5, 6, 7, 8, 9), strict=True))
_TENS = {"十": 10, "百": 100, "千": 1000}
_MYRIADS = {"万": 10**4, "萬": 10**4, "億": 10**8, "亿": 10**8}
_MAX_CHARS = 120


def _any(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_ENDLESS = re.compile("[\u0e00-\u0e7f\u3040-\u9fff\uac00-\ud7af]")  # scripts without spaces, or with endings on a word
_MAGNITUDE = (
    rf"(?:(?:{_any(word for word in _FACTORS if not _ENDLESS.match(word))})(?!\w)\.?"
    rf"|(?:{_any(word for word in _FACTORS if _ENDLESS.match(word))}))"
)
_ASKED = re.compile(rf"\b(?:how many|number of|in|of|the) ({_MAGNITUDE})", re.IGNORECASE)
MAGNITUDES_AFTER = rf"(?:[ -]?{_MAGNITUDE}){{1,3}}"
"""Words of magnitude as they follow a number."""

_NUMBER = r"[0-9]+(?:[, '_][0-9]{2,3})*(?![0-9])(?:\.[0-9]+)?"
_TERM = rf"{_NUMBER}{MAGNITUDES_AFTER}"
_ONES = r"(?:(?<=[千百万萬億亿만천억]) ?[0-9]+(?![0-9.,]))?"  # the 5 of 3万5
MAGNITUDE_CHAIN = rf"{MAGNITUDES_AFTER}(?: ?{_TERM}){{0,4}}{_ONES}"
"""What may follow a number: `million`, `million 300 thousand`, `万5千`."""

_CHAIN = re.compile(rf"(?<![\w.,/^{{\\])({_TERM}(?: ?{_TERM}){{0,4}})({_ONES})(?![0-9])", re.IGNORECASE)
_PIECE = re.compile(rf"({_NUMBER})({MAGNITUDES_AFTER})", re.IGNORECASE)
_WORD = re.compile(_MAGNITUDE, re.IGNORECASE)
_BOXED_WORDS = re.compile(rf"(?<=[0-9}})]) ?\\text\{{ ?((?:{_MAGNITUDE})[^{{}}]*)\}}", re.IGNORECASE)
_AFTER_OTHERS = re.compile(rf"(?<=[0-9}})]){MAGNITUDES_AFTER}", re.IGNORECASE)
PARTS_AFTER = rf" ?({_any(word for word in _PARTS if word.endswith('s') and word != 'quarters')})(?!\w)"
"""Thirds, hundredths: as they follow a number. Quarters are coins as well."""

_PARTS_AFTER = re.compile(rf"(?<=[0-9]){PARTS_AFTER}")
_FOLLOWS = re.compile(rf"(?<=[0-9}})])(?:[ -]|\\text\{{){{0,3}}{_MAGNITUDE}", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(
    rf"(?<![0-9.,])([0-9]{{1,9}}),([0-9]{{1,2}})(?={MAGNITUDES_AFTER})", re.IGNORECASE
)  # 1,5 Mio.
_LETTER = re.compile(r"(?<=[0-9]) ?(k|K|MM?|B|T)(?![A-Za-z0-9^_({])")
_SIGN = re.compile(rf"^(?:{NEGATIVE}) ?(?=[0-9.$€£¥\\])", re.IGNORECASE)
_TOKEN = re.compile(r"[^\W\d_]+(?:[-'][^\W\d_]+)*")
_EAST = re.compile(f"[{''.join(_DIGITS)}{''.join(_TENS)}{''.join(_MYRIADS)}]+")


def expanded(text: str, *, letters: bool = False) -> str:
    """Write `5 million` as 5000000, `3万5千` as 35000 and `\\frac{1}{2} million` as a product.

    letters: `3k`, `2M` and `1.5B` are amounts too.
    """
    if letters:
        text = _LETTER.sub(lambda match: rf" \times {LETTERS[match[1]]}", text)
    text = _SIGN.sub("-", text)
    if _FOLLOWS.search(text) is None:
        return _PARTS_AFTER.sub(lambda match: f"/{_PARTS[match[1].casefold()]}", text)
    text = _BOXED_WORDS.sub(r" \1", text)
    text = _DECIMAL_COMMA.sub(r"\1.\2", text)
    text = _CHAIN.sub(_summed, text)
    return _AFTER_OTHERS.sub(lambda match: rf" \times {_factor(match[0])}", text)


def as_asked(answer: str, question: str) -> str:
    """Drop from `7 dozen` the word that the question asks for, as in "how many dozens"; else the answer as it is."""
    asked = _ASKED.search(question)
    if asked is None:
        return answer
    return _AFTER_OTHERS.sub(lambda words: "" if _factor(words[0]) == _factor(asked[1]) else words[0], answer)


def _factor(words: str) -> int:
    return prod(_FACTORS[word[0].casefold().rstrip(".")] for word in _WORD.finditer(words))


def _summed(chain: re.Match[str]) -> str:
    """Return the sum of `2 million 300 thousand` in digits; where the magnitudes do not fall, the text as it is."""
    total, least = Fraction(0), None
    for piece in _PIECE.finditer(chain[1]):
        factor = _factor(piece[2])
        if least is not None and factor >= least:
            return chain[0]
        total, least = total + Fraction(re.sub("[, '_]", "", piece[1])) * factor, factor
    return _written(total + int(chain[2].strip() or 0))


def _written(value: Fraction) -> str:
    """Return a number with finitely many decimals in digits."""
    places = 0
    while value.denominator > 1 and places < 40:
        value, places = value * 10, places + 1
    digits = str(value.numerator).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}" if places else digits


# ---------------------------------------------------------------- without a digit


def in_words(text: str) -> Fraction | None:
    """Read a whole text as a number in words, `minus twenty-five` or `十八`; None where it is not one."""
    text = text.strip().casefold()
    if not text or len(text) > _MAX_CHARS:
        return None
    if _EAST.fullmatch(text):
        return _eastern(text)
    words = text.replace("-", " ").split() if text not in _UNITS else [text]
    sign = -1 if words and words[0] in NEGATIVE.split("|") else 1
    if sign < 0:
        words = words[1:]
    value = _western(words)
    return None if value is None else sign * value


def _western(words: list[str]) -> Fraction | None:
    """Read the words of a number: whole, then a fraction."""
    if "point" in words:
        at = words.index("point")
        whole, digits = _whole(words[:at]), [_UNITS.get(word, 10) for word in words[at + 1 :]]
        if whole is None or not digits or max(digits) > 9:
            return None
        return whole + Fraction(int("".join(map(str, digits))), 10 ** len(digits))
    if words and words[-1] in _PARTS and len(words) > 1:
        for cut in range(len(words) - 1):
            before, over = words[:cut], _whole(words[cut:-1])
            if before and before[-1] == "and":
                before = before[:-1]
            whole = _whole(before) if before else Fraction(0)
            if whole is not None and over is not None and (not before or words[cut - 1] == "and"):
                return whole + over / _PARTS[words[-1]]
        return None
    if len(words) > 3 and words[-4:-1] == ["and", "a", "half"] and words[-1] in _FACTORS:  # two and a half million
        whole = _whole(words[:-4])
        return None if whole is None else (whole + Fraction(1, 2)) * _FACTORS[words[-1]]
    if words[:1] == ["half"] and len(words) != 2:  # half; half a million
        return Fraction(1, 2) * (_whole(words[1:]) or 1) if len(words) < 4 else None
    return _whole(words)


def _whole(words: list[str]) -> Fraction | None:
    """Read `three hundred and five thousand twelve`."""
    total, group, seen = 0, 0, False
    for at, word in enumerate(words):
        if word in ("and", "y", "e", "und") and seen and at + 1 < len(words):
            continue
        if word in ("a", "an") and not seen and (len(words) == 1 or words[at + 1] in _FACTORS):
            group = 1
        elif (unit := _UNITS.get(word)) is not None:
            if seen and ((group % 100 and (group % 10 or unit > 9)) or not unit):
                return None
            group += unit
        elif (factor := _FACTORS.get(word)) in (12, 100):
            group = (group or 1) * factor
        elif factor is not None:
            total, group = total + (group or 1) * factor, 0
        else:
            return None
        seen = True
    return Fraction(total + group) if seen else None


def _eastern(text: str) -> Fraction | None:
    """Read `三百二十五万`; digits alone are read one by one, `二〇二四`."""
    if all(sign in _DIGITS for sign in text):
        return Fraction(int("".join(str(_DIGITS[sign]) for sign in text)))
    total, group, digit = 0, 0, None
    for sign in text:
        if sign in _DIGITS:
            digit = _DIGITS[sign]
        elif sign in _TENS:
            group, digit = group + (1 if digit is None else digit) * _TENS[sign], None
        else:
            total, group, digit = total + (group + (digit or 0)) * _MYRIADS[sign], 0, None
    return Fraction(total + group + (digit or 0))


def last_in_words(text: str) -> str:
    """Return the last number in words of a prose text that has no digits; empty if there is none.

    A lone `one` or `a` is a pronoun or an article more often than a number.
    """
    if east := [run[0] for run in _EAST.finditer(text) if len(run[0]) > 1]:
        return east[-1]
    run: list[str] = []
    for word in [*(token[0] for token in reversed(list(_TOKEN.finditer(text)))), ""]:
        if all(_counts(part) for part in word.casefold().split("-")) or word.casefold() in _UNITS:
            run.insert(0, word)
            continue
        while run and in_words(" ".join(run)) is None:
            run = run[1:]
        if run and (len(run) > 1 or run[0].casefold() not in ("one", "un", "uno", "um", "a", "an", "second")):
            return " ".join(run)
        run = []
    return ""


def _counts(word: str) -> bool:
    return word in _UNITS or word in _FACTORS or word in _PARTS or word in ("and", "a", "point", "minus", "negative")
