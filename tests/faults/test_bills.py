"""Random runs of the whole command by the server's own bill: it passes the cap at most once, by what docs say (R7).

What is allowed beyond the cap, by the journal and the bill together:

    what the requests in flight when the last one was sent cost beyond what was set aside for them
    what was billed beyond what was set aside where nobody was told: of requests of a killed session, and of tokens that
    a runaway sent before the client's leaving reached it
"""

import json
import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from billing import STYLES, Biller, Commands, commands
from fault_server import DONE, STOP, FaultServer, says, stream, usage

from evalrun.requests import money
from evalrun.requests.scan import read
from evalrun.run.spent import already_spent
from evalrun.store.lines import Intent, scan
from evalrun.store.reader import StoredRun
from evalrun.types import Completion, Failure, Record

PRICES = {"prompt": 1, "completion": 2, "date": "2026-01-01"}
WORST = Decimal("0.0015")  # of a short question, roughly
STEADY = {"honest", "hidden prompt", "own price", "mismatch"}
"""Styles whose first answer shows what they do: these pass the cap by one request's bill at most."""


@pytest.fixture(scope="module")
def command() -> Iterator[Commands]:
    with commands() as found:
        yield found


def suite(dice: random.Random, cap: Decimal) -> dict[str, Any]:
    """Draw a suite: a task of sums, sometimes a ladder whose prompts have to be measured."""
    rows = [{"q": f"{n} - {n - 2}?" + " please" * dice.randint(0, 40), "a": "2"} for n in range(dice.randint(2, 30))]
    common = {"sampling": {"max_tokens": dice.choice((8, 16, 64))}, "scorers": [{"kind": "exact"}]}
    tasks: dict[str, Any] = {
        "sums": common
        | {"data": {"kind": "inline", "rows": rows}, "prompt": {"template": "{{ q }}", "expected": "{{ a }}"}}
    }
    if dice.random() < 0.3:
        data = {"kind": "ladder", "probe": {"kind": "passkey"}, "sizes": [256, 512], "per_size": 2}
        ladder = common | {"data": data, "prompt": {"template": "{{ prompt }}", "expected": "{{ answer }}"}}
        tasks = {"needles": ladder} | tasks if dice.random() < 0.5 else tasks | {"needles": ladder}
    retries = {"backoff_s": [0.001, 0.002], "unknown": dice.choice((0, 1, 3))}
    return {
        "name": "bills",
        "tasks": tasks,
        "load": {"concurrency": dice.choice((1, 2, 8, 64))},
        "limits": {"max_cost_usd": str(cap), "max_failed_share": 1, "retries": retries},
    }


def allowed_beyond(folder: Path, server: Biller) -> Decimal:
    """Return what the bill may have beyond the cap."""
    told: dict[str, Decimal] = {}  # what was set aside, by the key of a request that is in flight
    in_flight: dict[str, Decimal] = {}
    charged_for_runaways = beyond = Decimal(0)
    for line in scan(folder / "journal.jsonl"):
        match line.event():
            case Intent(key=key, reserved_usd=usd):
                told[key] = usd or Decimal(0)
                in_flight, beyond = dict(told), Decimal(0)
            case Record(key=key, outcome=Completion(response_id=number)):
                bill, aside = server.entries[int(number) - 1].bill, in_flight.get(key)
                beyond += max(Decimal(0), bill - aside) if aside is not None else 0
                told.pop(key)
            case Record(key=key, outcome=Failure(kind="runaway"), most_usd=usd):
                charged_for_runaways += usd or Decimal(0)
                beyond += max(Decimal(0), (usd or Decimal(0)) - in_flight.get(key, Decimal(0)))
                told.pop(key)
            case Record(key=key):
                told.pop(key)
    ran_away = sum((entry.bill for entry in server.entries if entry.runaway), Decimal(0))
    return beyond + max(Decimal(0), ran_away - charged_for_runaways) + lost(folder, server)


def lost(folder: Path, server: Biller) -> Decimal:
    """Return what was billed beyond the worst case where the journal has no answer."""
    events = (line.event() for line in scan(folder / "journal.jsonl"))
    records = (one for one in events if isinstance(one, Record))
    told = {int(one.outcome.response_id) for one in records if isinstance(one.outcome, Completion)}
    untold = (one.bill - one.worst for n, one in enumerate(server.entries, 1) if n not in told and not one.runaway)
    return sum((usd for usd in untold if usd > 0), Decimal(0))


