"""The kind `simulator` as it is typed, and its server as a child process of a run."""

import secrets
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from evalrun.secret import Secret
from evalrun.targets.kind import Endpoint, Needs, TargetKind
from evalrun.targets.simulator.faults import Fault, Freeze

NOTE = "simulated answers and latencies; not a model"
_READY_S = 60.0
ToolStream = Literal[
    "indexed", "interleaved", "whole", "together", "id_repeated", "id_missing", "id_changing", "index_missing",
    "index_same", "arguments_empty", "leaked", "text",
]  # fmt: skip


class Simulator(TargetKind):
    """A simulated model with known accuracy and latency, for tests and dry runs. See docs/simulator.md."""

    takes_answers: ClassVar[bool] = True

    kind: Literal["simulator"]
    model: str = "sim"
    """The model's name in requests and tables."""
    seed: int = 0
    """Another seed gives other answers and latencies."""
    tokenizer: str = Field(default="words", min_length=1)
    """How prompts are counted: `words`, `bytes` (UTF-8), or a path to tokenizer.json, relative to this file. As with a
    chat template, each message adds 4 tokens and the conversation 3. Answers are counted in words."""
    ttft_s: float = Field(default=0.05, ge=0)
    """Median time to first token of an empty prompt."""
    ttft_per_token_s: float = Field(default=0.0, ge=0)
    """Seconds per prompt token. With n tokens, c of them from the prefix cache, the median time to first token is
    `ttft_s + ttft_per_token_s * (n - c) + ttft_per_token2_s * (n^2 - c^2)`."""
    ttft_per_token2_s: float = Field(default=0.0, ge=0)
    """Seconds per squared prompt token: the cost of attention to all earlier tokens."""
    ttft_sigma: float = Field(default=0.0, ge=0)
    """Log-normal spread of the time to first token, which is multiplied by exp(ttft_sigma * z), z standard normal."""
    prefix_cache: Literal["off", "reported", "silent"] = "off"
    """Serve the beginning of a prompt from a cache if a recent prompt shares it, in blocks of 16 tokens. `reported`:
    usage has the number of cached tokens, charged at the cached price. `silent`: usage does not mention it."""
    prefix_cache_prompts: int = Field(default=64, ge=1)
    """Number of recent prompts in the prefix cache."""
    token_s: float = Field(default=0.005, ge=0)
    """Time per output token."""
    tokens_per_chunk: int = Field(default=1, ge=1)
    """Tokens per streamed chunk."""
    split: Literal["no", "token", "character"] = "no"
    """Where text is cut in a stream. `token`: the last character of a chunk's last token comes with the next chunk.
    `character`: each event is sent as two HTTP chunks, cut within its first character of several bytes."""
    script: Literal["latin", "mixed"] = "latin"
    """Letters of the words without meaning: ASCII, or of several scripts."""
    accuracy: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field(default=(0.95, 0.8, 0.6, 0.4, 0.2), min_length=1)
    """Probability of a right answer at difficulty 1, 2, ...; the last one applies to all above."""
    reasoning_tokens: int = Field(default=0, ge=0)
    """Tokens of reasoning before the answer."""
    reasoning: Literal["reasoning_content", "reasoning", "think", "hidden"] = "reasoning_content"
    """The delta's field for reasoning; or `think`: in the text, as `<think>...</think>`; or `hidden`: it takes its time
    and is counted in the usage, and is not sent."""
    tool_stream: ToolStream = "indexed"
    """How tool calls are streamed. `indexed`: as OpenAI does, fragments by index, one call after another.
    `interleaved`: fragments of several calls in turn. `whole`: a delta per call. `together`: all calls in one delta.
    `id_repeated`: id and name in every fragment. `id_missing`. `id_changing`: another id in every fragment.
    `index_missing`: a delta per call, without index. `index_same`: all calls under index 0. `arguments_empty`: only
    required arguments, and the empty string for none. `leaked`: markers around the calls in the text. `text`: the calls
    in the text only."""
    unknown_fields: Literal["refuse", "ignore"] = "refuse"
    """Whether a request with a field that neither the API nor a well-known engine has is refused with status 400."""
    answer_tokens: int = Field(default=16, ge=1)
    """Mean tokens (words) of an answer; the length varies by a quarter."""
    window: int | None = Field(default=None, ge=1)
    """Maximum tokens of a prompt and its answer together; a request for more is refused with status 400."""
    slots: int | None = Field(default=None, ge=1)
    """Maximum requests in service; others wait in the order of their arrival."""
    queue: int | None = Field(default=None, ge=0)
    """Maximum requests that wait; others are refused with status 503."""
    batch_slowdown: float = Field(default=0.0, ge=0)
    """With m requests in service, prefill and every token take 1 + batch_slowdown * (m - 1) times as long."""
    faults: tuple[Annotated[Fault, Field(discriminator="kind")], ...] = ()
    """What goes wrong on purpose, in chat requests."""
    freezes: tuple[Freeze, ...] = ()
    """Times in which the server writes nothing of its answers."""

    def serve(self, name: str, needs: Needs) -> AbstractAsyncContextManager[Endpoint]:
        """Start the simulator. Its truth log lies beside its log."""
        truth, log = (needs.logs / f"{name}.{ending}" for ending in ("truth.jsonl", "log"))
        return serve_simulator(self, log=log, folder=needs.folder, truth=truth, answers=needs.answers)


@asynccontextmanager
async def serve_simulator(
    spec: Simulator, *, log: Path, folder: Path = Path(), truth: Path | None = None, answers: Path | None = None
) -> AsyncIterator[Endpoint]:
    """Start the simulator, yield its endpoint, stop it on every way out.

    log: the server's own words. folder: where the config file is; a tokenizer's path starts there.
    truth: where it notes when it wrote what. answers: what `write_answers` wrote, and may still be writing.
    """
    from evalrun.targets.child import child

    key = Secret(secrets.token_urlsafe(24))
    config = {
        "spec": spec.model_dump_json(),
        "key": key.reveal(),
        "folder": str(folder.absolute()),
        "truth": None if truth is None else str(truth.absolute()),
        "answers": None if answers is None else str(answers.absolute()),
    }
    async with child("evalrun.targets.simulator.server", config, log=log, ready_s=_READY_S) as server:
        yield Endpoint(
            base_url=str(server.facts["base_url"]),
            model=spec.model,
            key=key,
            note=NOTE,
            facts={"engine": "simulator", "seed": spec.seed},
        )
