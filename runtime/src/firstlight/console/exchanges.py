"""The finished requests of this process, one record for each, and their filters."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from sys import getsizeof
from typing import Any, NamedTuple

from ..context import RequestContext
from ..requests.request_record import SERVER_ERROR, Labels
from ..requests.span_attributes import path_and_client
from ..requests.watch import Finished
from .matching import Matched, Wanted, matched
from .rings import Ring

NUMBER = 2_000
MAX_BYTES = 1_310_720
RECORD_BYTES = 520  # of a record without the texts that its client chooses


class Exchange(NamedTuple):
    """One request. Its texts are redacted."""

    time: float
    """When it arrived, in seconds since the epoch."""
    method: str
    route: str
    path: str
    status: int
    took: int
    """Nanoseconds."""
    error_type: str
    trace_id: str
    request_id: str
    bytes: int
    client: str

    def shown(self, seq: int) -> Mapping[str, Any]:
        """As JSON."""
        return {
            "seq": seq,
            "time": round(self.time, 3),
            "method": self.method,
            "route": self.route,
            "path": self.path,
            "status": self.status,
            "ms": round(self.took / 1e6, 3),
            "error_type": self.error_type,
            "trace_id": self.trace_id,
            "request_id": self.request_id,
            "bytes": self.bytes,
        }

    @property
    def ended(self) -> float:
        """When it ended, in seconds since the epoch: that is when metrics count it."""
        return self.time + self.took / 1e9


_STATUS, _ERROR_TYPE = Exchange._fields.index("status"), Exchange._fields.index("error_type")


def _failed(record: tuple[Any, ...]) -> bool:
    """Whether it has an error type, or a status of the server's failures. The ring holds plain tuples."""
    return bool(record[_ERROR_TYPE]) or record[_STATUS] >= SERVER_ERROR


class Filter(NamedTuple):
    """Which requests are wanted."""

    errors: bool = False
    slower: float = 0.0
    """Milliseconds."""
    route: str = ""
    text: str = ""
    since: float = 0.0
    """Those that ended later or at this time, in seconds since the epoch."""
    until: float = math.inf

    def wants(self, exchange: Exchange) -> bool:
        """Whether the request passes the filter."""
        if (self.errors and not _failed(exchange)) or exchange.took < self.slower * 1e6:
            return False
        if (self.route and exchange.route != self.route) or not self.since <= exchange.ended <= self.until:
            return False
        return not self.text or self.text.lower() in " ".join(map(str, exchange)).lower()


class Exchanges:
    """The ring of requests. The recorder adds each at its end."""

    def __init__(self) -> None:
        """No request yet."""
        self.ring: Ring[Exchange] = Ring(NUMBER, MAX_BYTES)

    def finished(self, request: Finished, labels: Labels, took: int) -> None:
        """Add a request. `took` is in nanoseconds."""
        path, client = path_and_client(request.scope)
        self._add(request.ids, labels, took, (path, request.bytes_sent, client))

    def shed(self, labels: Labels, took: int, request_id: str, path: str, client: str) -> None:
        """Add a request that was refused before the application saw it. It belongs to no trace."""
        self._add(RequestContext(request_id, "", ""), labels, took, (path, 0, client))

    def _add(self, ids: RequestContext, labels: Labels, took: int, more: tuple[str, int, str]) -> None:
        method, route, status, error_type = labels.values()
        path, sent, client = more
        began = time.time() - took / 1e9
        record: Any = (began, method, route, path, status, took, error_type, ids.trace_id, ids.request_id, sent, client)
        self.ring.append_soon(record, RECORD_BYTES + getsizeof(path) + getsizeof(ids.request_id) + getsizeof(client))

    def find(self, wanted: Wanted, only: Filter) -> Matched:
        """The newest requests that pass a filter."""
        entries = reversed(self.ring.plain(wanted.after))
        exchanges = ((seq, Exchange(*item)) for seq, _, item in entries if not only.errors or _failed(item))
        return matched(self.ring, wanted, (each.shown(seq) for seq, each in exchanges if only.wants(each)))

    def of_trace(self, trace_id: str) -> Sequence[tuple[int, Exchange]]:
        """The requests of a trace with their numbers, the oldest first."""
        records = ((entry.seq, Exchange(*entry.item)) for entry in self.ring.entries())
        return [(seq, exchange) for seq, exchange in records if exchange.trace_id == trace_id]

    def kept(self) -> Iterator[list[Any]]:
        """All requests, for the process after a reload."""
        return ([entry.seq, *entry.item] for entry in self.ring.entries())
