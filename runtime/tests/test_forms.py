"""Forms: fields and files are validated before the handler runs. Other bodies get a problem document."""

import asyncio
from typing import Any

import httpx2
import pytest
from pydantic import BaseModel, ConfigDict
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.testclient import TestClient

from firstlight import ArrangementError, Operation, Service, Settings, create_app, forms
from firstlight.app import Application
from firstlight.testing.lines import Lines

from .faults import IDENTITY

MAX_BYTES = 3_000_000  # above the size at which a file leaves the memory
BOUNDARY = "frontier"
MULTIPART = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
PART = b'--frontier\r\nContent-Disposition: form-data; name="picture"; filename="a.png"\r\n\r\nPNG'


class Picture(BaseModel):
    """A picture with its title."""

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    title: str
    picture: UploadFile
    tags: list[str] = []


class Name(BaseModel):
    """A form without files."""

    name: str


async def keep(_: Request, form: Picture) -> Response:
    """Keep a picture."""
    content = await form.picture.read()
    return JSONResponse([form.title, form.picture.filename, len(content), form.tags])


def call(_: Request, form: Name) -> Response:
    """Call a phone number, in a thread."""
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()
    return JSONResponse(form.name)


OPERATIONS = [
    Operation(method="POST", path="/pictures", handler=keep, form=Picture),
    Operation(method="POST", path="/names", handler=call, form=Name),
]


@pytest.fixture
def app(settings: Settings, lines: Lines) -> Application:
    """A service of forms."""
    small = settings.model_copy(update={"max_body_bytes": MAX_BYTES})
    return create_app(small, Service(identity=IDENTITY, routes=OPERATIONS), log_sink=lines)


def problem(response: httpx2.Response) -> int:
    """The status of a problem document."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    assert response.json()["request_id"]
    return response.status_code


@pytest.mark.parametrize("size", [0, 3, 2_000_000])
def test_the_handler_gets_fields_and_files(client: TestClient, size: int) -> None:
    """As `form=`. A field that is a list in the model is a list, also with one value."""
    files = {"picture": ("a.png", b"x" * size)}
    for tags in (["red"], ["red", "blue"]):
        answer = client.post("/pictures", data={"title": "Sea", "tags": tags}, files=files)
        assert answer.json() == ["Sea", "a.png", size, tags]


def test_a_form_without_files_may_be_url_encoded(client: TestClient) -> None:
    """As browsers send it. The handler may be a plain function."""
    assert client.post("/names", data={"name": ["Ann", "B\u00e9a & Co"]}).json() == "B\u00e9a & Co"


@pytest.mark.parametrize(
    ("data", "pointer"), [({}, "#/title"), ({"title": "Sea", "picture": "none"}, "#/picture"), ({"x": "1"}, "#/x")]
)
def test_an_invalid_form_gets_422(client: TestClient, data: dict[str, str], pointer: str) -> None:
    """With the pointer of each field. A text field is not a file."""
    refused = client.post("/pictures", data=data, files={"other": b""} if not data else None)
    assert problem(refused) == 422
    assert pointer in [error["pointer"] for error in refused.json()["errors"]]


@pytest.mark.parametrize(
    ("status", "sent"),
    [
        (415, {"json": {"title": "Sea"}}),
        (415, {"content": b"title=Sea", "headers": {}}),
        (415, {"content": PART, "headers": {**MULTIPART, "Content-Encoding": "gzip"}}),
        (400, {"content": PART, "headers": {"Content-Type": "multipart/form-data"}}),
        (400, {"content": b"no part"}),
        (400, {"content": PART.replace(b"form-data; name", b"form-data; nome") + b"\r\n--frontier--\r\n"}),
        (400, {"content": PART}),
        (400, {"content": PART + b"\r\n--frontier\r\n"}),
        (413, {"files": {"picture": b"x" * MAX_BYTES}, "headers": {}}),
        (413, {"content": iter([PART, b"x" * MAX_BYTES])}),
    ],
    ids=["json", "no type", "encoded", "no boundary", "no part", "no name", "cut", "cut between", "large", "chunked"],
)
def test_a_body_that_is_not_a_form_is_refused(client: TestClient, status: int, sent: dict[str, Any]) -> None:
    """415 before it is read, 400 for an incomplete or invalid body, 413 above the limit."""
    headers = {} if "json" in sent else MULTIPART
    assert problem(client.post("/pictures", **{"headers": headers, **sent})) == status


def test_files_are_closed_whatever_the_handler_does(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also the files of a form that is refused."""
    closed: list[str | None] = []
    close = UploadFile.close

    async def closing(file: UploadFile) -> None:
        closed.append(file.filename)
        await close(file)

    monkeypatch.setattr(UploadFile, "close", closing)
    for data in ({"title": "Sea"}, {"no": "title"}):
        client.post("/pictures", data=data, files={"picture": ("a.png", b"")})
    assert closed == ["a.png", "a.png"]


def test_a_service_without_the_library_does_not_start(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence has the command to run. A body and a form in one operation are refused, too."""
    both = Operation(method="POST", path="/both", handler=keep, form=Picture, body=Name)
    with pytest.raises(ArrangementError, match="POST /both, by the service, has a body and a form; remove one of them"):
        create_app(settings, Service(identity=IDENTITY, routes=[both]))
    monkeypatch.setattr(forms, "LIBRARY", "not_there")
    with pytest.raises(ArrangementError, match=r"POST /pictures, by the service, .*: uv add python-multipart"):
        create_app(settings, Service(identity=IDENTITY, routes=OPERATIONS))
