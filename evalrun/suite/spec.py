"""The suite file as types: tasks, prompts, sampling, scorers, load, limits. Reading it is `suite.read`."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from evalrun import rule, slo
from evalrun.data.prompt import Prompt
from evalrun.data.source import Source
from evalrun.score.spec import ScorerSpec
from evalrun.spec import Spec
from evalrun.types import Json

# No dots: `--set tasks.NAME.limit=5` reads them as steps.
TaskName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


class Sampling(Spec):
    """How the model is asked to generate. Unset fields are not sent: the endpoint's default holds."""

    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1)
    """The most tokens of one answer, reasoning included."""
    seed: int | None = None
    """Sent to the endpoint; repeat k sends seed + k."""
    stop: tuple[str, ...] = ()
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high"] | None = None
    body: dict[str, Any] = Field(default={})
    """Extra fields of the request body, e.g. `chat_template_kwargs: {thinking: true}`."""

    @field_validator("body")
    @classmethod
    def _nothing_with_a_place_of_its_own(cls, body: dict[str, Any]) -> dict[str, Any]:
        for name in body:
            if name in cls.model_fields:
                raise ValueError(f"{name!r} is a field of `sampling`; write it there")
            if name in ("messages", "model", "stream", "stream_options", "max_completion_tokens"):
                raise ValueError(f"{name!r} is set by evalrun itself, from the prompt and the target; leave it out")
        return body


def _time(value: Json) -> Json:
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError(f"{value} has no unit; write {value} s or {value} ms")
    if isinstance(value, str):
        slo.seconds(value)
    return value


Time = Annotated[str, BeforeValidator(_time), Field(json_schema_extra={"pattern": f"^{slo.TIME}$"})]


class Objectives(Spec):
    """The most time that a good answer takes, e.g. `{ttft: 2 s, tpot: 50 ms, e2e: 30 s}` (docs/metrics.md, Goodput)."""

    ttft: Time | None = None
    """To the first token."""
    tpot: Time | None = None
    """For each further token."""
    e2e: Time | None = None
    """For the whole answer."""


class Load(Spec):
    """How the requests are sent: a closed loop of `concurrency` requests in flight."""

    concurrency: int = Field(default=4, ge=1, le=4096)


class Retries(Spec):
    """How failed requests are sent again (docs/faults.md)."""

    attempts: int = Field(default=6, ge=1)
    """Most attempts of one request, the first included."""
    unknown: int = Field(default=1, ge=0)
    """Most resends of a request that was fully sent and may have been billed."""
    max_wait_s: float = Field(default=120, gt=0)
    """A server that asks for a longer wait than this ends the target's run."""
    backoff_s: tuple[float, float] = (0.5, 60.0)
    """First and longest wait of the exponential back-off."""

    @field_validator("backoff_s")
    @classmethod
    def _growing(cls, waits: tuple[float, float]) -> tuple[float, float]:
        if not 0 < waits[0] <= waits[1]:
            raise ValueError("the first wait is above 0 and at most the longest; write e.g. [0.5, 60]")
        return waits


class Limits(Spec):
    """Deadlines, sizes and money. Times in seconds."""

    connect_s: float = Field(default=10, gt=0)
    first_byte_s: float = Field(default=300, gt=0)
    idle_s: float = Field(default=120, gt=0)
    total_s: float = Field(default=1800, gt=0)
    max_answer_bytes: int = Field(default=64 * 2**20, ge=1024)
    """An answer larger than this is cut and counted as `runaway`."""
    max_event_bytes: int = Field(default=16 * 2**20, ge=1024)
    max_cost_usd: Decimal | None = Field(default=None, gt=0)
    """The run never spends more than this."""
    max_failed_share: float = Field(default=0.1, ge=0, le=1)
    """With more failed or unscored requests than this share of a task, its numbers carry no verdict (exit 3)."""
    retries: Retries = Retries()


class Task(Spec):
    """One question set, asked one way, judged by one or more scorers."""

    data: Source
    prompt: Prompt
    sampling: Sampling = Sampling()
    scorers: tuple[ScorerSpec, ...] = Field(min_length=1)
    """The first is the headline accuracy; the others are shown beside it."""
    repeats: int = Field(default=1, ge=1)
    """How often each sample is asked, to measure variance."""
    limit: int | None = Field(default=None, ge=1)
    """Ask only the first N samples."""
    cluster: str | None = None
    """Field of `prompt.meta` that samples drawn together share (a passage, a repository): intervals are over these."""

    @field_validator("scorers")
    @classmethod
    def _told_apart(cls, scorers: tuple[ScorerSpec, ...]) -> tuple[ScorerSpec, ...]:
        labels = [scorer.label for scorer in scorers]
        if twice := [label for label in labels if labels.count(label) > 1]:
            raise ValueError(f"two are called {twice[0]!r}; give one of them a `name`")
        return scorers

    @field_validator("cluster")
    @classmethod
    def _kept(cls, cluster: str | None, others: ValidationInfo) -> str | None:
        data, prompt = others.data.get("data"), others.data.get("prompt")
        if cluster is None or data is None or prompt is None or cluster in (*prompt.meta, *getattr(data, "kept", ())):
            return cluster
        raise ValueError(f"{cluster!r} is not in `prompt.meta`; add it there, so that every sample carries it")


class Suite(Spec):
    """A whole suite file, after includes, overrides and variables."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    about: str = ""
    targets: tuple[str, ...] = Field(default=("local",), min_length=1)
    """Names in configs/ or paths of target files."""
    tasks: dict[TaskName, Task] = Field(min_length=1)
    load: Load = Load()
    limits: Limits = Limits()
    slo: Objectives = Objectives()
    """What a request must keep to count as good. It changes nothing that is asked."""
    gates: tuple[str, ...] = ()
    """Rules that `evalrun gate` holds a run to, e.g. `accuracy no worse than 2 points` (docs/gates.md)."""

    @field_validator("gates")
    @classmethod
    def _are_rules(cls, gates: tuple[str, ...], others: ValidationInfo) -> tuple[str, ...]:
        for text in gates:
            asked, stated = rule.parse(text), others.data.get("slo")
            if asked.measure.needs_slo and stated == Objectives():
                raise ValueError(f"{asked.text!r} needs an SLO; add one to the suite, e.g. slo: {{ttft: 2 s}}")
        return gates
