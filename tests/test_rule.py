"""Gate rules as they are typed: every form is read, every mistake is a sentence that says what would be right."""

import pytest

from evalrun.rule import MEASURES, parse


@pytest.mark.parametrize(
    ("text", "metric", "kind", "amount"),
    [
        ("accuracy >= 0.80", "accuracy", "limit", 0.8),
        ("accuracy >= 80 %", "accuracy", "limit", 0.8),
        ("accuracy>=.8", "accuracy", "limit", 0.8),
        ("accuracy no worse than 2 points", "accuracy", "no_worse", 0.02),
        ("failed   no  worse than 1 point", "failed", "no_worse", 0.01),
        ("ttft_p95 within 15 %", "ttft_p95", "within", 0.15),
        ("ttft_p95 within 15%", "ttft_p95", "within", 0.15),
        ("cost within 10 percent", "cost", "within", 0.1),
        ("throughput within 20 %", "throughput", "within", 0.2),
        ("failed <= 1 %", "failed", "limit", 0.01),
        ("good >= 95 %", "good", "limit", 0.95),
        ("good no worse than 2 points", "good", "no_worse", 0.02),
        ("goodput within 20 %", "goodput", "within", 0.2),
        ("truncated<=5%", "truncated", "limit", 0.05),
        ("client_lag <= 5 ms", "client_lag", "limit", 0.005),
        ("e2e_p99 <= 2.5 s", "e2e_p99", "limit", 2.5),
        ("cost <= 0.002 USD", "cost", "limit", 0.002),
        ("cost <= $0.002", "cost", "limit", 0.002),
    ],
)
def test_every_form_is_read(text: str, metric: str, kind: str, amount: float) -> None:
    """Spaces are free; percent, points, milliseconds and dollars become shares, seconds and dollars."""
    rule = parse(text)
    assert (rule.measure.name, rule.kind) == (metric, kind)
    assert rule.amount == pytest.approx(amount)
    assert rule.text == " ".join(text.split())
    assert rule.needs_baseline == (kind != "limit")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("acuracy >= 0.8", "no metric 'acuracy'; did you mean 'accuracy'?"),
        ("tftt_p95 within 15 %", "did you mean 'ttft_p95'?"),
        ("zzz >= 1", "there are accuracy, failed,"),
        ("accuracy", "write METRIC >= NUMBER"),
        ("", "write METRIC >= NUMBER"),
        ("accuracy > 0.8", "write `accuracy >= 80 % or 0.80`"),
        ("accuracy <= 0.8", "a lower accuracy is worse; write `accuracy >= 80 % or 0.80`"),
        ("failed >= 1 %", "a higher failed is worse"),
        (
            "accuracy within 5 %",
            "accuracy does not support this rule; write `accuracy >= 80 % or 0.80` or",
        ),
        ("ttft_p95 no worse than 2 points", "write `ttft_p95 <= 800 ms or 0.8 s` or `ttft_p95 within 15 %`"),
        ("accuracy >= 80", "a fraction is at most 1; write `accuracy >= 80 % or 0.80`"),
        ("ttft_p95 <= 800", "the unit is missing; write `ttft_p95 <= 800 ms or 0.8 s`"),
        ("ttft_p95 <= 800 %", "'%' is not a unit of ttft_p95"),
        ("accuracy no worse than 2 %", "the change must be in points"),
        ("ttft_p95 within 15", "the change must be in %"),
        ("ttft_p95 within 0 %", "above 0"),
        ("accuracy no worse than 200 points", "above 0 and below 100"),
        ("accuracy >= high", "'high' is not a number with a unit"),
        ("accuracy >= 1e9999", "'e9999' is not a unit of accuracy"),
    ],
)
def test_every_mistake_says_what_would_be_right(text: str, sentence: str) -> None:
    """A `ValueError` with one plain sentence."""
    with pytest.raises(ValueError) as mistake:
        parse(text)
    assert sentence in str(mistake.value)


def test_every_measure_is_in_a_rule() -> None:
    """Each measure has at least one form, and its own example is read back."""
    for measure in MEASURES.values():
        assert measure.kinds
        if "within" in measure.kinds:
            assert parse(f"{measure.name} within 15 %").measure is measure
