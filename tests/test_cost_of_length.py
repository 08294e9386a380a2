"""What text from outside costs grows with its length alone: no parser, extractor, encoder or redaction is quadratic.

The benchmark prints the table; here eight times the length may cost 32 times as much, where a quadratic reader costs 64
times as much. Times are of the processor, of the best of several readings, so that other programs do not count.
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))

from cost_of_length import Reader, cost_s, readers, texts

READERS = dict(readers())
OFTEN = ("\\", "{", "[", "<think>", "</s> ", "<answer>", "\\boxed{", "**", "1,", "a ", '{"a":', "&", "::a ", "A or ")
SHORT, TIMES, MARGIN = 1_500, 8, 4
NOTICED_S = 0.03
"""Of the long text: what is quicker is not slow, whatever the short one cost."""


@pytest.mark.parametrize("name", [name for name in READERS if "math" not in name and "choice" not in name])
def test_cost_grows_with_the_length(name: str) -> None:
    """1,500 and 12,000 characters of what is usual in attacks, alone and beside an answer."""
    reader = READERS[name]
    found = {piece: ratio(reader, piece) for piece in OFTEN}
    assert {piece: times for piece, times in found.items() if times > TIMES * MARGIN} == {}


def ratio(reader: Reader, piece: str) -> float:
    """Return how many times as much the long text costs; 0 where that is little."""
    worst = 0.0
    for short, long in list(zip(texts(piece, SHORT), texts(piece, SHORT * TIMES), strict=True))[::2]:
        long_s = cost_s(reader, long)
        if long_s > NOTICED_S:
            worst = max(worst, cost_s(reader, long, times=2) / max(cost_s(reader, short, times=3), 1e-4))
    return worst


def test_a_quadratic_reader_is_found() -> None:
    """The measure can fail: one that looks at the rest of the text at each character costs 64 times as much."""

    def quadratic(text: str) -> int:
        return sum(1 for _ in text[::8] for _ in text[::8])

    def linear(text: str) -> int:
        return sum(1 for _ in range(100) for _ in text)

    assert ratio(quadratic, "a") > TIMES * MARGIN
    assert ratio(linear, "a") < TIMES * MARGIN
