# mypy: disable-error-code="import-not-found, misc, untyped-decorator"
"""The example's resource on FastAPI with its usual instrumentation, each part set up as its documentation shows."""

import logging
import os
import secrets
import sys
import time
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated

import structlog
import uvicorn
from fastapi import FastAPI, Header, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from prometheus_fastapi_instrumentator import Instrumentator
from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field
from starlette.middleware.base import RequestResponseEndpoint

log = structlog.get_logger()


class NewLink(BaseModel):
    """The body of a new link."""

    model_config = ConfigDict(extra="forbid")

    url: AnyHttpUrl
    title: Annotated[str, Field(max_length=200)] = ""
    slug: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = None


class Link(BaseModel):
    """A link."""

    slug: str
    url: str
    title: str
    created_at: datetime


class Page(BaseModel):
    """A page of links."""

    items: list[Link]
    next: str | None


# Its own telemetry is off: with the contrib package beside it, every request would have two spans.
app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
links: dict[str, Link] = {}
stored: dict[str, tuple[bytes, Link]] = {}


@app.middleware("http")
async def access_line(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """One line for each request, with its trace id."""
    started = time.perf_counter()
    span = trace.get_current_span().get_span_context()
    response = await call_next(request)
    log.info(
        "request_finished",
        method=request.method,
        path=request.url.path,
        status=response.status_code,
        duration=time.perf_counter() - started,
        client=request.client.host if request.client else "",
        trace_id=f"{span.trace_id:032x}",
        span_id=f"{span.span_id:016x}",
    )
    return response


@app.post("/api/v1/links", status_code=201)
async def create(
    request: Request, body: NewLink, response: Response, idempotency_key: Annotated[str | None, Header()] = None
) -> Link:
    """Create a link, or answer as the first time for the same key."""
    sent = await request.body()
    if idempotency_key in stored:
        before, link = stored[idempotency_key]
        if before != sent:
            raise HTTPException(422, "The key was used with another body.")
    else:
        slug = body.slug or secrets.token_urlsafe(6)
        if slug in links:
            raise HTTPException(409, "The slug is taken.")
        link = links[slug] = Link(slug=slug, url=str(body.url), title=body.title, created_at=datetime.now(UTC))
        if idempotency_key is not None:
            stored[idempotency_key] = sent, link
    response.headers["Location"] = f"/api/v1/links/{link.slug}"
    return link


@app.get("/api/v1/links")
async def read_page(limit: Annotated[int, Query(ge=1, le=100)] = 20) -> Page:
    """List links."""
    return Page(items=list(islice(links.values(), limit)), next=None)


@app.get("/api/v1/links/{slug}")
async def read(slug: str) -> Link:
    """Get one link."""
    if slug not in links:
        raise HTTPException(404, "There is no link with this slug.")
    return links[slug]


@app.get("/r/{slug}", status_code=302)
async def follow(slug: str) -> RedirectResponse:
    """Follow a link."""
    if slug not in links:
        raise HTTPException(404, "There is no link with this slug.")
    return RedirectResponse(links[slug].url, 302)


@app.get("/health/ready")
async def ready() -> JSONResponse:
    """Answer that the service serves."""
    return JSONResponse({"status": "ok"})


def configure_logging() -> None:
    """JSON lines on standard output."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )


if __name__ == "__main__":
    configure_logging()
    provider = TracerProvider(resource=Resource.create({"service.name": "links"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    Instrumentator().instrument(app).expose(app)
    FastAPIInstrumentor.instrument_app(app)
    uvicorn.run(
        app,
        port=int(os.environ["PORT"]),
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        log_level="warning",
    )
