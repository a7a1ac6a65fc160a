# mypy: disable-error-code="import-not-found"
"""The conventional stack, each part set up as its documentation shows."""

import logging
import os
import sys
import time

import structlog
import uvicorn
from asgi_correlation_id import CorrelationIdMiddleware, correlation_id
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.starlette import StarletteInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette_exporter import PrometheusMiddleware, handle_metrics

from .items import ITEMS, LINKS

log = structlog.get_logger()


async def access_line(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """One line for each request, with its ids."""
    started = time.perf_counter()
    span = trace.get_current_span().get_span_context()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(
        request_id=correlation_id.get(), trace_id=f"{span.trace_id:032x}", span_id=f"{span.span_id:016x}"
    )
    response = await call_next(request)
    log.info(
        "request_finished",
        method=request.method,
        path=request.url.path,
        status=response.status_code,
        duration=time.perf_counter() - started,
        client=request.client.host if request.client else "",
    )
    return response


def configure_logging() -> None:
    """JSON from structlog and the standard library alike, as structlog's page on the standard library shows."""
    shared = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    last = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer()]
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def create_app() -> Starlette:
    """The routes with everything around them."""
    provider = TracerProvider(resource=Resource.create({"service.name": "conventional"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    app = Starlette(
        routes=[*ITEMS, *LINKS, Route("/metrics", handle_metrics)],
        middleware=[
            Middleware(CorrelationIdMiddleware),
            Middleware(PrometheusMiddleware, group_paths=True),
            Middleware(BaseHTTPMiddleware, dispatch=access_line),
        ],
    )
    StarletteInstrumentor.instrument_app(app)
    return app


if __name__ == "__main__":
    configure_logging()
    uvicorn.run(
        create_app(),
        port=int(os.environ["PORT"]),
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        log_level="warning",
    )
