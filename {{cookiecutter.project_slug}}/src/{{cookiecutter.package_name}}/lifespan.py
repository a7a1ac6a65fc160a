"""What lives as long as the process serves: opened in order, closed in reverse, flushed last."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import structlog
from pydantic_settings import BaseSettings
from starlette.applications import Starlette
from starlette.types import ASGIApp

from .components._component import Component
from .management.health import Check, Health
from .management.listener import Listener, identity
from .observability import saturation, sentry, sink
from .observability.middleware import ObservabilityMiddleware
from .observability.tracing import Tracing
from .settings import Settings

FLUSH_SECONDS = 2.0  # for each of spans, error reports and log lines; the manifests grant 10 in all
LAST_RECORDS_POLLS = 100  # for requests cut at the graceful timeout to be recorded
POLL_SECONDS = 0.01

log = structlog.get_logger()
Parts = Sequence[tuple[Component, BaseSettings]]


class Service:
    """The running service. Its `lifespan` is the application's."""

    app: ASGIApp
    plane: ObservabilityMiddleware
    announced_by_server = False  # a server that can say when its port is open sets this

    def __init__(self, settings: Settings, parts: Parts) -> None:
        """Nothing is open yet. Whoever composes the application sets `app` and `plane`."""
        self.settings = settings
        self.parts = parts
        self.health = Health()

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        """Open everything, serve, close everything; standard output is flushed last of all."""
        async with AsyncExitStack() as stack:
            stack.callback(sink.stdout.flush, FLUSH_SECONDS)
            stack.callback(log.info, "service.stopped")
            self._open_planes(stack)
            resources, checks = await self._open_components(stack)
            self._start_checks(stack, checks)
            stack.push_async_callback(self._last_records)
            if not self.announced_by_server:
                self.announce()
            yield resources

    def announce(self) -> None:
        """Startup is over: be ready, and say so."""
        self.health.started = True
        log.info("service.started", port=self.settings.port, management_port=self._management_port)

    def begin_drain(self) -> None:
        """Stop asking for traffic, and ask clients that keep a connection to open another, elsewhere."""
        self.health.draining = True
        self.plane.draining = True

    def _open_planes(self, stack: AsyncExitStack) -> None:
        settings = self.settings
        facts = identity(settings.version, settings.revision)
        listener = Listener(self.health, settings.management_host, settings.management_port, facts)
        listener.start()
        self._management_port = listener.port
        stack.callback(listener.stop)
        saturation.watch_garbage_collector()
        saturation.watch_thread_pool()
        self.health.heartbeat.start()
        stack.callback(self.health.stop)
        self.plane.capture, flush_reports = sentry.start(settings)
        stack.callback(flush_reports, FLUSH_SECONDS)
        tracing = Tracing(settings)
        stack.callback(tracing.stop, FLUSH_SECONDS)
        self.plane.tracer = tracing.tracer

    async def _open_components(self, stack: AsyncExitStack) -> tuple[Mapping[str, Any], Sequence[Check]]:
        resources: dict[str, Any] = {}
        checks: list[Check] = []
        for component, settings in self.parts:
            resources[component.name] = await stack.enter_async_context(component.open(settings))
            checks += component.checks(resources[component.name])
        return resources, checks

    def _start_checks(self, stack: AsyncExitStack, checks: Sequence[Check]) -> None:
        for check in checks:
            task = asyncio.create_task(self.health.run(check), name=f"check {check.name}")
            stack.callback(task.cancel)

    async def _last_records(self) -> None:
        """Let requests that the server has cancelled record themselves before the flush."""
        for _ in range(LAST_RECORDS_POLLS):
            if not self.plane.active:
                break
            await asyncio.sleep(POLL_SECONDS)
