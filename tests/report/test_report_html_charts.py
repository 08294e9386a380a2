"""The pictures of a report: all of one size, with labels on their axes, and without what must not be read off them."""

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from report_runs import asked, completion, record, rich_run, timing
from run_folder import write_run

from evalrun.report.html.charts import _since_start, pictures
from evalrun.requests import read
from evalrun.table import tabulate
from evalrun.types import Record


def drawn(folder: Path) -> dict[str, str]:
    run = read(folder, gaps=True)
    return {caption: picture.decode() for caption, picture in pictures([run], [tabulate(run)])}


def labels(picture: str) -> list[str]:
    """Return the texts of a picture: matplotlib draws letters as shapes, and says in a comment which."""
    return re.findall(r"<!-- (.*?) -->", picture)


def run_of(folder: Path, ttft_s: Sequence[float], **other: object) -> Path:
    records = [
        record(n, asked(n), completion("4"), timing=msgspec.structs.replace(timing(each, each + 1), **other))
        for n, each in enumerate(ttft_s)
    ]
    return write_run(folder, records)


def test_pictures_have_one_size_and_their_captions(tmp_path: Path) -> None:
    """Two targets with different latencies, costs and accuracies: every picture but the one against prompt tokens."""
    found = drawn(rich_run(tmp_path / "run"))
    assert [re.split("[:,]", caption)[0] for caption in found] == [
        "TTFT", "TPOT", "E2E", "TTFT over the run", "Accuracy against cost", "Accuracy against E2E p50",
    ]  # fmt: skip
    assert len({re.search(r'width="[^"]*" height="[^"]*"|viewBox="[^"]*"', one)[0] for one in found.values()}) == 1
    assert {"a", "b"} < set(labels(found["TTFT: share of the requests within a time"]))


def test_logarithmic_axes_have_readable_ticks(tmp_path: Path) -> None:
    """From 10 ms to 10 s only powers of ten have room; from 100 to 300 ms evenly spaced numbers do."""
    wide = drawn(run_of(tmp_path / "wide", np.geomspace(0.01, 10, 30).tolist()))
    narrow = drawn(run_of(tmp_path / "narrow", np.linspace(0.1, 0.3, 30).tolist()))
    title = "TTFT: share of the requests within a time"
    assert labels(wide[title]) == [
        "10.0 ms",
        "100 ms",
        "1.00 s",
        "10.0 s",
        "TTFT",
        "0 %",
        "25 %",
        "50 %",
        "75 %",
        "100 %",
    ]
    assert labels(narrow[title])[:5] == ["100 ms", "150 ms", "200 ms", "250 ms", "300 ms"]
    assert not [text for picture in (*wide.values(), *narrow.values()) for text in labels(picture) if "math" in text]


def test_invalid_latencies_are_marked(tmp_path: Path) -> None:
    """Where each first token may have come 90 of 100 ms earlier, the caption says so and the line is dashed."""
    found = drawn(run_of(tmp_path / "run", [0.1] * 200, stamp="kernel", first_bound_s=0.09))
    (caption,) = (caption for caption in found if caption.startswith("TTFT: share"))
    assert caption.startswith("TTFT: share of the requests within a time. ! INVALID: off by over 5 %")
    assert "stroke-dasharray" in found[caption]
    assert not any("INVALID" in caption for caption in found if caption.startswith("E2E"))


def test_failures_keep_the_line_below_the_top(tmp_path: Path) -> None:
    """Of target b's three requests one failed, of a's seven too: the lines end at 2/3 and 6/7 of the axis."""
    picture = drawn(rich_run(tmp_path / "run"))["TTFT: share of the requests within a time"]
    ticks = [float(y) for y in re.findall(r'<use xlink:href="#\w+" x="[\d.]+" y="([\d.]+)"', picture)]
    bottom, top = max(ticks), min(ticks)  # of the ticks at 0 % and 100 %
    lines = re.findall(r'<path d="(M [^"]*)" clip-path="[^"]*" style="fill: none; stroke: #(?:0072b2|d55e00)', picture)
    ends = [float(line.split()[-1]) for line in lines]
    assert sorted(round((bottom - end) / (bottom - top), 3) for end in ends) == [round(2 / 3, 3), round(6 / 7, 3)]


def test_many_points_stay_small(tmp_path: Path) -> None:
    """Of 5,000 points 1,500 are drawn, as pixels, and the caption says so."""
    found = drawn(run_of(tmp_path / "run", np.random.default_rng(1).uniform(0.1, 0.9, 5_000).tolist()))
    (caption,) = (caption for caption in found if caption.startswith("TTFT over the run"))
    assert caption == "TTFT over the run: does the endpoint drift?; a random draw of 1,500 requests of each target"
    assert len(found[caption]) < 150_000


def test_a_resumed_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """Sessions have clocks of their own: sent at 0, 1 and 2 s, then at 0 and 1 s, is 0, 1, 2, 2, 3."""
    records: list[Record] = []
    for n, (session, sent) in enumerate(((1, 0.0), (1, 1.0), (1, 2.0), (2, 0.0), (2, 1.0))):
        records.append(record(n, asked(n), completion("4"), session=session, sent_s=sent))
    run = read(write_run(tmp_path / "run", records))
    assert sorted(_since_start(run).tolist()) == [0.0, 1.0, 2.0, 2.0, 3.0]
