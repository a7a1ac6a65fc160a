"""What the console gets of each finished request."""

from typing import Protocol

from starlette.types import Scope

from ..context import RequestContext
from .request_record import Labels


class Finished(Protocol):
    """A request that has been recorded."""

    scope: Scope
    ids: RequestContext
    bytes_sent: int


class Watch(Protocol):
    """Gets each request after it has been recorded. It must return soon, and must not raise."""

    def finished(self, request: Finished, labels: Labels, took: int) -> None:
        """A request has ended. `took` is in nanoseconds. `labels` are those of its metrics."""

    def shed(self, labels: Labels, took: int, request_id: str, path: str, client: str) -> None:
        """The server has refused a request. `path` is redacted."""
