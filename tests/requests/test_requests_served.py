"""requests.served: which differences between two names of models are harmless."""

import pytest

from evalrun.requests.served import same_model


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ("gpt-4o", "gpt-4o-2024-08-06"),
        ("gpt-4", "GPT-4-0613"),
        ("gpt-35-turbo", "gpt-3.5-turbo-0125"),
        ("deepseek-ai/DeepSeek-V3.2", "deepseek-v3.2"),
        ("meta-llama/Llama-3.3-70B-Instruct", "llama-3.3-70b-instruct-fp8"),
        ("claude-3.5-sonnet", "us.anthropic.claude-3-5-sonnet-20241022-v2:0"),
        ("claude-sonnet-4@20250514", "claude-sonnet-4-20250514"),
        ("mistral-large-latest", "mistral-large-2407"),
        ("gemini-1.5-pro", "models/gemini-1.5-pro-002"),
        ("command-r", "command-r-08-2024"),
        ("qwen/qwen3-8b:free", "qwen/qwen3-8b"),
        ("llama3.2", "llama3.2:latest"),
        ("model", "/srv/models/Model.Q4_K_M.gguf"),
    ],
)
def test_harmless_differences(asked: str, served: str) -> None:
    """Case, organisation, path, date, version, weights and price variant, where one of the names leaves them out."""
    assert same_model(asked, served)
    assert same_model(served, asked)


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ("m", "cheap-fallback-1b"),
        ("gpt-4", "gpt-4-turbo"),
        ("gpt-4o", "gpt-4o-mini"),
        ("o1", "o1-preview"),
        ("gpt-4o-2024-05-13", "gpt-4o-2024-08-06"),
        ("llama-3.1-8b", "llama-3.1-70b"),
        ("llama-8b", "deepseek-r1-distill-llama-8b"),
        ("llama3:8b", "llama3:70b"),
        ("q-fp8", "q-int4"),
        ("qwen3-8b", "qwen3-8b-base"),
    ],
)
def test_other_models(asked: str, served: str) -> None:
    """Another size, another tuning, another date, other weights than those asked for."""
    assert not same_model(asked, served)
    assert not same_model(served, asked)


def test_hostile_names() -> None:
    """A name of a million characters, or of endings alone."""
    assert not same_model("m", "-latest" * 200_000)
    assert not same_model("m", "/" * 1_000_000)
