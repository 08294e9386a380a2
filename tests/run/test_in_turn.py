"""The order in which targets are asked side by side."""

from evalrun.run.job import in_turn


def order(targets: str, rounds: int, *, seed: str) -> str:
    """Return the targets in the order they are asked, a block of two rounds a word."""
    turns = in_turn([[f"{target}{number}" for target in targets] for number in range(rounds)], seed=seed)
    asked = "".join(item[0] for item in turns)
    block = 2 * len(targets)
    return " ".join(asked[start : start + block] for start in range(0, len(asked), block))


def test_abba() -> None:
    """Random("hours") draws 0.17, 0.80, 0.72, 0.86, 0.65, ...; a block takes two, and a first one below 0.5 begins with
    A: so A, then B (0.72), then B (0.65). The second round of each block is the first one backwards."""
    assert order("AB", 6, seed="hours") == "ABBA BAAB BAAB"


def test_with_a_control() -> None:
    """Random("a") draws 0.27, 0.07, ..: A of three, B of the two left. Then 0.64, 0.18, ..: B of three, A of two."""
    assert order("ABC", 4, seed="a") == "ABCCBA BACCAB"


def test_one_target_is_asked_in_its_own_order() -> None:
    """A plain run is the case of one: nothing moves."""
    assert list(in_turn([["a"], ["b"], ["c"]], seed="any")) == ["a", "b", "c"]


def test_a_last_round_without_its_mirror() -> None:
    """An odd number of rounds ends in half a block: all are asked, each once, and every target in its own order."""
    turns = list(in_turn([["a1", "b1"], ["a2", "b2"], ["a3", "b3"]], seed="hours"))
    assert [item for item in turns if item[0] == "a"] == ["a1", "a2", "a3"]
    assert [item for item in turns if item[0] == "b"] == ["b1", "b2", "b3"]
