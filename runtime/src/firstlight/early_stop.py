"""SIGTERM until there is something to close: the process ends at once."""

import sys

TERMINATED = 143  # what a shell says of a program that SIGTERM has ended
TYPE_CHECKING = False  # as in `__init__.py`
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class EarlyStop:
    """A handler of SIGTERM. `status` is the exit status: nobody may take a command that did not run for done.

    Which names are those of processes is known only when the service has been imported.
    """

    def __init__(self, arguments: "Sequence[str]") -> None:
        """Not told to stop. `arguments` are those of the command line."""
        self.heard = False
        self.last: Callable[[], object] = bool
        self.status = 0 if [*arguments] in ([], ["web"]) else TERMINATED

    def __call__(self, *_: object) -> None:
        """Called by the interpreter, between any two steps of the main thread."""
        self.heard = True
        sys.exit(self.status)

    def end(self) -> None:
        """For `atexit`: registered before the service is imported, and so called after the handlers of the service."""
        self.last()

    def obey(self) -> None:
        """End now where the signal was heard: the interpreter, or a module that is imported, may have gone on."""
        if self.heard:
            sys.exit(self.status)
