"""W3C Trace Context and Baggage, in and out.

At the edge a trace is continued only from exactly one valid `traceparent`, and baggage is not let in unless allowed:
what it carries would be sent on to every dependency.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from opentelemetry import propagate
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import CarrierT, Getter, TextMapPropagator, default_getter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ..settings import Settings

RawHeaders = Iterable[Sequence[bytes]]
NO_PARENT = Context()


class StrictTraceContext(TraceContextTextMapPropagator):
    """The stock propagator takes the first of several `traceparent`; the recommendation restarts the trace."""

    def extract(
        self, carrier: CarrierT, context: Context | None = None, getter: Getter[CarrierT] = default_getter
    ) -> Context:
        """The context of the caller, or `context` unchanged where there is no valid one."""
        if len(getter.get(carrier, "traceparent") or ()) != 1:
            return context if context is not None else NO_PARENT
        return super().extract(carrier, context, getter)


class HeaderGetter(Getter[RawHeaders]):
    """Reads an ASGI scope's headers: every line of a name counts, in order."""

    def get(self, carrier: RawHeaders, key: str) -> list[str] | None:
        """All values of `key`, which must be in lower case."""
        name = key.encode()
        return [value.decode("latin-1") for header, value in carrier if header == name] or None

    def keys(self, carrier: RawHeaders) -> list[str]:
        """The names present."""
        return [name.decode("latin-1") for name, _ in carrier]


HEADERS = HeaderGetter()
_PROPAGATORS: Mapping[str, Callable[[], TextMapPropagator]] = {
    "tracecontext": StrictTraceContext,
    "baggage": W3CBaggagePropagator,
}


def install(settings: Settings) -> TextMapPropagator:
    """Set what outgoing calls carry. Returns what incoming requests are read with."""
    names = settings.otel_propagators.split(",")
    outgoing = {name: make() for name, make in _PROPAGATORS.items() if name in names}
    propagate.set_global_textmap(CompositePropagator(list(outgoing.values())))
    incoming = outgoing if settings.accept_baggage else {k: v for k, v in outgoing.items() if k != "baggage"}
    return CompositePropagator(list(incoming.values()))
