"""What prompts are made of: words, names and numbers of a fixed form, sentences without meaning.

Every line of a kind has the same length: within a word list all words are equally long, and most tokenizers make one
token of each. A line of prose has 63 characters and the same kinds of words in the same places; `Dice.dealt` deals the
words, so the tokens of two long texts differ by less than one round. Names and numbers have a fixed form because
tokenizers cut digits singly or in threes; random letters would differ.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import cycle, islice
from string import ascii_lowercase

from evalrun.data.dice import Dice

ADJECTIVES = str.split("""
    angry large small young early local major final quick quiet sharp short sweet thick tight tough white black
    brown green happy heavy light lucky muddy noble plain proud rapid rough round royal salty sandy shiny silly
    smart solid spicy steep stiff sunny swift tired vague valid vivid vital weary weird whole windy wrong dusty
    dirty dense crazy crisp cruel daily eager elite empty equal exact extra faint false fancy fixed fresh front
    funny giant grand great grave gross harsh human humid ideal inner outer upper lower loose loyal legal level
    messy minor mixed moral naval noisy novel older prime ready right rigid rural urban scary sheer spare usual
    utter civil clean clear close cheap chief basic blank blind brave brief broad acute adult alert alike alive
    alone ample aware awful handy juicy lunar solar naive olive polar petty smoky snowy toxic vocal
""")  # five letters
NOUNS = str.split("""
    animal artist branch bridge bucket button camera carbon castle center church circle column course credit doctor
    driver editor engine expert factor family father figure finger flight flower forest friend health leader league
    letter liquid market master matrix medium member memory method minute moment mother motion museum nation nature
    object office orange origin packet parent people period person phrase planet player policy powder profit record
    region report result review sample school screen script season series shield signal source speech spirit spring
    square stable stream street string summer survey switch symbol system target tenant theory thread travel vision
    volume wallet wealth weight window winner winter worker writer
""")  # six letters
VERBS = str.split("""
    opened closed passed turned helped joined lifted washed pulled pushed marked locked linked listed loaded missed
    needed picked played posted rented rested served signed sorted stored tested tasted traced traded united valued
    viewed warned wanted wasted copied carved chased coated cooked edited erased filled filmed folded forced formed
    framed funded graded guided heated hunted judged kicked landed leased mapped melted merged packed parked poured
    proved quoted ranked rolled rubbed scared sealed seized shared shaped showed soaked solved spared staged tapped
    tossed tucked
""")  # six letters, past
PREPOSITIONS = ("near", "over", "past", "from", "with", "upon")  # four letters
NAMES = str.split("""
    Aaron Alice Bella Brian Clara David Diana Diego Edgar Emily Ethan Frank Grace Henry Helen Jacob James Jason
    Julia Karen Kevin Laura Linda Lucas Maria Marco Mason Nancy Naomi Oscar Peter Ralph Robin Roger Sarah Simon
    Sofia Susan Terry Wayne Wendy
""")  # five letters
RELATIONS = ("doctor", "lawyer", "cousin", "friend", "tenant", "mentor", "editor", "driver", "sister")  # six letters
FORMATS = ("story", "essay", "verse", "drama", "rhyme", "quote", "lyric")  # five letters: kinds of text

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # without I and O, which look like digits
CODES = len(LETTERS) * 10_000
PAIRS = len(ADJECTIVES) * len(NOUNS)
NOISE = ("The lake is calm.", "The road is long.", "The barn is red.", "The moon is up.", "The day is done.")


def prose(dice: Dice, lines: int) -> list[str]:
    """Return sentences like `The vivid bridge opened the small letter near the quiet forest.`"""
    adjective, noun = dice.dealt(ADJECTIVES).__next__, dice.dealt(NOUNS).__next__
    verb, preposition = dice.dealt(VERBS).__next__, dice.dealt(PREPOSITIONS).__next__
    text: list[str] = []
    for number in range(lines):
        subject, what = f"The {adjective()} {noun()}", f"{verb()} the {adjective()} {noun()}"
        where = f"{preposition()} the {adjective()} {noun()}"
        text.append(f"{subject} {where} {what}." if number % 2 else f"{subject} {what} {where}.")
    return text


def noise(dice: Dice, lines: int) -> list[str]:
    """Return the same five sentences in every line, each time in a random order."""
    return [" ".join(dice.shuffled(NOISE)) for _ in range(lines)]


def margin(pad: int) -> str:
    """Return the line of `pad` one-letter words that brings a prompt to its size."""
    return " ".join(["Margin:", *islice(cycle(ascii_lowercase), pad)])


def woven(hay: Sequence[str], inserts: Iterable[tuple[int, str]]) -> list[str]:
    """Return the hay with each (place, line) inserted before its line of that number; equal places keep their order."""
    text: list[str] = []
    done = 0
    for place, line in sorted(inserts, key=lambda insert: insert[0]):
        text += hay[done:place]
        text.append(line)
        done = place
    return [*text, *hay[done:]]


def at_depth(percent: float, places: int) -> int:
    """Return the line number at this depth of a text: 0 is before the first line, 100 after the last."""
    return round(percent / 100 * places)


def different(count: int, make: Callable[[], str]) -> list[str]:
    """Call `make` until there are `count` different names; return them in the order made."""
    names: dict[str, None] = {}
    while len(names) < count:
        names[make()] = None
    return list(names)


def codes(dice: Dice, count: int) -> list[str]:
    """Return names like `K4821`."""

    def code() -> str:
        letter, digits = divmod(dice.between(0, CODES - 1), 10_000)
        return f"{LETTERS[letter]}{digits:04d}"

    return different(count, code)


def numbers(dice: Dice, count: int, digits: int) -> list[str]:
    """Return numbers of `digits` digits, the first one not 0."""
    return different(count, lambda: str(dice.between(10 ** (digits - 1), 10**digits - 1)))


def uuids(dice: Dice, count: int) -> list[str]:
    """Return names of the form of a UUID, with decimal digits only."""

    def uuid() -> str:
        digits = f"{dice.between(0, 10**12 - 1):012d}{dice.between(0, 10**8 - 1):08d}{dice.between(0, 10**12 - 1):012d}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    return different(count, uuid)


def pairs(dice: Dice) -> Iterator[str]:
    """Return all PAIRS of adjective and noun, like `vivid-bridge`, each word as often as the others.

    The n-th pair is adjective n mod 142 and noun n mod 105: these numbers have no common divisor, so no pair repeats.
    """
    adjectives, nouns = dice.shuffled(ADJECTIVES), dice.shuffled(NOUNS)
    for n in range(PAIRS):
        yield f"{adjectives[n % len(adjectives)]}-{nouns[n % len(nouns)]}"
