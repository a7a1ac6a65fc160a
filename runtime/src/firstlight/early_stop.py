"""Handles SIGTERM before the service is started: the process ends at once, because there is nothing to close."""

import sys

from .exit_status import TERMINATED

TYPE_CHECKING = False  # as in `__init__.py`
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class EarlyStop:
    """A handler of SIGTERM. `status` is the exit status: not 0 for a command, because it has not run.

    Until the service is imported, the names of processes are unknown, and every name but `web` counts as a command.
    """

    def __init__(self, arguments: "Sequence[str]") -> None:
        """`arguments` are those of the command line."""
        self.heard = False
        self.last: Callable[[], object] = bool
        self.status = 0 if [*arguments] in ([], ["web"]) else TERMINATED

    def __call__(self, *_: object) -> None:
        """The signal handler: Python calls it in the main thread, between any two instructions."""
        self.heard = True
        sys.exit(self.status)

    def end(self) -> None:
        """An `atexit` handler. Register it before the service is imported, so that it runs after the service's own."""
        self.last()

    def obey(self) -> None:
        """End now if the signal has arrived: an imported module may have caught the `SystemExit` of the handler."""
        if self.heard:
            sys.exit(self.status)
