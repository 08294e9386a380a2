"""Base URLs: what may be asked, and in which words the rest is refused (Y11)."""

import pytest

from evalrun.targets.spec import checked_base_url

PATH = "/chat/completions"


def checked(url: str, *, allow_http: bool) -> str:
    return checked_base_url(url, allow_http=allow_http, path=PATH)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://api.example.com/v1/", "https://api.example.com/v1"),
        ("https://8.8.8.8:8443", "https://8.8.8.8:8443"),
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        ("http://localhost:8000/v1", "http://localhost:8000/v1"),
        ("http://me.localhost/v1", "http://me.localhost/v1"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
        ("http://10.0.0.5:8000/v1", "http://10.0.0.5:8000/v1"),
        (
            "https://a.example.com/openai/deployments/d/?api-version=1",
            "https://a.example.com/openai/deployments/d?api-version=1",
        ),
        ("http://192.168.1.20/v1", "http://192.168.1.20/v1"),
    ],
)
def test_urls_that_may_be_asked(url: str, kept: str) -> None:
    """https anywhere; plain http to this machine and to private addresses; a trailing slash is dropped."""
    assert checked(url, allow_http=False) == kept


def test_plain_http_can_be_allowed() -> None:
    """`allow_http` lets plain http through, and nothing else."""
    assert checked("http://gpu-box:8000/v1", allow_http=True) == "http://gpu-box:8000/v1"
    with pytest.raises(ValueError, match="keep credentials"):
        checked("http://169.254.169.254/v1", allow_http=True)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("api.example.com/v1", "'api.example.com/v1' has no scheme; write https://api.example.com/v1"),
        ("localhost:8000/v1", "'localhost:8000/v1' has no scheme; write https://localhost:8000/v1"),
        ("file:///etc/passwd", "has the scheme 'file'; write http or https"),
        ("ftp://example.com", "has the scheme 'ftp'; write http or https"),
        ("https://", "'https://' has no host; write e.g. https://api.example.com/v1"),
        ("https://me:hunter2@example.com/v1", "has a user name or password; remove it"),
        ("https://api.example.com/v1/chat/completions", "goes too far, /chat/completions is added to it; write https://api.example.com/v1"),
        ("https://api.example.com/v1/chat/completions/", "goes too far, /chat/completions is added to it; write https://api.example.com/v1"),
        ("https://api.example.com/v1#top", "ends in a fragment; remove what begins with '#'"),
        ("https://api.example.com/v1/chat/completions?a=1", "goes too far, /chat/completions is added to it; write https://api.example.com/v1"),
        ("https://api.example.com:port/v1", "is not a URL ("),
        ("https://[::1/v1", "is not a URL ("),
        ("https://api.example.com/v1\n", "has spaces or letters that no URL has"),
        ("https://exämple.com/v1", "has spaces or letters that no URL has"),
        ("http://api.example.com/v1", "plain http to api.example.com shows key and questions to the network"),
        ("http://8.8.8.8/v1", "plain http to 8.8.8.8 shows key and questions to the network"),
        ("http://localhost.example.com/v1", "plain http to localhost.example.com shows"),
    ],
)  # fmt: skip
def test_urls_that_are_refused(url: str, why: str) -> None:
    """Each is refused with what would be right, and a password is never repeated."""
    with pytest.raises(ValueError) as caught:
        checked(url, allow_http=False)
    assert str(caught.value).startswith(why)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254", "169.254.0.1", "[fe80::1]", "[fd00:ec2::254]", "100.100.100.200", "metadata.google.internal",
        "METADATA.google.internal.", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518",
        "[::ffff:169.254.169.254]",
    ],
)  # fmt: skip
def test_addresses_of_credentials_are_refused(host: str) -> None:
    """Link-local and metadata addresses are refused in every spelling a resolver understands."""
    with pytest.raises(ValueError, match="is an address where machines keep credentials"):
        checked(f"https://{host}/latest", allow_http=True)
