"""Targets as they are typed in configs/*.yaml: an endpoint and a model. No network here."""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from evalrun.spec import Spec
from evalrun.targets.address import checked_base_url

_CREDENTIAL = re.compile(r"(.*-)?(authorization|cookie|(api-?)?key|token|secret|password)", re.IGNORECASE)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OWN_HEADERS = {
    "accept",
    "accept-encoding",
    "content-length",
    "content-type",
    "host",
    "transfer-encoding",
}


class Prices(Spec):
    """Prices in US dollars per million tokens, and the date they were looked up."""

    prompt: Decimal = Field(ge=0)
    """USD per 1M prompt tokens."""
    completion: Decimal = Field(ge=0)
    """USD per 1M completion tokens."""
    cached: Decimal | None = Field(default=None, ge=0)
    """USD per 1M prompt tokens from the provider's cache; without it the price of cached tokens is unknown."""
    date: date
    """The date the prices were looked up."""
    source: str = ""
    """Where they were looked up."""


class Rate(Spec):
    """Limits set by the provider."""

    concurrency: int | None = Field(default=None, ge=1)
    """Maximum requests in flight; lowers the suite's concurrency."""


class Quirks(Spec):
    """Deviations of an endpoint from the usual protocol."""

    stream: bool = True
    """Ask for a stream. Without it there is no time to first token."""
    stream_usage: bool = True
    """Send `stream_options: {include_usage: true}`."""
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """The body field that limits the tokens of an answer."""
    end_markers: tuple[str, ...] = ("</s>", "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<｜end▁of▁sentence｜>")
    """Texts removed from the end of an answer, with a warning."""
    body: dict[str, Any] = Field(default={})
    """Further fields of every request body."""
    warm_body: dict[str, Any] = Field(default={})
    """Further fields of requests to be served from the prompt cache (a ladder's `cache: warm`)."""
    headers: dict[str, str] = Field(default={})
    """Further request headers; not for keys, which belong in `key_env`."""

    @field_validator("body")
    @classmethod
    def _nothing_evalrun_sets(cls, body: dict[str, Any]) -> dict[str, Any]:
        for name in ("messages", "model", "stream", "stream_options"):
            if name in body:
                raise ValueError(f"{name!r} is set by evalrun itself; leave it out")
        for name in ("max_tokens", "max_completion_tokens", "n"):  # the cap on money is reckoned from them
            if name in body:
                raise ValueError(f"{name!r} belongs into the suite's sampling; leave it out")
        return body

    @field_validator("headers")
    @classmethod
    def _harmless(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if _CREDENTIAL.fullmatch(name):
                raise ValueError(f"{name!r} carries a key; name the key's variable in key_env instead")
            if name.lower() in _OWN_HEADERS:
                raise ValueError(f"{name!r} is set by evalrun itself; leave it out")
            if not _HEADER_NAME.fullmatch(name) or not (value.isascii() and value.isprintable()):
                raise ValueError(
                    f"{name!r} is no header; a name has letters, digits and '-', a value is one ASCII line"
                )
        return headers


class Named(Spec):
    """The fields of every target."""

    about: str = ""
    """One line about the target, printed above the tables."""
    prices: Prices | None = None
    """Prices per million tokens; without them the cost is unknown, not zero."""
    rate: Rate = Rate()
    """What the provider allows."""
    quirks: Quirks = Quirks()
    """Deviations from the usual protocol."""


class Http(Named):
    """Any OpenAI-compatible Chat Completions endpoint."""

    kind: Literal["http"]
    allow_http: bool = False  # before base_url, whose check looks at it
    """Allow plain http to a host that is neither this machine nor a private address."""
    base_url: str
    """The URL without `/chat/completions`, e.g. `https://api.deepinfra.com/v1/openai`."""
    model: str
    """The model's name in the request body."""
    key_env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """The environment variable with the key."""
    verify: bool = True
    """Verify the server's certificate; `false` is shown in every report."""
    ca_file: str | None = None
    """A PEM file of additional certificate authorities, relative to this file."""
    transport: Literal["evalrun", "httpx"] = "evalrun"
    """`httpx` supports HTTP(S)_PROXY, but its latencies are unreliable under load."""

    @field_validator("base_url")
    @classmethod
    def _may_be_asked(cls, url: str, info: ValidationInfo) -> str:
        return checked_base_url(url, allow_http=info.data.get("allow_http", False))


class Embedded(Named):
    """A small model on this machine's processor: llama.cpp's HTTP server as a child process."""

    kind: Literal["embedded"]
    model: str = "SmolLM2-135M-Instruct"
    """The built-in model's name, or the path to a GGUF file, relative to this file."""
    context: int = Field(default=8192, ge=256)
    """Context window of each slot, in tokens."""
    threads: int | None = Field(default=None, ge=1)
    """Decoding threads; by default one core is left for the client."""


class Simulator(Named):
    """A simulated model with known accuracy and latency, for tests and dry runs. See `evalrun serve sim --help`."""

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


TargetSpec = Annotated[Http | Embedded | Simulator, Field(discriminator="kind")]
