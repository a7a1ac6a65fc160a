"""The lifespan of a process: opens everything in order, closes it in reverse order, and flushes the telemetry last."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, NamedTuple

import structlog
from pydantic_settings import BaseSettings
from starlette.applications import Starlette

from ..component import Background, Component, Surroundings
from ..errors import ArrangementError
from ..identity import WEB
from ..lifecycle import Lifecycle
from ..management.health import Health
from ..management.subject import Subject
from ..service import Service
from ..settings import Settings
from ..signing import SigningKeys
from . import applications
from .background import Supervisor
from .children import Children
from .ends import Ends
from .management_plane import MakeConsole, ManagementPlane
from .starting import Condition, wait_until_ready
from .stop import Stop, Telemetry
from .times import END_SECONDS

log = structlog.get_logger()


class Part(NamedTuple):
    """A component and its settings."""

    component: Component[Any, Any]
    settings: BaseSettings


class Lifespan:
    """The lifespan of the application, and of every other kind of process."""

    def __init__(  # noqa: PLR0913 - everything that it opens and closes is an argument
        self,
        *,
        settings: Settings,
        service: Service,
        parts: Sequence[Part],
        process: str,
        lifecycle: Lifecycle,
        telemetry: Telemetry,
        announces: bool,
        start_timeout: float | None,
        console: MakeConsole | None = None,
    ) -> None:
        """Nothing is open yet. `announces` is false if the server calls `announce` when its port is open.

        `console` makes the development console, if that is on.
        """
        self.settings = settings
        self.health = Health(lifecycle)
        self.lifecycle = lifecycle
        self._service = service
        self._process = process
        self._parts = parts
        self._ends = Ends()
        self.stop = Stop(lifecycle, self.health.heartbeat, self._ends, telemetry)
        self._children = Children(lifecycle, self.stop.flush_all)
        self._announces = announces
        self._start_timeout = start_timeout
        self._resources: dict[str, Any] = {}  # of the components, as they are opened
        subject = Subject(service, settings, process, self.health, lifecycle, self._resources)
        self._plane = ManagementPlane(subject, self.stop, self._children, console)

    @asynccontextmanager
    async def __call__(self, _: Starlette | None = None) -> AsyncIterator[Mapping[str, Any]]:
        """Open everything, serve, and close everything. Standard output is flushed last."""
        async with AsyncExitStack() as stack:
            stack.callback(self._plane.hand_over)
            stack.callback(self.stop.flush)
            resources = await self._start(stack)
            if self._announces:
                self.announce()
            keys = SigningKeys.by(self.settings)
            yield {**resources, "settings": self.settings, "lifecycle": self.lifecycle, **keys.state}

    async def _start(self, stack: AsyncExitStack) -> Mapping[str, Any]:
        with self._ends.reporting("service.start_failed"):
            self._plane.open(stack)
            resources = await self._open_components(stack)
            if self._process == WEB:
                resources = {**await applications.opened(self._ends, stack, self._service), **resources}
            await wait_until_ready(self._conditions(resources), self._start_timeout)
            self._start_tasks(stack, resources)
        stack.push_async_callback(self.stop.record)
        return resources

    def grace(self) -> float:
        """The seconds that work in progress may take if the process is told to stop now. 0 without work."""
        if not (self.lifecycle.started and self.health.live()):
            return 0.0
        drain = self.settings.drain_seconds if self._process == WEB else 0
        return drain + self.settings.graceful_seconds

    def announce(self) -> None:
        """End the start: the process becomes ready, and logs it."""
        self.lifecycle.started = True
        log.info("service.started", port=self.settings.port, management_port=self.lifecycle.management_port)
        self._plane.announce()

    async def _open_components(self, stack: AsyncExitStack) -> Mapping[str, Any]:
        resources = self._resources
        resources.clear()
        for component, settings in self._parts:
            surroundings = self.surroundings(settings, resources)
            resources[component.name] = await self._ends.opened(
                stack, component.name, partial(component.open, surroundings)
            )
        return resources

    def surroundings(self, settings: BaseSettings, resources: Mapping[str, Any]) -> Surroundings[Any]:
        """The surroundings of work with these settings and resources."""
        return Surroundings(settings, self.settings, resources, self.lifecycle, self._service.identity)

    def _conditions(self, resources: Mapping[str, Any]) -> Mapping[str, Condition]:
        return {
            component.name: partial(component.ready_to_start, resources[component.name])
            for component, _ in self._parts
            if component.ready_to_start is not None
        }

    def _start_tasks(self, stack: AsyncExitStack, resources: Mapping[str, Any]) -> None:
        """Start checks and background work. They end before the first component closes."""
        supervisors = [
            Supervisor(task, self.surroundings(settings, resources))
            for tasks, settings in self._background()
            for task in tasks
            if self._process in task.processes
        ]
        checks = [check for c, _ in self._parts for check in c.checks(resources[c.name])]
        checks += [*self._service.checks, *(supervisor.check for supervisor in supervisors)]
        _refuse_twice([check.name for check in checks])
        running = {check.name: self.health.run(check) for check in checks}
        running |= {f"task {supervisor.name}": supervisor.run() for supervisor in supervisors}
        tasks = [asyncio.create_task(coroutine, name=name) for name, coroutine in running.items()]
        stack.push_async_callback(self._end, tasks)

    def _background(self) -> Sequence[tuple[Sequence[Background], BaseSettings]]:
        own = (self._service.background, self.settings)
        return [own, *((component.background, settings) for component, settings in self._parts)]

    async def _end(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        if tasks:
            _, left = await asyncio.wait(tasks, timeout=END_SECONDS)
            for task in left:
                self.lifecycle.cut.append(f"{'background' if _is_work(task) else 'check'} {_name(task)}")
                log.error("background.cut", task=_name(task))


def _refuse_twice(checks: Sequence[str]) -> None:
    for name in checks:
        if checks.count(name) > 1:
            msg = f"the check {name!r} is declared {checks.count(name)} times; rename one of them"
            raise ArrangementError(msg)


def _is_work(task: asyncio.Task[None]) -> bool:
    return task.get_name().startswith("task ")


def _name(task: asyncio.Task[None]) -> str:
    return task.get_name().removeprefix("task ")
