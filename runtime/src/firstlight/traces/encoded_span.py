"""A finished span as OTLP bytes, in the place of one that is encoded later."""

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

OBJECT_BYTES = 256  # besides the body


class EncodedSpan(ReadableSpan):
    """Nothing of it can be read but where it belongs."""

    def __init__(self, body: bytes, resource: Resource, scope: InstrumentationScope) -> None:
        """`body` is a serialized `Span`."""
        self.body = body
        self._of = resource, scope

    @property
    def resource(self) -> Resource:
        """Who made it."""
        return self._of[0]

    @property
    def instrumentation_scope(self) -> InstrumentationScope:
        """With what."""
        return self._of[1]
