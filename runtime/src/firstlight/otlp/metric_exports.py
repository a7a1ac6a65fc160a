"""Exports the registry by OTLP, once per interval and once at the end."""

import threading
import time
from collections.abc import Callable, Iterable

import structlog
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from prometheus_client import ProcessCollector
from prometheus_client.metrics_core import Metric

from ..forks import renew_in_child
from .deliveries import Deliveries, ExportError
from .metric_families import MetricEncoder
from .number_points import Period
from .sender import Sender

_STARTED = "process_start_time_seconds"

log = structlog.get_logger()


class MetricExports:
    """One thread that collects, encodes and sends. A lost export loses no count: the next one has it.

    A forked child exports nothing, as nothing scrapes it: its numbers are copies of those of its parent.
    """

    def __init__(
        self, sender: Sender, encoder: MetricEncoder, collect: Callable[[], Iterable[Metric]], seconds: float
    ) -> None:
        """Export what `collect` returns, each `seconds`. The counters began at zero with the process."""
        self._sender, self._encoder, self._collect, self._seconds = sender, encoder, collect, seconds
        self._deliveries = Deliveries("metrics")
        self._start, self._last = _started(), 0
        self._ended = threading.Event()
        self._thread: threading.Thread | None = threading.Thread(target=self._run, name="metrics-export", daemon=True)
        renew_in_child(self._leave)
        self._thread.start()

    def _leave(self) -> None:
        self._thread = None
        self._ended = threading.Event()

    def end(self) -> None:
        """Export once more, and end."""
        self._ended.set()

    def stop(self, timeout: float) -> bool:
        """End, and wait for at most `timeout` seconds. False: the last export was not delivered in time."""
        self.end()
        if self._thread is None:
            return True
        self._thread.join(timeout)
        done = not self._thread.is_alive()
        self._deliveries.given_up = not done
        self._sender.close()
        return done

    def _run(self) -> None:
        due = time.monotonic()
        last = False
        while not last:
            due = max(due + self._seconds, time.monotonic())  # what was missed is not made up for
            last = self._ended.wait(due - time.monotonic())
            self._export()

    def _export(self) -> None:
        period = Period(self._start, self._last, time.time_ns())
        try:
            body, points = self._encoder.encode(self._collect(), period)
            self._sender.send(body, points)
        except ExportError as error:
            self._deliveries.failed(1, str(error))
        except Exception:  # an exporter's bug must not end the thread
            log.exception("telemetry.exporter_crashed")
            self._deliveries.failed(1, "")
        else:
            self._last = period.now
            self._deliveries.succeeded()


def _started() -> int:
    """When the process began, in nanoseconds since the epoch, or now where that is unknown."""
    found = (s.value for f in ProcessCollector(registry=None).collect() for s in f.samples if s.name == _STARTED)
    return round(next(found, time.time()) * 1e9)


RESPONSE, REJECTED = ExportMetricsServiceResponse, "rejected_data_points"
