"""The main job as a user does it: a table, a results folder; killed, resumed, scored again (faults P01-P18)."""

import json
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from evalrun.store.checked import sealed
from evalrun.store.reader import StoredRun

Command = Callable[..., "subprocess.CompletedProcess[str]"]


def only_run(tmp_path: Path) -> Path:
    """Return the one run folder there is."""
    (folder,) = (tmp_path / "results" / "sums").iterdir()
    return folder


def lines(folder: Path, kind: str) -> list[dict[str, object]]:
    """Return the whole lines of a journal that are of one type."""
    found = []
    for line in (folder / "journal.jsonl").read_bytes().split(b"\n")[:-1]:
        value = json.loads(line)
        if value["t"] == kind:
            found.append(value)
    return found


def wait_for(condition: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    """Wait until something is so; a process that ended before has failed."""
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)


def journal_has(tmp_path: Path, records: int) -> Callable[[], bool]:
    """Say whether the run has at least so many records."""

    def has() -> bool:
        journals = list((tmp_path / "results").glob("sums/*/journal.jsonl"))
        return bool(journals) and journals[0].read_bytes().count(b'"t":"record"') >= records

    return has


def test_a_run_gives_a_table_and_a_folder(suite: Callable[..., Path], evalrun: Command, tmp_path: Path) -> None:
    """Five right answers of five: the table says so and says that they are simulated; progress is not in the table."""
    done = evalrun("run", suite(5))
    assert done.returncode == 0, done.stderr
    assert "accuracy" in done.stdout
    assert "100 % [57, 100]" in done.stdout  # Wilson for 5 of 5: 25 / (25 + 1.96^2 * ...) -> 0.566
    assert "simulated" in done.stdout
    assert "requests" in done.stderr
    folder = only_run(tmp_path)
    written = {"manifest.json", "journal.jsonl", "scores.jsonl", "table.md", "table.csv", "table.json"}
    assert written <= {path.name for path in folder.iterdir()}
    records = list(StoredRun(folder).records())
    assert sorted(str(record.sample.expected) for record in records) == ["1", "2", "3", "4", "5"]
    assert all(record.cost_usd is not None and record.timing is not None for record in records)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_scores_are_made_again_without_the_network(
    suite: Callable[..., Path], evalrun: Command, tmp_path: Path
) -> None:
    """`evalrun score` on the folder, with the suite, its data and its target gone, gives the same scores."""
    path = suite(5)
    evalrun("run", path)
    folder = only_run(tmp_path)
    before = (folder / "scores.jsonl").read_bytes()
    for name in ("sums.yaml", "sim.yaml", "rows.py"):
        (tmp_path / name).unlink()
    again = evalrun("score", folder)
    assert again.returncode == 0, again.stderr
    assert (folder / "scores.jsonl").read_bytes() == before


def test_a_finished_run_is_not_resumed(suite: Callable[..., Path], evalrun: Command, tmp_path: Path) -> None:
    """The same command after a finished run starts another."""
    path = suite(2)
    evalrun("run", path)
    evalrun("run", path)
    assert len(list((tmp_path / "results" / "sums").iterdir())) == 2


