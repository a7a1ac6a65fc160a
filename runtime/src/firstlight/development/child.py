"""The service as a child of the supervisor."""

import os
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

STEP_SECONDS = 1.0  # for each of SIGTERM and SIGINT to work, before a reload goes on without


class Ended(NamedTuple):
    """The process of a child has ended. A negative status is a signal."""

    child: "Child"
    status: int


class Child:
    """One process of the service."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], tell: Callable[[Ended], None]) -> None:
        """Start it, and `tell` of its end.

        It has our terminal, so that a debugger works. Ctrl-C reaches it there too: it ignores that while it starts,
        when it would leave with a traceback, and drains once it serves. It hears our SIGTERM at any time.
        """
        handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            self._process = subprocess.Popen([sys.executable, *command], env=dict(environment))  # noqa: S603 - the service
        finally:
            signal.signal(signal.SIGINT, handler)
        self._tell = tell
        self._waiter = threading.Thread(target=self._wait, daemon=True)
        self._waiter.start()

    def drain(self) -> None:
        """Ask it to finish what is in flight and to end. Once more changes nothing."""
        self._send(signal.SIGTERM)

    def replace(self) -> bool:
        """End it for a reload. False: what it was doing had to be cut."""
        for number in (signal.SIGTERM, signal.SIGINT):  # the second skips what the first waits for
            self._send(number)
            self._waiter.join(STEP_SECONDS)
            if not self._waiter.is_alive():
                return number == signal.SIGTERM
        self.kill()
        return False

    def kill(self) -> None:
        """End it now."""
        self._send(signal.SIGKILL)
        self._waiter.join()

    def _send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    def _wait(self) -> None:
        self._tell(Ended(self, self._process.wait()))


class Terminal:
    """The state of the terminal, which a debugger that was cut leaves without echo."""

    def __init__(self) -> None:
        """Remember it, where there is one."""
        self._state = termios.tcgetattr(0) if os.isatty(0) else None

    def restore(self) -> None:
        """Put it back as it was, from the foreground only: the shell has it otherwise."""
        if self._state is not None and os.tcgetpgrp(0) == os.getpgrp():
            with suppress(termios.error):
                termios.tcsetattr(0, termios.TCSADRAIN, self._state)
