"""Opening a target for a run: what it needs, that it answers, and the advice to give when it does not."""

import difflib
import functools
import time
from collections.abc import Callable
from pathlib import Path

from evalrun import retry
from evalrun.data.ladder import LadderSource
from evalrun.data.places import Places
from evalrun.errors import Unusable
from evalrun.price import Budget
from evalrun.run.ask import Asker, Tally
from evalrun.run.job import repeated
from evalrun.run.plan import Plan
from evalrun.run.slots import Backoff, Slots
from evalrun.store.writer import Writer
from evalrun.suite.read import Target
from evalrun.suite.spec import Limits
from evalrun.targets.client import Client, Sizes
from evalrun.targets.open import Needs, Opened
from evalrun.targets.simulator.answers import Fact, write_answers
from evalrun.targets.spec import Http, Simulator
from evalrun.targets.transport.exchange import Deadlines
from evalrun.types import Failure, Json


def needs(
    plan: Plan,
    target: Target,
    *,
    folder: Path,
    slots: int,
    notify: Callable[[str], None],
    progress: Callable[[int, int], None],
) -> Needs:
    """Return what opening `target` takes. folder: the run's. slots: the most requests in flight."""
    limits = plan.suite.limits
    return Needs(
        folder=target.path.parent,
        logs=folder,
        key=target.key,
        slots=slots,
        deadlines=Deadlines(
            connect_s=limits.connect_s,
            first_byte_s=limits.first_byte_s,
            idle_s=limits.idle_s,
            total_s=limits.total_s,
        ),
        sizes=Sizes(answer=limits.max_answer_bytes, event=limits.max_event_bytes),
        answers=_answers(target, folder),
        notify=notify,
        progress=progress,
    )


def tell_answers(plan: Plan, target: Target, places: Places, *, folder: Path, ladders: bool) -> None:
    """Tell a simulator what the right answers are; it cannot know them. Those to ladders' prompts exist only later."""
    path = _answers(target, folder)
    if path is None:
        return
    rows = (
        (sample.messages, Fact(sample.expected, _level(sample.meta.get("level"))))
        for name, task in plan.suite.tasks.items()
        if isinstance(task.data, LadderSource) == ladders
        for repeat, sample in repeated(name, task, target=target.name, places=places)
        if sample.expected is not None and (ladders or not repeat)
    )
    write_answers(path, rows, append=ladders)


def _answers(target: Target, folder: Path) -> Path | None:
    return folder / f"{target.name}.answers.jsonl" if isinstance(target.spec, Simulator) else None


def _level(value: Json) -> int:
    return value if isinstance(value, int) and value >= 1 else 1


def asker(
    target: Target,
    client: Client,
    writer: Writer,
    *,
    limits: Limits,
    budget: Budget,
    slots: Slots,
    zero_ns: int,
    changed: Callable[[], None],
) -> Asker:
    """Return who asks the target's jobs."""
    retries = limits.retries
    return Asker(
        target=target.name,
        session=writer.session,
        zero_ns=zero_ns,
        client=client,
        journal=writer,
        rules=retry.Rules(
            attempts=retries.attempts,
            unknown=retries.unknown,
            max_wait_s=retries.max_wait_s,
            first_backoff_s=retries.backoff_s[0],
            longest_backoff_s=retries.backoff_s[1],
        ),
        prices=target.spec.prices,
        budget=budget,
        slots=slots,
        backoff=Backoff(time.monotonic),
        tally=Tally(),
        changed=changed,
        advice=functools.partial(advice, target=target),
    )


async def preflight(opened: Opened, target: Target) -> list[str]:
    """See that the endpoint is there and takes the key, before anything is spent. Gives the models it lists."""
    found = await opened.client.models()
    if isinstance(found, Failure):
        raise Unusable(f"{found.message}{advice(found, target)}")
    return found


def advice(failure: Failure, target: Target) -> str:
    match failure.kind:
        case "dns" | "connect" | "timeout_connect":
            return f"; is base_url of target {target.name} right?"
        case "tls":
            return "; is its certificate valid? (`ca_file` names your own authority, `verify: false` trusts anybody)"
        case "auth" if failure.status == 407:  # it is the proxy's, and the message says so
            return ""
        case "auth" if isinstance(target.spec, Http) and target.spec.key_env:
            return f"; is the key in {target.spec.key_env} still valid?"
        case "auth":
            return f"; target {target.name} names no key_env: does the server want a key?"
    return ""


def near(model: str, listed: list[str]) -> str:
    """Say which models an endpoint lists, the likeliest first, where it does not list `model`."""
    if not listed or model in listed:
        return ""
    close = difflib.get_close_matches(model, listed, n=3, cutoff=0.4) or listed[:3]
    return f"; it lists {', '.join(close)}" + (
        f" and {len(listed) - len(close)} more" if len(listed) > len(close) else ""
    )
