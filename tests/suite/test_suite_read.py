"""Suite files -> Suite: files, includes, overrides, secrets, and every mistake with its line."""

import os
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalrun.errors import SuiteError
from evalrun.suite.files import shipped, suite_path
from evalrun.suite.override import Override, override
from evalrun.suite.read import Loaded, read_suite
from evalrun.suite.schema import schema
from evalrun.suite.validate import locate

BASE = """\
name: small
tasks:
  sums:
    data:
      kind: inline
      rows: [{q: 1 + 1, a: "2"}]
    prompt: {template: "{{ q }}", expected: "{{ a }}"}
    sampling: {temperature: 0, max_tokens: 8}
    scorers:
      - kind: exact
      - {kind: numeric, name: near}
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a file below an empty working directory and give its relative path, which messages then begin with."""
    monkeypatch.chdir(tmp_path)

    def written(text: str = BASE, name: str = "s.yaml") -> Path:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
        return path

    return written


def read(path: Path, *sets: str, **environ: str) -> Loaded:
    return read_suite(path, environ=environ, overrides=[override(text, environ={}) for text in sets])


def refused(path: Path, *sets: str, **environ: str) -> str:
    with pytest.raises(SuiteError) as caught:
        read(path, *sets, **environ)
    return str(caught.value)


# ---------------------------------------------------------------- files


def test_a_suite_is_read_with_its_places(write: Write) -> None:
    """Types, defaults, and where each field was typed."""
    path = write()
    loaded = read(path)
    assert loaded.suite.tasks["sums"].sampling.temperature == 0
    assert loaded.suite.targets == ("local",)
    assert locate(loaded.tree, ("tasks", "sums", "scorers", 1, "name")) == "s.yaml:11:31: tasks.sums.scorers[1].name"
    assert locate(loaded.tree, ("tasks", "sums", "limit")) == "s.yaml:4:5: tasks.sums.limit"
    assert locate(loaded.tree, ("limits", "max_cost_usd")) == "s.yaml: limits.max_cost_usd"


def test_files_that_cannot_be_read(write: Write, tmp_path: Path) -> None:
    """D01, D05: missing, a folder, not a file, UTF-16, not UTF-8, empty: refused with the path that was tried."""
    write(name="sums.yaml")
    assert refused(Path("sum.yaml")) == (
        f"sum.yaml: no such file (looked for {tmp_path}/sum.yaml); did you mean 'sums.yaml'?"
    )
    assert refused(Path("gsm")).endswith("did you mean 'gsm8k'?")  # a suite that is shipped
    Path("folder").mkdir()
    write(name="folder/in.yaml")
    assert refused(Path("folder")) == "folder: is a folder; name a file in it: in.yaml"
    os.mkfifo("pipe.yaml")
    assert refused(Path("pipe.yaml")) == "pipe.yaml: is not a regular file; copy it to one"
    Path("ring.yaml").symlink_to("ring.yaml")
    assert "ring.yaml: " in refused(Path("ring.yaml"))
    Path("wide.yaml").write_text(BASE, encoding="utf-16")
    assert refused(Path("wide.yaml")) == "wide.yaml: is UTF-16; save it as UTF-8"
    Path("latin.yaml").write_bytes(b"name: x\nabout: caf\xe9\n")
    assert refused(Path("latin.yaml")) == "latin.yaml:2: byte 18 is not UTF-8; save the file as UTF-8"
    assert refused(write("# nothing\n", "none.yaml")) == "none.yaml:1:1: is empty; start with e.g. `tasks:`"
    assert refused(write("- a\n", "list.yaml")) == "list.yaml:1:1: is a list; write a mapping, with e.g. `tasks:`"
    Path("big.yaml").write_bytes(b"#" * 1_000_001)
    assert refused(Path("big.yaml")) == "big.yaml: is larger than 1,000,000 bytes; put long data in a separate file"


def test_an_unreadable_file(write: Write) -> None:
    """D01: a file without read permission is refused; where the tests run as root, there is no such file."""
    path = write()
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    assert "s.yaml: Permission denied; make " in refused(path)


