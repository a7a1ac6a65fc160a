"""What became of requests with a key. Each is counted once, when that is known."""

import weakref
from typing import Protocol

from prometheus_client import Gauge

from ..metrics.counts import Counts
from ..metrics.instruments import REGISTRY

OUTCOMES = (
    "new",  # its handler ran, and its response is stored
    "replayed",  # it got the stored response
    "in_flight",  # 409: the first request with the key is not answered yet
    "reused",  # 422: the key belongs to another request
    "released",  # its handler ran and did not succeed; the next request with the key runs again
    "expired",  # its handler took longer than the reservation lasts
    "not_stored",  # its handler ran, and its response is too large: the next request is not replayed, but refused
    "not_replayed",  # 409: the response to the first request was not stored
    "refused",  # 400: the key is missing or malformed
    "full",  # 429 or 507: no more keys are accepted
    "unavailable",  # 503: the store cannot be reached; or it could not when the handler had run
)
REQUESTS = Counts("idempotency_requests", "Requests with an idempotency key.", ("outcome",), REGISTRY)
# Create the children now, so that increase() sees the first request.
COUNTS = {outcome: REQUESTS.labels(outcome) for outcome in OUTCOMES}
_KEYS = Gauge("idempotency_stored_keys", "Idempotency keys that are stored.", registry=REGISTRY)
_BYTES = Gauge("idempotency_stored_bytes", "What idempotency keys and their responses take.", registry=REGISTRY)


class Measured(Protocol):
    """A store that knows its size."""

    @property
    def keys(self) -> int:
        """The number of records."""

    @property
    def bytes(self) -> int:
        """What they take, as an estimate."""


def watch(store: Measured) -> None:
    """Export the size of a store."""
    known = weakref.ref(store)  # tests create many, and the registry lives as long as the process
    _KEYS.set_function(lambda: 0 if (alive := known()) is None else alive.keys)
    _BYTES.set_function(lambda: 0 if (alive := known()) is None else alive.bytes)
