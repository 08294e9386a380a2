r"""Units of measurement and money around a number: one spelling each, so that two of them can be compared.

Nothing is converted: 100 cm and 1 m are different answers. Any other word ("apples", 个) is dropped. All of it works on
text that `tidy` has been over.
"""

import re

_SPELLINGS = {
    "%": "% percent percents pct percentage percentages prozent procent pourcent percento percentuali процент процента "
    "процентов процентів τοις-εκατό パーセント 퍼센트 प्रतिशत শতাংশ persen yüzde",
    "degree": "degree degrees deg grad degrés grados graus gradi градус градуса градусов 度 도",
    "$": "$ us$ dollar dollars usd bucks dólar dólares dollari đô-la đô доллар доллара долларов долларов-сша 美元 美金 "
    "ドル 달러 डॉलर ডলার دولار δολάρια",
    "cent": "cent cents ¢ 美分 セント 센트",
    "€": "€ euro euros eur евро євро 欧元 歐元 ユーロ 유로 यूरो يورو ευρώ",
    "£": "£ pound-sterling gbp 英镑 ポンド",
    "¥": "¥ yen yuan rmb jpy cny 元 块 日元 円 人民币 엔 위안",
    "₹": "₹ rupee rupees inr rs रुपये रुपए টাকা",
    "₩": "₩ won krw 원",
    "₽": "₽ ruble rubles rouble roubles rub рубль рубля рублей руб",
    "R$": "r$ real reais brl",
    "mm": "mm millimeter millimeters millimetre millimetres мм 毫米 ミリメートル",
    "cm": "cm centimeter centimeters centimetre centimetres centímetros сантиметров сантиметра см 厘米 "
    "公分 センチメートル 센티미터",
    "m": "m meter meters metre metres metros mètres метр метра метров м 米 公尺 メートル 미터 मीटर",
    "km": "km kilometer kilometers kilometre kilometres kilómetros kilomètres километр километра километров км 公里 "
    "千米 キロメートル 킬로미터 किलोमीटर",
    "inch": "in inch inches 英寸 インチ",
    "foot": "ft foot feet 英尺 フィート",
    "yard": "yd yard yards",
    "mile": "mi mile miles miglia millas milles 英里 マイル",
    "mg": "mg milligram milligrams мг 毫克",
    "g": "g gram grams gramm gramos grammes грамм грамма граммов г 克 グラム 그램",
    "kg": "kg kilogram kilograms kilogramm kilogramos kilogrammes килограмм килограмма килограммов кг 千克 公斤 "
    "キログラム 킬로그램",
    "lb": "lb lbs pound pounds",
    "oz": "oz ounce ounces",
    "ml": "ml milliliter milliliters millilitre millilitres мл 毫升",
    "l": "l liter liters litre litres litros литр литра литров л 升 リットル 리터",
    "gallon": "gal gallon gallons",
    "second": "s sec secs second seconds sekunden segundos secondes секунд секунды с 秒 초",
    "minute": "min mins minute minutes minuten minutos минута минуты минут мин 分钟 分鐘 分 분",
    "hour": "h hr hrs hour hours stunden stunde horas heures ore час часа часов ч 小时 小時 時間 시간 घंटे ঘণ্টা",
    "day": "day days tage tag días dias jours giorni день дня дней 天 日 일",
    "week": "week weeks wochen semanas semaines недель недели 周 週間",
    "month": "month months monate meses mois месяц месяца месяцев 个月 ヶ月 개월",
    "year": "yr yrs year years jahre jahr años anos ans anni год года лет 年 岁 歳 년 살",
    "mph": "mph",
    "km/h": "km/h kmh kph км/ч",
}
_CANONICAL = {spelling: unit for unit, spellings in _SPELLINGS.items() for spelling in spellings.split()}
_FUNCTIONS = frozenset(
    ("sin", "cos", "tan", "cot", "sec", "csc", "log", "ln", "exp", "sqrt", "pi", "mod", "max", "min", "gcd", "lcm")
)
_ORDINALS = frozenset(("st", "nd", "rd", "th"))
_CODES = (
    ("R$", r"R\$|BRL(?![A-Za-z])"),
    ("$", r"(?:(?:US|USD|A|AU|C|CA|HK|NZ|S|NT|MX)[ ]?)?\$|USD(?![A-Za-z])"),
    ("€", "€|EUR(?![A-Za-z])"),
    ("£", "£|GBP(?![A-Za-z])"),
    ("¥", "¥|(?:JPY|CNY|RMB)(?![A-Za-z])"),
    ("₹", r"₹|INR(?![A-Za-z])|Rs\.?(?![A-Za-z])"),
    ("₩", "₩|KRW(?![A-Za-z])"),
    ("₽", "₽|RUB(?![A-Za-z])"),
    ("", r"[₺₫₦₱฿₪₴₡₿₸₲₵]|(?:CHF|AUD|CAD|PLN|SEK|NOK|DKK|kr|Rp|RM|KSh|Tk)\.?(?![A-Za-z])"),
)
MONEY = "(?:" + "|".join(pattern for _, pattern in _CODES) + ")"
"""A sign or code of a currency before an amount."""

