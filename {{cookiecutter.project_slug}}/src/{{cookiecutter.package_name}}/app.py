"""The composition root: read this first. Everything the service is made of is put together here."""

import platform

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from . import api
from .body_limit import BodyLimit
from .components import COMPONENTS
from .errors import EXCEPTION_HANDLERS
from .lifespan import Service
from .management.probes import Probes
from .observability import logging, metrics, propagation
from .observability.middleware import ObservabilityMiddleware
from .observability.routes import RouteTemplates
from .settings import Settings, load
from .slo import objectives


def create_app(settings: Settings) -> ASGIApp:
    """The whole service as one ASGI application. Raises `SettingsError`."""
    return compose(settings).app


def compose(settings: Settings) -> Service:
    """The service, put together and not started. Raises `SettingsError`."""
    parts = [(component, load(component.settings)) for component in COMPONENTS]
    emit = logging.configure(settings)
    metrics.identify(settings.version, settings.revision, platform.python_version())
    for objective in objectives(settings):
        objective.export()
    service = Service(settings, parts)
    handlers = {key: handler for component in COMPONENTS for key, handler in component.exception_handlers.items()}
    app = Starlette(
        routes=api.routes(),
        exception_handlers={**EXCEPTION_HANDLERS, **handlers},
        lifespan=service.lifespan,
        middleware=[Middleware(BodyLimit, settings.max_body_bytes)],
    )
    # Around the finished application, so that it sees what becomes of every request.
    service.plane = ObservabilityMiddleware(
        app,
        templates=RouteTemplates(app.routes),
        known_methods=frozenset(settings.otel_instrumentation_http_known_methods.split(",")),
        propagator=propagation.install(settings),
        emit=emit,
    )
    service.app = Probes(service.plane, service.health)
    return service
