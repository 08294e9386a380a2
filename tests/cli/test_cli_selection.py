"""What is selected on the command line: tasks, an endpoint by its URL, paths, and text in `--set`."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from evalrun.errors import SuiteError
from evalrun.run.planning import Selection, make_plan, replan
from evalrun.run.watch import Watch, ignore
from evalrun.store.reader import StoredRun

Command = Callable[..., "subprocess.CompletedProcess[str]"]
TASK = """\
  {name}:
    data: {{kind: inline, rows: [{{q: 1 + 1, a: "2"}}]}}
    prompt: {{template: "{{{{ q }}}}", expected: "{{{{ a }}}}"}}
    sampling: {{max_tokens: 8}}
    scorers: [{{kind: numeric}}]
"""
WATCH = Watch(ignore, ignore)


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """Return a suite with the tasks a, b and c."""
    path = tmp_path / "suite" / "three.yaml"
    path.parent.mkdir()
    path.write_text("name: three\ntargets: [sub/modelA.yaml]\ntasks:\n" + "".join(TASK.format(name=n) for n in "abc"))
    (path.parent / "sub").mkdir()
    (path.parent / "sub" / "modelA.yaml").write_text("kind: simulator\nseed: 1\nttft_s: 0\ntoken_s: 0\n")
    return path


def test_tasks_are_picked_by_name(three: Path) -> None:
    """In the suite's order; another choice is another run; an unknown name is refused with the nearest."""
    plan = make_plan(Selection(suite=three, tasks=("c", "a")), watch=WATCH)
    assert list(plan.suite.tasks) == list(plan.prints.tasks) == ["a", "c"]
    assert plan.command["tasks"] == ("c", "a")
    with pytest.raises(SuiteError, match=r"^--task d: no such task; there are a, b, c$"):
        make_plan(Selection(suite=three, tasks=("a", "d")), watch=WATCH)


def test_a_target_of_the_suite_is_found_beside_it(three: Path) -> None:
    """Wherever the command runs; a path on the command line starts at the working directory. Case is kept."""
    [target] = make_plan(Selection(suite=three), watch=WATCH).targets
    assert (target.name, target.path) == ("modelA", three.parent / "sub" / "modelA.yaml")
    with pytest.raises(SuiteError, match=r"^sub/modelA\.yaml: no such file"):
        make_plan(Selection(suite=three, targets=("sub/modelA.yaml",)), watch=WATCH)


def test_an_endpoint_needs_no_file(three: Path) -> None:
    """Its URL and a model are enough; the model's last part is its name, with the host where there are several."""
    url, model = "http://127.0.0.1:8000/v1", "Qwen/Qwen2.5-0.5B"
    [target] = make_plan(Selection(suite=three, targets=(url,), model=model), watch=WATCH).targets
    assert (target.name, target.spec.model, target.where) == ("Qwen2.5-0.5B", model, url)
    two = make_plan(Selection(suite=three, targets=(url, "http://127.0.0.1:9000/v1"), model=model), watch=WATCH)
    assert [target.name for target in two.targets] == ["Qwen2.5-0.5B-127.0.0.1-8000", "Qwen2.5-0.5B-127.0.0.1-9000"]
    for targets, more, said in (
        ((url,), {}, f"--target {url}: names no model; add --model NAME"),
        ((url + "/chat/completions",), {"model": "m"}, f"goes too far, /chat/completions is added to it; write {url}"),
        (("127.0.0.1:8000/v1",), {}, "127.0.0.1:8000/v1: is no target; for an endpoint write its URL, e.g. http://"),
        (("http://example.com/v1",), {"model": "m"}, "plain http to example.com shows key and questions"),
    ):
        with pytest.raises(SuiteError) as caught:
            make_plan(Selection(suite=three, targets=targets, **more), watch=WATCH)
        assert said in str(caught.value)


def test_a_model_replaces_that_of_a_file(three: Path, tmp_path: Path) -> None:
    """And is a part of what the same command means."""
    (tmp_path / "vllm.yaml").write_text("kind: http\nbase_url: http://127.0.0.1:1/v1\nmodel: m\n")
    chosen = Selection(suite=three, targets=(str(tmp_path / "vllm.yaml"),), model="other")
    plan = make_plan(chosen, watch=WATCH)
    assert [(target.name, target.spec.model) for target in plan.targets] == [("vllm", "other")]
    assert plan.command["model"] == "other"


def test_a_run_of_a_url_is_planned_again(
    three: Path, evalrun: Command, tmp_path: Path, start: Callable[..., "subprocess.Popen[str]"]
) -> None:
    """By the URL that its manifest keeps, with the tasks and the model that were selected."""
    server = start("serve", "sim", "--port", 0)
    assert server.stdout is not None
    url = server.stdout.readline().split()[-1].rstrip("/")
    url = url if url.endswith("/v1") else f"{url}/v1"
    ran = evalrun("run", three, "-q", "-t", url, "--model", "sim", "--task", "b", "--sample", 1, "--out", "out")
    assert ran.returncode == 0, ran.stderr
    [folder] = (tmp_path / "out" / "three").iterdir()
    run = StoredRun(folder)
    assert run.manifest.target_files == {"sim": url}
    plan = replan(run, Selection(suite=three), watch=WATCH)
    assert plan.command == json.loads(json.dumps(run.manifest.command)) | {"tasks": ("b",)}
    assert plan.targets[0].where == url


def test_text_in_set_is_quoted_twice(three: Path) -> None:
    """Once for the shell and once for YAML; where it is not, the message shows how."""
    path = "tasks.a.prompt.system"
    plan = make_plan(Selection(suite=three, settings=(f'{path}="Row: {{{{ q }}}}"',)), watch=WATCH)
    assert plan.suite.tasks["a"].prompt.system == "Row: {{ q }}"
    for value in ("{{ q }}", "Row: {{ q }}"):
        with pytest.raises(SuiteError) as caught:
            make_plan(Selection(suite=three, settings=(f"{path}={value}",)), watch=WATCH)
        assert f"""quote text for YAML and for the shell: --set '{path}="TEXT"'""" in str(caught.value)
