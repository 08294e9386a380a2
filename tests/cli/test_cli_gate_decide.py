"""`evalrun gate --decide` as a user does it: asked again until it is decided; capped, refused, killed and gone on."""

import json
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from evalrun.store import open_run

Command = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]
Write = Callable[..., Path]

RULE = ("--rule", "accuracy no worse than 5 points")
SEEDED = ("--set", "tasks.sums.sampling.seed=1")  # repeat k is asked with seed 1 + k, and answered by it
PRICES = "prices: {prompt: 1, completion: 2, date: 2026-01-01}\n"
SAMPLES = 100


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the baseline is kept for the tests that follow the first."""
    return tmp_path_factory.mktemp("kept") / "baselines"


@pytest.fixture
def night(suite: Write, evalrun: Command, tmp_path: Path, kept: Path) -> Callable[..., Path]:
    """Save a baseline of 16 repeats, then ask a run of one, of a target that is as good or worse; give its folder."""

    def write(*, accuracy: float = 0.85, ttft_s: float = 0.0, prices: str = PRICES, seed: int = 2) -> Path:
        path = suite(SAMPLES, concurrency=8)
        if not kept.exists():
            target(tmp_path, accuracy=0.85, seed=1)
            assert evalrun("run", path, *SEEDED, "--repeats", 16, "--out", "first", "-q").returncode == 0
            (first,) = (tmp_path / "first" / "sums").iterdir()
            assert evalrun("baseline", "save", first, "main", "--out", kept).returncode == 0
        shutil.copytree(kept, tmp_path / "results" / "baselines")
        target(tmp_path, accuracy=accuracy, seed=seed, ttft_s=ttft_s, prices=prices)
        assert evalrun("run", path, *SEEDED, "-q").returncode == 0
        (folder,) = (tmp_path / "results" / "sums").iterdir()
        return folder

    return write


def target(tmp_path: Path, *, accuracy: float, seed: int, ttft_s: float = 0.0, prices: str = PRICES) -> None:
    (tmp_path / "sim.yaml").write_text(
        f"kind: simulator\nseed: {seed}\nttft_s: {ttft_s}\ntoken_s: 0\ntokens_per_chunk: 50\n"
        f"accuracy: [{accuracy}]\n{prices}"
    )


def repeats(folder: Path) -> Counter[int]:
    """Give how many samples were asked for the how-manieth time, each request once."""
    records = [(record.sample.id, record.repeat) for record in open_run(folder).records()]
    assert len(records) == len(set(records))
    return Counter(repeat for _, repeat in records)


def test_it_asks_until_it_is_decided(night: Callable[..., Path], evalrun: Command, tmp_path: Path) -> None:
    """As good as before: one repeat does not prove it, a few do. All rounds are whole, in the run's own folder; the
    tables are of all of them; a plain gate says the same; and the suite's command starts another run."""
    folder = night()
    words = ("gate", folder, "--baseline", "main", *RULE)
    assert evalrun(*words).returncode == 3
    done = evalrun(*words, "--decide", "--max-cost", "1")
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert "not decided yet: 100 more requests, about $0.006" in done.stderr
    found = repeats(folder)
    assert set(found.values()) == {SAMPLES}
    assert len(found) in (2, 4, 8)
    assert f"decided after {len(found)} repeats" in done.stdout
    assert open_run(folder).finished
    assert evalrun(*words).returncode == 0
    again = evalrun(*words, "--decide", "--max-cost", "1")
    assert (again.returncode, repeats(folder)) == (0, found)
    shown = evalrun("table", folder).stdout
    assert "unfinished" not in shown
    assert "requests more than were planned" in shown
    assert evalrun("compare", "main", folder).returncode == 0
    assert evalrun("run", tmp_path / "sums.yaml", *SEEDED, "-q").returncode == 0
    assert len(list((tmp_path / "results" / "sums").iterdir())) == 2


def test_a_worse_target_is_found(night: Callable[..., Path], evalrun: Command) -> None:
    """10 points worse than 5 points allow: exit 1, and no round after the one that proved it."""
    folder = night(accuracy=0.7)
    done = evalrun("gate", folder, "--baseline", "main", *RULE, "--decide", "--max-repeats", "64", "--format", "json")
    assert done.returncode == 1, (done.stdout, done.stderr)
    gate = json.loads(done.stdout)
    assert gate["word"] == "regressed"
    assert gate["notes"][-1] == f"decided after {len(repeats(folder))} repeats"


