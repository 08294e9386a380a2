"""The suite file as types: tasks, sampling, load, limits, SLOs. `suite.read` reads it."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from evalrun import rule, slo
from evalrun.data.ladder import LadderSource
from evalrun.data.portion import Portion
from evalrun.data.prompt import Prompt
from evalrun.data.source import Source
from evalrun.errors import closest
from evalrun.load import ClosedLoop, closed_by_default
from evalrun.score.spec import ScorerSpec
from evalrun.spec import Dollars, Spec
from evalrun.targets.kind import TargetKind
from evalrun.types import Json
from evalrun.wire import extent

# No dots: `--set tasks.NAME.limit=5` takes them as separators.
TaskName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max", "default", "auto")
"""The values of `reasoning_effort` that some provider documents: OpenAI, Groq, xAI, Mistral, Gemini, OpenRouter."""


class Sampling(Spec):
    """Sampling parameters of the request. Unset fields are not sent; the endpoint's defaults apply."""

    temperature: float | None = Field(default=None, ge=0, le=2)
    """Sampling temperature; 0 is greedy."""
    top_p: float | None = Field(default=None, gt=0, le=1)
    """Nucleus sampling: sample from the most likely tokens with this total probability."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Maximum tokens of an answer, reasoning included."""
    seed: int | None = None
    """Sent to the endpoint; repeat k sends seed + k."""
    stop: tuple[str, ...] = ()
    """The answer ends before any of these texts."""
    reasoning_effort: str | None = Field(default=None, min_length=1, max_length=64, examples=list(EFFORTS))
    """How long a reasoning model thinks: a word that the provider knows, of which new ones are a notice."""
    body: dict[str, Any] = Field(default={})
    """Further fields of the request body, e.g. `chat_template_kwargs: {thinking: true}`."""

    @field_validator("body")
    @classmethod
    def _no_reserved_fields(cls, body: dict[str, Any]) -> dict[str, Any]:
        for name in body:
            if name in cls.model_fields and name != "reasoning_effort":
                raise ValueError(f"{name!r} is a field of `sampling`; set it there")
            if name in ("messages", "model", "stream", "stream_options", "max_completion_tokens"):
                raise ValueError(f"{name!r} is set by evalrun from the prompt and the target; remove it")
        if wrong := extent.misread(body):
            raise ValueError(wrong)
        return body

    @property
    def notice(self) -> str:
        """Return what is odd about these parameters though they are sent; empty where nothing is."""
        for effort in (self.reasoning_effort, self.body.get("reasoning_effort")):
            if isinstance(effort, str) and effort not in EFFORTS:
                hint = closest(effort, EFFORTS) or f"; known are {', '.join(EFFORTS)}"
                return f"reasoning_effort {effort!r} is sent as it is, and no provider is known to take it{hint}"
        return ""

    def fields(self, target: TargetKind, *, repeat: int = 0, warm: bool = False) -> dict[str, Any]:
        """Return the body fields of a request beside its messages: these parameters as `target` spells them.

        warm: the request is meant to be served from the prompt cache. Where a field is set twice, what is typed here
        wins over `quirks.body`, and `quirks.warm_body` over both.
        """
        quirks = target.quirks
        asked = self.model_dump(mode="json", exclude={"body"}, exclude_defaults=True)
        if self.seed is not None:
            asked["seed"] = self.seed + repeat
        own = target.wire.fields(asked, limit_field=quirks.max_tokens_field)
        return quirks.body | own | self.body | (quirks.warm_body if warm else {})


def _duration(value: Json) -> Json:
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError(f"{value} has no unit; write {value} s or {value} ms")
    if isinstance(value, str):
        slo.seconds(value)
    return value


Duration = Annotated[str, BeforeValidator(_duration), Field(json_schema_extra={"pattern": f"^{slo.TIME}$"})]


class Objectives(Spec):
    """Latency limits of a good answer, e.g. `{ttft: 2 s, tpot: 50 ms, e2e: 30 s}` (docs/metrics.md, Goodput)."""

    ttft: Duration | None = None
    """Time to first token."""
    tpot: Duration | None = None
    """Time per output token after the first."""
    e2e: Duration | None = None
    """Time to the last token."""


LoadPattern = Annotated[ClosedLoop, Field(discriminator="kind"), BeforeValidator(closed_by_default)]


class Retries(Spec):
    """Retries of failed requests (docs/faults.md)."""

    attempts: int = Field(default=6, ge=1)
    """Maximum attempts of a request, the first included."""
    unknown: int = Field(default=1, ge=0)
    """Maximum retries of a request that was fully sent and may have been billed."""
    max_wait_s: float = Field(default=120, gt=0)
    """Stop asking a target that wants a longer wait than this."""
    backoff_s: tuple[float, float] = (0.5, 60.0)
    """First and maximum wait of the exponential backoff."""

    @field_validator("backoff_s")
    @classmethod
    def _growing(cls, waits: tuple[float, float]) -> tuple[float, float]:
        if not 0 < waits[0] <= waits[1]:
            raise ValueError("the first wait must be above 0 and at most the maximum; write e.g. [0.5, 60]")
        return waits


