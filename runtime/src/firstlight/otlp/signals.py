"""Makes the exports of logs and metrics: both have the resource and the scope that spans have."""

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope

from ..identity import Identity
from ..management.exposition import Exposition
from ..settings import Settings
from . import log_queue, metric_exports
from .destination import Destination
from .log_queue import LogQueue
from .log_records import LogEncoder
from .metric_exports import MetricExports
from .metric_families import MetricEncoder
from .resource import ProcessResource
from .sender import Sender


class Signals:
    """What the exports of one process share."""

    def __init__(self, settings: Settings, identity: Identity) -> None:
        """Nothing is started."""
        self._settings = settings
        self._resource = ProcessResource(settings, identity)
        self._scope = InstrumentationScope(name=identity.name, version=identity.version)

    def logs(self, max_bytes: int) -> LogQueue:
        """The queue of lines, whose memory is limited."""
        sender = Sender(Destination.of(self._settings, "logs"), log_queue.RESPONSE, log_queue.REJECTED)
        return LogQueue(sender, LogEncoder(self._resource, self._scope), self._settings, max_bytes)

    def metrics(self) -> MetricExports:
        """The export of the registry."""
        sender = Sender(Destination.of(self._settings, "metrics"), metric_exports.RESPONSE, metric_exports.REJECTED)
        exposition = Exposition()
        encoder = MetricEncoder(self._resource, self._scope, exposition.failed)
        seconds = self._settings.otel_metric_export_interval / 1000
        return MetricExports(sender, encoder, exposition.families, seconds)
