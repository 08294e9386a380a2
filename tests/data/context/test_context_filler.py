"""The text around the answers: equally long lines, words dealt like cards, lines put where they belong."""

from collections import Counter
from itertools import islice

from evalrun.data.context import filler
from evalrun.data.context.filler import CODES, PAIRS, at_depth, margin, noise, prose, woven
from evalrun.data.dice import Dice


def test_lines_are_equally_long_plain_and_different() -> None:
    """63 ASCII characters in eleven words, and no sentence twice in ten thousand."""
    lines = prose(Dice("1"), 10_000)
    assert {(len(line), len(line.split()), line.isascii()) for line in lines} == {(63, 11, True)}
    assert len(set(lines)) == 10_000


def test_words_are_used_evenly() -> None:
    """After any number of lines, the nouns differ by at most one in how often they were used."""
    for lines in (35, 100, 700):
        used = Counter(word.strip(".") for line in prose(Dice("1"), lines) for word in line.split())
        counts = [used[noun] for noun in filler.NOUNS]
        assert max(counts) - min(counts) <= 1
        assert sum(counts) == 3 * lines


def test_the_word_lists() -> None:
    """Words of a list are different and equally long, so are lines; no word of one list is in another."""
    lists = [
        filler.ADJECTIVES, filler.NOUNS, filler.VERBS, filler.PREPOSITIONS, filler.NAMES, filler.FORMATS,
    ]  # fmt: skip
    for words in (*lists, filler.RELATIONS):
        assert len({len(word) for word in words}) == 1
    assert len({word for words in lists for word in words}) == sum(map(len, lists))


def test_noise_repeats_five_sentences() -> None:
    """Every line has the same sentences, in different orders."""
    lines = noise(Dice("1"), 1000)
    assert {tuple(sorted(line.removesuffix(".").split(". "))) for line in lines} == {
        ("The barn is red", "The day is done", "The lake is calm", "The moon is up", "The road is long"),
    }
    assert len(set(lines)) == 120


def test_cards_are_dealt_all_before_any_comes_again() -> None:
    """Three rounds of a pack of ten, each in an order of its own."""
    cards = list(islice(Dice("1").dealt(range(10)), 30))
    rounds = [cards[n : n + 10] for n in (0, 10, 20)]
    assert [sorted(each) for each in rounds] == [list(range(10))] * 3
    assert rounds[0] != rounds[1] != rounds[2]


def test_lines_are_woven_in_at_their_places() -> None:
    """Before the line of that number; after all at the end; at one place in the order given."""
    assert woven(["a", "b"], [(2, "end"), (1, "first"), (0, "start"), (1, "second")]) == [
        "start", "a", "first", "second", "b", "end",
    ]  # fmt: skip
    assert woven([], [(0, "x")]) == ["x"]
    assert woven(["a"], []) == ["a"]
    assert [at_depth(percent, 7) for percent in (0, 50, 100)] == [0, 4, 7]


def test_the_margin_grows_by_one_letter() -> None:
    """Each step is one word of one letter, for as long as it takes."""
    assert [margin(pad) for pad in (0, 1, 3)] == ["Margin:", "Margin: a", "Margin: a b c"]
    assert margin(28).endswith(" y z a b")


def test_names_are_different_and_of_one_form() -> None:
    """Codes, numbers and UUIDs keep their form; all pairs of words differ, and codes can be used up."""
    dice = Dice("1")
    assert {len(name) for name in filler.codes(dice, 1000)} == {5}
    assert {len(name) for name in filler.numbers(dice, 9000, 4)} == {4}
    assert {tuple(map(len, name.split("-"))) for name in filler.uuids(dice, 1000)} == {(8, 4, 4, 4, 12)}
    assert len(set(filler.pairs(dice))) == PAIRS == 142 * 105
    assert len(set(filler.codes(dice, CODES // 2))) == CODES // 2 == 120_000