def test_bom_and_crlf_are_read(write: Write) -> None:
    """D05: a byte order mark and Windows line ends change nothing, columns included."""
    Path("s.yaml").write_bytes(b"\xef\xbb\xbf" + BASE.replace("small", "Small!").replace("\n", "\r\n").encode())
    assert refused(Path("s.yaml")).startswith("s.yaml:1:7: name: 'Small!' has the wrong form")


def test_a_cluster_is_a_field_that_samples_carry(write: Write) -> None:
    """`cluster` names a field of `prompt.meta`, or one that the data source keeps by itself."""
    kept = BASE.replace('expected: "{{ a }}"', 'expected: "{{ a }}", meta: [q]') + "    cluster: q\n"
    assert read(write(kept)).suite.tasks["sums"].cluster == "q"
    ladder = kept.replace("kind: inline", "kind: ladder").replace("cluster: q", "cluster: family")
    ladder = ladder.replace('rows: [{q: 1 + 1, a: "2"}]', "probe: {kind: needle}\n      sizes: [256]")
    assert read(write(ladder)).suite.tasks["sums"].cluster == "family"
    assert schema("suite")["$defs"]["Task"]["properties"]["cluster"]["description"]


# ---------------------------------------------------------------- includes


def test_includes_are_merged_and_the_later_wins(write: Write) -> None:
    """Mappings merge, lists and values are replaced, null takes away, another `kind` replaces, places stay."""
    write(BASE.replace("name: small", "name: base\ntargets: [a, b]\nload: {concurrency: 3}"), "parts/base.yaml")
    write("load: {concurrency: 9}\nabout: second\n", "second.yaml")
    top = write(
        """\
        include: [parts/base.yaml, second.yaml]
        name: top
        targets: [c]
        tasks:
          sums:
            data: {kind: jsonl, path: rows.jsonl}
            sampling: {temperature: null, top_p: 0.5}
            repeats: 2
        """,
        "top.yaml",
    )
    loaded = read(top)
    task = loaded.suite.tasks["sums"]
    assert (loaded.suite.name, loaded.suite.about, loaded.suite.targets) == ("top", "second", ("c",))
    assert loaded.suite.load.concurrency == 9
    assert task.data.model_dump() == {"kind": "jsonl", "path": "rows.jsonl"}
    assert (task.sampling.temperature, task.sampling.top_p, task.sampling.max_tokens) == (None, 0.5, 8)
    assert locate(loaded.tree, ("tasks", "sums", "sampling", "max_tokens")).startswith("parts/base.yaml:10:44: ")
    assert locate(loaded.tree, ("load", "concurrency")).startswith("second.yaml:1:21: ")
    assert locate(loaded.tree, ("tasks", "sums", "repeats")).startswith("top.yaml:8:14: ")


def test_null_drops_an_inherited_task(write: Write) -> None:
    """`tasks: {a: null}` in the including file leaves task `a` out."""
    write(BASE + BASE.partition("tasks:\n")[2].replace("sums:", "more:"), "base.yaml")
    assert set(read(write("include: base.yaml\ntasks: {sums: null}\n")).suite.tasks) == {"more"}


