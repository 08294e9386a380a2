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
    """US dollars per one million tokens, and the day they were read."""

    prompt: Decimal = Field(ge=0)
    """USD per 1M prompt tokens."""
    completion: Decimal = Field(ge=0)
    """USD per 1M completion tokens."""
    cached: Decimal | None = Field(default=None, ge=0)
    """USD per 1M prompt tokens served from the provider's cache; without it cached tokens have no known price."""
    date: date
    """The day the prices were read."""
    source: str = ""
    """Where they were read."""


class Rate(Spec):
    """What the provider allows."""

    concurrency: int | None = Field(default=None, ge=1)
    """Most requests in flight at once; the task's concurrency is lowered to it."""


class Quirks(Spec):
    """What is unusual about an endpoint."""

    stream: bool = True
    """Ask for a stream. Without one there is no time to first token."""
    stream_usage: bool = True
    """Send `stream_options: {include_usage: true}`."""
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """The body field that limits the answer."""
    end_markers: tuple[str, ...] = ("</s>", "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<｜end▁of▁sentence｜>")
    """Texts stripped (and flagged) where an answer ends with one."""
    body: dict[str, Any] = Field(default={})
    """Extra fields for every request body."""
    warm_body: dict[str, Any] = Field(default={})
    """Extra fields for requests that are meant to be served from the prompt cache (a ladder's `cache: warm`)."""
    headers: dict[str, str] = Field(default={})
    """Extra request headers; never a key (`key_env` is for that)."""

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
    """What every target has."""

    about: str = ""
    """One line on what this target is; printed above the tables."""
    prices: Prices | None = None
    """Prices; without them the cost is unknown, not zero."""
    rate: Rate = Rate()
    quirks: Quirks = Quirks()


class Http(Named):
    """Any OpenAI-compatible Chat Completions endpoint."""

    kind: Literal["http"]
    allow_http: bool = False  # before base_url, whose check looks at it
    """Allow plain http to a host that is neither this machine nor a private address."""
    base_url: str
    """Up to and without `/chat/completions`, e.g. `https://api.deepinfra.com/v1/openai`."""
    model: str
    """The model's name in the request body."""
    key_env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """The environment variable that holds the key."""
    verify: bool = True
    """Verify the server's certificate. `false` is shown in every report."""
    ca_file: str | None = None
    """A PEM file of additional authorities, relative to this file."""
    transport: Literal["evalrun", "httpx"] = "evalrun"
    """`httpx` is the stock client: it honours HTTP(S)_PROXY, and its stopwatch breaks under load."""

    @field_validator("base_url")
    @classmethod
    def _may_be_asked(cls, url: str, info: ValidationInfo) -> str:
        return checked_base_url(url, allow_http=info.data.get("allow_http", False))


class Embedded(Named):
    """A small model on this machine's processor: llama.cpp's HTTP server as a child process."""

    kind: Literal["embedded"]
    model: str = "SmolLM2-135M-Instruct"
    """The built-in model's name, or the path of a GGUF file relative to this file."""
    context: int = Field(default=8192, ge=256)
    """Window of each slot, in tokens."""
    threads: int | None = Field(default=None, ge=1)
    """Decoding threads; by default one core is left to the client."""


class Simulator(Named):
    """A pretended model with a known truth, for tests and dry runs. See `evalrun serve sim --help`."""

    kind: Literal["simulator"]
    model: str = "sim"
    seed: int = 0
    tokenizer: str = Field(default="words", min_length=1)
    """How prompts are counted: `words`, `bytes` (UTF-8), or the path of a tokenizer.json relative to this file. As a
    chat template would, it adds 4 tokens for each message and 3 for the conversation. Answers are counted in words."""
    ttft_s: float = Field(default=0.05, ge=0)
    """Median time to first token at an empty prompt."""
    ttft_per_token_s: float = Field(default=0.0, ge=0)
    """Seconds that each prompt token adds. Of n tokens, c of them from the prefix cache, the median time to first
    token is `ttft_s + ttft_per_token_s * (n - c) + ttft_per_token2_s * (n^2 - c^2)`."""
    ttft_per_token2_s: float = Field(default=0.0, ge=0)
    """Seconds per squared prompt token, added likewise: what attention to all earlier tokens costs."""
    ttft_sigma: float = Field(default=0.0, ge=0)
    """Log-normal spread of the time to first token: all of it is multiplied by exp(ttft_sigma * z), z normal."""
    prefix_cache: Literal["off", "reported", "silent"] = "off"
    """Serve the part of a prompt that the latest prompts began with from a cache, in blocks of 16 tokens. `reported`:
    usage says how many tokens and the cached price applies to them; `silent`: usage does not mention it."""
    prefix_cache_prompts: int = Field(default=64, ge=1)
    """How many of the latest prompts the prefix cache keeps."""
    token_s: float = Field(default=0.005, ge=0)
    """Time per output token."""
    tokens_per_chunk: int = Field(default=1, ge=1)
    """Tokens in each streamed chunk."""
    accuracy: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field(default=(0.95, 0.8, 0.6, 0.4, 0.2), min_length=1)
    """Chance of a right answer at difficulty 1, 2, ...; the last one holds for all above."""
    reasoning_tokens: int = Field(default=0, ge=0)
    """Reasoning streamed before the answer."""
    answer_tokens: int = Field(default=16, ge=1)
    """Tokens (words) of an answer, about: its length varies by a quarter of it."""
    window: int | None = Field(default=None, ge=1)
    """Most tokens of a prompt and its answer together; a request for more is refused with 400, as endpoints do."""


TargetSpec = Annotated[Http | Embedded | Simulator, Field(discriminator="kind")]
