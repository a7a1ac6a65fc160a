"""One handler can serve several versions: it asks which one the request is for, and the operations have ids apart."""

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.testclient import TestClient

from firstlight import Operation, Service, Settings, create_app
from firstlight.openapi import document
from firstlight.testing.lines import Lines
from firstlight.versions import ByHeader, Version, version_of

from ..faults import IDENTITY

V1, V2, ROLLING = Version("v1"), Version("v2"), Version("2026-11-27", ByHeader())


async def read(request: Request) -> Response:
    """Answer with the name of the version."""
    version = version_of(request)
    return PlainTextResponse("none" if version is None else version.name)


SERVICE = Service(
    identity=IDENTITY,
    routes=[
        *(Operation(method="GET", path=f"/api/{each.name}/items", handler=read, version=each) for each in (V1, V2)),
        Operation(method="GET", path="/rolling", handler=read, version=ROLLING),
        Operation(method="GET", path="/items", handler=read),
    ],
)


@pytest.mark.parametrize(
    ("path", "name"),
    [("/api/v1/items", "v1"), ("/api/v2/items", "v2"), ("/rolling", "2026-11-27"), ("/items", "none")],
)
def test_the_handler_knows_the_version(settings: Settings, lines: Lines, path: str, name: str) -> None:
    """By path and by header. An operation without a version has none."""
    client = TestClient(create_app(settings, SERVICE, log_sink=lines))

    assert client.get(path, headers={"API-Version": ROLLING.name}).text == name


def test_versions_of_one_handler_have_their_own_ids() -> None:
    """In the OpenAPI document, where an id is the name of a function of a client."""
    paths = document(SERVICE)["paths"]

    ids = [item["get"]["operationId"].rpartition("_read")[2] for item in paths.values()]
    assert ids == ["_v1", "_v2", "_2026_11_27", ""]
