"""How often the interval of the TTFT exponent covers the truth, over the wire, against a simulator with a known law.

    python tests/benchmarks/ladder_law.py [--runs 100] [--law dense|sparse|flat]

Each run is the whole command with another seed: five rungs to 131,072 tokens, five prompts each, log-normal noise of
10 %. Aim: at least 93 of 100 intervals hold the true slope of the upper rungs.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
SIZES = (8192, 16384, 32768, 65536, 131072)
LAWS = {  # seconds: at no token, per token, per pair of tokens. Large enough that a client's millisecond is no bias
    "dense": (0.016, 1.2e-6, 5e-11),
    "sparse": (0.016, 8e-6, 3.6e-11),
    "flat": (0.4, 0.0, 0.0),
}
SUITE = """\
name: law
targets: [law.yaml]
tasks:
  needle:
    data: {kind: ladder, probe: {kind: needle}, sizes: [8192, 16384, 32768, 65536, 131072], per_size: 5}
    prompt: {template: "{{ prompt }}", expected: "{{ answer }}"}
    sampling: {temperature: 0, max_tokens: 4}
    scorers: [{kind: items}]
load: {concurrency: 2}
limits: {max_failed_share: 1}
"""


def truth(law: tuple[float, float, float]) -> float:
    """Return the least-squares slope of ln TTFT on ln tokens over the rungs from a quarter of the largest up."""
    a, b, c = law
    points = [(math.log(n), math.log(a + b * n + c * n * n)) for n in SIZES if n >= SIZES[-1] / 4]
    x, y = (sum(values) / len(points) for values in zip(*points, strict=True))
    return sum((u - x) * (v - y) for u, v in points) / sum((u - x) ** 2 for u, _ in points)


def interval(folder: Path, law: tuple[float, float, float], seed: int) -> tuple[float, float]:
    """Run the ladder once and give the exponent's interval."""
    a, b, c = law
    (folder / "law.yaml").write_text(
        f"kind: simulator\nseed: {seed}\ntokenizer: bytes\ntoken_s: 0\nttft_s: {a}\nttft_per_token_s: {b:.12f}\n"
        f"ttft_per_token2_s: {c:.18f}\nttft_sigma: 0.1\n"
    )
    (folder / "suite.yaml").write_text(SUITE)
    command = [sys.executable, "-m", "evalrun", "run", "suite.yaml", "--new", "--quiet", "--out", f"out{seed}"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    (path,) = (folder / f"out{seed}").glob("law/*/ladder.json")
    found = [m for m in _metrics(json.loads(path.read_text())) if m.get("name") == "ttft_exponent"]
    return found[0]["low"], found[0]["high"]


def _metrics(value: object) -> list[dict[str, float]]:
    if isinstance(value, dict):
        return [value] if "name" in value and "low" in value else [m for v in value.values() for m in _metrics(v)]
    return [m for v in value for m in _metrics(v)] if isinstance(value, list) else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--law", choices=LAWS, action="append")
    options = parser.parse_args()
    for name in options.law or LAWS:
        wanted, held = truth(LAWS[name]), 0
        with tempfile.TemporaryDirectory() as folder:
            for seed in range(options.runs):
                low, high = interval(Path(folder), LAWS[name], seed)
                held += low <= wanted <= high
        print(f"{name:7} true exponent {wanted:.3f}: held by {held} of {options.runs} intervals", flush=True)


if __name__ == "__main__":
    main()
