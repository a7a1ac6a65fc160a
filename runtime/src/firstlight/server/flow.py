"""Flow control: a connection is not read while unused data is held."""

from collections.abc import Callable

from uvicorn.protocols.http.flow_control import FlowControl


class HeldFlow(FlowControl):
    """uvicorn's flow control, with a hold that `resume_reading` does not end.

    An application that waits for the client's disconnect resumes reading. Data that the client has sent after its
    request must not be read then, or it would fill the memory.
    """

    def __init__(self, transport: object, changed: Callable[[], None]) -> None:
        """`changed` is called when reading stops or starts."""
        super().__init__(transport)  # type: ignore[arg-type] # uvicorn asks for a class, and uses two methods
        self._changed = changed
        self._held = self._full = False

    def hold(self) -> None:
        """Read nothing until `release`."""
        self._held = True
        self._settle()

    def release(self) -> None:
        """End the hold."""
        self._held = False
        self._settle()

    def open(self) -> None:
        """Read on, whatever has stopped it."""
        self._held = self._full = False
        self._settle()

    def end(self) -> None:
        """Tell nobody any more that reading stops or starts."""
        self._changed = _nobody

    def pause_reading(self) -> None:
        """The application reads its body more slowly than the client sends it."""
        self._full = True
        self._settle()

    def resume_reading(self) -> None:
        """The application waits for more of the body, or for the disconnect."""
        self._full = False
        self._settle()

    def _settle(self) -> None:
        stops = self._held or self._full
        if stops is self.read_paused:
            return
        if stops:
            super().pause_reading()
        else:
            super().resume_reading()
        self._changed()


def _nobody() -> None:
    """The connection has ended."""
