"""The queue of log lines that are exported by OTLP, beside standard output."""

from sys import getsizeof

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

from ..logs.sink import OVERHEAD
from ..metrics.instruments import LOGS_QUEUE_FULL
from ..settings import Settings
from .batches import Batches, Capacity
from .log_records import LogEncoder
from .sender import Sender


class LogQueue(Batches[bytes]):
    """Takes lines of JSON after redaction, and sends them in batches, from a thread of its own."""

    def __init__(self, sender: Sender, encoder: LogEncoder, settings: Settings, max_bytes: int) -> None:
        """Sizes and delay are the standard `OTEL_BLRP_*` variables. `max_bytes` limits the memory of the lines."""
        self._sender, self._encoder = sender, encoder
        number, batch = settings.otel_blrp_max_queue_size, settings.otel_blrp_max_export_batch_size
        super().__init__("logs", Capacity(number, batch, settings.otel_blrp_schedule_delay, max_bytes), LOGS_QUEUE_FULL)

    def put(self, line: bytes) -> None:
        """Queue a line, or count it as dropped. Never blocks."""
        self._put(line, getsizeof(line) + OVERHEAD)

    def _send(self, batch: list[bytes]) -> None:
        self._sender.send(self._encoder.encode(batch), len(batch))

    def _close(self) -> None:
        self._sender.close()


RESPONSE, REJECTED = ExportLogsServiceResponse, "rejected_log_records"
