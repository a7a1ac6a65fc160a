"""The composition root: creates every part of the running service and connects them."""

from collections.abc import Awaitable, Sequence
from typing import Any

from opentelemetry.sdk.trace import SpanProcessor
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from . import arrangement, contradictions, mounted, routing
from .exports import exports
from .identity import WEB
from .lifecycle import Lifecycle
from .logs import pipeline, redaction, sink
from .logs.emit import Emit
from .logs.level import LOG_LEVEL
from .management.health import PROBES
from .metrics.identity import publish
from .openapi.routes import routes as openapi_routes
from .problems import EXCEPTION_HANDLERS
from .reporting import sentry
from .requests.body_limit import BodyLimit
from .requests.data_plane import DataPlane
from .requests.early_refusal import EarlyRefusal
from .requests.forwarded import Proxies
from .requests.handled import HandledRoutes
from .requests.observed_websocket import WebsocketRecorder
from .requests.reason import noted
from .requests.recorder import Recorder
from .requests.request_record import Observers
from .requests.routes import RouteTemplates
from .requests.shedding import Shedder
from .requests.timings import Timings
from .requests.watch import Watch
from .security.headers import HEADERS
from .security.protection import Protection
from .server.lifespan import Lifespan, Part
from .server.stop import Telemetry
from .service import Service
from .settings import Settings, load
from .settings.complaints import warn
from .slo import standard_objectives
from .traces.provider import Tracing
from .watches import Watches, watches, with_token

_OF_PROBES = {"Cache-Control": "no-store", **HEADERS}


class Application:
    """The service as one ASGI application, with the attributes that its server reads.

    It answers the three probes on the service port as well (status only), for platforms that support one port. Probes
    do not pass through the data plane, so logs, traces and latencies do not have to filter them out.
    """

    def __init__(self, app: ASGIApp, lifespan: Lifespan, overload: EarlyRefusal | None = None) -> None:
        """Serve `app`. `overload` lets a server refuse a request before it calls the application."""
        self._app = app
        self.lifespan = lifespan
        self.overload = overload
        self._health = lifespan.health

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a probe, or call the application."""
        await self.serve(scope, receive, send)

    def serve(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Do the same without a coroutine in between, for a server that accepts any function."""
        if scope["type"] == "http" and (probe := PROBES.get(scope["path"])) is not None:
            return Response(status_code=200 if probe(self._health) else 503, headers=_OF_PROBES)(scope, receive, send)
        return self._app(scope, receive, send)


def create_app(  # noqa: PLR0913 - everything that differs between a server, a test and a worker is an argument
    settings: Settings,
    service: Service,
    *,
    process: str = WEB,
    log_sink: sink.Output = sink.stdout,
    span_processors: Sequence[SpanProcessor] = (),
    served: bool = False,
    start_timeout: float | None = None,
) -> Application:
    """Create the application of a service. It starts with its ASGI lifespan.

    The settings of components come from the environment. `process` is the kind of process: only `web` serves requests.
    `log_sink` receives the log lines; `span_processors` receive the spans in addition to the exporter. With `served`,
    the server calls `lifespan.announce()` when its port is open; without, the lifespan announces itself.
    `start_timeout` limits the wait for the components' `ready_to_start`, in seconds; None means no limit.

    Raises `SettingsError` for a bad setting and `ArrangementError` for components that do not fit together.
    """
    loaded = parts(settings := with_token(settings), service)
    service, watched = service.within(settings), watches(settings)
    emit, tracing, telemetry = _telemetry(settings, service, log_sink, span_processors, watched)
    _publish(settings, service, loaded)
    lifespan = Lifespan(
        settings=settings,
        service=service,
        parts=loaded,
        process=process,
        lifecycle=Lifecycle(),
        telemetry=telemetry,
        announces=not served,
        start_timeout=start_timeout,
        console=watched.console,
    )
    if process != WEB:  # it serves no requests, so it needs no data plane and no objectives
        return Application(HandledRoutes(), lifespan)
    app = _starlette(settings, service, lifespan, served=served)
    recorder = _recorder(app, service, settings, emit, watched.requests)
    return _observed(app, lifespan, recorder, WebsocketRecorder(recorder.templates, emit), tracing)


