"""Print how long a large suite takes to validate, and how soon a bomb is refused (docs/faults.md R13).

    python tests/benchmarks/suite_reading.py

Aims: 500 ms for 100 KB, 100 ms for any bomb. Importing the suite module is printed apart.
"""

import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

began = time.perf_counter()
from evalrun.errors import SuiteError  # noqa: E402
from evalrun.suite.read import read_suite  # noqa: E402

print(f"import                      {(time.perf_counter() - began) * 1e3:7.1f} ms")

TASK = """\
  task{0}:
    data:
      kind: inline
      rows: [{{q: "What is {0} + 1?", a: "{0}"}}, {{q: "What is {0} + 2?", a: "{0}"}}]
    prompt: {{system: Answer with a number., template: "{{{{ q }}}}", expected: "{{{{ a }}}}"}}
    sampling: {{temperature: 0, max_tokens: 64}}
    scorers: [{{kind: exact}}, {{kind: numeric}}]
"""
LARGE = "name: large\ntasks:\n" + "".join(TASK.format(number) for number in range(315))
LEVELS = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
TEXTS = {
    f"valid, {len(LARGE) // 1000} KB": LARGE,
    f"1000 mistakes, {len(LARGE) // 1000} KB": LARGE.replace("temperature", "temprature").replace("exact", "exat"),
    "alias bomb": "\n".join(["a0: &a0 [x, x, x, x, x, x, x, x, x]", *LEVELS]),
    "999 KB of [": "[" * 999_000,
    "999 KB of {a: ": "{a: " * 249_000,
    "2 MB": "#" * 2_000_000,
}

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "suite.yaml")
    for name, text in TEXTS.items():
        path.write_text(text, encoding="utf-8")
        times = []
        for _ in range(5):
            began = time.perf_counter()
            try:
                read_suite(path, environ={})
                said = "read"
            except SuiteError as error:
                said = f"refused: {str(error).splitlines()[0].partition('yaml:')[2][:60]}"
            times.append(time.perf_counter() - began)
        print(f"{name:<27} {min(times) * 1e3:7.1f} ms, worst of 5 {max(times) * 1e3:7.1f} ms   {said}")