def test_the_cap_is_kept(night: Callable[..., Path], evalrun: Command) -> None:
    """A round costs $0.006: with $0.004 none is asked. With $0.008 one is, and no other: the command, given again, has
    no more to spend."""
    folder = night(seed=4, accuracy=0.83)
    words = ("gate", folder, "--baseline", "main", "--rule", "accuracy no worse than 3 points", "--decide")
    none = evalrun(*words, "--max-cost", "0.004")
    assert none.returncode == 3, none.stderr
    assert "would pass --max-cost 0.004" in none.stdout
    assert set(repeats(folder)) == {0}
    for _ in range(2):
        one = evalrun(*words, "--max-cost", "0.008")
        assert one.returncode == 3, one.stderr
        assert "would pass --max-cost 0.008" in one.stdout
        assert set(repeats(folder)) == {0, 1}
    later = [record.cost_usd for record in open_run(folder).records() if record.repeat]
    assert sum(cost for cost in later if cost is not None) <= Decimal("0.008")


def test_without_prices_repeats_are_the_limit(night: Callable[..., Path], evalrun: Command) -> None:
    """No cap on money can be kept: exit 2, and what to give instead. With it, rounds stop before they pass it."""
    folder = night(prices="", seed=4, accuracy=0.83)
    words = ("gate", folder, "--baseline", "main", "--rule", "accuracy no worse than 3 points", "--decide")
    for given in ((), ("--max-cost", "1")):
        refused = evalrun(*words, *given)
        assert refused.returncode == 2
        assert "--max-repeats N" in refused.stderr
    assert set(repeats(folder)) == {0}
    done = evalrun(*words, "--max-repeats", "3")
    assert done.returncode == 3, done.stderr
    assert "would pass --max-repeats 3" in done.stdout
    assert set(repeats(folder)) == {0, 1}


def test_what_changed_since_is_refused(night: Callable[..., Path], evalrun: Command, tmp_path: Path) -> None:
    """Another temperature, another seed of the target, no suite: exit 2, and nothing is asked. What repeats cannot
    decide asks nothing either."""
    folder = night()
    words = ("gate", folder, "--baseline", "main", "--decide", "--max-cost", "1")
    limit = evalrun(*words, "--rule", "accuracy >= 0.85")
    assert (limit.returncode, set(repeats(folder))) == (3, {0})
    assert "nothing that more repeats of the run decide" in " ".join(limit.stdout.split())
    suite, was = tmp_path / "sums.yaml", (tmp_path / "sums.yaml").read_text()
    suite.write_text(was.replace("temperature: 0", "temperature: 1"))
    changed = evalrun(*words, *RULE)
    assert changed.returncode == 2
    assert "the sampling of task sums changed since it was asked" in changed.stderr
    suite.write_text(was)
    target(tmp_path, accuracy=0.85, seed=3)
    assert "target sim changed since" in evalrun(*words, *RULE).stderr
    suite.unlink()
    assert "is not here" in evalrun(*words, *RULE).stderr
    assert set(repeats(folder)) == {0}


def test_a_killed_round_is_gone_on_with(
    night: Callable[..., Path], evalrun: Command, start: Start, tmp_path: Path
) -> None:
    """Killed in the middle of a round: a plain gate does not look at half of it, the suite's command starts another
    run, and the same command asks what is missing, each request once."""
    folder = night(ttft_s=0.05)
    words = ("gate", folder, "--baseline", "main", *RULE)
    before = evalrun(*words)
    process = start(*words, "--decide", "--max-cost", "1")
    while (folder / "journal.jsonl").read_bytes().count(b'"t":"record"') < SAMPLES + 20:
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert 0 < repeats(folder)[1] < SAMPLES
    plain = evalrun(*words)
    assert plain.returncode == before.returncode == 3
    assert "a further round was cut off" in plain.stdout
    assert evalrun("run", tmp_path / "sums.yaml", *SEEDED, "-q").returncode == 0
    assert len(list((tmp_path / "results" / "sums").iterdir())) == 2
    done = evalrun(*words, "--decide", "--max-cost", "1")
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert set(repeats(folder).values()) == {SAMPLES}


def test_ctrl_c_says_how_to_go_on(night: Callable[..., Path], evalrun: Command, start: Start) -> None:
    """Exit 130, and the command that goes on; the table is of what there is."""
    folder = night(ttft_s=0.05)
    words = ("gate", folder, "--baseline", "main", *RULE, "--decide", "--max-cost", "1")
    process = start(*words)
    while (folder / "journal.jsonl").read_bytes().count(b'"t":"record"') < SAMPLES + 20:
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"resume with: evalrun gate {folder} --baseline main --rule '{RULE[1]}' --decide --max-cost 1" in err
