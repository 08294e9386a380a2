"""Prints what a streamed chunk costs in wire: parsing and decoding, in microseconds. Run it; it is no test.

python tests/benchmarks/bench_wire.py
"""

import json
import time

from evalrun.wire.chat import ChatDecoder
from evalrun.wire.sse import Parser

CHUNKS, ROUNDS = 20_000, 7


def chunk(word: str) -> bytes:
    """Return a chunk as vLLM sends it."""
    choice = {"index": 0, "delta": {"content": word}, "logprobs": None, "finish_reason": None}
    head = {"id": "chatcmpl-0123456789abcdef", "object": "chat.completion.chunk", "created": 1763000000, "model": "m/m"}
    return b"data: " + json.dumps({**head, "choices": [choice]}).encode() + b"\n\n"


def best_us(reads: list[bytes], *, decode: bool) -> float:
    """Return the microseconds per chunk of the best round: the others had more company on the machine."""
    best = float("inf")
    for _ in range(ROUNDS):
        parser, decoder = Parser(), ChatDecoder()
        start = time.perf_counter_ns()
        for at_ns, data in enumerate(reads):
            for event in parser.feed(data):
                if decode:
                    decoder.feed(event, at_ns)
        best = min(best, (time.perf_counter_ns() - start) / 1000 / CHUNKS)
        assert len(decoder.instants) == (CHUNKS if decode else 0)
    return best


def main() -> None:
    chunks = [chunk(word) for word in (" hello", " wor", "ld", ",", " é") * (CHUNKS // 5)]
    whole = b"".join(chunks)
    cases = {
        "one chunk a read": chunks,
        "64 KiB a read": [whole[i : i + 65536] for i in range(0, len(whole), 65536)],
        "100 bytes a read": [whole[i : i + 100] for i in range(0, len(whole), 100)],
    }
    print(f"{'':20}{'parse':>10}{'parse + decode':>18}   us per chunk of {len(chunks[0])} bytes")
    for name, reads in cases.items():
        print(f"{name:20}{best_us(reads, decode=False):10.2f}{best_us(reads, decode=True):18.2f}")


if __name__ == "__main__":
    main()
