"""What a suite will take, computed by hand."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from written_runs import Asked, write_run

from evalrun.compare import baseline
from evalrun.compare.read import load, read_run
from evalrun.estimate import UNSEEN, Estimate, detects, noise_of
from evalrun.forecast import Seen, Volume, estimate, known, volume
from evalrun.run.job import Job
from evalrun.stats.power import flips_power
from evalrun.types import Message, Sample


@dataclass(frozen=True)
class Prices:
    """Dollars per million tokens."""

    prompt: Decimal = Decimal(1)
    completion: Decimal = Decimal(10)
    cached: Decimal | None = None


def job(number: int, text: str, *, max_tokens: int | None = 50) -> Job:
    sample = Sample(task="t", id=str(number), messages=(Message(role="user", content=text),))
    return Job(f"{number:016x}", "t", sample, 0, b"{" + text.encode() + b"}", max_tokens)


def test_worst_cost_and_text_are_added_up() -> None:
    """Bodies of 10 and 12 bytes, 1024 tokens of room each: (10 + 12 + 2048) x 1 + 2 x 50 x 10 = 3070 millionths. The
    texts have 8 bytes (7 letters, one of them of two bytes) and 10."""
    found = volume([job(1, "grün, j"), job(2, "0123456789")], Prices())
    assert found == Volume(requests=2, text_bytes=18, worst_usd=Decimal("0.003070"))


def test_the_worst_cost_is_unknown_without_a_longest_answer() -> None:
    """One request without `max_tokens` has no bound, so the sum has none; neither has one without prices."""
    assert volume([job(1, "a"), job(2, "b", max_tokens=None)], Prices()).worst_usd is None
    assert volume([job(1, "a")], None).worst_usd is None


def of_100(known: Seen) -> Estimate:
    """Estimate 50 samples asked twice, 8,000 bytes in all, 8 in flight."""
    return estimate(
        ("t", "x"), Volume(requests=100, text_bytes=8000, worst_usd=Decimal(1)), samples=50, in_flight=8,
        prices=Prices(), seen=known,
    )  # fmt: skip


def test_nothing_seen() -> None:
    """8,000 bytes are about 2,000 tokens; what the answers cost and how long they take is unknown, not 0."""
    found = of_100(Seen())
    assert (found.prompt_tokens, found.tokens_from) == (2000, "4 bytes a token")
    assert (found.repeats, found.expected_usd, found.seconds) == (2, None, None)


def test_a_pilot_gives_cost_and_time() -> None:
    """0.3 tokens a byte: 2,400 of prompt, 100 x 30 of output: (2400 x 1 + 3000 x 10) millionths = $0.0324. 100 requests
    of 2 s, 8 at a time: 25 s."""
    found = of_100(Seen(source="pilot", tokens_per_byte=0.3, output_tokens=30.0, seconds=2.0))
    assert found.expected_usd == Decimal("0.0324")
    assert found.seconds == 25.0


@pytest.mark.parametrize(
    ("right", "asked", "noise"),
    [
        ([0.5, 1.0], [2, 2], 0.5),  # variances 0.5 x 0.5 x 2 = 0.5 and 0: mean 0.25, twice that
        ([1.0, 0.0], [1, 1], 0.5),  # Wilson's interval of 1 of 2 holds 0.5: 2 x 0.5 x 0.5
        ([], [], 0.5),
    ],
)
def test_noise(right: list[float], asked: list[int], noise: float) -> None:
    """Repeats tell how often answers differ; without them it is the most that the accuracy's interval allows."""
    assert noise_of(right, asked)[0] == pytest.approx(noise)


def test_noise_of_a_perfect_score_is_not_nothing() -> None:
    """96 of 96 right: Wilson's low end is 96 / (96 + 1.96^2) = 0.9615: up to 2 x 0.9615 x 0.0385 = 7.4 % may flip."""
    assert noise_of([1.0] * 96, [1] * 96)[0] == pytest.approx(0.0740, abs=2e-4)


def test_what_is_detected_has_the_power_that_is_claimed() -> None:
    """The difference is found 8 times in 10, a slightly smaller one less often; half of it takes what it says, and one
    repeat less would not do. 200 samples for $2: so many samples cost a cent each."""
    found = detects(200, 1, noise=(0.2, ""), usd=Decimal(2))
    assert found.difference
    assert found.samples
    assert found.repeats
    assert flips_power(200, 0.2, found.difference) >= 0.8 > flips_power(200, 0.2, found.difference - 0.002)
    half = found.difference / 2
    assert flips_power(found.samples, 0.2, half) >= 0.8 > flips_power(found.samples - 1, 0.2, half)
    assert found.samples_usd == Decimal(found.samples) / 100
    assert flips_power(200, 0.2 / found.repeats, half) >= 0.8 > flips_power(200, 0.2 / (found.repeats - 1), half)
    assert found.repeats_usd == 2 * found.repeats


def test_a_base_that_stands_still_limits_what_repeats_can_do() -> None:
    """With one answer a sample on the base, a mean of many on the new side keeps half of the noise."""
    both, one = detects(200, 4, noise=(0.4, "")), detects(200, 4, noise=(0.4, ""), base_repeats=1)
    alike = detects(200, 1, noise=(0.4 / 2 * (1 + 1 / 4), ""))
    assert one.difference == alike.difference
    assert (both.difference or 1) < (one.difference or 0)


def test_too_few_samples_find_nothing() -> None:
    """Five coin tosses: not even a fall to nothing is found 4 times in 5."""
    assert detects(5, 1, noise=UNSEEN).difference is None


def test_a_run_and_its_baseline_forecast_the_same(tmp_path: Path) -> None:
    """q0 was asked twice, 10 and 30 tokens in 0.5 and 0.7 s, q1 once, 80 tokens in 1.4 s: repeats are averaged first,
    so the means are 50 tokens and (0.6 + 1.4) / 2 = 1 s, of the run and of what its baseline keeps."""
    requests = [
        Asked("q0", output=10, ttft_s=0.1),
        Asked("q0", repeat=1, output=30, ttft_s=0.3),
        Asked("q1", output=80, ttft_s=1.0),
    ]
    run = read_run(write_run(tmp_path / "run", requests, samples=2, repeats=2))
    baseline.save(run, "main", root=tmp_path / "baselines")
    for name in (str(tmp_path / "run"), "main"):
        (side,) = load([name], baselines=tmp_path / "baselines")
        seen = known(side.cells["add", "sim"], name)
        assert (seen.output_tokens, seen.seconds) == (50.0, pytest.approx(1.0)), name
