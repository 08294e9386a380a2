"""The action, the examples for CI and the lock: real linters accept them, and they do what the documents say."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
ACTION = ROOT / "action.yml"
NIGHTLY = ROOT / "docs/examples/nightly.yml"
GITLAB = ROOT / "docs/examples/gitlab-ci.yml"
WORKFLOWS = [*sorted((ROOT / ".github/workflows").glob("*.yml")), NIGHTLY]
BIN = Path(sys.executable).parent


def run(tool: str, *args: str | Path) -> None:
    """Run a linter; skip where the test extra is not installed."""
    if not (BIN / tool).exists():
        pytest.skip(f"{tool} is not installed")
    done = subprocess.run([BIN / tool, *args], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


# ---------------------------------------------------------------- linted


@pytest.mark.parametrize(
    ("schema", "paths"), [("github-actions", [ACTION]), ("github-workflows", WORKFLOWS), ("gitlab-ci", [GITLAB])]
)
def test_schema(schema: str, paths: list[Path]) -> None:
    """Each file follows the published schema of its kind."""
    run("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *paths)


def test_zizmor() -> None:
    """No template injection, unpinned action, excess permission or kept credential."""
    run("zizmor", "--offline", "--no-progress", "--quiet", "--min-severity=medium", ACTION, *WORKFLOWS)


def test_shellcheck(tmp_path: Path) -> None:
    """Every script of the action and of this repository's own CI is sound shell."""
    run("shellcheck", *sorted(path for path in (ROOT / ".ci").iterdir() if path.is_file()))
    for number, step in enumerate(step for step in load(ACTION)["runs"]["steps"] if "run" in step):
        path = tmp_path / f"{number}.sh"
        path.write_text("#!/usr/bin/env -S bash -eo pipefail\n" + step["run"], encoding="utf-8")
        run("shellcheck", path)


def test_actions_are_pinned_and_inputs_stay_out_of_scripts() -> None:
    """A foreign action is named by its commit; no `${{ }}` is in a script; no workflow runs on pull_request_target."""
    steps = load(ACTION)["runs"]["steps"]
    for path in WORKFLOWS:
        workflow = load(path)
        assert workflow["permissions"] == {"contents": "read"}
        assert "pull_request_target" not in workflow[True]  # YAML 1.1 reads `on` as true
        steps += [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert "pull_request" not in load(NIGHTLY)[True]
    for step in steps:
        assert re.fullmatch(r"\./|[\w/-]+@[0-9a-f]{40}", step.get("uses", "./"))
        assert "${{" not in step.get("run", "")


# ---------------------------------------------------------------- the lock


def locked(name: str) -> dict[str, str]:
    """Return the versions of `requirements/<name>.txt` by package; check that each has a hash, and none a URL."""
    text = (ROOT / f"requirements/{name}.txt").read_text(encoding="utf-8")
    assert "://" not in text
    pins = re.findall(r"^([a-z0-9.-]+)==(\S+) \\$(?=\n    --hash=sha256:[0-9a-f]{64})", text, re.MULTILINE)
    assert len(pins) == text.count("==") > 0
    return dict(pins)


def required(*extras: str) -> list[Requirement]:
    """Return what pyproject.toml asks for with these extras, and to build an editable install."""
    found = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lines = found["project"]["dependencies"] + found["dependency-groups"]["build"] + found["build-system"]["requires"]
    for extra in extras:
        lines += found["project"]["optional-dependencies"][extra]
    return [one for one in map(Requirement, lines) if one.name != "evalrun"]


@pytest.mark.parametrize(("name", "extras"), [("local", ["local"]), ("test", ["local", "test"])])
def test_the_lock_covers_every_dependency(name: str, extras: list[str]) -> None:
    """Each is locked, at a version that pyproject.toml allows and, for honest ranges, with a lower bound there."""
    pins = locked(name)
    for one in required(*extras):
        assert one.specifier.contains(pins[canonicalize_name(one.name)]), one
        assert any(part.operator in (">=", "==", "~=") for part in one.specifier), one


def test_both_locks_agree() -> None:
    """What both install, they install at one version."""
    assert locked("local").items() <= locked("test").items()


# ---------------------------------------------------------------- run


@dataclass
class Runner:
    """Enough of GitHub's runner for the action: inputs, outputs, scripts in order. Foreign actions are left out."""

    workspace: Path
    inputs: dict[str, str]
    outputs: dict[str, str] = field(default_factory=dict)
    log: str = ""
    summary: str = ""

    def run(self) -> int:
        """Run all steps; give what the last one, the verdict, ended with."""
        temp = self.workspace / "temp"
        shutil.rmtree(temp, ignore_errors=True)
        (temp / "evalrun-venv/bin").mkdir(parents=True)
        (temp / "evalrun-venv/bin/evalrun").symlink_to(BIN / "evalrun")
        given = {key: str(one.get("default", "")) for key, one in load(ACTION)["inputs"].items()} | self.inputs
        self.outputs = {f"inputs.{key}": value for key, value in given.items()}
        scripts = [step for step in load(ACTION)["runs"]["steps"] if "run" in step and "pip" not in step["run"]]
        failed = 0
        for step in scripts:
            if not failed or "always()" in step.get("if", ""):
                failed = self.step(step, temp) or failed
        return failed

    def step(self, step: dict[str, Any], temp: Path) -> int:
        """Run one script as the runner does."""
        out, summary = temp / "output", temp / "summary"
        out.write_text("")
        summary.write_text("")
        environ = {key: self.value(value) for key, value in step.get("env", {}).items()}
        environ |= {"GITHUB_OUTPUT": str(out), "GITHUB_STEP_SUMMARY": str(summary), "RUNNER_TEMP": str(temp)}
        environ |= {"PATH": os.environ["PATH"], "HOME": str(self.workspace), "LANG": "C.UTF-8"}
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(command, cwd=self.workspace, env=environ, capture_output=True, text=True, timeout=900)
        self.log += done.stdout + done.stderr
        self.summary += summary.read_text()
        for line in out.read_text().splitlines():
            key, _, value = line.partition("=")
            self.outputs[f"steps.{step.get('id')}.outputs.{key}"] = value
        return done.returncode

    def value(self, text: str) -> str:
        return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: self.outputs.get(found[1], ""), text)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    for name in ("suites", "configs"):
        shutil.copytree(ROOT / name, tmp_path / name)
    with (tmp_path / "configs/sim.yaml").open("a") as config:
        config.write("ttft_s: 0.005\ntoken_s: 0.0005\n")
    return tmp_path


