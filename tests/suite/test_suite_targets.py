"""Targets: how they are found, what is refused in them, and what they must agree on with a suite."""

from pathlib import Path
from textwrap import dedent

import pytest

from evalrun.errors import SuiteError
from evalrun.suite.check import check_run, require_key
from evalrun.suite.files import shipped
from evalrun.suite.override import Override
from evalrun.suite.read import Target, read_suite, read_target
from evalrun.targets.spec import Http

HTTP = """\
kind: http
base_url: https://api.example.com/v1
model: m
key_env: EXAMPLE_KEY
"""
PRICES = "prices: {prompt: 1, completion: 2, date: 2026-01-31}\n"
SUITE = """\
name: small
tasks:
  sums:
    data: {kind: inline, rows: [{q: 1}]}
    prompt: {template: "{{ q }}"}
    scorers: [{kind: exact}]
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, so that messages begin with short relative paths."""
    monkeypatch.chdir(tmp_path)


def target(text: str = HTTP, *, name: str = "t.yaml") -> Target:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text), encoding="utf-8")
    return read_target(name, suite_root=Path(), environ={})


def refused(text: str) -> str:
    with pytest.raises(SuiteError) as caught:
        target(text)
    return str(caught.value)


# ---------------------------------------------------------------- finding


def test_a_name_is_looked_up_near_to_far() -> None:
    """Beside the suite, beside its folder, in the working directory, then what evalrun ships; a path is a path."""
    target(HTTP.replace("model: m", "model: work"), name="configs/mine.yaml")
    target(HTTP.replace("model: m", "model: above"), name="p/configs/mine.yaml")
    root = Path("p/suites")
    assert read_target("mine", suite_root=root, environ={}).spec.model == "above"
    target(HTTP.replace("model: m", "model: beside"), name="p/suites/configs/mine.yaml")
    found = read_target("mine", suite_root=root, environ={})
    assert (found.name, found.spec.model, found.path) == ("mine", "beside", Path("p/suites/configs/mine.yaml"))
    assert read_target("configs/mine.yaml", suite_root=root, environ={}).spec.model == "work"
    assert read_target("local", suite_root=root, environ={}).path == shipped("configs") / "local.yaml"


def test_names_that_are_not_there() -> None:
    """An unknown name is refused with the nearest one, or all of them; a missing file with the path tried."""
    with pytest.raises(SuiteError, match=r"^deepinfr: no such target in configs/; did you mean 'deepinfra'\?$"):
        read_target("deepinfr", suite_root=Path(), environ={})
    known = "azure, deepinfra, llamacpp, local, openai, sim, vllm"
    with pytest.raises(SuiteError, match=rf"^zzz: no such target in configs/; there are {known}$"):
        read_target("zzz", suite_root=Path(), environ={})
    with pytest.raises(SuiteError, match=r"^zzz\.yaml: no such file \(looked for /.*/zzz\.yaml\)$"):
        read_target("zzz.yaml", suite_root=Path(), environ={})
    with pytest.raises(SuiteError, match="no such target"):
        read_target("../../etc/passwd", suite_root=Path(), environ={})


@pytest.mark.parametrize("path", sorted(shipped("configs").glob("*.yaml")), ids=lambda path: path.name)
def test_every_shipped_target_reads(path: Path) -> None:
    """Each file of configs/ is valid without any variable, says in a line what it is, and dates its prices."""
    found = read_target(str(path), suite_root=Path(), environ={})
    assert found.name == path.stem
    assert 10 < len(found.spec.about) < 130


def test_the_providers_prices() -> None:
    """DeepSeek-V3.2 at DeepInfra as its page says: 0.27 in, 0.40 out, 0.216 cached, all exact."""
    prices = read_target("deepinfra", suite_root=Path(), environ={}).spec.prices
    assert prices is not None
    assert [str(each) for each in (prices.prompt, prices.completion, prices.cached)] == ["0.27", "0.4", "0.216"]


