"""Which models answered, by their own names, beside the one that was asked for.

A name may differ harmlessly: in case, in the organisation before it, in a date, version, quantisation or price variant
that one of the two leaves out. Two names that both have one, and not the same, are two models.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from evalrun.requests.rows import Requests

_CLOUDS = re.compile(
    r"^(?:(?:us|eu|apac|jp|au|ca|global)\.)?"
    r"(?:ai21|amazon|anthropic|cohere|deepseek|google|meta|mistral|openai|qwen)\."
)
_ENDINGS = {  # each is taken off the end, in any order
    "variant": re.compile(r"[:@](free|nitro|floor|extended|online|beta|latest|default|cloud)$"),
    "version": re.compile(r"-v([0-9]+:[0-9]+)$"),
    "date": re.compile(
        r"[-@:](20[0-9]{2}-?[01][0-9]-?[0-3][0-9]|[0-9]{2}-20[0-9]{2}|[0-9]{2}-[0-9]{2}|[0-9]{6}|[0-9]{3,4}|latest)$"
    ),
    "weights": re.compile(
        r"[-.:@_](fp4|fp8|fp16|fp32|bf16|f16|f32|int4|int8|w[0-9]+a[0-9]+|nvfp4|mxfp4|awq|gptq|exl[23]|gguf|mlx|bnb"
        r"|[248]-?bits?|i?q[0-9](?:[-_][a-z0-9]{1,3}){0,3}|dynamic|quantized)$"
    ),
}
_UNSAID = frozenset({"latest", "default"})


def same_model(asked: str, served: str) -> bool:
    """Return whether two names may be of one model."""
    (base, endings), (other, others) = _taken_apart(asked), _taken_apart(served)
    return base == other and all(endings[kind] & others[kind] for kind in endings.keys() & others.keys())


def _taken_apart(name: str) -> tuple[str, dict[str, set[str]]]:
    """Return a name without what may differ, and that by kind."""
    base = name.strip().lower()[:300].rstrip("/").rpartition("/")[2]
    base, endings = _CLOUDS.sub("", base), dict[str, set[str]]()
    while found := next(((kind, m) for kind, ending in _ENDINGS.items() if (m := ending.search(base))), None):
        kind, match = found
        base = base[: match.start()]
        if match[1] not in _UNSAID:
            endings.setdefault(kind, set()).add(re.sub("[-_]", "", match[1]))
    return re.sub(r"[._\s-]+", "-", base).replace("gpt-35", "gpt-3-5"), endings


class OtherModel(NamedTuple):
    """A model that answered in place of the one that was asked for, and how many times."""

    target: str
    asked: str
    served: str
    times: int


def others(requests: Requests) -> Iterator[OtherModel]:
    """Yield the models that answered endpoints' requests and are not the one asked for, the most frequent first."""
    for target in dict.fromkeys(target for _, target in requests.places):
        spec = requests.run.manifest.targets.get(target, {})
        asked = str(spec.get("model") or "") if spec.get("kind") == "http" else ""
        for served, times in requests.of(None, target).counts("served").items() if asked else ():
            if not same_model(asked, served):
                yield OtherModel(target, asked, served, times)
