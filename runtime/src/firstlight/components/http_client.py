"""HTTP clients for the services this one calls: one pooled client each, observed, with the request's ids on every call.

In a handler: `await HTTP_CLIENT.of(request)["screening"].get("/v1/verdicts")`.
"""

import logging
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Annotated

import httpx2
from opentelemetry import propagate, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from prometheus_client import Histogram
from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from starlette.requests import Request

from ..component import Component, Surroundings
from ..context import current_request
from ..management.check import Check
from ..metrics.instruments import LATENCY_BUCKETS_SECONDS, REGISTRY
from ..problems import RETRY_AFTER_SECONDS, ProblemResponse

CLIENT_ERROR = 400
SERVER_ERROR = 500
KNOWN_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY"})

REQUEST_DURATION = Histogram(
    "http_client_request_duration_seconds",
    "Time from sending a request to a dependency to the headers of its response.",
    ("dependency", "http_request_method", "http_response_status_code", "error_type"),
    buckets=LATENCY_BUCKETS_SECONDS,
    registry=REGISTRY,
)
Clients = Mapping[str, httpx2.AsyncClient]


def _split(value: object) -> object:
    """`a=https://a.example,b=https://b.example` as a mapping."""
    if not isinstance(value, str):
        return value
    pairs = [pair.strip().partition("=") for pair in value.split(",") if pair.strip()]
    for name, _, url in pairs:
        if not name.isidentifier() or not re.match(r"https?://[^/?#]", url):
            msg = "must be a list of name=url, such as screening=https://screening.example,billing=https://billing.example"
            raise ValueError(msg)
    urls = {name: url for name, _, url in pairs}
    if len(urls) < len(pairs):
        msg = "must name each dependency once"
        raise ValueError(msg)
    return urls


class HttpClientSettings(BaseSettings):
    """`HTTP_CLIENT_*`."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="http_client_", env_ignore_empty=True)

    dependencies: Annotated[dict[str, str], NoDecode, BeforeValidator(_split)] = Field(default_factory=dict)
    connect_seconds: float = Field(1, gt=0, allow_inf_nan=False)
    timeout_seconds: float = Field(5, gt=0, allow_inf_nan=False)
    max_connections: int = Field(100, ge=1)


class ObservedTransport(httpx2.AsyncBaseTransport):
    """Adds the ids to each request and measures it: a span by semantic convention, and a duration."""

    def __init__(self, dependency: str, transport: httpx2.AsyncBaseTransport) -> None:
        """Observe what goes through `transport` to `dependency`."""
        self._dependency = dependency
        self._transport = transport
        self._tracer = trace.get_tracer(__name__)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request."""
        started = time.perf_counter()
        status = error_type = ""
        method = request.method if request.method in KNOWN_METHODS else "_OTHER"
        with self._tracer.start_as_current_span(
            request.method, kind=SpanKind.CLIENT, record_exception=False, set_status_on_exception=False
        ) as span:
            propagate.inject(request.headers)
            if (ids := current_request()) is not None:
                request.headers["x-request-id"] = ids.request_id
            try:
                response = await self._transport.handle_async_request(request)
            except BaseException as error:
                error_type = type(error).__qualname__
                raise
            else:
                status = str(response.status_code)
                error_type = status if response.status_code >= CLIENT_ERROR else ""
                return response
            finally:
                duration = time.perf_counter() - started
                REQUEST_DURATION.labels(self._dependency, method, status, error_type).observe(duration)
                _describe(span, request, method, status, error_type)

    async def aclose(self) -> None:
        """Close the pool."""
        await self._transport.aclose()


def _describe(span: Span, request: httpx2.Request, method: str, status: str, error_type: str) -> None:
    if not span.is_recording():
        return
    url = request.url.copy_with(query=None, fragment=None, username=None, password=None)
    span.set_attributes(
        {
            "http.request.method": method,
            "server.address": request.url.host,
            "server.port": request.url.port or (443 if request.url.scheme == "https" else 80),
            "url.full": str(url),
        }
    )
    if status:
        span.set_attribute("http.response.status_code", int(status))
    if error_type:
        span.set_attribute("error.type", error_type)
        span.set_status(Status(StatusCode.ERROR))


@asynccontextmanager
async def open_clients(surroundings: Surroundings[HttpClientSettings]) -> AsyncIterator[Clients]:
    """One client for each dependency, by name."""
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # it logs every call; span and metric have it already
    settings = surroundings.settings
    timeout = httpx2.Timeout(settings.timeout_seconds, connect=settings.connect_seconds)
    limits = httpx2.Limits(max_connections=settings.max_connections)
    async with AsyncExitStack() as stack:
        clients = {}
        for name, url in settings.dependencies.items():
            transport = ObservedTransport(name, httpx2.AsyncHTTPTransport(limits=limits))
            client = httpx2.AsyncClient(base_url=url, timeout=timeout, transport=transport)
            clients[name] = await stack.enter_async_context(client)
        yield clients


def checks(clients: Clients) -> Sequence[Check]:
    """One check for each dependency. None is critical: they are shared by all instances."""
    return [Check(f"http_client.{name}", partial(_answers, client)) for name, client in clients.items()]


async def _answers(client: httpx2.AsyncClient) -> None:
    response = await client.get("/")
    if response.status_code >= SERVER_ERROR:
        response.raise_for_status()


async def _on_transport_error(_: Request, __: Exception) -> ProblemResponse:
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return ProblemResponse(503, "A service that this one depends on cannot be reached.", headers)


HTTP_CLIENT = Component(
    name="http_client",
    settings=HttpClientSettings,
    open=open_clients,
    checks=checks,
    exception_handlers={httpx2.TransportError: _on_transport_error},
)
