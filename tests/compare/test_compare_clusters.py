"""Samples drawn together count as one: in comparisons, in a side's own intervals, in baselines and in gates."""

from collections.abc import Callable
from pathlib import Path

import pytest
from written_runs import Asked, write_run

from evalrun.compare import baseline
from evalrun.compare.contrast import compare, compare_targets
from evalrun.compare.read import load, read_run
from evalrun.compare.values import ComparedRow
from evalrun.gate.judge import judge, rules
from evalrun.stats.interval import Interval, student_mean
from evalrun.stats.scores import compare_scores

MEASURES = ("accuracy", "ttft_p50", "output_tokens")
TEXTS = 10


def texts(seen: Callable[[int], tuple[str, float, int]], *, named: int = TEXTS, target: str = "sim") -> list[Asked]:
    """Ten questions about each of ten texts, all alike: what became of one, its TTFT and its tokens, by the text.

    named: the questions about the last so many texts say of which text they are.
    """
    found = []
    for number in range(10 * TEXTS):
        became, ttft_s, output = seen(number // 10)
        text = f"text {number // 10}" if number // 10 >= TEXTS - named else None
        found.append(
            Asked(f"q{number:02}", became, ttft_s=ttft_s * (1 + number / 1e4), output=output, text=text, target=target)
        )
    return found


def before(text: int) -> tuple[str, float, int]:
    return ("r", 0.1 + text / 100, 20 + text)


def after(text: int) -> tuple[str, float, int]:
    """Two texts are not understood any more; half of all are answered later, and at greater length."""
    return ("w" if text < 2 else "r", (0.1 + text / 100) * (1.3 if text % 2 else 1.0), 20 + text + text % 3)


def width(found: Interval | None) -> float:
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    return found.high - found.low


def rows(tmp_path: Path, cluster: str | None, *, named: int = TEXTS) -> dict[str, ComparedRow]:
    """Compare two targets of one run."""
    asked = [*texts(before, named=named, target="a"), *texts(after, named=named, target="b")]
    folder = write_run(tmp_path / f"{cluster}{named}", asked, cluster=cluster)
    (pair,) = compare_targets(read_run(folder), base="a", new="b").pairs
    return {row.measure.name: row for row in pair.rows if row.measure.name in MEASURES}


def difference(row: ComparedRow) -> Interval:
    found = row.comparison
    assert found is not None
    return Interval(found.difference, found.low, found.high)


@pytest.mark.parametrize("measure", MEASURES)
def test_clusters_widen_a_comparison_and_both_own_intervals(tmp_path: Path, measure: str) -> None:
    """The same answers, once as 100 samples and once as 10 texts: equal differences, wider intervals."""
    alone, together = (rows(tmp_path, cluster)[measure] for cluster in (None, "text"))
    assert difference(together).value == difference(alone).value
    assert width(difference(together)) > 1.5 * width(difference(alone))
    assert width(together.new) > 1.5 * width(alone.new)


def test_the_interval_is_that_of_the_stats(tmp_path: Path) -> None:
    """20 of 100 samples turn wrong, those of texts 0 and 1; the mean output is known as well as 10 texts tell."""
    found = rows(tmp_path, "text")
    names = [number // 10 for number in range(100)]
    expected = compare_scores([1.0] * 100, [float(name >= 2) for name in names], clusters=names)
    assert found["accuracy"].comparison == expected
    tokens = [20.0 + name for name in names]
    assert found["output_tokens"].base == pytest.approx(student_mean(tokens, clusters=names))


def test_a_sample_whose_field_is_null_is_a_cluster_of_its_own(tmp_path: Path) -> None:
    """Only the last text is named: 91 units. Were the 90 others one unit, nothing could be said."""
    alone, one_text, together = rows(tmp_path, None), rows(tmp_path, "text", named=1), rows(tmp_path, "text")
    for measure in MEASURES:
        widths = [width(difference(found[measure])) for found in (alone, one_text, together)]
        assert widths[1] < widths[2]
        assert widths[1] < 2 * widths[0]
    assert rows(tmp_path, "text", named=0)["ttft_p50"] == alone["ttft_p50"]


def test_a_baseline_keeps_clusters(tmp_path: Path) -> None:
    """Against a baseline as against its run; its own interval is that of the run; a night is less certain."""
    old = write_run(tmp_path / "a", texts(before), cluster="text")
    new = write_run(tmp_path / "b", texts(after), cluster="text", day=2)
    baseline.save(read_run(old), "main", root=tmp_path / "baselines")
    sides = load([str(old), "main"], baselines=tmp_path / "baselines")
    by_run, by_baseline = (compare(side, read_run(new)).pairs[0] for side in sides)
    for name in ("accuracy", "output_tokens"):
        one, other = by_run.row(name), by_baseline.row(name)
        assert one is not None
        assert other is not None
        assert (one.comparison, one.base) == (other.comparison, other.base)
    apart = write_run(tmp_path / "c", texts(before))
    baseline.save(read_run(apart), "apart", root=tmp_path / "baselines")
    errors = [
        side.cells["add", "sim"].nights[0].logs["ttft_p50"][1]
        for side in load(["main", "apart"], baselines=tmp_path / "baselines")
    ]
    assert errors[0] > 1.5 * errors[1]


@pytest.mark.parametrize(("cluster", "word"), [(None, "pass"), ("text", "inconclusive")])
@pytest.mark.parametrize("rule", ["accuracy >= 65 %", "output_tokens within 5.5 %", "accuracy no worse than 35 points"])
def test_a_gate_believes_clusters(tmp_path: Path, rule: str, cluster: str | None, word: str) -> None:
    """80 % of 100 samples is over 65 % for sure, of ten texts it is not; the same for what changed."""
    sides = [
        read_run(write_run(tmp_path / name, texts(seen), cluster=cluster, day=day))
        for name, seen, day in (("a", before, 1), ("b", after, 2))
    ]
    assert judge(rules([rule]), sides[1], sides[0]).word == word