class Limits(Spec):
    """Timeouts in seconds, maximum sizes and cost."""

    connect_s: float = Field(default=10, gt=0)
    """Timeout for connecting, TLS included."""
    first_byte_s: float = Field(default=300, gt=0)
    """Timeout for the first byte of the answer."""
    idle_s: float = Field(default=120, gt=0)
    """Timeout between two reads of the answer."""
    total_s: float = Field(default=1800, gt=0)
    """Timeout for the whole request."""
    max_answer_bytes: int = Field(default=64 * 2**20, ge=1024)
    """A larger answer is cut off and fails as `runaway`. So is one with over 8 MiB of text, 262,144 token events, 1,024
    tool calls or 128 choices."""
    max_event_bytes: int = Field(default=16 * 2**20, ge=1024)
    """A larger event of the stream, and a larger answer in one piece, fails as `too_big`."""
    max_cost_usd: Dollars | None = Field(default=None, gt=0)
    """Maximum cost of the run in US dollars. Needs prices, and max_tokens for each task."""
    max_failed_share: float = Field(default=0.1, ge=0, le=1)
    """Maximum share of failed or unscored requests of a task; above it there is no verdict (exit 3)."""
    retries: Retries = Retries()
    """Retries of failed requests."""


class Task(Spec):
    """One set of questions, asked one way and judged by one or more scorers."""

    data: Source
    """Where the rows come from."""
    prompt: Prompt
    """How a row becomes a question."""
    sampling: Sampling = Sampling()
    """Sampling parameters of the request."""
    scorers: tuple[ScorerSpec, ...] = Field(min_length=1)
    """The first is the headline accuracy; the others are shown beside it."""
    repeats: int = Field(default=1, ge=1, le=1_000_000)
    """How many times each sample is asked, to measure variance."""
    limit: int | None = Field(default=None, ge=1)
    """Ask only the first N rows; of rows in an order (by subject, by difficulty) that says nothing about the others."""
    sample: int | None = Field(default=None, ge=1)
    """Ask only N rows, drawn at random; a larger N keeps the rows of a smaller one. A ladder is asked whole."""
    sample_seed: int = Field(default=0, ge=0, le=999_999_999)
    """Another seed draws other rows; the same seed draws the same ones in every run."""
    only: tuple[str, ...] | None = Field(default=None, min_length=1)
    """Ask only the samples with these ids, as `evalrun run --only` does. Their numbers say nothing about the others."""
    cluster: str | None = None
    """Field of `prompt.meta` that samples drawn together share (a passage, a repository): intervals are over these."""

    @field_validator("scorers")
    @classmethod
    def _different_labels(cls, scorers: tuple[ScorerSpec, ...]) -> tuple[ScorerSpec, ...]:
        labels = [scorer.label for scorer in scorers]
        if twice := [label for label in labels if labels.count(label) > 1]:
            raise ValueError(f"duplicate name {twice[0]!r}; set `name` on one of them")
        return scorers

    @field_validator("prompt")
    @classmethod
    def _of_its_size(cls, prompt: Prompt, others: ValidationInfo) -> Prompt:
        if prompt.few_shot is not None and isinstance(others.data.get("data"), LadderSource):
            raise ValueError("`few_shot` would change the sizes of a ladder's prompts; remove it")
        return prompt

    @property
    def portion(self) -> Portion:
        """The part of the rows that is asked."""
        only = None if self.only is None else frozenset(self.only)
        return Portion(limit=self.limit, sample=self.sample, seed=self.sample_seed, only=only)

    @field_validator("cluster")
    @classmethod
    def _kept(cls, cluster: str | None, others: ValidationInfo) -> str | None:
        data, prompt = others.data.get("data"), others.data.get("prompt")
        if cluster is None or data is None or prompt is None or cluster in (*prompt.meta, *getattr(data, "kept", ())):
            return cluster
        raise ValueError(f"{cluster!r} is not in `prompt.meta`; add it there, so that every sample carries it")


class Suite(Spec):
    """A whole suite file, after includes, overrides and variables."""

    name: str = Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?$")
    """The suite's name in results/ and in tables."""
    about: str = ""
    """One line for readers, printed above the tables."""
    targets: tuple[str, ...] = Field(default=("local",), min_length=1)
    """Names in configs/, or paths of target files from the suite's folder."""
    tasks: dict[TaskName, Task] = Field(min_length=1)
    """The tasks by name."""
    load: LoadPattern = ClosedLoop()
    """How requests are sent."""
    limits: Limits = Limits()
    """Timeouts, maximum sizes and cost."""
    slo: Objectives = Objectives()
    """Latency limits of a good request (goodput). They do not change what is asked."""
    gates: tuple[str, ...] = ()
    """Rules of `evalrun gate`, e.g. `accuracy no worse than 2 points` (docs/gates.md)."""

    @field_validator("tasks")
    @classmethod
    def _one_name_each(cls, tasks: dict[str, Task]) -> dict[str, Task]:
        first: dict[str, str] = {}
        for name in tasks:
            if (other := first.setdefault(name.lower(), name)) != name:
                raise ValueError(f"{other!r} and {name!r} differ only in case; rename one")
        return tasks

    @field_validator("gates")
    @classmethod
    def _are_rules(cls, gates: tuple[str, ...], others: ValidationInfo) -> tuple[str, ...]:
        for text in gates:
            asked, stated = rule.parse(text), others.data.get("slo")
            if asked.measure.needs_slo and stated == Objectives():
                raise ValueError(f"{asked.text!r} needs an SLO; add one to the suite, e.g. slo: {{ttft: 2 s}}")
        return gates
