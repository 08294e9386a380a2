"""Opening a target for a session: its server and client, its prompts' sizes, and advice for when it fails."""

import contextlib
import difflib
import functools
import re
import time
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from evalrun import retry
from evalrun.data.ladder import LadderSource
from evalrun.data.places import Places
from evalrun.data.scale import Scale
from evalrun.errors import Unusable
from evalrun.price import Budget, Overrun
from evalrun.run.ask import Asker
from evalrun.run.calibrate import Calibrating
from evalrun.run.job import repeated
from evalrun.run.plan import Plan
from evalrun.run.slots import Backoff, Slots
from evalrun.run.throttle import Throttle
from evalrun.run.watch import Watch
from evalrun.store.lines import Served
from evalrun.store.writer import Writer
from evalrun.suite.read import Target
from evalrun.targets.client import Client, open_target
from evalrun.targets.kind import Deadlines, Needs, Sizes, carries_key
from evalrun.targets.simulator.answers import Fact, write_answers
from evalrun.targets.spec import Http
from evalrun.targets.transport.lag import LagMeter
from evalrun.targets.transport.machine import affordable_concurrency
from evalrun.types import Failure, Json


@dataclass(frozen=True, slots=True)
class Lane:
    """A target that is open."""

    target: Target
    asker: Asker
    lag: LagMeter


class Opening:
    """Opens the targets of one session. zero_ns: the session's start on the monotonic clock."""

    def __init__(self, plan: Plan, writer: Writer, watch: Watch, budget: Budget, *, zero_ns: int) -> None:
        self._plan, self._writer, self._watch, self._budget, self._zero_ns = plan, writer, watch, budget, zero_ns
        self._scales: dict[str, dict[str, Scale]] = {target.name: {} for target in plan.targets}
        for line in writer.run.index.calibrated:
            self._scales[line.target][line.probe] = msgspec.convert(line.scale, Scale)

    def places(self, target: Target) -> Places:
        """Return where the target's samples come from: prompts of a ladder depend on who counts their tokens."""
        return replace(self._plan.places, scales=self._scales[target.name], salt=self._writer.run.path.name)

    async def open(self, target: Target, stack: contextlib.AsyncExitStack) -> Lane:
        """Open a target until `stack` is closed. Raises Unusable; CapReached where its calibration would cost more."""
        wanted = self._plan.in_flight(target)
        most = affordable_concurrency(wanted)
        if most < wanted:
            self._watch.say(f"{target.name}: {most} in flight, not {wanted}: the limit of open files")
        self._tell_answers(target, ladders=False)
        opened = await stack.enter_async_context(open_target(target.spec, target.name, self._needs(target, most)))
        endpoint = opened.endpoint
        self._writer.append(
            Served(session=self._writer.session, target=target.name, note=endpoint.note, facts=endpoint.facts)
        )
        models = await opened.client.models()  # see that it is there, before anything is spent
        if isinstance(models, Failure):
            raise Unusable(f"{models.message}{advice(models, target)}")
        slots = Slots(most, time.monotonic, why="open files" if most < wanted else "planned")
        asker = self._asker(target, opened.client, slots, hint=_listed(endpoint.model, models))
        await self._calibrate(target, asker)
        self._tell_answers(target, ladders=True)
        return Lane(target, asker, opened.lag)

    def _needs(self, target: Target, slots: int) -> Needs:
        limits = self._plan.suite.limits
        return Needs(
            folder=target.path.parent,
            logs=self._writer.run.path,
            key=target.key,
            slots=slots,
            deadlines=msgspec.convert(limits, Deadlines, from_attributes=True),
            sizes=Sizes(answer=limits.max_answer_bytes, event=limits.max_event_bytes),
            answers=self._answers(target),
            notify=self._watch.say,
            progress=self._watch.fetching,
        )

    def _asker(self, target: Target, client: Client, slots: Slots, *, hint: str) -> Asker:
        rate = target.spec.rate
        return Asker(
            target=target.name,
            zero_ns=self._zero_ns,
            client=client,
            writer=self._writer,
            rules=msgspec.convert(self._plan.suite.limits.retries, retry.Rules, from_attributes=True),
            prices=target.spec.prices,
            budget=self._budget,
            slots=slots,
            backoff=Backoff(time.monotonic),
            changed=self._watch.changed,
            throttle=Throttle(time.monotonic, requests=rate.requests_per_minute, tokens=rate.tokens_per_minute),
            advice=functools.partial(advice, target=target, listed=hint),
            overrun=self._writer.run.index.overruns.get(target.name, Overrun()),
        )

    async def _calibrate(self, target: Target, asker: Asker) -> None:
        """Measure how long the ladders' prompts are for this target, where no earlier session did."""
        calibrating = Calibrating(self._plan, target, asker)
        for name, task in self._plan.suite.tasks.items():
            if isinstance(task.data, LadderSource) and task.data.mark not in self._scales[target.name]:
                self._watch.say(f"{target.name} {name}: measuring how long its prompts are")
                self._scales[target.name][task.data.mark] = await calibrating.scale(name, task.data)

    # ---------------------------------------------------------------- a simulator

    def _tell_answers(self, target: Target, *, ladders: bool) -> None:
        """Tell a simulator the right answers, which it cannot know; those to ladders' prompts exist only later."""
        path = self._answers(target)
        if path is None:
            return
        places = self.places(target)
        rows = (
            (sample.messages, Fact(sample.expected, _level(sample.meta.get("level"))))
            for name, task in self._plan.suite.tasks.items()
            if isinstance(task.data, LadderSource) == ladders
            for repeat, sample in repeated(name, task, target=target.name, places=places)
            if sample.expected is not None and (ladders or not repeat)
        )
        write_answers(path, rows, append=ladders)

    def _answers(self, target: Target) -> Path | None:
        return self._writer.run.path / f"{target.name}.answers.jsonl" if target.spec.takes_answers else None


