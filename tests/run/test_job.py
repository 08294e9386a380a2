"""What is sent is what the suite says; an endpoint's quirks only fill in what the suite leaves open."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

from evalrun.data.places import Places
from evalrun.run.job import job_key, jobs
from evalrun.suite.read import read_target
from evalrun.suite.spec import Sampling, Task
from evalrun.targets.kind import PriceSpec
from evalrun.targets.spec import Http


def http(**quirks: object) -> Http:
    """Return a target with these quirks."""
    return Http.model_validate({"kind": "http", "base_url": "http://localhost/v1", "model": "m", "quirks": quirks})


def test_the_suite_beats_the_quirks() -> None:
    """temperature of the suite, cache_prompt of the quirks, and the endpoint's name for the limit."""
    target = http(body={"temperature": 1.5, "cache_prompt": False}, max_tokens_field="max_completion_tokens")
    sampling = Sampling(temperature=0, max_tokens=16, body={"min_p": 0.1})
    assert sampling.fields(target) == {
        "temperature": 0,
        "cache_prompt": False,
        "max_completion_tokens": 16,
        "min_p": 0.1,
    }


def test_repeats_send_seeds_of_their_own() -> None:
    """Repeat k sends seed + k; without a seed none is sent."""
    assert [Sampling(seed=7).fields(http(), repeat=k)["seed"] for k in range(3)] == [7, 8, 9]
    assert "seed" not in Sampling().fields(http(), repeat=3)


def test_the_extra_fields_of_warm_requests_win() -> None:
    """They are sent with warm requests only, and beat what the suite and the other quirks say."""
    target = http(body={"cache_prompt": False}, warm_body={"cache_prompt": True, "top_p": 0.5})
    assert Sampling(top_p=1).fields(target) == {"cache_prompt": False, "top_p": 1}
    assert Sampling(top_p=1).fields(target, warm=True) == {"cache_prompt": True, "top_p": 0.5}


def test_the_worst_case_is_of_the_body_that_is_sent(tmp_path: Path) -> None:
    """Prices of $1 per million tokens: 64 tokens of a cold answer, and for two choices of a warm one a million.

    The prompt costs at most a dollar per million bytes of the body and of 1024 tokens that a template adds.
    """
    ladder = {"kind": "ladder", "probe": {"kind": "needle"}, "sizes": [256], "per_size": 1, "cache": "both"}
    task = Task.model_validate_json(
        json.dumps({"data": ladder, "sampling": {"max_tokens": 64}, "scorers": [{"kind": "contains"}], "prompt":
            {"template": "{{ prompt }}", "expected": "{{ answer }}", "meta": ["size", "cache"]}})
    )  # fmt: skip
    spec = http(warm_body={"max_new_tokens": 1_000_000, "best_of": 2})
    (tmp_path / "x.yaml").write_text(spec.model_dump_json())
    target = read_target(str(tmp_path / "x.yaml"), suite_root=tmp_path, environ={})
    prices = PriceSpec.model_validate({"prompt": Decimal(1), "completion": Decimal(1), "date": date(2026, 1, 1)})
    cold, warm = jobs("t", task, target, places=Places(root=tmp_path))
    assert (cold.most_tokens, warm.most_tokens) == (64, 2_000_000)
    assert cold.worst_case(prices) == Decimal(len(cold.body) + 1024 + 64) / 1_000_000
    assert warm.worst_case(prices) == 2 + Decimal(len(warm.body) + 1024) / 1_000_000


def test_a_key_tells_everything_apart() -> None:
    """Target, task, sample, repeat and body each change it, and no two tuples run together."""
    base = job_key("t", "a", "1", repeat=0, body=b"{}")
    others = [
        job_key("u", "a", "1", repeat=0, body=b"{}"),
        job_key("t", "b", "1", repeat=0, body=b"{}"),
        job_key("t", "a", "2", repeat=0, body=b"{}"),
        job_key("t", "a", "1", repeat=1, body=b"{}"),
        job_key("t", "a", "1", repeat=0, body=b"{ }"),
        job_key("ta", "", "1", repeat=0, body=b"{}"),
    ]
    assert len({base, *others}) == 7
    assert len(base) == 16
