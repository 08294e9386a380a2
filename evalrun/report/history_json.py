"""A history as JSON: everything in it, full precision, as `json` writes a table. All text is escaped to ASCII."""

import dataclasses
import json
from typing import Any

from evalrun.history import History, PastRun, Point
from evalrun.report.json import encoded


def render(history: History) -> str:
    """Return the history as JSON, indented by one space."""
    document = {
        "suite": history.suite,
        "earlier": history.earlier,
        "alerts": history.alerts,
        "notes": history.notes,
        "runs": [_run(run) for run in history.runs],
        "series": [
            {"task": series.task, "target": series.target, "points": [_point(point) for point in series.points]}
            for series in history.series
        ],
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _run(run: PastRun) -> dict[str, Any]:
    created = run.created.isoformat() if run.created else None
    return {"name": run.name, "created": created, "state": run.state, "why": run.why}


def _point(point: Point) -> dict[str, Any]:
    return {
        "run": point.run.name,
        "metrics": [encoded(metric) for metric in point.metrics if metric is not None],
        "changes": [dataclasses.asdict(change) | {"comparable": not change.breaks} for change in point.changes],
        "alerts": tuple(filter(None, (point.warning, *point.alerts))),
    }