def test_includes_that_are_refused(write: Write, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Y09, Y10: a ring, a file outside the folder (by dots, absolute, by link), a missing file, nonsense."""
    outside = tmp_path_factory.mktemp("outside") / "o.yaml"
    outside.write_text(BASE, encoding="utf-8")
    write("include: [b.yaml]\n", "a.yaml")
    write("include:\n  - c.yaml\n", "b.yaml")
    write("include: [b.yaml]\n", "c.yaml")
    assert refused(Path("a.yaml")) == (
        "c.yaml:1:11: include: b.yaml includes itself (b.yaml -> c.yaml -> b.yaml); remove one of these includes"
    )
    Path("link.yaml").symlink_to(outside)
    for name in ("../../etc/passwd", str(outside), "link.yaml"):
        message = refused(write(f"include: [{name}]\n"))
        assert message.startswith(f"s.yaml:1:11: include: {name} is outside the suite's folder; copy it to ")
    assert refused(write("include: [bb.yaml]\n")).startswith("s.yaml:1:11: include: bb.yaml: no such file (looked for ")
    for unusable in ('"a\\0b"', "a" * 256):
        assert refused(write(f"include: [{unusable}]\n")).startswith("s.yaml:1:11: include: ")
    for nonsense in ("3", "{a: b}"):
        message = refused(write(f"include: [{nonsense}]\n"))
        assert message == "s.yaml:1:11: include: is not a file name; write include: [other.yaml]"


def test_shipped_suites_may_be_included(write: Write) -> None:
    """By name, with or without the ending; a file of that name beside the suite goes first."""
    for name in ("math", "math.yaml", str(shipped("suites") / "math.yaml")):
        found = read(write(f"include: {name}\nname: mine\n")).suite
        assert (found.name, found.tasks) == ("mine", read(Path("math")).suite.tasks)
    write(name="math.yaml")
    assert set(read(write("include: math.yaml\n")).suite.tasks) == {"sums"}


def test_names_keep_their_case(write: Write) -> None:
    """A suite may be called Qwen2.5-Math; tasks that only differ in case would be one file on some systems."""
    found = read(write(BASE.replace("small", "Qwen2.5-Math").replace("sums:", "Sums_A:"))).suite
    assert (found.name, list(found.tasks)) == ("Qwen2.5-Math", ["Sums_A"])
    two = BASE + BASE.partition("tasks:\n")[2].replace("sums:", "Sums:")
    assert refused(write(two)) == "s.yaml:3:3: tasks: 'sums' and 'Sums' differ only in case; rename one"


def test_a_file_may_be_included_twice(write: Write) -> None:
    """Two files that include the same third are no ring; a doubling chain of includes is read once per file."""
    write(BASE, "f0.yaml")
    for n in range(1, 40):
        write(f"include: [f{n - 1}.yaml, f{n - 1}.yaml]\n", f"f{n}.yaml")
    assert read(Path("f39.yaml")).suite.name == "small"
    write("about: x\n", "x.yaml")
    assert "more than 100 includes" in refused(write(f"include: [{', '.join(['x.yaml'] * 101)}]\n"))


# ---------------------------------------------------------------- overrides


def test_overrides_win(write: Write) -> None:
    """A value is read as YAML; `*` is every entry; a typed option is an override too; the last one wins."""
    overrides = [
        override("tasks.sums.sampling.temperature=0.6", environ={}),
        override("tasks.sums.scorers.1.name=far", environ={}),
        override("tasks.sums.data={kind: jsonl, path: ../x=y.jsonl}", environ={}),
        override("limits.retries.attempts=2", environ={}),
        override("tasks.sums.sampling.max_tokens=null", environ={}),
        override('targets=["${WHO}"]', environ={"WHO": "sim"}),
        Override(path=("tasks", "*", "limit"), value=5, flag="--limit"),
        Override(path=("tasks", "*", "limit"), value=6, flag="--limit"),
        Override(path=("limits", "max_cost_usd"), value="0.10", flag="--max-cost"),
    ]
    suite = read_suite(write(), environ={}, overrides=overrides).suite
    task = suite.tasks["sums"]
    assert (task.sampling.temperature, task.sampling.max_tokens, task.limit) == (0.6, None, 6)
    assert [scorer.label for scorer in task.scorers] == ["exact", "far"]
    assert task.data.model_dump() == {"kind": "jsonl", "path": "../x=y.jsonl"}
    assert (suite.limits.retries.attempts, suite.targets) == (2, ("sim",))
    assert suite.limits.max_cost_usd == Decimal("0.10")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("limit", "--set limit: is not PATH=VALUE; write e.g. --set tasks.gsm8k.sampling.temperature=0.6"),
        ("a..b=1", "--set a..b=1: is not PATH=VALUE; write e.g. --set tasks.gsm8k.sampling.temperature=0.6"),
        ("name=[1", "--set name:1:1: did not find expected ',' or ']' while parsing a flow sequence of line 1"),
        ("name=012", "--set name:1:1: 012 has a leading zero"),
        ("tasks.sms.limit=1", "--set tasks.sms.limit: tasks.sms: tasks has no 'sms'; did you mean 'sums'?"),
        ("tasks.zzz.limit=1", "--set tasks.zzz.limit: tasks.zzz: tasks has no 'zzz'; there are sums"),
        ("tasks.zzz=null", "--set tasks.zzz: tasks has no 'zzz'; there are sums"),
        (
            "tasks.sums.sampling.temprature=1",
            "--set tasks.sums.sampling.temprature: tasks.sums.sampling.temprature: unknown key; "
            "did you mean 'temperature'?",
        ),
        (
            "lode.concurrency=2",
            "--set lode.concurrency: lode: unknown key; did you mean 'load'?",
        ),
        (
            "tasks.sums.scorers.7.name=x",
            "--set tasks.sums.scorers.7.name: tasks.sums.scorers: has 2 items, and '7' is not one of them",
        ),
        (
            "name.x=1",
            "--set name.x: name: is 'small' and has no field 'x'; set all of it",
        ),
        (
            "load.concurrency=many",
            "--set load.concurrency: load.concurrency: expected a whole number, got 'many'",
        ),
    ],
)
def test_overrides_that_are_refused(write: Write, text: str, message: str) -> None:
    """A wrong override is named as it was typed, with what would be right."""
    assert refused(write(), text).startswith(message)


# ---------------------------------------------------------------- mistakes


def broken(**fields: str) -> str:
    """The small suite with parts of it replaced."""
    text = BASE
    for old, new in fields.items():
        line = next(line for line in BASE.splitlines() if line.strip().startswith(old))
        text = text.replace(line, line[: len(line) - len(line.lstrip())] + new)
    return text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            broken(name="nam: x"),
            "s.yaml:1:1: name: is missing; add it\ns.yaml:1:1: nam: unknown key; did you mean 'name'?",
        ),
        (broken(name="name: My Suite"), "s.yaml:1:7: name: 'My Suite' has the wrong form; it must match ^[A-Za-z0-9]"),
        (broken(sums="my.sums:"), "s.yaml:3:3: tasks.my.sums: the name 'my.sums' has the wrong form; it must match"),
        (broken(kind="kind: inlin"), "s.yaml:5:13: tasks.sums.data.kind: unknown kind 'inlin'; did you mean 'inline'?"),
        (broken(kind="kid: inline"), "s.yaml:4:5: tasks.sums.data.kind: is missing; one of: arithmetic, csv, hub"),
        (
            broken(**{"- kind": "- {kind: exact, ignore_cas: true}"}),
            "s.yaml:10:23: tasks.sums.scorers[0].ignore_cas: unknown key; did you mean 'ignore_case'?",
        ),
        (
            broken(**{"- kind": "- {kind: exact, ignore_case: yes}"}),
            "s.yaml:10:36: tasks.sums.scorers[0].ignore_case: expected true or false, got 'yes'; write true",
        ),
        (
            broken(**{"- kind": "- exact"}),
            "s.yaml:10:9: tasks.sums.scorers[0]: expected a mapping, got text; write {kind: exact}",
        ),
        (
            broken(**{"- {kind": "- kind: exact"}),
            "s.yaml:10:7: tasks.sums.scorers: duplicate name 'exact'; set `name` on one of them",
        ),
        (
            broken(prompt="cluster: page\n    prompt: {template: x, meta: [q]}"),
            "s.yaml:7:14: tasks.sums.cluster: 'page' is not in `prompt.meta`; add it there, so that every sample "
            "carries it",
        ),
        (
            broken(sampling="sampling: {temperature: warm, max_tokens: '8', top_p: 1.5, seed: 1.5, stop: x}"),
            "s.yaml:8:29: tasks.sums.sampling.temperature: expected a number, got 'warm'\n"
            "s.yaml:8:47: tasks.sums.sampling.max_tokens: expected a whole number, got '8'; remove the quotes\n"
            "s.yaml:8:59: tasks.sums.sampling.top_p: 1.5 is too large; it must be at most 1\n"
            "s.yaml:8:70: tasks.sums.sampling.seed: expected a whole number, got 1.5\n"
            "s.yaml:8:81: tasks.sums.sampling.stop: expected a list, got 'x'; write [x]",
        ),
        (
            broken(sampling="sampling: {body: {stream: false}, reasoning_effort: 5}"),
            "s.yaml:8:22: tasks.sums.sampling.body: 'stream' is set by evalrun from the prompt and the target; "
            "remove it\ns.yaml:8:57: tasks.sums.sampling.reasoning_effort: "
            "expected text, got 5; quote it: '5'",
        ),
        (
            broken(sampling="sampling: {body: {n: 8.0}}"),
            "s.yaml:8:22: tasks.sums.sampling.body: n: 8.0 is not a whole number, and it decides the cost",
        ),
        (
            broken(sampling="sampling: {body: {extra_body: {best_of: '8'}}}"),
            "s.yaml:8:22: tasks.sums.sampling.body: extra_body.best_of: '8' is not a whole number",
        ),
        (
            broken(prompt="prompt: {template: 5}"),
            "s.yaml:7:24: tasks.sums.prompt.template: expected text, got 5; quote it: '5'",
        ),
        (broken(prompt="prompt: {}"), "s.yaml:7:13: tasks.sums.prompt: set either `template` or `turns`"),
        (
            broken(prompt="prompt: {template: x, choices: 5}"),
            "s.yaml:7:36: tasks.sums.prompt.choices: expected text or a list, got 5",
        ),
        (broken(prompt="prompt:"), "s.yaml:7:12: tasks.sums.prompt: expected a mapping, got nothing"),
        (broken(scorers="scorers: {}\n    x:"), "s.yaml:9:14: tasks.sums.scorers: expected a list, got a mapping\n"),
        (BASE + "limits: {total_s: 0, max_cost_usd: none}\n",
         "s.yaml:12:19: limits.total_s: 0 is too small; it must be more than 0\n"
         "s.yaml:12:36: limits.max_cost_usd: expected a number, got 'none'"),
        (BASE + "slo: {ttft: 2, tpot: fast, e2e: 0 s, tfft: 1 s}\n",
         "s.yaml:12:13: slo.ttft: 2 has no unit; write 2 s or 2 ms\n"
         "s.yaml:12:22: slo.tpot: 'fast' is not a time with a unit; write e.g. 2 s or 800 ms\n"
         "s.yaml:12:33: slo.e2e: '0 s' cannot be met; write a time above 0\n"
         "s.yaml:12:38: slo.tfft: unknown key; did you mean 'ttft'?"),
        (BASE + "gates:\n  - good >= 95 %\n", "s.yaml:13:3: gates: 'good >= 95 %' needs an SLO; add one to the suite"),
        (BASE + 'about: "\\x1b[2J"\n"\\x1b]0;x": 1\n', "s.yaml:13:1: \\x1b]0;x: unknown key"),
    ],
)  # fmt: skip
def test_mistakes_in_a_suite(write: Write, text: str, message: str) -> None:
    """Y02, Y10: file, line, column, path, what is wrong and what would be right, in order, all at once."""
    found = refused(write(text))
    assert found.startswith(message)
    assert all(line.isprintable() for line in found.split("\n"))


def test_at_most_twenty_mistakes_are_listed(write: Write) -> None:
    """The first twenty in the order of the file, and how many more there are."""
    found = refused(write(BASE + "".join(f"x{n}: 1\n" for n in range(25)))).split("\n")
    assert (len(found), found[0], found[-1]) == (21, found[0], "... and 5 more")
    assert found[0].startswith("s.yaml:12:1: x0: unknown key")


@pytest.mark.parametrize(
    "line",
    [
        "about: sk-proj-0123456789abcdefghij",
        "about: 'call it with Bearer 0123456789abcdef0123'",
        "about: hf_abcdefghijklmnopqrstuvwxyz",
        "targets: [eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc]",
        "tasks2: {x: {api_key: 0f8fad5bd9cb469fa165}}",
        "load: {Authorization: abcdefgh12345678}",
    ],
)
def test_keys_in_a_file_are_refused_unseen(write: Write, line: str) -> None:
    """Y08: a text that looks like a key is refused by its place, and is not repeated; variables do not launder it."""
    path = write(line + "\n" + BASE)
    message = refused(path)
    assert message.startswith("s.yaml:1:")
    assert "looks like a secret key" in message
    assert not any(len(word) > 20 and word.strip("'[]{},") in message for word in line.split())
    assert "looks like a secret key" in refused(write("about: ${KEY}\n" + BASE), KEY="sk-0123456789abcdefghij")


def test_inline_secrets_can_be_allowed(write: Write) -> None:
    """`--allow-inline-secrets` is for what only looks like a key; ordinary long words never do."""
    path = write("about: sk-proj-0123456789abcdefghij\n" + BASE)
    assert read_suite(path, environ={}, allow_inline_secrets=True).suite.about.startswith("sk-proj")
    harmless = 'about: "risk-free-and-quite-long-words max_completion_tokens, task-0123456789abcdefgh"\n'
    assert read(write(harmless + BASE)).suite.name == "small"


# ---------------------------------------------------------------- all suites


def outcome(path: Path, *overrides: Override) -> str:
    """Read a suite; give its path, or what it was refused with. Anything else that is raised is a bug."""
    try:
        return str(read_suite(path, environ={}, overrides=overrides).path)
    except SuiteError as error:
        return str(error)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_suite_is_read_or_refused(write: Write, data: st.DataObject) -> None:
    """Cut, doubled or garbled anywhere, a suite file is a Suite or a SuiteError and nothing else."""
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(BASE))] * 2)))
    text = BASE[:start] + data.draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=8)) + BASE[end:]
    assert outcome(write(text)).startswith("s.yaml")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(
        ["name", "targets", "tasks", "load", "limits"]
        + [f"tasks.sums{at}" for at in ("", ".data", ".data.rows", ".prompt", ".prompt.examples", ".sampling")]
        + [f"tasks.sums.scorers{at}" for at in ("", ".0", ".0.kind")]
    ),
    value=st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.text("ab:x{}", max_size=6)
        | st.sampled_from(["exact", "inline"]),
        lambda each: (
            st.lists(each, max_size=3)
            | st.dictionaries(st.sampled_from(["kind", "rows", "user", "x", "template"]), each, max_size=3)
        ),
        max_leaves=6,
    ),
)
def test_any_value_anywhere_is_taken_or_refused(write: Write, path: str, value: Any) -> None:
    """A value of any shape at any place is a Suite or a SuiteError in words of our own, never pydantic's."""
    said = outcome(write(), Override(path=tuple(path.split(".")), value=value, flag="--set it"))
    assert not any(word in said for word in ("Input should", "Field required", "pydantic", "valid "))


@pytest.mark.parametrize("path", sorted(shipped("suites").glob("*.yaml")), ids=lambda path: path.name)
def test_every_shipped_suite_reads(path: Path) -> None:
    """Each file of suites/ is valid, is called like its file, and needs no variable."""
    loaded = read_suite(path, environ={})
    assert loaded.suite.name == path.stem


def test_shipped_suites_are_found_by_name(write: Write) -> None:
    """`math` and `suites/math.yaml` mean the shipped suite where the working directory has no such file."""
    path = write(name="suites/math.yaml")
    assert suite_path(path) == path
    path.unlink()
    assert suite_path(path) == suite_path(Path("math")) == shipped("suites") / "math.yaml"
    assert suite_path(Path("nosuch")) == Path("nosuch")


def test_the_schema_tells_editors_what_the_reader_takes() -> None:
    """The schema names every field with its help, knows `include`, and requires the rest only without it."""
    found = schema("suite")
    assert {"include", "name", "tasks", "load", "limits", "targets", "slo", "gates", "about"} == set(
        found["properties"]
    )
    assert found["if"] == {"not": {"required": ["include"]}}
    assert set(found["then"]["required"]) == {"name", "tasks"}
    assert found["$defs"]["Task"]["properties"]["repeats"]["description"]
    kinds = schema("target")["discriminator"]["mapping"]
    assert set(kinds) == {"http", "embedded", "simulator"}


def test_reading_a_suite_opens_no_network_library() -> None:
    """Validation loads neither an HTTP library, nor datasets, nor numpy: it answers at once."""
    code = "import sys, evalrun.suite; print([m for m in ('httpx', 'datasets', 'numpy', 'scipy') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert ran.stdout.strip() == "[]", ran.stderr
