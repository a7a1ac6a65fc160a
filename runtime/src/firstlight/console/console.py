"""The console of one process: its buffers, what it reads of the service, and the application that answers."""

import os
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

from ..console_link import ConsoleLink
from ..development import handover
from ..development.console_address import ConsoleAddress, published
from ..diagnostics.log_level import LevelOverride
from ..logs.pipeline import is_for_a_terminal
from ..management.pages import CONSOLE
from ..management.subject import Subject
from ..metrics.instruments import REQUEST_DURATION
from .api import Api
from .application import Application, Page
from .buffers import Buffers
from .judgement import Judgement
from .kept import Kept
from .latencies import Latencies
from .on_demand import OnDemand
from .page import document
from .points import Points, Process
from .sampler import Sampler
from .sections import Sections
from .stalls import Pulse, Stalls
from .state import State

BLOCKED_MS = 1_000
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Console:
    """Serves what `buffers` have and what it reads of its subject. The lifespan of the process starts and stops it."""

    def __init__(self, buffers: Buffers, subject: Subject, level: LevelOverride) -> None:
        """Take over what the process before a reload has recorded. Create it in the running loop of the service."""
        self._subject = subject
        self._pulse = Pulse()
        self._stalls = Stalls(self._pulse, subject.lifecycle)
        process = Process(lambda: len(subject.lifecycle.requests), _resident_bytes)
        self._points = Points(Latencies(REQUEST_DURATION), process)
        self._state = State(subject)
        self._kept = Kept(buffers, self._points, self._stalls)
        self._sampler = Sampler(self._stalls.look, self._each_second)
        self._sections = sections = Sections(subject, buffers, self._points, self._stalls, self._state)
        self._on_demand = OnDemand(level)
        self._judgement = Judgement()
        reads = {**sections.reads, **self._on_demand.reads, **self._judgement.reads}
        one = {**sections.one, **self._judgement.one}
        effects = self._on_demand.effects, sections.actions.effect
        api = Api(sections.index, reads, one, *effects, blocked=self._blocked_ms)
        assert subject.settings.console_token is not None
        self._token = subject.settings.console_token.get_secret_value()
        self._published = ExitStack()
        self._saved = 0.0  # the time of the stall for which the buffers were saved
        self.application = Application(self._token, api, Page(*document()))

    def start(self) -> None:
        """Watch the running event loop, and add links to problem documents."""
        self._pulse.start()
        self._sampler.start()
        self._on_demand.start()
        ConsoleLink.address = f"{self._origin}{CONSOLE}"
        if folder := os.environ.get(handover.CONSOLE_FOLDER):
            with suppress(OSError):  # a folder that cannot be written: then `make look` finds nothing
                self._published.enter_context(published(Path(folder), self._subject.process, self._address))

    def announce(self) -> None:
        """Print the address once, where the log is not for people. A terminal shows it in the lines about the start."""
        if not is_for_a_terminal(self._subject.settings) and handover.seconds_since_change() is None:
            sys.stderr.write(f"console: {self._origin}{CONSOLE}/login?token={self._token}\n")
            sys.stderr.flush()

    def stop(self) -> None:
        """Stop watching."""
        ConsoleLink.address = ""
        self._published.close()
        self._on_demand.stop()
        self._sections.stop()
        self._sampler.stop()
        self._pulse.stop()

    def hand_over(self) -> None:
        """Save the buffers for the next process. Call it after the last line has been written."""
        self._kept.save()

    @property
    def _address(self) -> ConsoleAddress:
        of = self._subject
        return ConsoleAddress(of.settings.management_host, of.lifecycle.management_port, self._token, os.getpid())

    @property
    def _origin(self) -> str:
        return self._address.origin

    def _blocked_ms(self) -> float:
        stall = self._stalls.lasting()
        return float(stall["ms"]) if stall is not None and stall["ms"] > BLOCKED_MS else 0.0

    def _each_second(self) -> None:
        self._points.take(self._stalls.worst_lag())
        self._state.look()
        self._judgement.look()
        self._save_while_blocked()

    def _save_while_blocked(self) -> None:
        """Save once in a long stall: a reload kills a process that does not end, and it could not hand over."""
        stall = self._stalls.lasting()
        if stall is not None and stall["ms"] > BLOCKED_MS and stall["time"] != self._saved:
            self._saved = stall["time"]
            self._kept.save()


def _resident_bytes() -> int:
    """The resident memory of this process; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - once a second
            return int(file.read().split()[1]) * _PAGE_BYTES
    except OSError:
        return 0
