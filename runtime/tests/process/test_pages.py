"""A running service: pages while other clients change the list, conditional requests and compression on the wire."""

import gzip
import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from firstlight.testing import ServiceProcess

from ..conftest import PROGRAMS, TIMEOUT_SECONDS
from .conftest import Reply, Wire, ask, metric, request

GZIP = {"accept_encoding": "gzip, br"}
KEY = "k" * 32


@pytest.fixture(scope="module")
def parcels() -> Iterator[ServiceProcess]:
    """The service with 200 parcels."""
    with closing(ServiceProcess([str(PROGRAMS / "parcels.py")], {"SIGNING_KEY": KEY})) as process:
        yield process.started()
        assert process.terminate() == 0
        assert KEY not in str(process.lines)


def _changing(service: ServiceProcess, number: int, until: threading.Event, failed: list[int]) -> None:
    """Add parcels until it is told to stop. The second client removes those with an odd number."""
    address = urlsplit(service.url)
    with closing(http.client.HTTPConnection(address.hostname or "", address.port, timeout=TIMEOUT_SECONDS)) as client:
        for turn in range(number, 10_000, 2):
            changes = [("PUT", f"new-{turn:05}", turn % 7)]
            if turn < 200 and number == 1:
                changes.append(("DELETE", f"parcel-{turn:03}", turn % 7))
            for method, name, weight in changes:
                client.request(method, f"/parcels/{name}?weight={weight}")
                response = client.getresponse()
                response.read()
                if response.status != 204:
                    failed.append(response.status)
            if until.is_set():
                return


def test_each_parcel_that_stays_is_on_one_page(parcels: ServiceProcess) -> None:
    """While two clients add and remove others."""
    until, failed = threading.Event(), list[int]()
    writers = [threading.Thread(target=_changing, args=(parcels, number, until, failed)) for number in range(2)]
    for writer in writers:
        writer.start()
    try:
        seen: list[str] = []
        following: str | None = "/parcels?limit=3"
        while following is not None and len(seen) < 5_000:
            document = json.loads(ask(parcels.url, following).body)
            seen += document["items"]
            following = document["next"]
    finally:
        until.set()
        for writer in writers:
            writer.join(TIMEOUT_SECONDS)
    stayed = [f"parcel-{number:03}" for number in range(0, 200, 2)]
    assert failed == []
    assert [name for name in stayed if seen.count(name) != 1] == []
    assert any(name.startswith("new-") for name in seen)


def test_compression_on_the_wire(parcels: ServiceProcess) -> None:
    """Of a page, and of nothing that probes, scrapers and readers of streams get."""
    page = ask(parcels.url, "/parcels?limit=100", **GZIP)
    plain = ask(parcels.url, "/parcels?limit=100")
    assert page.headers["content-encoding"] == "gzip"
    assert int(page.headers["content-length"]) == len(page.body)
    assert len(json.loads(gzip.decompress(page.body))["items"]) == 100
    assert page.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    untouched = [
        ask(parcels.url, "/parcels?limit=1", **GZIP),
        ask(parcels.url, "/parcels/900", **GZIP),
        ask(parcels.url, "/events", **GZIP),
        ask(parcels.url, "/health/ready", **GZIP),
        ask(parcels.management_url, "/health", **GZIP),
        ask(parcels.management_url, "/metrics", **GZIP),
        plain,
    ]
    assert [reply.status for reply in untouched] == [200] * len(untouched)
    assert [reply.headers.get("content-encoding") for reply in untouched] == [None] * len(untouched)


def _talk(service: ServiceProcess, *requests: bytes) -> list[Reply]:
    with Wire(service.url) as wire:
        wire.send(*requests)
        return [wire.head() if each.startswith(b"HEAD") else wire.receive() for each in requests]


def test_conditions_on_the_wire(parcels: ServiceProcess) -> None:
    """A 304 and a HEAD have no body, so that the next response on the connection is read as one."""
    tag = '"1-gzip"'
    replies = _talk(
        parcels,
        request("/parcels/5000", **GZIP),
        request("/parcels/5000", if_none_match=tag, **GZIP),
        request("/parcels/5000", "HEAD", **GZIP),
        request("/parcels/5000", if_none_match=tag),
        request("/parcels/5000", "HEAD", if_none_match='"1"'),
        request("/parcels/10"),
    )
    assert [(reply.status, reply.headers["etag"]) for reply in replies] == [
        (200, tag),
        (304, tag),
        (200, tag),
        (200, '"1"'),
        (304, '"1"'),
        (200, '"1"'),
    ]
    assert replies[0].headers["content-length"] == replies[2].headers["content-length"]
    assert [reply.headers["cache-control"] for reply in replies] == ["no-cache"] * 6
    assert replies[-1].body == b'"xxxxxxxxxx"'


def _refused(service: ServiceProcess) -> float:
    return metric(service.management_url, "security_events_total", event="cursor_refused")


@pytest.mark.parametrize("cursor", ["x", "A" * 4096, "%00", "%c3%28", "=", "WzFd"])
def test_a_refused_cursor_is_counted(parcels: ServiceProcess, cursor: str) -> None:
    """As a security event."""
    before = _refused(parcels)
    assert ask(parcels.url, f"/parcels?cursor={cursor}").status == 422
    assert _refused(parcels) == before + 1
