"""Prompts have the size that was asked for, as whoever counts them counts (issue: the context ladder)."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from evalrun.data.ladder import LadderSource
from evalrun.data.places import Places, Row
from evalrun.run.calibrate import TooLong, Uncounted, calibrate

SIZES = (512, 1024, 4096, 16384, 65536, 131072)
TEMPLATE = 11  # tokens that a chat template adds
Count = Callable[[str], int]


def bpe(folder: Path) -> Path:
    """Train a byte-level BPE on texts like those it will count, as real ones are trained on common words."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    from evalrun.data.context.retrieval import Needle

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    texts = [Needle(kind="needle", seed=9).build(index, units=200)["prompt"] for index in range(5)]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=1500, initial_alphabet=alphabet))
    path = folder / "tokenizer.json"
    tokenizer.save(str(path))
    return path


def counters(folder: Path) -> dict[str, Count]:
    """Return three ways to count a text."""
    from tokenizers import Tokenizer

    trained = Tokenizer.from_file(str(bpe(folder)))
    return {
        "words": lambda text: len(text.split()),
        "bytes": lambda text: len(text.encode()),
        "bpe": lambda text: len(trained.encode(text).ids),
    }


def ladder(**fields: object) -> LadderSource:
    text = {"kind": "ladder", "probe": {"kind": "needle"}, "sizes": list(SIZES), "per_size": 2} | fields
    import json

    return LadderSource.model_validate_json(json.dumps(text))


@pytest.mark.parametrize("name", ["words", "bytes", "bpe"])
def test_prompts_have_their_size_by_any_count(name: str, tmp_path: Path) -> None:
    """Up to 131,072 tokens the error is at most 8, after four requests."""
    count = counters(tmp_path)[name]
    asked: list[int] = []

    async def ask(row: Row) -> int:
        asked.append(count(row["prompt"]) + TEMPLATE)
        return asked[-1]

    rungs = ladder()
    scale, requests = asyncio.run(calibrate(rungs, ask, salt="run", root=Path()))
    assert len(asked) == requests == 4
    errors = {}
    for row in rungs.rows(Places(root=tmp_path, scales={rungs.mark: scale}, salt="run")):
        errors[row["id"]] = count(row["prompt"]) + TEMPLATE - row["size"]
    assert max(abs(error) for error in errors.values()) <= 8, errors


def test_a_tokenizer_makes_sizes_exact_with_one_request(tmp_path: Path) -> None:
    """Given the server's own tokenizer, every prompt is counted and corrected: no error of more than a token."""
    path = bpe(tmp_path)
    count = counters(tmp_path)["bpe"]

    async def ask(row: Row) -> int:
        return count(row["prompt"]) + TEMPLATE

    rungs = ladder(tokenizer=str(path), sizes=[512, 4096, 16384])
    scale, requests = asyncio.run(calibrate(rungs, ask, salt="run", root=Path()))
    assert requests == 1
    for row in rungs.rows(Places(root=tmp_path, scales={rungs.mark: scale}, salt="run")):
        assert abs(count(row["prompt"]) + TEMPLATE - row["size"]) <= 1


def test_an_endpoint_with_a_small_window_is_measured_below_it(tmp_path: Path) -> None:
    """A window of 20,000 words: what is larger is refused and half of it tried; the sizes below are right."""

    async def ask(row: Row) -> int:
        tokens = len(row["prompt"].split()) + TEMPLATE
        if tokens > 20_000:
            raise TooLong
        return tokens

    rungs = ladder()
    scale, requests = asyncio.run(calibrate(rungs, ask, salt="run", root=Path()))
    assert requests > 4
    for row in rungs.rows(Places(root=tmp_path, scales={rungs.mark: scale}, salt="run")):
        if row["size"] < 20_000:
            assert abs(len(row["prompt"].split()) + TEMPLATE - row["size"]) <= 8


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ([7, 7, 7, 7], r"the prompt: 7 for \d+ characters, 7 for \d+ characters, 7 for [\d,]+ characters"),
        ([90, 80, 4000, 4002], "90 for .* 80 for .* 4001 for"),
        ([90, 140, 40, 41], "90 for .* 140 for .* 40.5 for"),
    ],
    ids=["constant", "padding counts nothing", "longer is less"],
)
def test_counts_that_do_not_grow_with_the_prompt_are_refused(counts: list[int], said: str) -> None:
    """Nothing can be made of a given size by them; what was counted is said."""
    told = iter(counts)

    async def ask(row: Row) -> int:
        return next(told)

    with pytest.raises(Uncounted, match=said):
        asyncio.run(calibrate(ladder(sizes=[512]), ask, salt="run", root=Path()))


def test_a_tokenizer_that_is_far_from_the_servers_count_is_refused(tmp_path: Path) -> None:
    """A server that counts 7 tokens of everything is not corrected by a tokenizer."""

    async def ask(row: Row) -> int:
        return 7

    with pytest.raises(Uncounted, match=r"counts 7 prompt tokens where the ladder's tokenizer counts \d"):
        asyncio.run(calibrate(ladder(tokenizer=str(bpe(tmp_path))), ask, salt="run", root=Path()))


def test_cold_prompts_share_no_beginning(tmp_path: Path) -> None:
    """The first lines of all cold prompts differ, within a run and between runs; warm ones repeat their cold one."""
    rungs = ladder(sizes=[512, 1024], per_size=20, cache="both")

    def first_lines(salt: str, cache: str) -> list[str]:
        rows = rungs.rows(Places(root=tmp_path, salt=salt))
        return [row["prompt"].partition("\n")[0] for row in rows if row["cache"] == cache]

    cold = first_lines("one", "cold") + first_lines("two", "cold")
    assert len(set(cold)) == len(cold) == 80
    rows = list(rungs.rows(Places(root=tmp_path, salt="one")))
    assert all(warm["prompt"] == cold["prompt"] for cold, warm in zip(rows[::2], rows[1::2], strict=True))


def test_sizes_are_asked_in_a_seeded_mixed_order(tmp_path: Path) -> None:
    """The order is neither rising nor falling, the same each time, and has every size as often as asked."""
    rungs = ladder(sizes=[512, 1024, 2048], per_size=5)
    sizes = [row["size"] for row in rungs.rows(Places(root=tmp_path))]
    assert sizes == [row["size"] for row in rungs.rows(Places(root=tmp_path))]
    assert sorted(sizes) == [512] * 5 + [1024] * 5 + [2048] * 5
    assert sizes not in (sorted(sizes), sorted(sizes, reverse=True))
