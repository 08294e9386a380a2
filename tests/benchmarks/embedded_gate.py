"""What a gate says of the embedded model: nothing changed, and a prompt that was broken on purpose.

    python tests/benchmarks/embedded_gate.py [--tries 10]

Asks suites/math.yaml once more than tries, and once a try with a broken prompt (1 to 2 minutes each). Each run is held
to the one before it, each broken one to the first. Wanted: never `regressed` of the former, always of the latter.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

SUITE = Path(__file__).parents[2] / "suites" / "math.yaml"
POEM = 'tasks.*.prompt.template="Write a poem about this: {{ question }}"'
BROKEN = ("--set", POEM, "--set", "tasks.*.prompt.examples=[]")


def evalrun(folder: Path, *words: str) -> tuple[int, str]:
    """Run a command and give its exit code and what it printed. A code that is no verdict ends the benchmark."""
    command = [sys.executable, "-m", "evalrun", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1, 3):
        raise SystemExit(done.stderr)
    return done.returncode, done.stdout


def ask(folder: Path, *more: str) -> Path:
    """Ask the suite anew and give the folder of the run."""
    before = set(folder.glob("out/math/*"))
    evalrun(folder, "run", str(SUITE), "--target", "local", "--new", "--quiet", "--out", "out", *more)
    (run,) = set(folder.glob("out/math/*")) - before
    return run


def words(folder: Path, base: Path, new: Path, *more: str) -> tuple[str, str]:
    """Return what the gate says of a run, and what `compare` says of its accuracy (the worst of the tasks)."""
    shelf = ("--baselines", str(folder / base.name))
    evalrun(folder, "baseline", "save", str(base), "main", "--out", shelf[1])
    gate: dict[str, Any] = json.loads(
        evalrun(folder, "gate", str(new), "--baseline", "main", *shelf, "--format", "json", *more)[1]
    )
    contrast = json.loads(evalrun(folder, "compare", str(base), str(new), "--format", "json", *more)[1])
    found = {row["word"] for pair in contrast["pairs"] for row in pair["rows"] if row["measure"]["name"] == "accuracy"}
    return gate["word"], "regressed" if "regressed" in found else "pass" if "pass" in found else "~"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=10)
    tries = parser.parse_args().tries
    seen: dict[str, Counter[tuple[str, str]]] = {"unchanged": Counter(), "broken prompt": Counter()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first = before = ask(folder)
        for number in range(tries):
            run = ask(folder)
            seen["unchanged"][words(folder, before, run)] += 1
            before = run
            broken = ask(folder, *BROKEN)
            seen["broken prompt"][words(folder, first, broken, "--across-prompts")] += 1
            for what, counts in seen.items():
                said = ", ".join(f"gate {gate}, compare {row}: {n}" for (gate, row), n in counts.items())
                print(f"{number + 1:3} {what:14} {said}", flush=True)


if __name__ == "__main__":
    main()
