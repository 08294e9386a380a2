"""Random runs of the whole command by the server's own bill: it passes the cap once at most, as docs/faults.md says (R7).

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

from evalrun.store.lines import Intent, scan
from evalrun.types import Completion, Failure, Record

PRICES = {"prompt": 1, "completion": 2, "date": "2026-01-01"}
WORST = Decimal("0.0015")  # of a short question, roughly


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
    lost = (entry.bill - entry.worst for entry in server.entries if not entry.told and not entry.runaway)
    return beyond + max(Decimal(0), ran_away - charged_for_runaways) + sum(usd for usd in lost if usd > 0)


def check(command: Commands, folder: Path, seed: int) -> None:
    """Draw a scenario, run the command until it has ended twice without a kill, and hold the bill against the cap."""
    dice = random.Random(seed)
    cap = WORST * dice.choice((2, 5, 12, 40))
    styles = {name: dice.choice(STYLES) for name in ("a", "b")[: dice.randint(1, 2)]}
    (folder / "suite.yaml").write_text(json.dumps(suite(dice, cap)))
    together = len(styles) == 2 and dice.random() < 0.4
    verb = ["ab"] if together else ["run"]
    with Biller(seed, styles, faults=dice.choice((0.0, 0.1, 0.4))) as server:
        for name in styles:
            url = f"http://127.0.0.1:{server.port}/{name}/v1"
            spec = {"kind": "http", "base_url": url, "model": "m", "prices": PRICES}
            (folder / f"{name}.yaml").write_text(json.dumps(spec))
        argv = [*verb, "suite.yaml", *(part for name in styles for part in ("-t", f"{name}.yaml")), "--quiet"]
        ended = 0
        while ended < 2:
            at = len(server.entries) + dice.randint(1, 12) if dice.random() < 0.5 else 0
            server.arrived = lambda number, at=at: command.kill() if number == at else None
            code = command(folder, *argv, "--out", "out")
            assert code in (-9, 0, 3, 4), (seed, code, (folder / "out.txt").read_text())
            ended += code != -9
            if any((folder / "out").rglob("delivered")):
                break
    (run,) = (path.parent for path in (folder / "out").rglob("journal.jsonl"))
    beyond = allowed_beyond(run, server)
    assert server.billed <= cap + beyond, (seed, styles, cap, server.billed, beyond)


@pytest.mark.parametrize("seed", range(50))
def test_m03_bill_never_passes_the_cap(command: Commands, tmp_path: Path, seed: int) -> None:
    """M03, R7: kills, resumes, faults, measured prompts and servers that bill more than they may."""
    check(command, tmp_path, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(50, 1050))
def test_m03_bill_never_passes_the_cap_in_a_thousand_runs(command: Commands, tmp_path: Path, seed: int) -> None:
    """R7, at its promised number."""
    check(command, tmp_path, seed)
