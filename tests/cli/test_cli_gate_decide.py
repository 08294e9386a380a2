"""`evalrun gate --decide` as a user does it: asked again until it is decided; capped, refused, killed and gone on."""

import json
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from evalrun import units
from evalrun.store.reader import StoredRun

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


def spent(folder: Path) -> Decimal:
    """Return what the answers of a run cost."""
    return sum((record.cost_usd or Decimal(0) for record in StoredRun(folder).records()), Decimal(0))


def repeats(folder: Path) -> Counter[int]:
    """Return how many samples were asked for the how-manieth time, each request once."""
    records = [(record.sample.id, record.repeat) for record in StoredRun(folder).records()]
    assert len(records) == len(set(records))
    return Counter(repeat for _, repeat in records)


def test_it_asks_until_it_is_decided(night: Callable[..., Path], evalrun: Command, tmp_path: Path) -> None:
    """As good as before: one repeat does not prove it, a few do. All rounds are whole, in the run's own folder; the
    tables are of all of them; a plain gate says the same; and the suite's command starts another run. Where nothing has
    to be asked, nothing is planned: the suite may be gone."""
    folder = night()
    words = ("gate", folder, "--baseline", "main", *RULE)
    assert evalrun(*words).returncode == 3
    planned = spent(folder)
    done = evalrun(*words, "--decide", "--max-cost", "1")
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert f"not decided yet: 100 more requests, about {units.usd(planned)}, for 2 repeats of sums" in done.stderr
    found = repeats(folder)
    assert set(found.values()) == {SAMPLES}
    assert len(found) in (2, 4, 8)
    assert f"decided after {len(found)} repeats" in done.stdout
    assert StoredRun(folder).finished
    assert evalrun(*words).returncode == 0
    again = evalrun(*words, "--decide", "--max-cost", "1")
    assert (again.returncode, repeats(folder)) == (0, found)
    shown = evalrun("table", folder).stdout
    assert "unfinished" not in shown
    assert "requests more than were planned" in shown
    assert evalrun("compare", "main", folder).returncode == 0
    assert evalrun("run", tmp_path / "sums.yaml", *SEEDED, "-q").returncode == 0
    assert len(list((tmp_path / "results" / "sums").iterdir())) == 2
    (tmp_path / "sums.yaml").unlink()
    assert evalrun(*words, "--decide", "--max-cost", "1").returncode == 0


def test_a_worse_target_is_found(night: Callable[..., Path], evalrun: Command) -> None:
    """10 points worse than 5 points allow: exit 1, and no round after the one that proved it."""
    folder = night(accuracy=0.7)
    done = evalrun("gate", folder, "--baseline", "main", *RULE, "--decide", "--max-repeats", "64", "--format", "json")
    assert done.returncode == 1, (done.stdout, done.stderr)
    gate = json.loads(done.stdout)
    assert gate["word"] == "regressed"
    assert gate["notes"][-1] == f"decided after {len(repeats(folder))} repeats"


def test_a_round_that_could_not_be_finished_is_not_begun(night: Callable[..., Path], evalrun: Command) -> None:
    """A cap of what a round costs leaves nothing to set aside for its last request: none is asked, and the command that
    asks it is said. Under that cap one is asked to its end, and no other: the cap is for all rounds together."""
    folder = night(seed=4, accuracy=0.83)
    planned = spent(folder)
    words = ("gate", folder, "--baseline", "main", "--rule", "accuracy no worse than 3 points", "--decide")

    def last_note(cap: str) -> str:
        done = evalrun(*words, "--max-cost", cap, "--format", "json")
        assert done.returncode == 3, done.stderr
        return str(json.loads(done.stdout)["notes"][-1])

    tight = f"{planned + Decimal('0.0001'):f}"
    said = last_note(tight)
    assert (
        f"another round would exceed --max-cost {tight}, of which $0.00 went into deciding: it takes 100 more" in said
    )
    assert set(repeats(folder)) == {0}
    enough = re.search(r"--max-cost (\S+) would be enough: evalrun (.*)", said)
    assert enough is not None
    rule = ("--baseline", "main", "--rule", words[5], "--format", "json", "--decide", "--max-cost", enough[1])
    assert enough[2] == shlex.join(["gate", str(folder), *map(str, rule)])
    for _ in range(2):
        said = last_note(enough[1])
        assert f"would exceed --max-cost {enough[1]}, of which {units.usd(spent(folder) - planned)} went into" in said
        assert repeats(folder) == {0: SAMPLES, 1: SAMPLES}
    assert spent(folder) - planned <= Decimal(enough[1])


def test_what_cannot_pass_is_not_paid_for(night: Callable[..., Path], evalrun: Command) -> None:
    """Repeats may decide the change, but the limit stays open whatever they say: nothing is asked, and why is said."""
    folder = night()
    words = ("gate", folder, "--baseline", "main", *RULE)
    assert "add --decide" in evalrun(*words).stderr
    both = (*words, "--rule", "accuracy >= 0.85")
    assert "add --decide" not in evalrun(*both).stderr
    done = evalrun(*both, "--decide", "--max-cost", "1")
    assert (done.returncode, set(repeats(folder))) == (3, {0})
    said = " ".join(done.stdout.split())
    assert "accuracy >= 0.85 (sums, sim): not decided by more repeats of this run; the gate cannot pass" in said
    assert RULE[1] + " (" not in said.rpartition("not decided:")[2]


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
    assert "would exceed --max-repeats 3" in done.stdout
    assert set(repeats(folder)) == {0, 1}


def test_the_targets_file_is_found_where_it_was(suite: Write, evalrun: Command, tmp_path: Path) -> None:
    """A run of `--target elsewhere/sim.yaml` is asked on by that file, not by another of its name."""
    path = suite(30, concurrency=8)
    (tmp_path / "elsewhere").mkdir()
    target(tmp_path / "elsewhere", accuracy=0.5, seed=3)
    asked = ("--target", "elsewhere/sim.yaml", *SEEDED, "-q")
    assert evalrun("run", path, *asked).returncode == 0
    assert evalrun("baseline", "save", "results/sums", "main").returncode == 0
    assert evalrun("run", path, *asked, "--new").returncode == 0
    rule = ("--rule", "accuracy no worse than 1 points", "--baseline", "main")
    decided = evalrun("gate", "results/sums", *rule, "--decide", "--max-repeats", 2)
    assert "since it was asked" not in decided.stderr, decided.stderr
    assert decided.returncode in (0, 3)


def test_what_changed_since_is_refused(night: Callable[..., Path], evalrun: Command, tmp_path: Path) -> None:
    """Another temperature, another seed of the target, no suite: exit 2, and nothing is asked."""
    folder = night()
    words = ("gate", folder, "--baseline", "main", "--decide", "--max-cost", "1")
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
    """Killed in the middle of a round: a plain gate does not look at half of it, the tables say that the run as planned
    is whole, the suite's command starts another run, and the same command asks what is missing, each request once, if
    the cap allows all of it."""
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
    assert "a further round was interrupted" in plain.stdout
    table = evalrun("table", folder).stdout
    assert "finished as it was planned; a further round was cut off" in table
    assert "is not finished" not in table
    begun, short = repeats(folder), spent(folder)
    capped = evalrun(*words, "--decide", "--max-cost", "0.0015")
    assert (capped.returncode, repeats(folder), spent(folder)) == (3, begun, short)
    assert "the rest of a round that was interrupted would exceed --max-cost 0.0015" in " ".join(capped.stdout.split())
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