def _path_advice(spec: Http) -> str:
    """Return what base_url should look like, after a 404 on its path."""
    base_url, path = spec.base_url.partition("?")[0], spec.wire.PATH
    versioned = re.search(r"/(v\d+\w*|openai)(/|$)|/deployments/", urlsplit(base_url).path)
    right = "is its path right?" if versioned else f"most end in /v1: is it {base_url}/v1?"
    return f"; nothing answers at {base_url}{path}; base_url is what precedes {path}, {right}"


def _level(value: Json) -> int:
    return value if isinstance(value, int) and value >= 1 else 1


# ---------------------------------------------------------------- what to say of failures


def advice(failure: Failure, target: Target, listed: str = "") -> str:
    """Return what to try after a failure, as the end of its message; empty where nothing is known.

    listed: what to say of the model, from the list of models.
    """
    match failure.kind:
        case "no_model":
            return listed
        case "not_found" if isinstance(target.spec, Http):
            return _path_advice(target.spec)
        case "dns" | "connect" | "timeout_connect":
            return f"; is base_url of target {target.name} right?"
        case "tls":
            return "; is its certificate valid? (`ca_file` names your own authority, `verify: false` trusts any)"
        case "auth" if failure.status == 407:  # it is the proxy's, and the message says so
            return ""
        case "auth" if isinstance(target.spec, Http) and target.spec.key_env:
            return f"; is the key in {target.spec.key_env} still valid?"
        case "auth" if named := [name for name in target.spec.quirks.headers if carries_key(name)]:
            return f"; is the key in quirks.headers.{named[0]} still valid?"
        case "auth":
            return f"; target {target.name} has no key_env: does the server want a key?"
    return ""


def _listed(model: str, listed: list[str]) -> str:
    """Return which models an endpoint lists, the likeliest first, in words; empty where it lists `model`."""
    if not listed or model in listed:
        return ""
    close = difflib.get_close_matches(model, listed, n=3, cutoff=0.4) or listed[:3]
    more = f" and {len(listed) - len(close)} more" if len(listed) > len(close) else ""
    return f"; it lists {', '.join(close)}{more}"