def test_ctrl_c_keeps_what_is_done_and_the_same_command_goes_on(
    suite: Callable[..., Path], evalrun: Command, start: Callable[..., "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    """P01: SIGINT gives a partial table, the resume command and exit 130; resuming asks each sample exactly once."""
    path = suite(40, concurrency=2, ttft_s=0.05)
    process = start("run", path)
    wait_for(journal_has(tmp_path, 5), process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "accuracy" in out
    assert f"resume with: evalrun run {path}" in err
    resumed = evalrun("run", path)
    assert resumed.returncode == 0, resumed.stderr
    assert "resuming:" in resumed.stderr
    folder = only_run(tmp_path)
    assert Counter(line["key"] for line in lines(folder, "intent")).most_common(1)[0][1] == 1
    assert len(lines(folder, "record")) == 40


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_termination_is_resumable(
    number: signal.Signals, suite: Callable[..., Path], start: Callable[..., "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    """P03, P08: exit 143, and the journal ends in a whole line that says the session ended on purpose."""
    process = start("run", suite(40, concurrency=2, ttft_s=0.05))
    wait_for(journal_has(tmp_path, 3), process)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == 143
    assert lines(only_run(tmp_path), "end")[-1]["reason"] == "stopped"


def test_two_at_once_are_refused(
    suite: Callable[..., Path], evalrun: Command, start: Callable[..., "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    """P16: the second process on one run is refused with the first one's pid, exit 5."""
    path = suite(400, concurrency=1, ttft_s=0.2)
    process = start("run", path)
    wait_for(journal_has(tmp_path, 1), process)
    second = evalrun("run", path)
    assert second.returncode == 5
    assert str(process.pid) in second.stderr


def test_a_changed_suite_is_not_resumed(
    suite: Callable[..., Path], evalrun: Command, start: Callable[..., "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    """P18: with another prompt an unfinished run is refused, exit 2; with another scorer `evalrun score` is offered.

    Another SLO changes nothing that is asked: the run goes on.
    """
    path = suite(40, concurrency=1, ttft_s=0.05)
    process = start("run", path)
    wait_for(journal_has(tmp_path, 2), process)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    text = path.read_text()
    path.write_text(text.replace("What is", "Tell me"))
    refused = evalrun("run", path)
    assert refused.returncode == 2
    assert "the prompt of task sums changed" in refused.stderr
    path.write_text(text.replace("kind: numeric", "kind: contains"))
    refused = evalrun("run", path)
    assert refused.returncode == 2
    assert f"evalrun score results/sums/{only_run(tmp_path).name} --suite {path}" in refused.stderr
    rescored = evalrun("score", only_run(tmp_path), "--suite", path)
    assert rescored.returncode == 0, rescored.stderr
    assert "scored by contains" in rescored.stdout
    path.write_text(text + "slo: {ttft: 9 s}\n")
    resumed = evalrun("run", path)
    assert resumed.returncode == 0, resumed.stderr
    assert "this run keeps the one it was started with: none" in resumed.stderr


def test_a_changed_price_is_not_resumed(
    suite: Callable[..., Path],
    evalrun: Command,
    start: Callable[..., "subprocess.Popen[str]"],
    tmp_path: Path,
) -> None:
    """One run has one price list: half of it under another would be a total that nobody can read."""
    path = suite(200, concurrency=1, ttft_s=0.05)
    process = start("run", path)
    wait_for(journal_has(tmp_path, 1), process)
    process.kill()
    process.communicate()
    target = tmp_path / "sim.yaml"
    target.write_text(target.read_text().replace("completion: 2", "completion: 3"))
    refused = evalrun("run", path)
    assert refused.returncode == 2
    assert "the prices of target sim changed" in refused.stderr


def test_the_clients_lag_is_noted_while_a_session_lasts(suite: Callable[..., Path], tmp_path: Path) -> None:
    """A session that is killed has told by then how late its client was. Here it tells after every request."""
    code = "from evalrun.run import fanout; fanout.NOTE_LAG_S = 0; from evalrun.cli import main; main()"
    path = suite(20, concurrency=1, ttft_s=0.03)
    command = [sys.executable, "-c", code, "run", str(path)]
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, timeout=120)
    told = [int(str(line["count"])) for line in lines(only_run(tmp_path), "lag")]
    assert len(told) > 10
    assert told == sorted(told)


def test_rows_that_were_left_out_are_counted_under_the_table(
    suite: Callable[..., Path], evalrun: Command, tmp_path: Path
) -> None:
    """D04: a malformed row is refused; --skip-bad-rows leaves it out, and the table says how many, now and later."""
    path = suite()
    path.write_text(
        path.read_text().replace('kind: python, call: "rows:rows", args: {n: 5}', "kind: jsonl, path: r.jsonl")
    )
    (tmp_path / "r.jsonl").write_text('{"a": 1, "b": 1, "total": "2"}\n{"a": 1,\n{"a": 2, "b": 1, "total": "3"}\n')
    refused = evalrun("run", path)
    assert (refused.returncode, "r.jsonl:2:" in refused.stderr) == (2, True)
    done = evalrun("run", path, "--skip-bad-rows")
    assert done.returncode == 0, done.stderr
    said = "sums: 1 malformed row was left out, as --skip-bad-rows allows"
    assert said in done.stdout
    assert said in evalrun("table", only_run(tmp_path)).stdout


def _killed_at_random(suite: Path, start: Callable[..., "subprocess.Popen[str]"], tmp_path: Path, kills: int) -> Path:
    """Kill the run at `kills` seeded points of its journal's growth, then let it finish."""
    dice = random.Random(11)
    acknowledged: set[object] = set()
    goal = 0
    for _ in range(kills):
        goal += dice.randrange(1, 12)
        process = start("run", suite)
        wait_for(journal_has(tmp_path, goal), process)
        process.kill()
        process.communicate()
        keys = {line["key"] for line in lines(only_run(tmp_path), "record")}
        assert acknowledged <= keys
        acknowledged = keys
        goal = len(keys)
    return only_run(tmp_path)


@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=pytest.mark.slow)])
def test_sigkill_loses_nothing_and_resends_at_most_what_was_in_flight(
    kills: int,
    suite: Callable[..., Path],
    evalrun: Command,
    start: Callable[..., "subprocess.Popen[str]"],
    tmp_path: Path,
) -> None:
    """P04: after each kill every record that was there is there; in the end each sample has one record, and the intents
    beyond one a sample are at most `concurrency` for each kill."""
    path = suite(kills * 16 + 40, concurrency=4, ttft_s=0.02)
    folder = _killed_at_random(path, start, tmp_path, kills)
    assert evalrun("run", path).returncode == 0
    records = Counter(line["key"] for line in lines(folder, "record"))
    assert len(records) == kills * 16 + 40
    assert set(records.values()) == {1}
    assert len(lines(folder, "intent")) - len(records) <= 4 * kills


def test_nothing_is_left_running(
    suite: Callable[..., Path], start: Callable[..., "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    """The simulator dies with the run, even when the run is killed."""
    process = start("run", suite(400, concurrency=1, ttft_s=0.1))
    wait_for(journal_has(tmp_path, 1), process)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert children
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 30
    while any(_alive(child) for child in children):
        assert time.monotonic() < deadline, "a child outlived its parent"
        time.sleep(0.01)


def _alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_closed_pipe_is_quiet(suite: Callable[..., Path], start: Callable[..., "subprocess.Popen[str]"]) -> None:
    """P09: a reader of standard output that goes away causes no traceback."""
    process = start("run", suite(2))
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in err
    assert "bug" not in err


def test_a_closed_stderr_does_not_end_a_run(suite: Callable[..., Path], tmp_path: Path) -> None:
    """`evalrun ... 2>&1 | head -1`: all is asked all the same, exit 0."""
    path = suite(3)
    line = f"{sys.executable} -m evalrun run {path} 2>&1 | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0
    assert len(lines(only_run(tmp_path), "record")) == 3


def test_scores_by_another_suite_are_shown_as_such(
    suite: Callable[..., Path], evalrun: Command, tmp_path: Path
) -> None:
    """After `score --suite` with another scorer, `table` shows that scorer's accuracy, not a dash."""
    path = suite(3)
    evalrun("run", path)
    path.write_text(path.read_text().replace("kind: numeric", "kind: contains"))
    evalrun("score", only_run(tmp_path), "--suite", path)
    shown = evalrun("table", only_run(tmp_path))
    assert "scored by contains" in shown.stdout
    assert "100 % [44, 100]" in shown.stdout


def test_a_score_does_not_outlive_its_answer(suite: Callable[..., Path], evalrun: Command, tmp_path: Path) -> None:
    """A damaged answer is asked again; its new text is scored, whatever the old one got."""
    path = suite(3)
    evalrun("run", path)
    folder = only_run(tmp_path)
    header, *scores = (folder / "scores.jsonl").read_text().splitlines(keepends=True)
    assert all('"value":1' in score for score in scores)
    wrong = (
        re.sub(r'"answer_crc":\d+', '"answer_crc":1', score.replace('"value":1.0', '"value":0.0')) for score in scores
    )
    resealed = (sealed(b"{" + score.partition(",")[2].encode()).decode() for score in wrong)
    (folder / "scores.jsonl").write_text("".join([header, *resealed]))
    journal = (folder / "journal.jsonl").read_bytes().split(b"\n")
    (folder / "journal.jsonl").write_bytes(b"\n".join(journal[:-2]) + b"\n")  # the last session did not end
    again = evalrun("run", path)
    assert again.returncode == 0, again.stderr
    assert "100 % [44, 100]" in again.stdout


def test_several_tables_are_one_document(suite: Callable[..., Path], evalrun: Command, tmp_path: Path) -> None:
    """Two runs as JSON are one array, as CSV one header."""
    path = suite(2)
    evalrun("run", path)
    evalrun("run", path)
    folders = sorted((tmp_path / "results" / "sums").iterdir())
    assert len(json.loads(evalrun("table", *folders, "--format", "json").stdout)) == 2
    rows = evalrun("table", *folders, "--format", "csv").stdout.splitlines()
    assert sum(row.startswith("suite,run,") for row in rows) == 1
    assert "" not in rows


def test_a_header_of_the_users_own_is_not_stored(suite: Callable[..., Path], evalrun: Command, tmp_path: Path) -> None:
    """An extra header may carry a key: its value is sent, and stands in no file of the run."""
    path = suite(2)
    with (tmp_path / "sim.yaml").open("a") as file:
        file.write("quirks: {headers: {x-tenant: '${TENANT}'}}\n")
    done = evalrun("run", path, env={"TENANT": "canary-4711"})
    assert done.returncode == 0, done.stderr
    assert not any(b"canary-4711" in file.read_bytes() for file in only_run(tmp_path).iterdir())
