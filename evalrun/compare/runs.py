"""A run's folder -> a Side: manifest, journal and scores, each read once. Not here: baselines, tables (`load`).

What is one number a run (throughput, goodput, the client's lag) is of the sessions that asked what was planned: later
ones asked prompts again to decide what changed (`looks`), and may find them in the provider's cache.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evalrun.compare.scan import FAILED, Column, Columns, Journal, read_journal
from evalrun.compare.scored import Scores, read_scores, states
from evalrun.compare.side import Cell, Floats, Prints, Side
from evalrun.fingerprint import fingerprint
from evalrun.slo import Slo, kept, read
from evalrun.store.manifest import Manifest, read_manifest
from evalrun.store.scores import read_header
from evalrun.table.derive import MOST_LAG_OF_TTFT, MOST_LAG_S
from evalrun.units import seconds


def read_run(folder: Path, *, name: str = "") -> Side:
    """Read a run's folder: manifest, journal and scores, once each."""
    manifest = read_manifest(folder)
    journal, scores = read_journal(folder), read_scores(folder)
    header = read_header(folder)
    cells = {}
    for task in manifest.fingerprints.tasks:  # in the suite's order, and what was never asked too
        for target in manifest.targets:
            columns = journal.columns.pop((task, target), None) or Columns()
            prints = _prints(manifest, task, target, scored_by=header.scorers if header else "")
            planned = _planned(manifest, task)
            cells[task, target] = _cell((task, target), columns, scores, journal, prints=prints, planned=planned)
    notes = [f"{target}: {note}" for target, note in journal.notes.items() if note]
    if journal.damaged:
        notes.append(f"{name or folder.name}: {journal.damaged} damaged lines of the journal are left out")
    return Side(
        name=name or folder.name,
        kind="run",
        suite=manifest.suite_name,
        run=folder.absolute().name,
        at=manifest.created.isoformat(timespec="seconds"),
        folder=folder,
        cells=cells,
        most_failed=manifest.suite.get("limits", {}).get("max_failed_share", 0.1),
        gates=tuple(manifest.suite.get("gates", ())),
        notes=tuple(notes),
    )


def _planned(manifest: Manifest, task: str) -> int:
    repeats = manifest.suite.get("tasks", {}).get(task, {}).get("repeats", 1)
    return manifest.fingerprints.tasks[task].samples * int(repeats)


def _prints(manifest: Manifest, task: str, target: str, *, scored_by: str) -> Prints:
    """Return a cell's fingerprints. The suite's own scorers count only where the scores are from them."""
    of_task, spec = manifest.fingerprints.tasks[task], manifest.targets[target]
    own = fingerprint({name: one.get("scorers") for name, one in manifest.suite.get("tasks", {}).items()})
    return Prints(
        data=of_task.data,
        prompt=of_task.prompt,
        sampling=of_task.sampling,
        scorers=of_task.scorers if scored_by == own else "",
        scored_by=scored_by,
        target=manifest.fingerprints.targets[target],
        transport=spec.get("transport", "evalrun"),
        load=fingerprint([manifest.suite.get("load"), spec.get("rate")]),
        prices=spec.get("prices"),
        slo=read(manifest.suite).stated,
    )


def _cell(
    place: tuple[str, str], columns: Columns, scores: Scores, journal: Journal, *, prints: Prints, planned: int
) -> Cell:
    of = columns.take()
    at = scores.of(of["key"])
    known = at >= 0
    score = np.full(len(at), np.nan)
    score[known] = scores.value[at[known]]
    empty, odd = (np.zeros(len(at), bool) for _ in range(2))
    empty[known], odd[known] = scores.empty[at[known]], scores.disputed[at[known]]
    asked = of["state"]
    score[np.isinf(of["ttft"])] = np.nan  # a failure has no score, whatever the file says
    score_at = np.full(len(at), -1)
    score_at[known] = scores.at[at[known]]
    in_plan = of["session"] <= journal.planned_until
    first = of if in_plan.all() else {name: column[in_plan] for name, column in of.items()}
    lag_s = _lag_s(place, journal)
    late = _late(lag_s, first["ttft"])
    good = _good(Slo(**prints.slo), of, late=bool(late))
    window_s = _window_s(first)
    return Cell(
        task=place[0],
        target=place[1],
        prints=prints,
        planned=planned,
        sample=of["sample"],
        repeat=of["repeat"],
        state=states(asked, score, empty, odd),
        score=score,
        prompt=of["prompt"],
        cached=of["cached"],
        output=of["output"],
        ttft=of["ttft"],
        tpot=of["tpot"],
        e2e=of["e2e"],
        record_at=of["at"],
        score_at=score_at,
        good=good,
        throughput=_rate(first["tokens"][_answered(first)], window_s),
        goodput=None if good is None else _rate(good[in_plan], window_s),
        lag_s=lag_s,
        late=late,
    )


def _answered(of: Mapping[str, Column]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = of["state"] != FAILED
    return found


def _good(slo: Slo, of: Mapping[str, Column], *, late: bool) -> Floats | None:
    """Say which requests kept every SLO. A client that was late itself knows it of the failed ones alone."""
    if not slo:
        return None
    with np.errstate(invalid="ignore"):  # the stream of a failure: inf - inf
        within, beyond = kept(slo, ttft=of["ttft"], tpot=of["tpot"], e2e=of["e2e"])
    found: Floats = np.where(within, 1.0, np.nan)
    found[beyond] = 0.0
    found[_answered(of) & late] = np.nan
    found[~_answered(of)] = 0.0
    return found


def _window_s(of: Mapping[str, Column]) -> float:
    """Return the time that rates are over as `table.throughput` does: windows of sessions added; NaN where unknown."""
    answered = _answered(of)
    ended, began = (np.asarray(of[name], float) for name in ("ended", "began"))
    if not answered.any() or np.isnan(ended[answered]).any():
        return np.nan
    window = 0.0
    for session in np.unique(of["session"][answered]):
        mine = of["session"] == session
        window += float(np.nanmax(ended[mine]) - np.nanmin(began[mine]))
    return window


def _rate(amounts: Floats, window_s: float) -> float | None:
    """Return so much per second; None where anything is unknown."""
    total = float(amounts.sum())
    return total / window_s if window_s > 0 and not np.isnan(total) else None


def _lag_s(place: tuple[str, str], journal: Journal) -> float | None:
    """Return how late the client was at p99 while it asked what was planned: in the worst of its sessions."""
    mine = (lag for lag in journal.lags if (lag.task, lag.target) == place)
    return max((lag.p99_s for lag in mine if lag.session <= journal.planned_until), default=None)


def _late(lag_s: float | None, ttft: Floats) -> str:
    """Say why no latency can be believed: this client was late itself (L01, as in the tables). Empty: it was not."""
    timed = np.sort(ttft[np.isfinite(ttft)])
    slow = float(timed[np.ceil(0.99 * len(timed) - 1e-9).astype(int) - 1]) if len(timed) else np.inf
    allowed = min(MOST_LAG_S, MOST_LAG_OF_TTFT * slow)
    if lag_s is None or lag_s <= allowed:
        return ""
    return f"its client was {seconds(lag_s)} late at p99, {seconds(allowed)} is allowed"
