"""The address of an item, for `Location`."""

import pytest
from starlette.requests import Request

from firstlight import Settings
from firstlight.lists import location


def _request(path: str, settings: Settings) -> Request:
    state = {"settings": settings}
    return Request({"type": "http", "path": path, "state": state, "headers": [(b"host", b"evil.example")]})


@pytest.mark.parametrize(
    ("public_url", "begin"), [(None, ""), ("https://api.example.com/v", "https://api.example.com/v")]
)
def test_an_item_is_below_the_path_of_the_request(public_url: str | None, begin: str) -> None:
    """Where clients see it, escaped, and never at the host that a client names."""
    request = _request("/api/v1/d\u00e9pots/a b/parcels", Settings(public_url=public_url))

    assert location(request, "x/..?#") == f"{begin}/api/v1/d%C3%A9pots/a%20b/parcels/x%2F..%3F%23"
