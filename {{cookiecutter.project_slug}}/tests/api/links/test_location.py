"""The address of a new link, with `PUBLIC_URL`."""

import pytest
from firstlight import Settings
from starlette.testclient import TestClient


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Those of a service behind a proxy that removes a part of the path."""
    return settings.model_copy(update={"public_url": "https://api.example.com/v"})


def test_the_address_of_a_link_is_that_which_clients_use(client: TestClient) -> None:
    """Absolute, with the part that the proxy removes."""
    created = client.post("/api/v1/links", json={"url": "https://example.com/", "slug": "docs"})

    assert created.headers["location"] == "https://api.example.com/v/api/v1/links/docs"
