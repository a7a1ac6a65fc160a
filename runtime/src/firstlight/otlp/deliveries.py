"""What a receiver did not accept is counted. One line is logged when failures start, and one when they end."""

import structlog

from ..metrics.instruments import TELEMETRY_DROPPED

_REASON_CHARACTERS = 500

log = structlog.get_logger()


class ExportError(Exception):
    """A batch was not delivered. The message is the reason, in a few words."""


class Deliveries:
    """The exports of one signal. One thread reports them."""

    def __init__(self, signal: str) -> None:
        """`signal` is `traces`, `logs` or `metrics`."""
        self._signal = signal
        self._failed = TELEMETRY_DROPPED.labels(signal, "export_failed")
        self.renew()

    def renew(self) -> None:
        """Begin again, in a forked child."""
        self._failing = False
        self.given_up = False
        """Whether the process has stopped waiting, and has logged that it stopped. Nothing more is logged then."""

    def succeeded(self) -> None:
        """A batch was delivered."""
        self._note(failing=False, reason="")

    def failed(self, items: int, reason: str) -> None:
        """A batch of so many items was lost."""
        self._failed.inc(items)
        self._note(failing=True, reason=reason[:_REASON_CHARACTERS])

    def _note(self, *, failing: bool, reason: str) -> None:
        if failing == self._failing or self.given_up:
            return
        self._failing = failing
        if failing:
            log.warning("telemetry.export_failed", signal=self._signal, reason=reason)
        else:
            log.info("telemetry.export_recovered", signal=self._signal)
