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
        self._held = False

    def hold(self) -> None:
        """Read nothing until `release`."""
        self._held = True
        self.pause_reading()

    def release(self) -> None:
        """Read on."""
        if self.read_paused:
            self._held = False
            self.resume_reading()

    def end(self) -> None:
        """Tell nobody any more that reading stops or starts."""
        self._changed = _nobody

    def pause_reading(self) -> None:
        """Stop reading."""
        if not self.read_paused:
            super().pause_reading()
            self._changed()

    def resume_reading(self) -> None:
        """Start reading, unless there is a hold."""
        if self.read_paused and not self._held:
            super().resume_reading()
            self._changed()


def _nobody() -> None:
    """The connection has ended."""
