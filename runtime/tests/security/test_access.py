"""Access control by a team's own component: who has no token, another's object, and a function for others."""

import runpy
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from firstlight import REGISTRY, Settings, create_app

from ..conftest import PROGRAMS

SERVICE = runpy.run_path(str(PROGRAMS / "access.py"))["SERVICE"]


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    """A client without credentials of its own."""
    with TestClient(create_app(Settings(port=0, management_port=0, otel_traces_exporter="none"), SERVICE)) as client:
        yield client


def _as(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer token of {name}"}


def _refused() -> float:
    return REGISTRY.get_sample_value("security_events_total", {"event": "access_refused"}) or 0


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Bearer wrong", "Basic token of ada", "token of ada"])
def test_without_a_valid_token_nothing_is_read(client: TestClient, value: str) -> None:
    """401 with the scheme, as a problem, and one security event."""
    before = _refused()

    response = client.get("/parcels/1", headers={"Authorization": value} if value else {})

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["type"] == "/problems/unauthorized"
    assert _refused() == before + 1


def test_an_object_of_another_caller_does_not_exist(client: TestClient) -> None:
    """The response is that of an object which nobody has."""
    assert client.get("/parcels/1", headers=_as("ada")).json() == {"number": "1"}
    responses = [client.get(path, headers=_as("ada")) for path in ("/parcels/2", "/parcels/3")]

    assert [response.status_code for response in responses] == [404, 404]
    assert responses[0].json()["detail"] == responses[1].json()["detail"]


def test_a_function_for_others_is_refused(client: TestClient) -> None:
    """403 for a caller that is known and not allowed."""
    before = _refused()

    assert client.post("/close", headers=_as("ada")).status_code == 403
    assert _refused() == before + 1
    assert client.post("/close", headers=_as("grace")).status_code == 204


def test_an_operation_without_a_policy_is_open(client: TestClient) -> None:
    """And the document says which operation needs what."""
    assert client.get("/hours").status_code == 200
    paths = client.get("/openapi.json").json()["paths"]
    assert paths["/parcels/{number}"]["get"]["security"] == [{"token": []}]
    assert "security" not in paths["/hours"]["get"]
