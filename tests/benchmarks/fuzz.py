"""Feed mutated text to the wire decoder, the suite reader, the scorers and templates, and print what went wrong.

    python tests/benchmarks/fuzz.py [SECONDS] [SEED]

A finding is an exception that is not one of evalrun's own, or a reading that takes over a second. Inputs are pieces of
real streams, suites, answers and templates: cut, repeated, doubled, with characters and tokens put in.
"""

import json
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from cost_of_length import PATTERNS, readers

from evalrun.data.template import Expression, Template
from evalrun.errors import EvalrunError
from evalrun.secret import Redactor, Secret
from evalrun.suite.read import read_suite
from evalrun.wire import chat
from evalrun.wire.sse import LineParser, Parser

ROOT = Path(__file__).parents[2]
LONGEST = 20_000
SLOW_S = 1.0
REDACT = Redactor([Secret("sk-Proj/4+xY_9=zQ~7")])
STREAMS = [
    'data: {"id":"a","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"<think>a</think>4"}}]}\n',
    'data: {"choices":[{"delta":{"reasoning_content":"b","tool_calls":[{"index":0,"id":"c","function":{"name":"f",'
    '"arguments":"{\\"a\\":1}"}}]},"finish_reason":"tool_calls","stop_reason":null,"error":null}]}\r\n\r\n',
    'event: error\ndata: {"error":{"message":"try again in 2.5s","code":429,"type":"a","details":[{"a":1}]}}\n\n',
    'data: {"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5,"cost":0.1}}\n\ndata: [DONE]\n\n',
    ': ping\nid: 1\n{"detail":[{"loc":["a"],"msg":"no"}],"success":false,"base_resp":{"status_code":1001}}\n\n',
]
ANSWERS = [
    "The answer is **B**.",
    "\\boxed{\\frac{3}{4}}",
    "Answer: 1,450,000",
    '{"answer": [1, {"a": "2"}]}',
    "A or B?",
]
TEMPLATES = [
    "{{ a }} is {{ b | upper }}",
    "{% for x in a %}{{ x }}{% endfor %}",
    "{{ a ~ a }}",
    "{{ '%9s' % a }}",
    "{{ a[0] }}",
]
SUITES = [path.read_text(encoding="utf-8")[:6_000] for path in sorted((ROOT / "suites").glob("*.yaml"))]
VALUES = ("-1", "0", "1e999", "1e-300", "18446744073709551616", "null", "true", '"', "{}", "[]", "&a [*a]")
FOLDER = tempfile.TemporaryDirectory()
ROW = {"a": "text", "b": [1, 2, {"c": 3}], "n": 7}


def mutated(texts: list[str], dice: random.Random) -> str:
    """Return a text with a few changes."""
    text = dice.choice(texts)
    for _ in range(dice.randint(1, 6)):
        at, to = sorted((dice.randint(0, len(text)), dice.randint(0, len(text))))
        match dice.randrange(7):
            case 0:
                text = text[:at] + text[to:]
            case 1:
                text = text[:to] + text[at:to] * dice.randint(1, 9) + text[to:]
            case 2:
                text = text[:at] + dice.choice(PATTERNS) * dice.choice((1, 2, 3, 70, 1_000)) + text[at:]
            case 3:
                text = text[:at] + dice.choice(texts) + text[at:]
            case 4:
                text = text[:at] + chr(dice.choice((0, 10, 13, 27, 0x202E, 0xD800, 0x10FFFF))) + text[at + 1 :]
            case 5:
                text = text[:at] + text[at:to][::-1] + text[to:]
            case _:
                text = text[:at] + dice.choice(VALUES) + text[to:]
    return text[:LONGEST]


def decode(text: str, dice: random.Random) -> None:
    """Read a stream in pieces, by events or lines, and as a whole reply."""
    data = text.encode("utf-8", "replace")
    parser = Parser(2**16) if dice.random() < 0.8 else LineParser(2**16)
    decoder = chat.decoder(max_bytes=2**18, end_markers=("</s>",), redact=REDACT)
    size = dice.choice((1, 7, 64, 10**6)) if len(data) < 4_000 else 1_000
    for at in range(0, len(data), size):
        for event in parser.feed(data[at : at + size]):
            decoder.feed(event, at)
    for event in parser.rest():
        decoder.feed(event, len(data))
    outcome = decoder.finish()
    json.dumps([outcome.flags if hasattr(outcome, "flags") else outcome.message, decoder.first_answer_ns])
    chat.reply(data, redact=REDACT)
    chat.models(data)


def suite(text: str, _: random.Random) -> None:
    """Read a suite."""
    path = Path(FOLDER.name) / "suite.yaml"
    path.write_text(text, encoding="utf-8", errors="replace")
    read_suite(path, environ={})


def template(text: str, dice: random.Random) -> None:
    """Compile and render a template and an expression."""
    Template(text, where="here")(ROW, dice.randint(1, 9))
    Expression(text, where="here")(ROW, 1)


def main() -> None:
    """Run until the time is over; exit with 1 where there was a finding."""
    seconds, seed = map(int, (sys.argv[1:] + ["60", "1"][len(sys.argv) - 1 :])[:2])
    dice = random.Random(seed)
    others = [(name, reader) for name, reader in readers() if "math" not in name]
    kinds: list[tuple[str, list[str], Callable[[str, random.Random], object]]] = [
        ("wire", STREAMS, decode), ("suite", SUITES, suite), ("template", TEMPLATES, template),
        *((name, ANSWERS, lambda text, _, reader=reader: reader(text)) for name, reader in others),
    ]  # fmt: skip
    done, findings = Counter[str](), Counter[str]()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        name, texts, read = kinds[dice.randrange(3)] if dice.random() < 0.6 else dice.choice(kinds)
        text = mutated(texts, dice)
        began = time.process_time()
        try:
            read(text, dice)
        except EvalrunError:
            pass
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(place.filename).name}:{place.lineno}"
            found = f"{name}: {type(error).__name__} at {where}: {str(error)[:80]}"
            findings[found] += 1
            if findings[found] == 1:
                print(found, "\n   ", repr(text[:600]), flush=True)
        took_s = time.process_time() - began
        if took_s > SLOW_S:
            findings[f"{name}: slow"] += 1
            print(f"{name}: {took_s:.1f} s for {len(text)} characters\n    {text[:300]!r}", flush=True)
        done[name] += 1
    print(f"{done.total():,} executions: {dict(done)}; findings: {dict(findings) or 'none'}")
    raise SystemExit(bool(findings))


if __name__ == "__main__":
    main()
