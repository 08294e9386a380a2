"""What is sent is what the suite says; an endpoint's quirks only fill in what the suite leaves open."""

from evalrun.run.job import job_key, parameters
from evalrun.suite.spec import Sampling
from evalrun.targets.spec import Quirks


def test_the_suite_beats_the_quirks() -> None:
    """temperature of the suite, cache_prompt of the quirks, and the endpoint's name for the limit."""
    quirks = Quirks(body={"temperature": 1.5, "cache_prompt": False}, max_tokens_field="max_completion_tokens")
    sampling = Sampling(temperature=0, max_tokens=16, body={"min_p": 0.1})
    assert parameters(sampling, quirks, repeat=0) == {
        "temperature": 0,
        "cache_prompt": False,
        "max_completion_tokens": 16,
        "min_p": 0.1,
    }


def test_repeats_send_seeds_of_their_own() -> None:
    """Repeat k sends seed + k; without a seed none is sent."""
    assert [parameters(Sampling(seed=7), Quirks(), repeat=k)["seed"] for k in range(3)] == [7, 8, 9]
    assert "seed" not in parameters(Sampling(), Quirks(), repeat=3)


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
