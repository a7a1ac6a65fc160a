"""`PUBLIC_URL`: an origin, with a path if a proxy removes one, and nothing that would end up in every link."""

import pytest
from pydantic import ValidationError

from firstlight import Settings


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://api.example.com", "https://api.example.com"),
        ("https://api.example.com/", "https://api.example.com"),
        ("http://127.0.0.1:8000/links/", "http://127.0.0.1:8000/links"),
        ("https://[::1]:8443", "https://[::1]:8443"),
    ],
)
def test_a_url_is_the_start_of_links(text: str, url: str) -> None:
    """Without the slash at its end."""
    assert Settings(public_url=text).public_url == url


@pytest.mark.parametrize(
    "text",
    [
        "api.example.com",
        "//api.example.com",
        "ftp://api.example.com",
        "https://",
        "https://user:password@api.example.com",
        "https://api.example.com?a=1",
        "https://api.example.com#a",
        "https://api.example.com:0",
        "https://api.example.com:port",
        "https://api.example.com/a b",
        'https://api.example.com/"><script>',
        "https://äpi.example.com",
        "https://api.example.com\\a",
        "https://[::1",
    ],
)
def test_any_other_text_is_refused(text: str) -> None:
    """At the start, in one sentence."""
    with pytest.raises(ValidationError, match="must be the URL that clients use, such as"):
        Settings(public_url=text)
