"""The kind `simulator` as it is typed, and its server as a child process of a run."""

import secrets
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from evalrun.secret import Secret
from evalrun.targets.kind import Endpoint, Needs, TargetKind

NOTE = "simulated answers and latencies; not a model"
_READY_S = 60.0


class Simulator(TargetKind):
    """A simulated model with known accuracy and latency, for tests and dry runs. See `evalrun serve sim --help`."""

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
    accuracy: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field(default=(0.95, 0.8, 0.6, 0.4, 0.2), min_length=1)
    """Probability of a right answer at difficulty 1, 2, ...; the last one applies to all above."""
    reasoning_tokens: int = Field(default=0, ge=0)
    """Tokens of reasoning streamed before the answer."""
    answer_tokens: int = Field(default=16, ge=1)
    """Mean tokens (words) of an answer; the length varies by a quarter."""
    window: int | None = Field(default=None, ge=1)
    """Maximum tokens of a prompt and its answer together; a request for more is refused with status 400."""

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
