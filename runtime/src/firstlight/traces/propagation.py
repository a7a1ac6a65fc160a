"""Reads and writes the headers that identify a trace between services: W3C Trace Context and Baggage.

Baggage is ignored unless it is allowed, because the service would send it on to every dependency.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from opentelemetry import propagate
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import Getter, TextMapPropagator

from ..settings import Settings
from .trace_context import TraceContext

RawHeaders = Iterable[Sequence[bytes]]
NO_PARENT = Context()


class HeaderGetter(Getter[RawHeaders]):
    """Reads an ASGI scope's headers: every line of a name counts, in order."""

    def get(self, carrier: RawHeaders, key: str) -> list[str] | None:
        """All values of `key`, which must be in lower case."""
        name = key.encode()
        return [value.decode("latin-1") for header, value in carrier if header == name] or None

    def keys(self, carrier: RawHeaders) -> list[str]:
        """The names of all headers of the request."""
        return [name.decode("latin-1") for name, _ in carrier]


HEADERS = HeaderGetter()
_PROPAGATORS: Mapping[str, Callable[[], TextMapPropagator]] = {
    "tracecontext": TraceContext,
    "baggage": W3CBaggagePropagator,
}


def install(settings: Settings) -> TextMapPropagator:
    """Set the propagator of outgoing calls. Returns the propagator that reads incoming requests."""
    names = settings.otel_propagators.split(",")
    outgoing = {name: make() for name, make in _PROPAGATORS.items() if name in names}
    propagate.set_global_textmap(CompositePropagator(list(outgoing.values())))
    incoming = outgoing if settings.accept_baggage else {k: v for k, v in outgoing.items() if k != "baggage"}
    return CompositePropagator(list(incoming.values()))