def _telemetry(
    settings: Settings, service: Service, output: sink.Output, processors: Sequence[SpanProcessor], watched: Watches
) -> tuple[Emit, Tracing, Telemetry]:
    capture, flush_reports = sentry.start(settings, service.identity)
    exported = exports(settings, service.identity)
    emit = pipeline.configure(settings, service.identity, output, report=capture, watch=exported.watch(watched.lines))
    tracing = Tracing(settings, service.identity, processors, settings.telemetry_bytes // 2, watched.spans)
    return emit, tracing, exported.beside(Telemetry(tracing.stop, flush_reports, output.flush))


def parts(settings: Settings, service: Service) -> list[Part]:
    """The components with their settings. Raises `ArrangementError` and `SettingsError`."""
    arrangement.verify(service)
    loaded = [Part(component, load(component.settings)) for component in service.components]
    for part in loaded:
        part.component.refuse(part.settings, settings)
    return loaded


def _publish(settings: Settings, service: Service, loaded: Sequence[Part]) -> None:
    redaction.configure(service.redaction)  # one for the whole process, like the instruments
    warn()
    contradictions.warn(service, settings, loaded)
    publish(service.identity, settings.revision)
    LOG_LEVEL.watch(settings)
    for objective in service.objectives:
        objective.export()


def _observed(
    app: HandledRoutes, lifespan: Lifespan, recorder: Recorder, websockets: WebsocketRecorder, tracing: Tracing
) -> Application:
    # Around the finished application, so that it sees the outcome of every request.
    settings = lifespan.settings
    proxies, protection = Proxies(settings.trusted_proxies), Protection.of(settings)
    observers = Observers(
        propagator=tracing.propagator,
        tracer=tracing.tracer,
        record=recorder,
        lifecycle=lifespan.lifecycle,
        known_methods=settings.known_methods,
        proxies=proxies,
        headers=protection.headers,
    )
    shedder = Shedder("event_loop", settings.shed_seconds)
    data_plane = DataPlane(protection.around(app), observers, websockets, shedder)
    return Application(data_plane, lifespan, EarlyRefusal(shedder, recorder, proxies, protection.headers))


def _recorder(app: HandledRoutes, service: Service, settings: Settings, emit: Emit, watch: Watch | None) -> Recorder:
    availability, latency = (objective.export() for objective in standard_objectives(settings))
    return Recorder(
        templates=RouteTemplates(app.routes),
        timings=Timings(service, settings, latency),
        availability=availability,
        known_methods=settings.known_methods,
        emit=emit,
        watch=watch,
    )


def _starlette(settings: Settings, service: Service, lifespan: Lifespan, *, served: bool) -> HandledRoutes:
    handlers: dict[Any, Any] = dict(EXCEPTION_HANDLERS)
    for component in service.components:
        handlers.update(component.exception_handlers)
    expected = {error: noted(handler) for error, handler in handlers.items() if error is not Exception}
    # After the team's routes, which may be the same. A server makes the pages before it opens its port.
    documentation = openapi_routes(service, public_url=settings.public_url, at_once=served) if settings.api_docs else ()
    around = [Middleware(wrap, None) for wrap in routing.around_the_router(service.components)]
    app = HandledRoutes(
        routes=[*routing.routes(service, settings), *documentation],
        exception_handlers={**handlers, **expected},
        lifespan=lifespan,
        middleware=[*around, *mounted.middleware(service), Middleware(BodyLimit, settings.max_body_bytes)],
    )
    routing.without_slash_redirects(app.router)
    mounted.answer_with_problems(service, {**handlers, **expected})
    return app
