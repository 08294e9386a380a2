"""How long importing takes: `import evalrun`, its API, `evalrun --help`. The median of several fresh processes.

python tests/benchmarks/import_time.py
"""

import statistics
import subprocess
import sys
import time

TIMES = 11
IMPORT = "import sys, time; began = time.perf_counter(); {}; sys.stdout.write(str(time.perf_counter() - began))"
INSIDE = {  # what is measured within the process, without the interpreter's own start
    "import evalrun": "import evalrun",
    "evalrun.open_run": "import evalrun; evalrun.open_run",
    "evalrun.read_suite": "import evalrun; evalrun.read_suite; import evalrun.run.planning",
}


def inside_s(code: str) -> float:
    """Return the seconds that some code takes in a fresh interpreter."""
    done = subprocess.run([sys.executable, "-c", IMPORT.format(code)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def whole_s(*words: str) -> float:
    """Return the seconds of a whole command, the interpreter's start included."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *words], capture_output=True, check=True)
    return time.perf_counter() - began


def main() -> None:
    """Print a line for each."""
    for name, code in INSIDE.items():
        print(f"{name:22} {statistics.median(inside_s(code) for _ in range(TIMES)) * 1e3:7.1f} ms")
    for name, words in {"python -c pass": ("-c", "pass"), "evalrun --help": ("-m", "evalrun", "--help")}.items():
        print(f"{name:22} {statistics.median(whole_s(*words) for _ in range(TIMES)) * 1e3:7.1f} ms")


if __name__ == "__main__":
    main()