def check(command: Commands, folder: Path, seed: int, *, whole: bool = False) -> None:
    """Draw a scenario, run the command until it is complete or ended twice without a kill; hold the bill to the cap."""
    dice = random.Random(seed)
    cap = WORST * dice.choice((2, 5, 12, 40))
    styles = {name: dice.choice(STYLES) for name in ("a", "b")[: dice.randint(1, 2)]}
    (folder / "suite.yaml").write_text(json.dumps(suite(dice, cap)))
    together = len(styles) == 2 and dice.random() < 0.4
    with Biller(seed, styles, faults=dice.choice((0.0, 0.1, 0.4))) as server:
        for name in styles:
            url = f"http://127.0.0.1:{server.port}/{name}/v1"
            spec = {"kind": "http", "base_url": url, "model": "m", "prices": PRICES}
            (folder / f"{name}.yaml").write_text(json.dumps(spec))
        argv = ["ab" if together else "run", *(f"{name}.yaml" for name in styles)]
        ended = 0
        while ended < 2:
            at = len(server.entries) + dice.randint(1, 12) if dice.random() < 0.5 else 0
            server.arrived = lambda number, at=at: command.kill() if number == at else None
            code = command(folder, *argv, whole=whole)
            assert code in (-9, 0, 3, 4), (seed, code, (folder / "out.txt").read_text())
            ended += 0 if code == -9 else 1 if code else 2
    (run,) = (path.parent for path in (folder / "out").rglob("journal.jsonl"))
    beyond = allowed_beyond(run, server)
    assert server.billed <= cap + beyond, (seed, styles, cap, server.billed, beyond)
    if set(styles.values()) <= STEADY:
        one = max(entry.bill for entry in server.entries)
        assert server.billed <= cap + one + lost(run, server), (seed, styles, cap, server.billed, one)


@pytest.mark.parametrize("seed", range(50))
def test_m03_bill_never_passes_the_cap(command: Commands, tmp_path: Path, seed: int) -> None:
    """M03, R7: kills, resumes, faults, measured prompts and servers that bill more than they may."""
    check(command, tmp_path, seed, whole=seed < 3)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(50, 1050))
def test_m03_bill_never_passes_the_cap_in_a_thousand_runs(command: Commands, tmp_path: Path, seed: int) -> None:
    """R7, at its promised number."""
    check(command, tmp_path, seed)


# ---------------------------------------------------------------- requests that measure prompts

LADDER = {"kind": "ladder", "probe": {"kind": "passkey"}, "sizes": [256, 512], "per_size": 2}
NEEDLES = {
    "data": LADDER,
    "prompt": {"template": "{{ prompt }}", "expected": "{{ answer }}"},
    "sampling": {"max_tokens": 16},
    "scorers": [{"kind": "contains"}],
}


def ladder(folder: Path, port: int, cap: str) -> None:
    limits = {"max_cost_usd": cap, "max_failed_share": 1}
    suite = {"name": "bills", "tasks": {"needles": NEEDLES}, "limits": limits}
    spec = {"kind": "http", "base_url": f"http://127.0.0.1:{port}/a/v1", "model": "m", "prices": PRICES}
    (folder / "suite.yaml").write_text(json.dumps(suite))
    (folder / "a.yaml").write_text(json.dumps(spec))


def test_m03_measuring_is_paid_for_once_and_inside_the_cap(command: Commands, tmp_path: Path) -> None:
    """Killed at its third request: that one is sent again, the two that were answered are not; four samples follow.
    What measured is in no table."""
    with Biller(1, {"a": "honest"}, faults=0) as server:
        ladder(tmp_path, server.port, "1")
        server.arrived = lambda number: command.kill() if number == 3 else None
        assert command(tmp_path, "run", "a.yaml", whole=False) == -9
        assert command(tmp_path, "run", "a.yaml", whole=False) == 0
        assert len(server.entries) == 4 + 1 + 4
    (run,) = (path.parent for path in (tmp_path / "out").rglob("journal.jsonl"))
    kinds = [line.kind.decode() for line in scan(run / "journal.jsonl")]
    assert [kinds.count(kind) for kind in ("intent", "measured", "record")] == [9, 4, 4]
    assert len(read(run).answered) == len(list(StoredRun(run).records())) == 4
    assert money.possibly_billed(read(run)) == 1
    assert already_spent(run) == server.billed - server.entries[2].bill + reserved_of(run, 2)


def reserved_of(run: Path, number: int) -> Decimal:
    """Return what was set aside for the n-th request that was sent, from 0."""
    intents = [event for line in scan(run / "journal.jsonl") if isinstance(event := line.event(), Intent)]
    return intents[number].reserved_usd or Decimal(0)


def test_m03_same_command_ten_times_stays_inside_the_cap(command: Commands, tmp_path: Path) -> None:
    """An endpoint whose counts do not follow the prompt cannot be measured, and bills $0.001 for each try."""
    counted = stream(says("2"), STOP, usage(998, 1), DONE)
    with FaultServer([counted]) as server:
        ladder(tmp_path, server.port, "0.0055")
        codes = [command(tmp_path, "run", "a.yaml", whole=False) for _ in range(10)]
        billed = len(server.requests) * Decimal("0.001")
    assert billed <= Decimal("0.0055")
    assert codes[-1] == 4
