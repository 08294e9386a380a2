"""Print how large the report of a run is, how long it takes to write, to open and to filter, and how much memory.

    python tests/benchmarks/report_size.py [RECORDS...]

Aims: 10,000 samples in 10 MB, opened in 2 s and filtered in 100 ms; the report of 1,000,000 requests written in 60 s
within 400 MB. Opening and filtering need playwright and Debian's chromium; without them only the file is measured.
"""

import sys
import tempfile
import time
from pathlib import Path

from compare_million import make, watched

CHROMIUM = Path("/usr/bin/chromium")
QUIET = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
FILTER = """async ([id, value]) => {
    const field = document.getElementById(id), before = document.getElementById("count").textContent;
    const start = performance.now();
    field.value = value;
    field.dispatchEvent(new Event("input", {bubbles: true}));
    while (document.getElementById("count").textContent === before) await new Promise(requestAnimationFrame);
    return performance.now() - start;
}"""


def write(folder: Path, count: int) -> Path:
    """Write the report of a run of so many records, and print what that took."""
    run = folder / f"{count}"
    make(run, count, 1)
    took, peak, _ = watched("-m", "evalrun", "report", str(run))
    path = run / "report.html"
    print(f"{count:,} requests: {path.stat().st_size / 1e6:.2f} MB written in {took:.1f} s, peak {peak:.0f} MB")
    return path


def browse(path: Path) -> None:
    """Print how long a browser takes to open a report and to filter its list."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        page = browser.new_page()
        start = time.perf_counter()
        page.goto(path.as_uri())
        page.wait_for_selector("#list tbody tr")
        print(f"  opened in {time.perf_counter() - start:.2f} s", end="")
        for what, value in (("state", "wrong"), ("search", "777"), ("search", "")):
            print(f"; {what} {value!r} in {page.evaluate(FILTER, [what, value]):.0f} ms", end="")
        start = time.perf_counter()
        page.click("#list tbody tr")
        page.wait_for_selector("#detail:not([hidden])")
        print(f"; a sample opened in {time.perf_counter() - start:.2f} s")
        browser.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        for count in [int(each.replace(",", "")) for each in sys.argv[1:]] or [100, 10_000, 1_000_000]:
            path = write(Path(temporary), count)
            if CHROMIUM.exists():
                browse(path)


if __name__ == "__main__":
    main()
