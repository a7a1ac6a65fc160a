"""The service as a child process of the supervisor."""

import os
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

STEP_SECONDS = 1.0  # a reload waits so long after SIGTERM, and again after SIGINT


class Ended(NamedTuple):
    """The process of a child has ended. A negative status is the number of a signal."""

    child: "Child"
    status: int


class Child:
    """One process of the service."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        tell: Callable[[Ended], None],
        descriptors: Sequence[int] = (),
    ) -> None:
        """Start the process, which gets `descriptors`. `tell` is called when it has ended.

        It shares our terminal, so that a debugger works; Ctrl-C therefore reaches it as well. It ignores SIGINT until
        it serves, because Python would end with a traceback; then SIGINT starts the drain. SIGTERM always works.
        """
        handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the service
                [sys.executable, *command], env=dict(environment), pass_fds=descriptors
            )
        finally:
            signal.signal(signal.SIGINT, handler)
        self._tell = tell
        self._waiter = threading.Thread(target=self._wait, daemon=True)
        self._waiter.start()

    def drain(self) -> None:
        """Send SIGTERM, which starts the drain. A second call changes nothing."""
        self._send(signal.SIGTERM)

    def replace(self) -> bool:
        """End the process for a reload. Returns false if requests in flight were cut."""
        for number in (signal.SIGTERM, signal.SIGINT):  # the second signal cuts the drain
            self._send(number)
            self._waiter.join(STEP_SECONDS)
            if not self._waiter.is_alive():
                return number == signal.SIGTERM
        self.kill()
        return False

    def kill(self) -> None:
        """Kill the process and wait for its end."""
        self._send(signal.SIGKILL)
        self._waiter.join()

    def _send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    def _wait(self) -> None:
        self._tell(Ended(self, self._process.wait()))


class Terminal:
    """The state of the terminal. A debugger that is killed leaves the terminal without echo."""

    def __init__(self) -> None:
        """Save the state, if there is a terminal."""
        self._state = termios.tcgetattr(0) if os.isatty(0) else None

    def restore(self) -> None:
        """Restore the state, if this process is in the foreground: else the shell uses the terminal."""
        if self._state is not None and os.tcgetpgrp(0) == os.getpgrp():
            with suppress(termios.error):
                termios.tcsetattr(0, termios.TCSADRAIN, self._state)
