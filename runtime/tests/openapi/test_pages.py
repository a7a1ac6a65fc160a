"""The pages: complete, escaped, and without anything that a strict policy would forbid."""

import base64
import hashlib
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from pydantic import create_model
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from firstlight import Operation, Service, Settings, create_app
from firstlight.openapi import document
from firstlight.openapi.documentation import documentation
from firstlight.problem_types import PROBLEM_TYPES
from firstlight.testing import ServiceProcess
from firstlight.testing.lines import Lines

from .parcels import IDENTITY, SERVICE

PARCELS = Path(__file__).with_name("parcels.py")
VOID = {"meta", "link", "br"}
HOSTILE = "<script>alert(1)</script>\"'>&amp;`<b>`"
PAGES = ("/docs", "/problems", "/problems/not-found")


class Page(HTMLParser):
    """The elements, links, ids, texts and code blocks of a page. Raises for a tag that is not closed."""

    def __init__(self, text: str) -> None:
        """Parse the page."""
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.commands: list[str] = []
        self._open: list[str] = []
        self._in_command = False
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        given = dict(attrs)
        self.names.add(tag)
        self.attributes |= given.keys()
        self.ids += [given["id"] or ""] if "id" in given else []
        self.links += [given["href"] or ""] if tag == "a" else []
        if tag not in VOID:
            self._open.append(tag)
        if given.get("class") == "command":
            self._in_command = True
            self.commands.append("")

    def handle_endtag(self, tag: str) -> None:
        """Close the element that was opened last."""
        assert self._open.pop() == tag
        self._in_command = self._in_command and tag != "pre"

    def handle_data(self, data: str) -> None:
        """Collect text."""
        self.text += data
        if self._in_command:
            self.commands[-1] += data


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """A client of the service with parcels."""
    with TestClient(create_app(settings, SERVICE, log_sink=Lines()), raise_server_exceptions=False) as client:
        yield client


