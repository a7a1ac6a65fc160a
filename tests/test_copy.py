"""`orders` made from `links` by the commands of a service's README: a resource that works beside the first."""

import json
import re
import tomllib
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

import pytest
from documents import block
from emitted import serving
from template import TIMEOUT_SECONDS, Machine

pytestmark = pytest.mark.slow

HEADING = "cp -r src/"
# The package of the service itself has the word in its name.
SERVICE = re.compile(r"acme[-_]links")


class Answer(NamedTuple):
    """One response."""

    status: int
    headers: dict[str, str]
    text: str


@pytest.fixture(scope="module", params=["none", "database,cache"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generate a service and run the commands, which end with `make check test`.

    With the database, one of them writes the migration that makes the tables of the copy. The cache has a queue there.
    """
    machine = Machine(tmp_path_factory.mktemp("copy"))
    service = machine.cookiecutter(machine.template(), {"components": request.param}).service
    done = machine.run(["bash", "-euc", block(service, "README.md", HEADING)], service)
    assert done.status == 0, done.stdout[-8000:] + done.stderr[-4000:]
    return service


@pytest.fixture(scope="module")
def port(service: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """The ports of the running service."""
    with serving(Machine(tmp_path_factory.mktemp("run")), service, ("-m",)) as running:
        started = running.wait_for("service.started")
        yield started["port"], started["management_port"]


def _ask(port: int, method: str, path: str, body: object = None, **headers: str) -> Answer:
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = None if body is None else json.dumps(body)
        connection.request(method, path, sent, {**fields, **({"Content-Type": "application/json"} if sent else {})})
        response = connection.getresponse()
        given = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, given, response.read().decode())
    finally:
        connection.close()


def _files(service: Path, noun: str) -> list[Path]:
    folders = (service / "src/acme_links/api" / noun, service / "tests/api" / noun)
    return [file for folder in folders for file in folder.rglob("*.py")]


def test_the_copy_has_no_word_of_the_first(service: Path) -> None:
    """In no file of it, and no file is left over."""
    files = _files(service, "orders")
    assert len(files) == len(_files(service, "links")) > 0
    found = [
        f"{file.name}: {line}"
        for file in files
        for line in SERVICE.sub("", file.read_text("utf-8")).splitlines()
        if re.search("link", line, re.IGNORECASE)
    ]
    assert found == []
    assert [*service.glob("src/**/*.old"), *service.glob("tests/**/*.old")] == []


def test_the_copy_has_each_index_of_the_first(service: Path) -> None:
    """Also that of PostgreSQL alone: without it, its search would read the whole table."""
    if not (folder := service / "src/acme_links/migrations").is_dir():
        return
    (copy,) = (file.read_text("utf-8") for file in folder.glob("v*_create_orders.py"))
    indexes = re.findall(r"\bix_link\w+", (folder / "v0002_links.py").read_text("utf-8"))
    assert len(indexes) > 1
    assert [name for name in indexes if name.replace("link", "order") not in copy] == []


def test_the_copy_has_its_own_contract(service: Path) -> None:
    """Beside that of the first, and `openapi.json` has the operations of both."""
    contract = tomllib.loads((service / "contract/acme-links.toml").read_text("utf-8"))
    assert contract["metrics"]["orders_created_total"] == contract["metrics"]["links_created_total"]
    document = json.loads((service / "openapi.json").read_text("utf-8"))
    ids = {row["operationId"] for item in document["paths"].values() for row in item.values()}
    assert {each.replace("links", "orders") for each in ids if each.startswith("links_")} <= ids


def test_both_work_together(port: tuple[int, int]) -> None:
    """The same slug is a link and an order; each is counted by its own metric, and a change of one leaves the other."""
    web, management = port
    new = {"url": "https://example.com/", "slug": "same"}
    link = _ask(web, "POST", "/api/v1/links", new)
    answers = [_ask(web, "POST", "/api/v1/orders", new)]
    assert (answers[0].status, answers[0].headers["location"]) == (201, "/api/v1/orders/same")
    tag = answers[0].headers["etag"]
    for method, path, body, status in (
        ("POST", "/api/v1/orders", new, 409),
        ("GET", "/api/v1/orders?q=same&total=true", None, 200),
        ("PATCH", "/api/v1/orders/same", {"title": "Mine"}, 200),
        ("PUT", "/api/v1/orders/same", {"url": "https://example.org/"}, 412),
        ("GET", "/o/same", None, 302),
        ("GET", "/api/v1/orders/same/visits", None, 200),
        ("DELETE", "/api/v1/orders/same", None, 412),
        ("GET", "/api/v1/orders/other", None, 404),
        ("PUT", "/api/v1/orders/same", {"typo": 1}, 422),
    ):
        headers = {"If_Match": "*" if status == 422 else tag} if method in {"PUT", "PATCH", "DELETE"} else {}
        answers.append(_ask(web, method, path, body, **headers))
        assert answers[-1].status == status, (method, path, answers[-1])
    assert [answer for answer in answers if "link" in f"{answer.headers}{answer.text}".lower()] == []

    assert _ask(web, "GET", "/api/v1/links/same").headers["etag"] == link.headers["etag"]
    assert _ask(web, "GET", "/api/v1/links/same/visits").text == '{"total":0,"items":[]}'
    page = _ask(management, "GET", "/metrics").text
    for noun in ("links", "orders"):
        assert re.search(rf"^{noun}_created_total 1\.0\b", page, re.MULTILINE), page
        assert f'http_route="/api/v1/{noun}/{{slug}}"' in page
    orders = [line for line in page.splitlines() if "order" in line.lower()]
    assert [line for line in orders if "link" in line.lower()] == []
