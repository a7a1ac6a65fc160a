"""Opens the management plane: its port, its watches, the diagnostics, and the development console if that is on."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from ..diagnostics.log_level import LevelOverride
from ..diagnostics.pages import diagnostics
from ..management.listener import Listener
from ..management.stalls import StallWatch
from ..management.subject import Subject
from ..metrics.garbage_collector import watch_garbage_collector
from ..metrics.thread_pool import watch_thread_pool
from .children import Children
from .stop import Stop

if TYPE_CHECKING:
    from ..console import Console

MakeConsole = Callable[[Subject, LevelOverride], "Console"]


class ManagementPlane:
    """What runs beside the requests of one process."""

    def __init__(self, subject: Subject, stop: Stop, children: Children, console: MakeConsole | None) -> None:
        """Nothing is open yet. `console` makes the console in the running loop, if it is on."""
        self._subject = subject
        self._stop = stop
        self._children = children
        self._make_console = console
        self._console: Console | None = None

    def open(self, stack: AsyncExitStack) -> None:
        """Open everything in the running loop. Raises `OSError` if the port cannot be opened."""
        settings, lifecycle, health = self._subject.settings, self._subject.lifecycle, self._subject.health
        listener = self._opened(stack, LevelOverride(settings.log_level))
        lifecycle.management_port = listener.port
        stack.callback(listener.stop)
        if self._console is not None:
            self._console.start()
            stack.callback(self._console.stop)
        self._children.watch({settings.port, listener.port} - {0})
        watch_garbage_collector()
        watch_thread_pool()
        health.heartbeat.start()
        stack.callback(health.stop)
        stack.callback(self._stop.flush_spans)
        stalls = StallWatch(health.heartbeat, lifecycle)
        stalls.start()
        stack.callback(stalls.stop)

    def announce(self) -> None:
        """The start has ended: tell where the console is."""
        if self._console is not None:
            self._console.announce()

    def hand_over(self) -> None:
        """Everything has ended: keep what the console has recorded for the next process."""
        if self._console is not None:
            self._console.hand_over()

    def _opened(self, stack: AsyncExitStack, level: LevelOverride) -> Listener:
        """The port with the pages of the diagnostics and of the console."""
        settings, service = self._subject.settings, self._subject.service
        more = stack.enter_context(diagnostics(service, settings, level))
        self._console = None if self._make_console is None else self._make_console(self._subject, level)
        listener = Listener(
            self._subject.health,
            settings.management_host,
            settings.management_port,
            service.identity.details(settings.revision),
            more=more,
            console=self._console.application if self._console is not None else None,
        )
        listener.start()
        return listener
