"""A finished span that is already encoded as OTLP bytes. The queue accepts it like an SDK span."""

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

OBJECT_BYTES = 256  # of the object, without its body


class EncodedSpan(ReadableSpan):
    """Only `body`, `resource` and `instrumentation_scope` can be read."""

    def __init__(self, body: bytes, resource: Resource, scope: InstrumentationScope) -> None:
        """`body` is a serialized `Span`."""
        self.body = body
        self._of = resource, scope

    @property
    def resource(self) -> Resource:
        """The resource whose process recorded the span."""
        return self._of[0]

    @property
    def instrumentation_scope(self) -> InstrumentationScope:
        """The scope of the tracer that recorded the span."""
        return self._of[1]