_MAX_UNIT = 80  # characters at the end that may be a unit
_CJK = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_MONEY_FIRST = re.compile(rf"(-?) ?({MONEY}) ?(?=[-0-9.\\({{])")
_SYMBOL_LAST = re.compile(r" ?(?:(\^ ?\{? ?\\circ ?\}?(?: ?[CF])?|\\degree)|([%$€£¥¢₹₩₽₺₫₦₱฿₪]))$")
_POWER_OF_TEN = re.compile(r"10 ?\^ ?\{?[-+]?[0-9]+ ?\}?")  # a letter behind it is a unit, not a variable
_TEXT_LAST = re.compile(r" ?\\text\{([^{}]*)\} ?(?:\^ ?\{?([23])\}?)?$")
_WORDS_LAST = re.compile(r"(?<=[0-9}) ]) ?([^\W\d_]+(?:[ /'-][^\W\d_]+)*)\.?(?:\^\{?([23])\}?)?$")


def canonical(words: str, power: str | None = None) -> str:
    """Return the one spelling of a unit, `inch^2` for `square inches`; empty for an unknown unit."""
    words = " ".join(words.casefold().replace(".", " ").split())
    for prefix, degree in (("square ", "2"), ("sq ", "2"), ("cubic ", "3"), ("cu ", "3"), ("平方", "2"), ("立方", "3")):
        if words.startswith(prefix):
            words, power = words.removeprefix(prefix), power or degree
    unit = _CANONICAL.get(words.replace(" ", "-"), "")
    return f"{unit}^{power}" if unit and power else unit


def currency(sign: str) -> str:
    """Return the one spelling of a currency sign or code: `$` of `US$`; empty for one that is not in the table."""
    return next(name for name, pattern in _CODES if re.fullmatch(pattern, sign))


def split_unit(text: str) -> tuple[str, str]:
    """Cut the unit off an answer: (what is measured, unit). The unit is empty when there is none or it is unknown."""
    if money := _MONEY_FIRST.match(text):
        rest, unit = split_unit(money[1] + text[money.end() :])
        return rest, unit or currency(money[2])
    tail = max(0, len(text) - _MAX_UNIT)
    if (symbol := _SYMBOL_LAST.search(text, tail)) and symbol.start():
        return text[: symbol.start()].strip(), "degree" if symbol[1] else _CANONICAL.get(symbol[2], "")
    if (words := _TEXT_LAST.search(text, tail)) and text[: words.start()].strip():
        return text[: words.start()].strip(), canonical(words[1], words[2])
    if words := _WORDS_LAST.search(text, tail):
        rest, spaced = text[: words.start()].strip(), text[words.start()] == " "
        measured = _are_unit(words[1], spaced=spaced) or (spaced and _POWER_OF_TEN.search(rest) is not None)
        if measured and rest and rest[-1] in "0123456789})":
            return rest, canonical(words[1], words[2])
    return text, ""


def _are_unit(words: str, *, spaced: bool) -> bool:
    """Return whether bare words after a number are a unit (`18 dollars`, `5cm`), not variables (`2ab`, `3 sin x`)."""
    parts = words.casefold().split()
    if (len(words) > 1 or not words.isascii()) and canonical(words):  # 5 min, which is no minimum
        return True
    if not _FUNCTIONS.isdisjoint(parts):
        return False
    if words in _ORDINALS:
        return not spaced
    if re.match(f"[{_CJK}]", words):  # 18個, 18명입니다: such scripts write no space there
        return True
    return spaced and all(len(part) > 1 + part.isascii() or index for index, part in enumerate(parts))
