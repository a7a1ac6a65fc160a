"""The failures of calls that httpx2 does not know. Each is a `httpx2.TransportError`, unless the code is wrong."""

import httpx2


class ExchangeTimeoutError(httpx2.TimeoutException):
    """The response was not complete at the end of the time limit."""


class RequestDeadlineError(ExchangeTimeoutError):
    """The request that makes this call has no time left. It says nothing about the dependency."""


class ResponseTooLargeError(httpx2.TransportError):
    """The response has more bytes than `HTTP_CLIENT_MAX_RESPONSE_BYTES`, before or after decoding."""


class UnreadableResponseError(httpx2.TransportError):
    """The body is not what its `Content-Encoding` says."""


class DependencyFailingError(httpx2.TransportError):
    """The circuit breaker is open: calls of this dependency fail too often. Nothing was sent."""

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        """`retry_after_seconds` is when a call may pass again, at least 1."""
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class ForeignOriginError(ValueError):
    """The URL, or that of a redirect, is not at the address of the dependency. Nothing was sent there."""

    def __init__(self, name: str, origin: str) -> None:
        """`origin` is that of the URL."""
        super().__init__(
            f"the client of {name} does not call {origin}: give a path, or use guarded_transport for URLs that "
            "clients choose"
        )
