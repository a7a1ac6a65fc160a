"""Whether a connection is read: it is not while enough has been read that nobody has used."""

from collections.abc import Callable

from uvicorn.protocols.http.flow_control import FlowControl


class HeldFlow(FlowControl):
    """uvicorn's flow control, where a hold outlasts every wish to read on.

    An application that waits for the end of its client wishes to read on. What a client has sent behind its request
    must not be read then, or it would pile up.
    """

    def __init__(self, transport: object, changed: Callable[[], None]) -> None:
        """Call `changed` when reading stops or goes on."""
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

    def pause_reading(self) -> None:
        """Stop reading."""
        if not self.read_paused:
            super().pause_reading()
            self._changed()

    def resume_reading(self) -> None:
        """Read on, unless something is held."""
        if self.read_paused and not self._held:
            super().resume_reading()
            self._changed()