def test_a_suite_that_cannot_be_read_is_not_green(workspace: Path) -> None:
    """Exit code 2 comes through, and nothing is saved, whatever the suite's name tries."""
    runner = Runner(workspace, {"suite": "$(touch hacked)`touch hacked`;touch hacked"})
    assert runner.run() == 2
    assert not (workspace / "hacked").exists()
    assert not (workspace / "results").exists()


def make_worse(workspace: Path, target: str) -> None:
    """A simulator that is never right; a model that stops before it says what a sum is."""
    path = workspace / f"configs/{target}.yaml"
    text = path.read_text()
    if target == "sim":
        text += "accuracy: [0]\n"
    else:
        text = text.replace("  body:\n", "  body:\n    stop: ['=']\n")
    path.write_text(text)


@pytest.mark.parametrize("target", ["sim", pytest.param("local", marks=pytest.mark.slow)])
def test_first_night_saves_second_gates_a_worse_target_fails(workspace: Path, target: str) -> None:
    """The nightly recipe, twice: a baseline, then a pass; then a worse target is a regression."""
    inputs = {"suite": "suites/math.yaml", "target": target}
    first = Runner(workspace, inputs)
    assert first.run() == 0, first.log
    assert first.outputs["steps.gate.outputs.saved"] == "yes"
    assert "nothing was compared" in first.summary
    second = Runner(workspace, inputs)
    assert second.run() == 0, second.log
    assert "steps.gate.outputs.saved" not in second.outputs
    assert "## evalrun: pass" in second.summary
    make_worse(workspace, target)
    worse = Runner(workspace, inputs)
    assert worse.run() == 1, worse.log
    assert "## evalrun: regressed" in worse.summary
    assert "::error title=evalrun::regressed" in worse.log


@pytest.mark.slow
def test_gitlab_nights(workspace: Path) -> None:
    """GitLab's script, three nights: a baseline, a pass, and with a worse target a regression."""
    script = "\n".join(line for line in load(GITLAB)["evalrun"]["script"] if "/tmp/venv" not in line)
    environ = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(workspace), "LANG": "C.UTF-8"}
    environ |= load(GITLAB)["evalrun"]["variables"] | {"TARGET": "sim"}
    codes, said = [], []
    for night in range(3):
        shutil.rmtree(workspace / "report", ignore_errors=True)
        if night == 2:
            make_worse(workspace, "sim")
        command = ["bash", "-eo", "pipefail", "-c", script]
        done = subprocess.run(command, cwd=workspace, env=environ, capture_output=True, text=True, timeout=120)
        codes.append(done.returncode)
        said.append("nothing was compared" in done.stdout)
    assert (codes, said) == ([0, 0, 1], [True, False, False])