def test_serves_the_document(client: TestClient) -> None:
    """As JSON, compressed; a client that has it gets 304."""
    response = client.get("/openapi.json")

    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["content-type"] == "application/json"
    assert response.json() == document(SERVICE)
    again = client.get("/openapi.json", headers={"If-None-Match": response.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/openapi.json", headers={"If-None-Match": '"other"'}).status_code == 200
    gzipped = response.headers["etag"].replace('-gzip"', '"')
    assert client.get("/openapi.json", headers={"If-None-Match": gzipped}).status_code == 304
    plain = client.get("/openapi.json", headers={"Accept-Encoding": "identity"})
    assert plain.headers["content-length"] == str(len(plain.content))
    head = client.head("/openapi.json", headers={"Accept-Encoding": "identity"})
    assert (head.headers["content-length"], head.content) == (plain.headers["content-length"], b"")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_needs_nothing_but_itself(client: TestClient, path: str) -> None:
    """No script, no style attribute, no other host; its one style is the one that its policy allows."""
    response = client.get(path)

    policy = dict(part.strip().split(" ", 1) for part in response.headers["content-security-policy"].split(";"))
    style = re.search(r"<style>(.*?)</style>", response.text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy["default-src"] == "'none'"
    assert policy["style-src"] == f"'sha256-{digest}'"
    assert "script-src" not in policy
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    page = Page(response.text)
    assert page.names.isdisjoint({"script", "iframe", "object", "form", "img"})
    assert "style" not in page.attributes
    assert not any(name.startswith("on") for name in page.attributes)
    assert all(link.startswith(("/", "#")) for link in page.links)


def test_every_link_leads_somewhere(client: TestClient) -> None:
    """Links inside a page, and to other pages of the service."""
    for path in (*PAGES, *(kind.uri for kind in PROBLEM_TYPES.values())):
        page = Page(client.get(path).text)
        assert [link for link in page.links if link.startswith("#") and link[1:] not in page.ids] == []
        assert [link for link in page.links if link[0] == "/" and client.get(link).status_code != 200] == []
        assert len(set(page.ids)) == len(page.ids)


def test_the_documentation_shows_every_operation_and_model(client: TestClient) -> None:
    """By id, with what each takes and answers."""
    page = Page(client.get("/docs").text)

    made = document(SERVICE)
    ids = {operation["operationId"] for item in made["paths"].values() for operation in item.values()}
    assert ids | {f"schema-{name}" for name in made["components"]["schemas"]} == set(page.ids)
    assert len(page.commands) == len(ids)
    for text in ("Only parcels of this size.", "The address of the parcel.", "at most 20 characters", "deprecated"):
        assert text in page.text
    assert "needs key" in page.text


def test_a_problem_has_a_page_at_its_type(client: TestClient) -> None:
    """The `type` of a problem document, resolved against the service."""
    problem = client.get("/parcels/0").json()

    page = Page(client.get(problem["type"]).text)

    kind = PROBLEM_TYPES[404]
    assert kind.title in page.text
    assert kind.meaning in page.text
    assert client.get("/problems/no-such-type").json()["status"] == 404


def test_nothing_of_the_document_is_markup() -> None:
    """Whatever a docstring, a model, a path or a setting holds."""

    async def hostile(_: Request) -> Response:
        return Response()

    hostile.__doc__ = f"{HOSTILE}\n\n{HOSTILE}"
    model = create_model("Model", __doc__=HOSTILE, **{"a<script>b": (str, HOSTILE)})  # type: ignore[call-overload]
    identity = replace(IDENTITY, title=HOSTILE, description=HOSTILE, owner=HOSTILE, version=HOSTILE)
    operation = Operation(method="POST", path="/<script>/{a}", handler=hostile, body=model, answers={200: model})
    service = Service(identity=identity, routes=[operation])

    text = documentation(document(service)).decode()

    assert "<script" not in text
    assert "<b>" not in text
    page = Page(text)
    assert page.names.isdisjoint({"script", "b"})
    assert "<script>alert(1)</script>" in page.text


def test_commands_are_commands(serve: Callable[..., ServiceProcess]) -> None:
    """A shell runs each of them; the service takes what they send, wherever it has what they ask for."""
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    process = serve(str(PARCELS)).started()
    commands = Page(process.get("/docs").text).commands

    statuses = {}
    for command in commands:
        words = shlex.split(command)
        done = subprocess.run(  # noqa: S602 - the command on the page is for a shell
            command.replace("@file", f"@{PARCELS}"),
            shell=True,
            env={**os.environ, "API": process.url},
            capture_output=True,
            text=True,
            check=True,
        )
        path = next(word for word in words if word.startswith("$API")).removeprefix("$API")
        statuses[words[3] if "-X" in words else "GET", path] = int(done.stdout.split()[1])

    assert statuses["POST", "/parcels"] == 201
    assert statuses["GET", "/parcels?from=2026-11-27"] == 200
    assert statuses["GET", "/parcels/0"] == 404
    assert statuses["PUT", "/parcels/3fa85f64-5717-4562-b3fc-2c963f66afa6/picture"] == 204
    assert statuses["GET", "/parcels/name/track"] == 302
    assert statuses["GET", "/labels/rest"] == 200


@pytest.mark.parametrize("path", [*PAGES, "/openapi.json"])
def test_is_not_served_where_it_is_switched_off(settings: Settings, path: str) -> None:
    """404, as for any other unknown path."""
    off = settings.model_copy(update={"api_docs": False})
    with TestClient(create_app(off, SERVICE, log_sink=Lines())) as client:
        response = client.get(path)

    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


async def _theirs(_: Request) -> Response:
    return PlainTextResponse("theirs")


@pytest.mark.parametrize("routes", [[Route("/docs", _theirs)], [Mount("/", routes=[Route("/docs", _theirs)])]])
def test_a_route_of_the_team_comes_first(settings: Settings, routes: list[Any]) -> None:
    """Such as the documentation of an application that brings its own."""
    service = replace(SERVICE, routes=routes)
    with TestClient(create_app(settings, service, log_sink=Lines())) as client:
        assert client.get("/docs").text == "theirs"


def test_pages_are_requests_like_others(settings: Settings) -> None:
    """Logged under their routes."""
    lines = Lines()
    with TestClient(create_app(settings, SERVICE, log_sink=lines)) as client:
        for path in (*PAGES, "/openapi.json"):
            client.get(path)

    routes = [line["http_route"] for line in lines.named("http.request_finished")]
    assert routes == ["/docs", "/problems", "/problems/{name}", "/openapi.json"]


def test_an_operation_without_a_docstring_has_a_heading() -> None:
    """Its id, and its path in the list."""

    async def silent(_: Request) -> Response:
        return Response()

    service = Service(identity=IDENTITY, routes=[Operation(method="GET", path="/silent", handler=silent)])

    assert "openapi_silent" in Page(documentation(document(service)).decode()).text


def test_the_document_names_the_address_that_clients_use(settings: Settings) -> None:
    """`/` is the root of the host, which is not the service behind a proxy that removes a part of the path."""
    public = settings.model_copy(update={"public_url": "https://api.example.com/v"})
    served = [TestClient(create_app(each, SERVICE)).get("/openapi.json").json() for each in (settings, public)]

    assert [each.pop("servers") for each in served] == [[{"url": "/"}], [{"url": "https://api.example.com/v"}]]
    assert served[0] == served[1]