def test_a_targets_name_is_a_folders_name() -> None:
    """O09: tables and folders call it by its file's name, made safe."""
    assert target(name="My Server.yaml").name == "my-server-c2d9a82f"


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            HTTP.replace("base_url: https://", "base_url: "),
            "t.yaml:2:11: base_url: 'api.example.com/v1' has no scheme; write https://api.example.com/v1",
        ),
        (HTTP + "base_ulr: x\n", "t.yaml:5:1: base_ulr: unknown key; did you mean 'base_url'?"),
        (HTTP.replace("http\n", "htp\n"), "t.yaml:1:7: kind: unknown kind 'htp'; did you mean 'http'?"),
        ("model: m\n", "t.yaml:1:1: kind: is missing; one of: embedded, http, simulator"),
        ("kind: http\nmodel: m\n", "t.yaml:1:1: base_url: is missing; add it"),
        (
            HTTP + "prices: {prompt: 1, completion: -1, date: 2026-13-01}\n",
            "t.yaml:5:33: prices.completion: -1 is too small; it must be at least 0\n"
            "t.yaml:5:43: prices.date: expected a date such as 2026-01-31, got '2026-13-01'",
        ),
        (
            HTTP + "quirks: {headers: {Authorization: x}}\n",
            "t.yaml:5:19: quirks.headers: 'Authorization' carries a key; name the key's variable in key_env instead",
        ),
        (HTTP + "quirks: {headers: {X-Api-Key: x}}\n", "t.yaml:5:19: quirks.headers: 'X-Api-Key' carries a key"),
        (HTTP + "query: {key: x}\n", "t.yaml:5:8: query: 'key' carries a key"),
        (HTTP + "quirks: {headers: {Host: x}}\n", "t.yaml:5:19: quirks.headers: 'Host' is set by evalrun itself"),
        (HTTP + 'quirks: {headers: {X-A: "a\\r\\nX-B: b"}}\n', "t.yaml:5:19: quirks.headers: 'X-A' is not a header"),
        (
            HTTP + "quirks: {body: {extra_body: {n: '8'}}, warm_body: {best_of: 8.0}}\n",
            "t.yaml:5:16: quirks.body: extra_body.n: '8' is not a whole number, and it decides the cost; write e.g. 8\n"
            "t.yaml:5:51: quirks.warm_body: best_of: 8.0 is not a whole number",
        ),
        (HTTP + "quirks: {body: {stream: false}}\n", "t.yaml:5:16: quirks.body: 'stream' is set by evalrun itself"),
        (
            HTTP + "quirks: {warm_body: {max_tokens: 100000}}\n",
            "t.yaml:5:21: quirks.warm_body: 'max_tokens' belongs in the suite's sampling; remove it",
        ),
        (HTTP + "dialect: chad\n", "t.yaml:5:10: dialect: unknown dialect 'chad'; would be right: chat"),
        (
            HTTP.replace("EXAMPLE_KEY", "sk-0123456789abcdefghij"),
            "t.yaml:4:10: key_env: looks like a secret key; keep it in the environment",
        ),
        (HTTP.replace("EXAMPLE_KEY", "my key"), "t.yaml:4:10: key_env: 'my key' has the wrong form"),
    ],
)
def test_mistakes_in_a_target(text: str, message: str) -> None:
    """Y02, Y08, Y11: a target's mistakes are shown like a suite's."""
    assert refused(text).startswith(message)


# ---------------------------------------------------------------- together


def run(text: str, *targets: Target, max_cost: str | None = None) -> None:
    Path("s.yaml").write_text(text, encoding="utf-8")
    cap = [Override(path=("limits", "max_cost_usd"), value=max_cost, flag="--max-cost")] if max_cost else []
    check_run(read_suite(Path("s.yaml"), environ={}, overrides=cap), targets)


def test_a_cap_needs_prices_and_a_longest_answer() -> None:
    """Y12, M01: where the worst case of a request has no price, a cap could not hold."""
    free, priced = target(name="free.yaml"), target(HTTP + PRICES, name="priced.yaml")
    run(SUITE, free, priced)
    run(SUITE + "    sampling: {max_tokens: 9}\n", priced, max_cost="1.50")
    with pytest.raises(SuiteError) as caught:
        run(SUITE, free, priced, max_cost="1.50")
    assert str(caught.value).splitlines() == [
        "--max-cost: limits.max_cost_usd: a cap of 1.50 USD needs prices, and free.yaml has none; "
        "add `prices:` there, or remove the cap",
        "--max-cost: limits.max_cost_usd: a cap of 1.50 USD needs max_tokens, and tasks.sums has none; "
        "set tasks.sums.sampling.max_tokens, or remove the cap",
    ]


def test_two_targets_of_one_name() -> None:
    """Y10: columns are told apart by name, so each name stands once."""
    one, two = target(name="a/x.yaml"), target(name="b/x.yaml")
    with pytest.raises(SuiteError, match=r"^targets: duplicate name 'x' \(a/x\.yaml and b/x\.yaml\); remove one"):
        run(SUITE, one, two)


def test_a_missing_key_names_its_variable_and_the_way_without() -> None:
    """No key, no silent fallback: the variable's name, and the command that runs on this machine."""
    found = target()
    for environ, state in (({}, "not set"), ({"EXAMPLE_KEY": "  "}, "empty")):
        with pytest.raises(SuiteError) as caught:
            require_key(found, environ=environ, suite="suites/math.yaml")
        assert str(caught.value) == (
            f"t.yaml:4:10: key_env: the variable EXAMPLE_KEY is {state}; set it to your key, "
            "or run on this machine: evalrun suites/math.yaml --target local"
        )


def test_a_key_is_stripped_and_clean() -> None:
    """A pasted line end is taken off; what could split a header is refused without being shown."""
    found = target()
    key = require_key(found, environ={"EXAMPLE_KEY": " abc-123\n"}, suite="s")
    assert key is not None
    assert (key.reveal(), str(key)) == ("abc-123", "Secret(***)")
    for wrong in ("abc\r\nX-Evil: 1", "abc def", "clé", "a\x00b"):
        with pytest.raises(SuiteError, match="EXAMPLE_KEY contains") as caught:
            require_key(found, environ={"EXAMPLE_KEY": wrong}, suite="s")
        assert wrong not in str(caught.value)


def test_a_target_without_key_needs_none() -> None:
    """Neither an endpoint without key_env nor the embedded model asks for a key."""
    plain = target(HTTP.replace("key_env: EXAMPLE_KEY\n", ""))
    assert isinstance(plain.spec, Http)
    assert require_key(plain, environ={}, suite="s") is None
    assert require_key(read_target("local", suite_root=Path(), environ={}), environ={}, suite="s") is None
